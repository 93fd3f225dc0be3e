"""Calibration in a real store."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import pytest

from core.errors import CancelledError
from core.ids import event_id, utc_now
from core.jobs import Job
from core.store.opening import open_store
from core.store.sql import insert_missing
from labels.calibration.calibrating import calibrate
from labels.calibration.grading import id_ranges
from labels.calibration.material import draw_of, learning_material
from labels.calibration.store import calibrated_grades, current_calibration
from tests.building import Scored, add_scored, new_workspace
from tests.labels.calibration.judged_store import add_judged
from tests.labels.calibration.sampled_judges import sampled
from tui.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from core.store.database import Store

PAIRS = 120
TRUTH = sampled(PAIRS, judges=2, per_query=4)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    new_workspace(tmp_path)
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    with open_store(folder / ".rejudge") as opened:
        yield opened


def built(store: Store) -> list[UUID]:
    """Add pairs that one judge scored, the first half of them another one too."""
    scores = TRUTH.outputs.scores.astype(int)
    add_judged(store, scores[: PAIRS // 2, 1].tolist(), judge="other")
    return add_judged(store, scores[:, 0].tolist())


def grade(store: Store, pairs: Sequence[UUID], grades: Sequence[int], name: str = "ada") -> None:
    with store.transaction() as cursor:
        insert_missing(
            cursor,
            "label_events",
            {
                "id": "UUID",
                "happened": "TIMESTAMP",
                "pair_id": "UUID",
                "annotator": "VARCHAR",
                "action": "VARCHAR",
                "grade": "SMALLINT",
                "hidden": "BOOLEAN",
            },
            [
                (event_id(), utc_now(), pair, name, "override", int(value), False)
                for pair, value in zip(pairs, grades, strict=True)
            ],
        )


def test_every_judged_pair_gets_a_grade_that_points_to_its_calibration(store: Store) -> None:
    rows = built(store)
    grade(store, rows[:80], TRUTH.grades[:80].tolist())
    found = calibrate(store).calibration
    assert found is not None
    assert (found.labels, found.pairs, found.queries, found.graded) == (80, 80, 20, PAIRS)
    assert found.held_out.rps_calibrated < found.held_out.rps_raw
    assert [(effect.judge, effect.labels) for effect in found.judges] == [
        ("gpt", 80),
        ("other", 60),
    ]
    assert current_calibration(store) == found
    said = calibrated_grades(store, rows)
    assert len(said) == PAIRS
    for one in said.values():
        assert one.calibration_id == found.id
        assert sum(one.distribution) == pytest.approx(1)
        assert one.expected == pytest.approx(np.dot(one.distribution, [1, 2, 3, 4, 5]))
        assert 1 <= one.low <= one.high <= 5
    assert json.loads(found.parameters)["model"]


def test_what_is_stored_is_what_the_model_says_of_the_same_rulings(store: Store) -> None:
    rows = built(store)
    grade(store, rows, TRUTH.grades.tolist())
    found = calibrate(store).calibration
    assert found is not None
    material = learning_material(store)
    assert material.labelled is not None
    from labels.calibration.fitting import fit_calibration

    fitted = fit_calibration(material.labelled, material.draws)
    expected = fitted.predict(material.labelled.outputs, material.draws)
    said = calibrated_grades(store, rows)
    for n, row in enumerate(rows):
        one = said[row]
        assert one.distribution == pytest.approx(tuple(expected.chances[n]))
        assert (one.low, one.high) == (expected.low[n], expected.high[n])


def test_a_persons_label_stands_above_the_calibrated_grade(store: Store) -> None:
    rows = built(store)
    grade(store, rows[:60], TRUTH.grades[:60].tolist())
    grade(store, rows[:1], [5], "bob")
    found = calibrate(store).calibration
    assert found is not None
    best = {
        row[0]: row[1:]
        for row in store.read("SELECT pair_id, grade, source, calibration_id FROM best_grades")
    }
    assert len(best) == PAIRS
    first = (int(TRUTH.grades[0]) + 5) / 2
    assert best[rows[0]] == (first, "label", None)
    assert best[rows[70]][1:] == ("calibrated", found.id)


def test_a_second_calibration_replaces_the_grades_and_keeps_the_first(store: Store) -> None:
    rows = built(store)
    grade(store, rows[:40], TRUTH.grades[:40].tolist())
    first = calibrate(store).calibration
    grade(store, rows[40:80], TRUTH.grades[40:80].tolist())
    second = calibrate(store).calibration
    assert first is not None
    assert second is not None
    assert current_calibration(store) == second
    assert store.read("SELECT count(*) FROM db.calibrations") == [(2,)]
    owners = store.read("SELECT calibration_id, count(*) FROM db.calibrated_grades GROUP BY 1")
    assert owners == [(second.id, PAIRS)]


def test_stopped_the_calibration_before_it_stands(store: Store) -> None:
    rows = built(store)
    grade(store, rows[:40], TRUTH.grades[:40].tolist())
    first = calibrate(store).calibration
    with pytest.raises(CancelledError):
        calibrate(store, Job(cancelled=lambda: True))
    assert current_calibration(store) == first
    assert len(calibrated_grades(store, rows)) == PAIRS


@pytest.mark.parametrize(
    ("grades", "reason"),
    [
        ([], "no labels to learn from"),
        ([3], "1 labels are too few"),
        ([3] * 20, "every label is a 3"),
        ([1, 2, 3, 4], "4 labels are too few"),
    ],
)
def test_what_cannot_be_learned_says_why(store: Store, grades: list[int], reason: str) -> None:
    rows = built(store)
    grade(store, rows[: len(grades)], grades)
    outcome = calibrate(store)
    assert outcome.calibration is None
    assert reason in outcome.reason


def test_one_query_and_pairs_without_a_judge_are_not_enough(store: Store) -> None:
    rows = add_judged(store, [1, 2, 3, 4, 5, 4, 3, 2], per_query=8)
    grade(store, rows, [1, 2, 3, 4, 5, 1, 2, 3])
    assert "one query" in calibrate(store).reason
    unjudged = [Scored(f"other {n}", f"code {n}", 0) for n in range(3)]
    add_scored(store, unjudged)
    grade(store, [UUID(row.pair_id) for row in unjudged], [1, 2, 3])
    assert any("3 labels are on pairs that no judge" in told for told in calibrate(store).notices)


def test_a_judge_that_always_says_3_and_people_who_contradict_each_other(store: Store) -> None:
    rows = add_judged(store, [3] * 30, per_query=1)
    grade(store, rows, [1 + n % 5 for n in range(30)])
    grade(store, rows, [5 - n % 5 for n in range(30)], "bob")
    outcome = calibrate(store)
    assert outcome.calibration is not None
    (said,) = calibrated_grades(store, [rows[0]]).values()
    assert said.distribution == pytest.approx((0.2,) * 5, abs=0.1)
    assert any("3 or more apart" in told for told in outcome.notices)


def test_the_draw_in_sql_is_the_draw_in_python(store: Store) -> None:
    rows = built(store)
    from labels.calibration.grading import _DRAW

    for pair, draw in store.read(f"SELECT pair_id, {_DRAW} FROM db.judgments"):
        assert draw == draw_of(pair)
        assert 0 <= draw < 1
    assert rows


def test_id_ranges_leave_no_id_out() -> None:
    ranges = id_ranges(10, 3)
    assert len(ranges) == 4
    assert ranges[0][0].int == 0
    assert ranges[-1][1].int == 2**128 - 1
    for before, after in pairwise(ranges):
        assert after[0].int == before[1].int + 1


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert main([*words, "--json"]) == 0
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return answer


def test_the_commands(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "calibrate")["method"] is None
    assert told(capsys, "agreement")["judges"] == []
    with open_store(folder / ".rejudge") as store:
        rows = built(store)
        grade(store, rows[:80], TRUTH.grades[:80].tolist())
    calibration = told(capsys, "calibrate")
    assert calibration["method"] in {"identity", "confusion", "isotonic", "ordinal"}
    assert {"rps_raw", "rps_calibrated", "coverage", "graded", "judges"} <= set(calibration)
    judges = told(capsys, "agreement", "--judge", "gpt")["judges"]
    assert isinstance(judges, list)
    (judge,) = judges
    assert judge["n"] == 80
    assert judge["qwk"]["low"] < judge["qwk"]["value"] < judge["qwk"]["high"]
    assert isinstance(judge["mae"], float)
    assert isinstance(judge["bias"], float)
    assert sum(map(sum, judge["confusion"])) == 80
    assert judge["method"] == calibration["method"]
    assert judge["rps_calibrated"] < judge["rps_raw"]
    status = told(capsys, "status")["calibration"]
    assert isinstance(status, dict)
    assert (status["method"], status["labels"]) == (calibration["method"], 80)
    for command in ("agreement", "calibrate"):
        assert main([command]) == 0
    shown = capsys.readouterr().out
    assert "kappa" in shown
    assert "90% sets" in shown
    assert main(["agreement", "--judge", "nobody"]) == 2
