"""A training set's figures as lines for a person, and as a JSON document."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from core.display import displayable_line
from train.training_set.enough import warnings
from train.training_set.records import GradeSource, Split

if TYPE_CHECKING:
    from train.training_set.summary import TrainingSetSummary

_SOURCES: Final = {
    GradeSource.LABEL: "labels",
    GradeSource.CALIBRATED: "calibrated grades",
    GradeSource.JUDGE: "judge scores",
    GradeSource.KEYWORD: "keyword pairs",
}
_SPLITS: Final = {Split.TRAIN: "trained on", Split.HELD_OUT: "held out"}


def summary_document(summary: TrainingSetSummary) -> dict[str, object]:
    """Return the figures as what JSON can hold, the warnings among them."""
    return asdict(summary) | {
        "keyword_share": summary.keyword_share,
        "warnings": list(warnings(summary)),
    }


def summary_rows(summary: TrainingSetSummary) -> list[tuple[str, str]]:
    """Return names and values, as the command line's tables have them; safe for the terminal."""
    rows = []
    for split in Split:
        rows.append((_SPLITS[split], _whole(summary, split)))
        rows += [
            (f"  {_SOURCES[source]}", grades)
            for source in GradeSource
            if (grades := _grades(summary, split, source))
        ]
    pool = f", {summary.pool:,} of them in no pair" if summary.pool else ""
    rows.append(("documents", f"{summary.documents:,}{pool}"))
    rows.append(("average weight", f"{summary.average_weight:.2f}"))
    if summary.above_cap:
        most = summary.plan.low_graded_per_query
        rows.append(
            ("low-graded pairs", f"{summary.above_cap:,} above {most} a query; the hardest stay")
        )
    rows += [("left out", f"{_pairs(left.pairs)}: {left.reason}") for left in summary.left_out]
    for dropped in summary.dropped:
        what = f"{_queries(dropped.queries)}, {_pairs(dropped.pairs)}: {dropped.rule}"
        rows.append(("like a spec's", what))
        rows += [
            (
                "",
                displayable_line(
                    example.query
                    if example.query == example.spec_query
                    else f"{example.query}  ~  {example.spec_query}"
                ),
            )
            for example in dropped.examples
        ]
    if summary.made_like_spec:
        made = f"{summary.made_like_spec:,} keyword queries were not made"
        rows.append(("like a spec's", made))
    return rows


def summary_lines(summary: TrainingSetSummary) -> list[str]:
    """Return the figures as lines, the warnings last; safe for the terminal."""
    rows = summary_rows(summary)
    width = max(len(name) for name, _ in rows)
    return [
        *(f"{name:<{width}}  {value}" for name, value in rows),
        *(displayable_line(f"note: {warning}") for warning in warnings(summary)),
    ]


def _whole(summary: TrainingSetSummary, split: Split) -> str:
    kinds: dict[str, int] = {}
    for count in summary.queries:
        if count.split is split:
            name = "made" if count.made else str(count.kind or "no kind")
            kinds[name] = kinds.get(name, 0) + count.queries
    parts = ", ".join(f"{queries:,} {name}" for name, queries in kinds.items())
    queries = _queries(sum(kinds.values()))
    return f"{_pairs(summary.pair_count(split=split))} of {queries}" + (
        f": {parts}" if kinds else ""
    )


def _grades(summary: TrainingSetSummary, split: Split, source: GradeSource) -> str:
    counts = [each for each in summary.pairs if each.split is split and each.source is source]
    if not counts:
        return ""
    by_grade = ", ".join(f"{count.pairs:,} of {count.grade}" for count in reversed(counts))
    return f"{sum(count.pairs for count in counts):,}: {by_grade}"


def _pairs(number: int) -> str:
    return f"{number:,} {'pair' if number == 1 else 'pairs'}"


def _queries(number: int) -> str:
    return f"{number:,} {'query' if number == 1 else 'queries'}"
