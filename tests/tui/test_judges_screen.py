"""The judges screen, key by key."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from core.records import JudgeKind
from core.store.opening import open_store
from core.store.tables import make_judge
from core.workspace import Workspace
from labels.calibration import calibrating
from labels.trust import measure_trust
from tests.building import Scored, add_scored, new_workspace
from tests.labels.calibration.judged_store import add_judged
from tests.tui.driving import WIDE, until
from tests.tui.judges_driving import add_labels, judges, workspace_with_judges

if TYPE_CHECKING:
    from pathlib import Path

    from core.jobs import Job


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspace_with_judges(tmp_path_factory.mktemp("judges")).root


@pytest.fixture
def workspace(built: Path, tmp_path: Path) -> Workspace:
    root = tmp_path / "work"
    shutil.copytree(built, root)
    return Workspace(root)


async def test_the_keys_go_through_judges_figures_and_fights(workspace: Workspace) -> None:
    async with judges(workspace) as at:
        board, page = at.screen.board, at.screen.board.page
        assert at.screen.judge is not None
        assert at.screen.judge.judge.name == "gpt"
        assert "kappa 0." in at.text
        assert "gpt COMPARED WITH PEOPLE" in at.text
        await at.press("j", "pagedown")
        assert page.scroll_offset.y > 2
        await at.press("end")
        assert "PEOPLE" in at.text
        await at.press("home", "k")
        assert page.scroll_offset.y == 0
        await at.press("]")
        assert "\\x1b" in at.text  # the name is shown, not sent
        await at.press("right")
        assert "the judge gave every pair a 3" in at.text
        await at.press("left", "[", "[")
        assert board.judges.cursor == 0
        await at.press("f")
        assert board.disagreeing
        assert "scored 2 or more apart" in at.text
        await at.press("j", "j", "k")
        assert board.disagreements.cursor == 1
        await at.press("end")
        assert (
            board.disagreements.cursor == len(at.screen.trust.disagreements.worst) - 1
            if at.screen.trust
            else 0
        )
        await at.press("escape")
        assert not board.disagreeing
        await at.press("escape")
        assert at.app.current_mode == "home"


async def test_wide_shows_the_whole_of_a_judge_at_once(workspace: Workspace) -> None:
    async with judges(workspace, WIDE) as at:
        for words in (
            "SCORES BY PEOPLE'S GRADES",
            "MEAN GRADE BY SCORE",
            "CALIBRATION",
            "PPI++",
            "HOW MANY LABELS",
            "shown minus blind",
            "ada and bob",
            "nobody graded a pair twice",
            "pairs with several scores",
        ):
            assert words in at.text


async def test_fights_are_audited_from_the_cursor_on(workspace: Workspace) -> None:
    async with judges(workspace) as at:
        trust = at.screen.trust
        assert trust is not None
        wanted = [pair.pair for pair in trust.disagreements.worst]
        await at.press("f", "j", "a")
        await until(at.pilot, lambda: at.app.current_mode == "audit")
        screen = at.app.screen

        def current() -> object:
            session = getattr(screen, "session", None)
            return session.current.pair.id if session and session.current else None

        await until(at.pilot, lambda: current() == wanted[1])


async def test_calibrating_now_writes_grades_and_measures_again(tmp_path: Path) -> None:
    workspace = workspace_with_judges(tmp_path, calibrated=False)
    async with judges(workspace, WIDE) as at:
        assert "none yet; press c to calibrate" in at.text
        await at.press("c")
        await until(at.pilot, lambda: "held out" in at.text)
        assert at.screen.trust is not None
        assert at.screen.trust.calibration is not None
        assert at.screen.trust.calibration.graded == 60
        await at.press("r")
        await at.measured()


async def test_a_calibration_can_be_stopped(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def until_cancelled(_labelled: object, _draws: object, job: Job) -> None:
        while True:
            job.check()
            time.sleep(0.001)

    monkeypatch.setattr(calibrating, "fit_apart", until_cancelled)
    async with judges(workspace) as at:
        before = at.screen.trust.calibration if at.screen.trust else None
        await at.press("c")
        assert at.app.context.recalibration.running
        assert "stops it" in at.text
        await at.press("c")
        assert at.said == "a calibration is running already"
        await at.press("escape")
        await until(at.pilot, lambda: at.app.context.recalibration.running is None)
        assert "was cancelled" in at.said
        assert at.app.store is not None
        assert measure_trust(at.app.store).calibration == before


async def test_what_cannot_be_had_is_said_in_a_sentence(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path)
    async with judges(workspace) as at:
        assert "No judge has scored anything yet" in at.text
        await at.press("f", "a", "j", "]")
        assert "nothing to audit" in at.said
    with open_store(workspace.folder) as store:
        pairs = add_judged(store, [1 + n % 5 for n in range(10)])
    async with judges(workspace, WIDE) as at:
        assert "No pair that this judge scored has a label yet" in at.text
        assert "labels are needed first" in at.text
        await at.press("c")
        await until(at.pilot, lambda: "not calibrated" in at.said)
        assert "there are no labels to learn from" in at.said
    with open_store(workspace.folder) as store:
        add_labels(store, pairs[:1], [4])
    async with judges(workspace, WIDE) as at:
        assert "there is one label only" in at.text
        await at.press("c")
        await until(at.pilot, lambda: "too few to learn from" in at.said)


async def test_judges_that_are_not_compared_are_not_said_to_be_missing(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path)
    with open_store(workspace.folder) as store:
        row = Scored("q", "x = 1\n", 4)
        add_scored(store, [row])
        add_scored(store, [replace(row, score=2)], make_judge("lexical", JudgeKind.LEXICAL))
    async with judges(workspace, WIDE) as at:
        assert "the lexical baseline is not compared here" in at.text
        assert "scored by two judges" not in at.text
