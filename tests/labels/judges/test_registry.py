"""A judge is a module and an entry in ``JUDGES``; the command line and the docs follow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from core.records import JudgeKind
from core.store.opening import open_store
from core.store.tables import make_judge
from labels.judges.judge import Ruling
from labels.judges.registry import JUDGES, JudgeOptions, JudgeType
from tests.building import new_workspace
from tests.labels.judges.stored_rulings import add_unjudged, rulings
from tui.cli.main import main

if TYPE_CHECKING:
    import pytest

    from core.records import Document, Query
    from core.store.database import Store
    from labels.judges.registry import Advance, MakeBackend

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "judging.md"


class LengthJudge:
    """Scores code by its number of lines; refuses code without any."""

    notices = ("length judges nothing but length",)

    def __init__(self, name: str) -> None:
        self.judge = make_judge(name or "length", JudgeKind.LLM)

    async def rule(self, query: Query, document: Document) -> Ruling:
        assert query.text
        lines = len(document.text.splitlines())
        return Ruling(score=min(lines, 5)) if lines else Ruling(failure="there is no code")

    async def aclose(self) -> None:
        return


def prepare_length(_store: Store, options: JudgeOptions, _advance: Advance) -> MakeBackend:
    assert options.llm is None
    return lambda: LengthJudge(options.name)


def test_a_registered_judge_works_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    toy = JudgeType("the number of lines", asks_model=False, prepare=prepare_length)
    monkeypatch.setitem(JUDGES, "length", toy)
    workspace = new_workspace(tmp_path)
    with open_store(workspace.folder) as store:
        add_unjudged(store, [("one", "a", False), ("three", "a\nb\nc", False)])
    words = ["judge", "--workspace", str(workspace.root), "--judge", "length", "--json"]
    assert main([*words, "--name", "by lines"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["judge"] == "by lines"
    assert json.loads(told.out)["judged"] == 2
    assert "nothing but length" in told.err
    with open_store(workspace.folder) as store:
        assert {(query, score) for query, score, _ in rulings(store)} == {("one", 1), ("three", 3)}
    for option in ("--batch", "--dry-run"):
        assert main([*words, option]) == 2
        assert f"{option} is for judges that ask a model" in capsys.readouterr().err


def test_the_documentation_lists_every_judge() -> None:
    text = DOCUMENTATION.read_text(encoding="utf-8")
    for name, judge in JUDGES.items():
        assert f"| `{name}` | {judge.description} |" in text
