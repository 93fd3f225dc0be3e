"""An LLM judge asked over HTTP. A judgment counts as acknowledged once it is committed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from core.store.opening import open_store
from core.workspace import Workspace
from labels.judges.judging import JudgingPlan, JudgmentWriter, judge_pairs
from labels.judges.llm import JudgeParameters, LlmJudge, LlmSettings, llm_judge_record
from labels.judges.server import Server
from tests.building import Scored, add_scored, new_workspace
from tests.labels.judges.playing_server import Answer, PlayingServer, asked_query, ruling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from core.records import Judgment

PAIRS = 60
PARAMETERS = JudgeParameters()
JUDGE = llm_judge_record("m", PARAMETERS)


def prepare(root: Path) -> None:
    with open_store(new_workspace(root).folder) as store:
        rows = [Scored(f"query {n}", f"def f{n}(): pass", score=0) for n in range(PAIRS)]
        add_scored(store, rows)


@contextmanager
def beside() -> Iterator[str]:
    def play(body: dict[str, Any], _: int) -> Answer:
        return ruling(1 + int(asked_query(body).split()[1]) % 5)

    with PlayingServer(play) as server:
        yield server.url


def run(root: Path, beside: str, say: Callable[[str], None]) -> None:
    class SayingWriter(JudgmentWriter):
        def _commit(self, batch: list[Judgment]) -> None:
            super()._commit(batch)
            for judgment in batch:
                say(str(judgment.pair_id))

    settings = LlmSettings(Server(beside, "a-key", 60.0, 2), JUDGE, PARAMETERS)
    with (
        open_store(Workspace(root).folder) as store,
        patch("labels.judges.judging.JudgmentWriter", SayingWriter),
    ):
        judge_pairs(store, lambda: LlmJudge(settings), JudgingPlan(concurrency=4))


def kept(root: Path) -> list[str]:
    with open_store(Workspace(root).folder) as store:
        return [str(pair) for (pair,) in store.read("SELECT pair_id FROM db.judgments")]


def check_whole(root: Path, _: Path) -> None:
    with open_store(Workspace(root).folder) as store:
        rows = store.read(
            "SELECT text, score FROM db.judgments AS judgments"
            " JOIN db.pairs AS pairs ON pairs.id = judgments.pair_id"
            " JOIN db.queries AS queries ON queries.id = pairs.query_id"
        )
    assert sorted(rows) == sorted((f"query {n}", 1 + n % 5) for n in range(PAIRS))
