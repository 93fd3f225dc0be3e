"""What judging costs, and one judge beside another, as JSON and as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.display import displayable_line

if TYPE_CHECKING:
    from core.records import Judge
    from labels.agreement.records import Estimate
    from labels.workshop.judge_comparison import ChangedPair, JudgeComparison
    from labels.workshop.judging_cost import JudgingCost

FIGURE_NAMES: Final = {
    "qwk": "kappa (quadratic)",
    "exact": "same grade",
    "within_one": "within one",
    "bias": "bias (judge - person)",
    "mae": "mean distance",
}
_CHANGED_SHOWN: Final = 10
_QUERY_SHOWN: Final = 60


def cost_document(cost: JudgingCost) -> dict[str, object]:
    """Return a cost, ready for JSON."""
    return {
        "pairs": cost.pairs,
        "known": cost.known,
        "calls": cost.calls,
        "tokens": {"prompt": cost.prompt_tokens, "completion": cost.completion_tokens},
        "measured": cost.measured,
    }


def cost_lines(judge: Judge, cost: JudgingCost) -> list[str]:
    """Return a cost for a person."""
    basis = "as earlier judgments took" if cost.measured else "by a rule of thumb"
    return [
        displayable_line(
            f"{judge.name}, prompt {judge.prompt_version}: {cost.pairs:,} pairs to ask about,"
            f" {cost.known:,} ruled on before"
        ),
        f"about {cost.prompt_tokens:,} tokens in and {cost.completion_tokens:,} out, {basis}",
    ]


def comparison_document(comparison: JudgeComparison) -> dict[str, object]:
    """Return a comparison, ready for JSON."""
    return {
        "old": _judge(comparison.old),
        "new": _judge(comparison.new),
        "n": comparison.labels,
        "pairs": comparison.pairs,
        "queries": comparison.queries,
        "left_out": comparison.left_out,
        "figures": {
            name: {
                "old": _estimate(comparison.old_figures[name]),
                "new": _estimate(comparison.new_figures[name]),
                "difference": _estimate(comparison.differences[name]),
            }
            for name in FIGURE_NAMES
        },
        "nearer": comparison.nearer,
        "farther": comparison.farther,
        "changed": [_changed(one) for one in comparison.changed],
    }


def comparison_lines(comparison: JudgeComparison) -> list[str]:
    """Return a comparison for a person."""
    old, new = comparison.old, comparison.new
    lines = [
        displayable_line(
            f"{new.name} ({new.prompt_version}) beside {old.name} ({old.prompt_version}):"
            f" {comparison.labels:,} labels on {comparison.pairs:,} pairs of"
            f" {comparison.queries:,} queries"
        )
    ]
    if comparison.left_out:
        lines.append(
            f"  {comparison.left_out:,} more labels come from a queue that picks on purpose;"
            " the figures leave them out"
        )
    lines += [f"  {'':<22} {'old':<26} {'new':<26} difference"] if comparison.labels else []
    for name, shown in FIGURE_NAMES.items():
        if not comparison.labels:
            continue
        first = estimate_text(comparison.old_figures[name])
        second = estimate_text(comparison.new_figures[name])
        difference = estimate_text(comparison.differences[name], signed=True)
        lines.append(f"  {shown:<22} {first:<26} {second:<26} {difference}")
    lines.append(
        f"  {len(comparison.changed):,} pairs changed: {comparison.nearer:,} nearer to people,"
        f" {comparison.farther:,} farther"
    )
    lines += [f"    {changed_text(one)}" for one in comparison.changed[:_CHANGED_SHOWN]]
    if len(comparison.changed) > _CHANGED_SHOWN:
        lines.append(f"    ... and {len(comparison.changed) - _CHANGED_SHOWN:,} more")
    return lines


def changed_text(one: ChangedPair) -> str:
    """Return a changed pair on one line."""
    grades = ",".join(str(grade) for grade in one.grades)
    query = one.query if len(one.query) <= _QUERY_SHOWN else one.query[:_QUERY_SHOWN] + "…"
    place = " ".join(part for part in (one.path, one.symbol) if part)
    return displayable_line(f"{one.old} -> {one.new}  people {grades}  {query}  | {place}")


def estimate_text(one: Estimate, *, signed: bool = False) -> str:
    """Return a figure with its interval, or why there is none."""
    form = "+.3f" if signed else ".3f"
    if one.value is None:
        return f"- {one.reason}".rstrip()
    if one.low is None or one.high is None:
        return f"{one.value:{form}} (no interval: {one.reason})"
    return f"{one.value:{form}} [{one.low:{form}}, {one.high:{form}}]"


def _judge(judge: Judge) -> dict[str, object]:
    return {
        "judge": judge.name,
        "id": str(judge.id),
        "model": judge.model,
        "prompt_version": judge.prompt_version,
    }


def _estimate(one: Estimate) -> dict[str, object]:
    told: dict[str, object] = {"value": one.value, "low": one.low, "high": one.high}
    return told | {"reason": one.reason} if one.reason else told


def _changed(one: ChangedPair) -> dict[str, object]:
    return {
        "pair": str(one.pair_id),
        "query": one.query,
        "path": one.path,
        "symbol": one.symbol,
        "grades": list(one.grades),
        "old": one.old,
        "new": one.new,
    }
