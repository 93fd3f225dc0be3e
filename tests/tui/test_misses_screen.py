"""The misses screen, key by key."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from core.records import Origin
from eval import evaluating
from eval.specs import make_spec
from tests.core.encoder.fixture_encoders import FIXTURES, skip_without_mlx
from tests.eval.eval_building import asked
from tests.tui.driving import WIDE, settled, until
from tests.tui.misses_driving import AFTER, BEFORE, misses, workspace_with_evals
from tui.screens.audit.screen import AuditScreen

if TYPE_CHECKING:
    from pathlib import Path

    from core.jobs import Job
    from core.store.database import Store
    from core.workspace import Workspace
    from eval.evals import Eval
    from eval.evaluating import EvalRequest
    from tests.tui.misses_driving import Looking


@pytest.fixture(name="workspace")
def _workspace(tmp_path: Path) -> Workspace:
    return workspace_with_evals(tmp_path, BEFORE, AFTER)


async def test_evals_and_misses_are_listed_with_ranks_now_and_before(workspace: Workspace) -> None:
    async with misses(workspace) as looking:
        assert looking.listed[0] == "changes on disk"
        text = looking.text
        assert "lexical · searches" in text
        assert "semantic R@2 0.000" in text
        assert "✗   1 →   3 changes on disk" in text
        assert "2 missed of 3 queries" in text


async def test_filters_by_key_and_by_line(workspace: Workspace) -> None:
    async with misses(workspace) as looking:
        assert len(looking.listed) == 2
        await looking.press("f")
        assert looking.listed == ["changes on disk"]
        await looking.press("f")
        assert looking.listed == ["listen socket"]
        await looking.press("f")
        assert len(looking.listed) == 3
        await looking.press("v")
        assert len(looking.listed) == 2
        await looking.press("/")
        await looking.type("is:all kind:keyword")
        assert looking.listed == ["listen socket"]
        await looking.press("/")
        await looking.type("is:green")
        assert "unknown filter" in looking.text
        await looking.press("escape")
        assert looking.listed == ["listen socket"]


async def test_the_compared_eval_is_chosen_by_key(workspace: Workspace) -> None:
    async with misses(workspace) as looking:
        assert looking.screen.evals.compared is not None
        await looking.press("c")
        await settled(looking.pilot)
        assert looking.screen.evals.compared is None
        assert "✗   3 changes on disk" in looking.text
        # The other eval is chosen in its list; the later one can stand beside it too.
        await looking.press("tab", "down")
        await settled(looking.pilot)
        assert [row.rank for row in looking.screen.evals.all_rows] == [1, None, None]
        assert [row.before for row in looking.screen.evals.all_rows] == [3, 1, None]


async def test_a_query_shows_what_was_wanted_and_what_stands_above(workspace: Workspace) -> None:
    async with misses(workspace) as looking:
        await looking.open()
        text = looking.text
        assert "EXPECTED rank 3  src/watcher.rs:1" in text
        assert "2 of 2 query words: changes disk" in text
        assert "ABOVE rank 1 of 2  src/file_watcher.rs:1" in text
        assert "0 of 2 query words  missing: changes disk" in text
        await looking.press("n")
        assert "ABOVE rank 2 of 2  src/server.rs" in looking.text
        await looking.press("right")
        await until(looking.pilot, lambda: "EXPECTED 1 of 2 not found" in looking.text)
        await looking.press("e")
        assert "EXPECTED 2 of 2 not found" in looking.text
        # Escape goes to the lists, then home.
        await looking.press("escape")
        assert "evaluations" in looking.text
        await looking.press("escape")
        assert looking.app.current_mode == "home"


async def test_a_wide_terminal_shows_lists_and_both_codes(workspace: Workspace) -> None:
    async with misses(workspace, WIDE) as looking:
        await until(looking.pilot, lambda: "fn notify()" in looking.text)
        row = next(line for line in looking.text.splitlines() if "EXPECTED" in line)
        assert "ABOVE" in row
        assert await looking.pilot.click("#queries", offset=(5, 1))
        await until(looking.pilot, lambda: "EXPECTED 1 of 2 not found" in looking.text)


async def test_nothing_of_a_query_acts_on_the_terminal(workspace: Workspace) -> None:
    async with misses(workspace, WIDE) as looking:
        await looking.press("down")
        await until(looking.pilot, lambda: "EXPECTED 1 of 2" in looking.text)
        assert "\x1b" not in looking.text
        assert "root [bold]of\\x1b[31m a codebase" in looking.text


async def test_the_pairs_of_a_query_are_audited_first(workspace: Workspace) -> None:
    async with misses(workspace) as looking:
        await looking.open()
        assert looking.screen.detail is not None
        wanted = looking.screen.detail.documents
        await looking.press("a")
        await until(looking.pilot, lambda: looking.app.current_mode == "audit")
        screen = looking.app.screen
        assert isinstance(screen, AuditScreen)
        await until(looking.pilot, lambda: screen.session is not None)
        assert screen.session is not None
        shown = []
        while screen.session.current is not None:
            assert screen.session.current.pair.origin is Origin.MISS
            shown.append(screen.session.current.document.id)
            screen.session.advance()
        assert tuple(shown) == wanted
        # From the audit and back, another query comes first now.
        await looking.press("m", "]")
        await settled(looking.pilot)
        await until(looking.pilot, lambda: looking.screen.detail is not None)
        other = looking.screen.detail.documents
        await looking.press("a")
        await settled(looking.pilot)
        await until(
            looking.pilot,
            lambda: (
                screen.session is not None
                and screen.session.current is not None
                and screen.session.current.document.id == other[0]
            ),
        )


async def test_training_pairs_are_made_of_a_query(workspace: Workspace) -> None:
    async with misses(workspace) as looking:
        await looking.press("t")
        await settled(looking.pilot)
        assert "3 pairs made" in looking.said
        await looking.open()
        await looking.press("t")
        await settled(looking.pilot)
        assert "0 pairs made, 3 there before" in looking.said


async def test_a_document_above_can_be_relevant_after_all(workspace: Workspace) -> None:
    async with misses(workspace) as looking:
        await looking.press("r")
        assert "enter opens the query first" in looking.said
        await looking.open()
        await looking.press("r")
        await settled(looking.pilot)
        assert "marked as relevant: new spec searches+" in looking.said
        (file,) = (workspace.folder / "specs").iterdir()
        relevant = json.loads(file.read_text(encoding="utf-8"))["queries"][0]["relevant"]
        assert set(relevant) == {"src/watcher.rs", "src/file_watcher.rs"}
        await looking.press("g")
        await settled(looking.pilot)
        assert looking.screen.evals.summary is not None
        assert looking.screen.evals.summary.spec_name == file.stem
        assert len(looking.screen.evals.summaries) == 3


async def test_the_misses_are_written_as_markdown_and_json(workspace: Workspace) -> None:
    async with misses(workspace) as looking:
        await looking.press("x")
        await looking.type("found")
        await settled(looking.pilot)
        assert "written" in looking.said
        assert "changes on disk" in (workspace.root / "found.md").read_text(encoding="utf-8")
        document = json.loads((workspace.root / "found.json").read_text(encoding="utf-8"))
        assert [miss["rank"] for miss in document["misses"]] == [3, None]
        await looking.press("x")
        await looking.type("no/such/folder")
        await settled(looking.pilot)
        assert not (workspace.root / "no").exists()
        assert looking.app.is_running


async def test_an_eval_is_started_where_there_is_none(tmp_path: Path) -> None:
    async with misses(workspace_with_evals(tmp_path)) as looking:
        assert "No evaluation yet" in looking.text
        assert "opening the workspace" not in looking.text
        await looking.press("s")
        await settled(looking.pilot)
        assert "Specs: searches" in looking.text
        await looking.type("searches best")
        assert "cannot be started here" in looking.text
        await looking.type("nowhere lexical")
        await settled(looking.pilot)
        assert "not done: there is no spec nowhere" in looking.said
        await looking.press("s")
        await settled(looking.pilot)
        await looking.type("searches lexical")
        await settled(looking.pilot)
        assert "lexical · searches" in looking.text
        assert looking.listed


async def test_a_running_eval_shows_its_progress_and_stops_by_escape(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(_: Store, request: EvalRequest, job: Job) -> Eval:
        for done in range(10_000):
            job.step(done, 10_000, "documents encoded")
            time.sleep(0.005)
        raise AssertionError(request)

    monkeypatch.setattr(evaluating, "run_request", endless)
    async with misses(workspace) as looking:
        await looking.press("g")
        await until(looking.pilot, lambda: "of 10,000 documents encoded" in looking.text)
        assert "esc stops" in looking.text
        await looking.press("s")
        assert "an evaluation is running" in looking.said
        await looking.press("down")
        assert looking.screen.board.queries.cursor == 1
        await looking.press("escape")
        await until(looking.pilot, lambda: looking.screen.runner.job is None)
        assert "nothing was saved" in looking.said
        assert len(looking.screen.evals.summaries) == 2
        assert looking.app.current_mode == "misses"


async def test_an_eval_without_an_encoder_has_no_tokens(workspace: Workspace) -> None:
    async with misses(workspace) as looking:
        await looking.open()
        await looking.press("w")
        await settled(looking.pilot)
        assert "used no encoder" in looking.said


async def aligned(looking: Looking) -> None:
    await looking.press("s")
    await settled(looking.pilot)
    await looking.type(f"searches encoder '{FIXTURES / 'colbert'}'")
    await settled(looking.pilot)
    await looking.press("/")
    await looking.type("is:all disk")
    await looking.open()
    await looking.press("w")
    await settled(looking.pilot)


async def test_the_tokens_of_an_encoder_are_aligned_when_asked_for(workspace: Workspace) -> None:
    skip_without_mlx()
    async with misses(workspace, (120, 44)) as looking:
        await aligned(looking)
        text = looking.text
        assert "query           expected" in text
        assert "sum " in text
        await looking.press("w")
        assert "sum " not in looking.text


async def test_an_encoder_with_one_vector_says_what_each_word_gives(workspace: Workspace) -> None:
    skip_without_mlx()
    async with misses(workspace, WIDE) as looking:
        await looking.press("s")
        await settled(looking.pilot)
        await looking.type(f"searches encoder '{FIXTURES / 'sentence'}'")
        await settled(looking.pilot)
        assert "encoder sentence · searches" in looking.text
        await looking.press("/")
        await looking.type("is:all disk")
        await looking.open()
        await looking.press("w")
        await settled(looking.pilot)
        assert "share of each query token in the cosine" in looking.said
        rows = looking.screen.board.query_pane.tokens.count - 2
        assert rows > len(["changes", "on", "disk"])
        assert "cosine " in looking.text


async def test_the_keys_that_lead_on_are_told(workspace: Workspace) -> None:
    async with misses(workspace) as looking:
        assert "f regressions, fixed   tab evaluations   g run again   x export" in looking.text
        assert "token alignment" not in looking.text
        await looking.open()
        assert "w token alignment   t training pairs   n next above" in looking.text
        await looking.press("t")
        await settled(looking.pilot)
        assert "a audits them" in looking.text
        await looking.press("escape")
        assert "x export" in looking.text


async def test_a_low_screen_leaves_the_queries_more_room_than_the_evals(tmp_path: Path) -> None:
    async with misses(workspace_with_evals(tmp_path, *[BEFORE] * 5)) as looking:
        board = looking.screen.board
        assert board.queries.size.height > board.evals.size.height
        await looking.pilot.resize_terminal(80, 50)
        await until(looking.pilot, lambda: board.evals.size.height == 12)


async def test_only_the_rows_in_sight_are_painted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = [asked(f"query number {number}", "src/watcher.rs") for number in range(3000)]
    workspace = workspace_with_evals(tmp_path, {}, spec=make_spec("many", "", queries))
    from tui.shown import evals as misses_text

    painted_rows = []
    plain = misses_text.query_cells

    def counting(*words: object, **named: object) -> object:
        painted_rows.append(words)
        return plain(*words, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(misses_text, "query_cells", counting)
    async with misses(workspace) as looking:
        assert len(looking.listed) == 3000
        await looking.press("end")
        assert "query number 2999" in looking.text
        await looking.press("up", "pageup", "home", "down")
        assert "query number 0" in looking.text
        assert len(painted_rows) < 600


async def test_help_begins_with_the_keys_of_the_screen_it_was_called_on(
    workspace: Workspace,
) -> None:
    async with misses(workspace) as looking:
        await looking.press("?")
        await settled(looking.pilot)
        lines = looking.text.splitlines()[1:-1]
        titles = [line.strip() for line in lines if line[2:3].isupper()]
        assert titles[0] == "Misses"
        # What is too long for a line goes on under its own words, not under the keys.
        assert not any(line[2:3].islower() for line in lines)
        await looking.press("escape")
        assert looking.app.current_mode == "misses"
        await looking.press("escape", "?")
        await settled(looking.pilot)
        titles = [line.strip() for line in looking.text.splitlines() if line[2:3].isupper()]
        assert titles[0] == "Home"
