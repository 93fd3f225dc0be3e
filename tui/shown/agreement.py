"""Agreement reports, comparisons of two judges and costs of judging, as JSON and as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.text import displayable_line
from tui.shown.figures import estimate_document, estimate_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.records import Estimate, Judge
    from labels.agreement.disagreements import Disagreement
    from labels.agreement.records import (
        AnnotatorAgreement,
        CalibrationEffect,
        CorpusFigures,
        JudgeAgreement,
        PoweredEstimate,
    )
    from labels.status import JudgeStatus
    from labels.trust import Trust
    from labels.workshop.comparing import ChangedPair, JudgeComparison
    from labels.workshop.cost import JudgingCost


_NAMES: Final = {
    "qwk": "kappa (quadratic)",
    "alpha": "alpha (ordinal)",
    "spearman": "Spearman",
    "exact": "same grade",
    "within_one": "within one",
    "bias": "bias (judge - person)",
    "mae": "mean distance",
}
#: The figures of a comparison of two judges.
_COMPARED: Final = ("qwk", "exact", "within_one", "bias", "mae")
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
    basis = "as earlier judgments took" if cost.measured else "a rough estimate"
    return [
        displayable_line(
            f"{judge.name}, prompt {judge.prompt_version}: {cost.pairs:,} pairs to ask about,"
            f" {cost.known:,} judged before"
        ),
        f"about {cost.prompt_tokens:,} tokens in and {cost.completion_tokens:,} out, {basis}",
    ]


def comparison_document(comparison: JudgeComparison) -> dict[str, object]:
    """Return a comparison, ready for JSON."""
    return {
        "old": _compared_judge(comparison.old),
        "new": _compared_judge(comparison.new),
        "n": comparison.labels,
        "pairs": comparison.pairs,
        "queries": comparison.queries,
        "left_out": comparison.left_out,
        "figures": {
            name: {
                "old": estimate_document(comparison.old_figures[name]),
                "new": estimate_document(comparison.new_figures[name]),
                "difference": estimate_document(comparison.differences[name]),
            }
            for name in _COMPARED
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
            f"{new.name} ({new.prompt_version}) compared with {old.name} ({old.prompt_version}):"
            f" {comparison.labels:,} labels on {comparison.pairs:,} pairs of"
            f" {comparison.queries:,} queries"
        )
    ]
    if comparison.left_out:
        lines.append(
            f"  {comparison.left_out:,} more labels are left out: their pairs were not drawn by"
            " chance"
        )
    if comparison.labels:
        lines.append(f"  {'':<22} {'old':<26} {'new':<26} difference")
        lines += [_compared_line(comparison, name) for name in _COMPARED]
    lines.append(
        f"  {len(comparison.changed):,} pairs changed: {comparison.nearer:,} nearer to people,"
        f" {comparison.farther:,} farther"
    )
    lines += [f"    {_changed_line(one)}" for one in comparison.changed[:_CHANGED_SHOWN]]
    if len(comparison.changed) > _CHANGED_SHOWN:
        lines.append(f"    ... and {len(comparison.changed) - _CHANGED_SHOWN:,} more")
    return lines


def _compared_line(comparison: JudgeComparison, name: str) -> str:
    old = estimate_text(comparison.old_figures[name])
    new = estimate_text(comparison.new_figures[name])
    difference = estimate_text(comparison.differences[name], signed=True)
    return f"  {_NAMES[name]:<22} {old:<26} {new:<26} {difference}"


def _changed_line(one: ChangedPair) -> str:
    grades = ",".join(str(grade) for grade in one.grades)
    query = one.query if len(one.query) <= _QUERY_SHOWN else one.query[:_QUERY_SHOWN] + "…"
    place = " ".join(part for part in (one.path, one.symbol) if part)
    return displayable_line(f"{one.old} -> {one.new}  people {grades}  {query}  | {place}")


def _compared_judge(judge: Judge) -> dict[str, object]:
    return {
        "judge": judge.name,
        "id": str(judge.id),
        "model": judge.model,
        "prompt_version": judge.prompt_version,
    }


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


def document(trust: Trust) -> dict[str, object]:
    """Return the whole report, ready for JSON."""
    report = trust.agreement
    return {
        "judges": [_judge(one) | _work(trust.work_of(one)) for one in report.judges],
        "annotators": [_annotators(one) for one in report.annotators],
        "themselves": [_annotators(one) for one in report.themselves],
        "alpha": estimate_document(report.alpha),
        "fights": {
            "pairs": trust.disagreements.total,
            "of": trust.disagreements.judged_twice,
            "worst": [_disagreement(each) for each in trust.disagreements.worst],
        },
        "labels_since_calibration": trust.labels_since,
        "notices": list(report.notices),
    }


def lines(trust: Trust) -> list[str]:
    """Return the report for a person."""
    report, shown = trust.agreement, list[str]()
    for one in report.judges:
        first, *rest = _judge_lines(one)
        shown += [first, _work_line(trust.work_of(one)), *rest, ""]
    apart = trust.disagreements
    if apart.judged_twice:
        pairs = f"{apart.total:,} of {apart.judged_twice:,} pairs judged twice"
        shown += [f"judges are 2 or more grades apart on {pairs}", ""]
    for one_pair in (*report.annotators, *report.themselves):
        same = one_pair.first == one_pair.second
        names = "themself" if same else one_pair.second
        shown.append(
            displayable_line(
                f"{one_pair.first} and {names}, {one_pair.pairs:,}"
                f" {'pair' if one_pair.pairs == 1 else 'pairs'} graded twice"
            )
        )
        shown += [*_figure_lines(one_pair.figures), ""]
    if report.annotators:
        shown.append(f"  all annotators, ordinal alpha: {estimate_text(report.alpha)}")
    return [*shown, *report.notices] or ["No judge has scored anything yet."]


def _work(work: JudgeStatus) -> dict[str, object]:
    return {
        "scored": work.scored,
        "failed": work.failed,
        "tokens": work.tokens,
        "seconds": work.seconds,
    }


def _work_line(work: JudgeStatus) -> str:
    each = f", {work.seconds_each:.2g} s each" if work.seconds_each is not None else ""
    return f"  {work.scored:,} scored, {work.failed:,} failed, {work.tokens:,} tokens{each}"


def _disagreement(pair: Disagreement) -> dict[str, object]:
    return {
        "pair": str(pair.pair),
        "query": pair.query,
        "path": pair.path,
        "symbol": pair.symbol,
        "scores": [{"judge": name, "score": score} for name, score in pair.scores],
        "grade": pair.grade,
    }


def _judge(one: JudgeAgreement) -> dict[str, object]:
    effect = one.calibration
    return {
        "judge": one.judge.name,
        "kind": one.judge.kind.value,
        "model": one.judge.model,
        "prompt_version": one.judge.prompt_version,
        "n": one.labels,
        "pairs": one.pairs,
        "queries": one.queries,
        "seen": one.seen,
        "effective": one.effective,
        "qwk": estimate_document(one.figures["qwk"]),
        "mae": one.figures["mae"].value,
        "bias": one.figures["bias"].value,
        "confusion": [list(row) for row in one.confusion],
        "figures": {name: estimate_document(figure) for name, figure in one.figures.items()},
        "confusion_shares": [
            [estimate_document(cell) for cell in row] for row in one.confusion_shares
        ],
        "reliability": [
            {
                "score": point.score,
                "labels": point.labels,
                "mean_grade": estimate_document(point.mean_grade),
            }
            for point in one.reliability
        ],
        "anchoring": {
            "shown": one.anchoring.shown,
            "blind": one.anchoring.blind,
            "exact": estimate_document(one.anchoring.exact),
            "distance": estimate_document(one.anchoring.distance),
        },
        "advice": {
            "more_labels": one.advice.more_labels,
            "target": one.advice.target,
            "sentence": one.advice.sentence,
        },
        "corpus": _corpus(one.corpus) if one.corpus else None,
        "method": effect.method if effect else None,
        "rps_raw": effect.rps_raw if effect else None,
        "rps_calibrated": effect.rps_calibrated if effect else None,
        "mae_raw": effect.mae_raw if effect else None,
        "mae_calibrated": effect.mae_calibrated if effect else None,
        "calibration_intervals": {
            name: {"low": low, "high": high} for name, (low, high) in effect.intervals.items()
        }
        if effect
        else {},
    }


def _corpus(figures: CorpusFigures) -> dict[str, object]:
    return {
        "pairs": figures.pairs,
        "mean_grade": _powered(figures.mean_grade),
        "share_good": _powered(figures.share_good),
        "precision_good": _powered(figures.precision_good),
    }


def _powered(one: PoweredEstimate) -> dict[str, object]:
    return {
        **estimate_document(one.powered),
        "lambda": one.power,
        "labels_only": estimate_document(one.labels_only),
    }


def _annotators(one: AnnotatorAgreement) -> dict[str, object]:
    return {
        "first": one.first,
        "second": one.second,
        "pairs": one.pairs,
        "queries": one.queries,
        "figures": {name: estimate_document(figure) for name, figure in one.figures.items()},
    }


def _judge_lines(one: JudgeAgreement) -> list[str]:
    version = f", prompt {one.judge.prompt_version}" if one.judge.prompt_version else ""
    shown = [
        displayable_line(
            f"{one.judge.name}{version}: {one.labels:,} labels on {one.pairs:,} pairs of"
            f" {one.queries:,} queries"
        ),
        *_figure_lines(one.figures),
    ]
    if one.labels:
        shown += _confusion_lines(one)
    if one.corpus:
        shown += [
            f"  all {one.corpus.pairs:,} pairs it scored, by PPI++ (by labels alone):",
            f"    mean grade       {_both(one.corpus.mean_grade)}",
            f"    grade 4 or more  {_both(one.corpus.share_good)}",
            f"    of those it scored 4 or more  {_both(one.corpus.precision_good)}",
        ]
    if one.calibration:
        shown += _effect_lines(one.calibration)
    if not one.labels:
        return shown
    anchoring = one.anchoring
    if anchoring.exact.known:
        change = estimate_text(anchoring.exact, signed=True)
        shown.append(f"  seeing its score changes the share of same grades by {change}")
    else:
        shown.append(f"  does seeing its score influence people? {anchoring.exact.reason}")
    return [*shown, f"  {one.advice.sentence}"]


def _effect_lines(effect: CalibrationEffect) -> list[str]:
    figures = (
        ("RPS", "rps", effect.rps_raw, effect.rps_calibrated),
        ("mean error", "mae", effect.mae_raw, effect.mae_calibrated),
    )
    rows = [
        f"    {word:<16} {_with_ends(raw, effect.intervals.get(f'{name}_raw'))} ->"
        f" {_with_ends(calibrated, effect.intervals.get(f'{name}_calibrated'))}"
        f", gain {_with_ends(raw - calibrated, effect.intervals.get(f'{name}_gain'))}"
        for word, name, raw, calibrated in figures
    ]
    return [f"  calibrated ({effect.method}), on labels held out:", *rows]


def _with_ends(value: float, ends: tuple[float, float] | None) -> str:
    return f"{value:.3f} [{ends[0]:.3f}, {ends[1]:.3f}]" if ends else f"{value:.3f}"


def _confusion_lines(one: JudgeAgreement) -> list[str]:
    head = "  judge \\ person" + "".join(f"{grade:>6}" for grade in range(1, 6)) + "   mean grade"
    rows = [
        f"  {point.score:>14}" + "".join(f"{cell:>6}" for cell in row) + f"   {mean}"
        for point, row in zip(one.reliability, one.confusion, strict=True)
        for mean in [estimate_text(point.mean_grade)]
    ]
    return [head, *rows]


def _figure_lines(figures: Mapping[str, Estimate]) -> list[str]:
    reasons = {figure.reason for figure in figures.values() if figure.value is None}
    if len(reasons) == 1 and all(figure.value is None for figure in figures.values()):
        return [f"  no figures: {reasons.pop()}"]
    return [f"  {_NAMES[name]:<22} {estimate_text(figure)}" for name, figure in figures.items()]


def _both(one: PoweredEstimate) -> str:
    return f"{estimate_text(one.powered)} ({estimate_text(one.labels_only)})"
