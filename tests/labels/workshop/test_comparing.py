"""A new judge beside the old one on the same labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.records import JudgeKind
from core.store.opening import open_store
from core.store.tables import make_judge
from labels.workshop.comparing import compare_judges
from tests.building import add_scored, named_judge
from tests.labels.workshop.audited_store import audited_workspace, grade, rows
from tests.reference_metrics import quadratic_kappa

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from labels.workshop.comparing import JudgeComparison

OLD = named_judge()
NEW = make_judge("new", JudgeKind.LLM, model="m", prompt="p")
GRADES = [1 + (7 * n) % 5 for n in range(90)]
NOISY = [min(5, max(1, grade + (n * n) % 5 - 2)) for n, grade in enumerate(GRADES)]
BETTER = [min(5, max(1, grade + (n % 4 == 0))) for n, grade in enumerate(GRADES)]


def compared(folder: Path, old: Sequence[int], new: Sequence[int], count: int) -> JudgeComparison:
    workspace = audited_workspace(folder, old, GRADES[:count])
    with open_store(workspace.folder) as store:
        add_scored(store, rows(new), NEW)
        return compare_judges(store, OLD, NEW)


def test_figures_are_those_of_the_same_labels_and_their_difference(tmp_path: Path) -> None:
    found = compared(tmp_path, NOISY, BETTER, 90)
    assert (found.labels, found.pairs, found.queries, found.left_out) == (90, 90, 30, 0)
    kappas = [quadratic_kappa(given, GRADES) for given in (NOISY, BETTER)]
    assert found.old_figures["qwk"].value == pytest.approx(kappas[0])
    assert found.new_figures["qwk"].value == pytest.approx(kappas[1])
    difference = found.differences["qwk"]
    assert difference.value == pytest.approx(kappas[1] - kappas[0])
    assert difference.low is not None
    assert difference.high is not None
    assert 0 < difference.low < kappas[1] - kappas[0] < difference.high
    bias = found.differences["bias"].value
    assert bias == pytest.approx(np.mean(BETTER) - np.mean(NOISY))


def test_the_interval_is_that_of_paired_draws_of_queries(tmp_path: Path) -> None:
    found = compared(tmp_path, NOISY, BETTER, 90).differences["exact"]
    hits = np.equal(BETTER, GRADES).astype(float) - np.equal(NOISY, GRADES)
    by_query = hits.reshape(30, 3).mean(axis=1)
    error = by_query.std(ddof=1) / math.sqrt(30)
    assert found.low is not None
    assert found.high is not None
    # t(29) at 97.5% is 2.045; the percentile bootstrap agrees with it to a tenth.
    assert found.high - found.low == pytest.approx(2 * 2.045 * error, rel=0.1)


def test_changed_pairs_tell_whether_they_came_nearer(tmp_path: Path) -> None:
    found = compared(tmp_path, NOISY, BETTER, 90)
    changed = sum(old != new for old, new in zip(NOISY, BETTER, strict=True))
    assert len(found.changed) == changed
    nearer = sum(
        abs(new - given) < abs(old - given)
        for old, new, given in zip(NOISY, BETTER, GRADES, strict=True)
    )
    assert found.nearer == nearer
    assert found.nearer + found.farther <= changed
    sizes = [abs(one.new - one.old) for one in found.changed]
    assert sizes == sorted(sizes, reverse=True)
    first = found.changed[0]
    number = int(first.path[1:-3])
    assert (first.old, first.new, first.grades) == (
        NOISY[number],
        BETTER[number],
        (GRADES[number],),
    )
    assert first.query == f"query {number // 3}"


def test_only_pairs_that_both_scored_count(tmp_path: Path) -> None:
    workspace = audited_workspace(tmp_path, NOISY, GRADES)
    with open_store(workspace.folder) as store:
        add_scored(store, rows(BETTER[:30]), NEW)
        assert compare_judges(store, OLD, NEW).labels == 30
        ids = [row[0] for row in store.read("SELECT id FROM db.pairs ORDER BY id LIMIT 40")]
        assert compare_judges(store, OLD, NEW, ids).labels < 30


@pytest.mark.parametrize(
    ("count", "old", "new", "reason"),
    [
        (0, NOISY, BETTER, "no labels"),
        (1, NOISY, BETTER, "one label only"),
        (3, NOISY, BETTER, "all labels are of one query"),
        (90, NOISY, [3] * 90, "gave every pair a 3"),
        (90, NOISY, NOISY, "every resample gives the same"),
    ],
)
def test_what_cannot_be_told_says_why(
    tmp_path: Path, count: int, old: list[int], new: list[int], reason: str
) -> None:
    found = compared(tmp_path, old, new, count).differences["qwk"]
    assert found.low is None
    assert reason in found.reason


def test_labels_that_cannot_be_weighted_back_are_left_out_of_figures(tmp_path: Path) -> None:
    workspace = audited_workspace(tmp_path, NOISY, GRADES[:60])
    with open_store(workspace.folder) as store:
        made = rows(NOISY)
        grade(store, list(zip(made, GRADES, strict=True))[60:], "uncertain")
        add_scored(store, rows(BETTER), NEW)
        found = compare_judges(store, OLD, NEW)
    assert (found.labels, found.left_out) == (60, 30)
    assert len(found.changed) > sum(
        old != new for old, new in zip(NOISY[:60], BETTER[:60], strict=True)
    )
