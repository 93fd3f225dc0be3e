from __future__ import annotations

from uuid import UUID

import pytest

from core.records import Judge, JudgeKind
from labels.status import JudgeStatus, WorkspaceStatus

LEXICAL = JudgeStatus(Judge(UUID(int=1), "lexical", JudgeKind.LEXICAL), 90, 0, 0, 0)
MODEL = JudgeStatus(Judge(UUID(int=2), "gpt", JudgeKind.LLM), 30, 2, 0, 0)
IMPORTED = JudgeStatus(Judge(UUID(int=3), "sample", JudgeKind.IMPORTED), 12, 0, 0, 0)


@pytest.mark.parametrize(
    ("judges", "learnable"),
    [((LEXICAL, MODEL, IMPORTED), 42), ((LEXICAL,), 90), ((MODEL,), 30), ((), 0)],
)
def test_the_baseline_teaches_only_where_there_is_no_judge(
    judges: tuple[JudgeStatus, ...], learnable: int
) -> None:
    scored = sum(judge.scored for judge in judges)
    assert WorkspaceStatus(judges=judges, judgments_ok=scored).learnable_scores == learnable
