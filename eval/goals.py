"""What the figures of an eval should reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.records import QueryKind

if TYPE_CHECKING:
    from eval.evaluating_records import EvalSummary

GOAL_METRIC: Final = "R@10"
GOALS: Final = {QueryKind.SEMANTIC.value: 0.90, QueryKind.KEYWORD.value: 0.95}


@dataclass(frozen=True, slots=True)
class GoalFigure:
    """The figure of one kind of query beside what it should reach, both in [0, 1].

    ``kind`` is empty for all queries together; ``goal`` is None where nothing was set.
    """

    kind: str
    metric: str
    queries: int
    value: float
    goal: float | None

    @property
    def met(self) -> bool:
        """Whether the figure reaches its goal; without a goal it does."""
        return self.goal is None or self.value >= self.goal


def goal_figures(summary: EvalSummary) -> tuple[GoalFigure, ...]:
    """Return the recall at the eval's cut-off of each kind of query, semantic first.

    Without any kind it is that of all queries together. Goals are set at 10 results only.
    """
    metric = f"R@{summary.k}"
    kinds = [group for group in summary.by_kind if group.kind]
    return tuple(
        GoalFigure(
            group.kind,
            metric,
            group.queries,
            group.figures[metric].value,
            GOALS.get(group.kind) if metric == GOAL_METRIC else None,
        )
        for group in sorted(
            kinds or summary.by_kind[:1], key=lambda group: group.kind, reverse=True
        )
        if metric in group.figures
    )
