"""What the judges screen says of one judge, of people, and of the calibration.

Figures drawn with signs: intervals, a heat map, a reliability curve. None needs colour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from core.text import displayable_line
from tui.shown.evals import cut
from tui.widgets.lists import CellKind
from tui.words import DIM, GRADE_NUMBERS, STRONG, counted, percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.records import Estimate
    from labels.agreement.disagreements import Disagreement, Disagreements
    from labels.agreement.records import (
        AgreementReport,
        AnnotatorAgreement,
        CalibrationEffect,
        JudgeAgreement,
        PoweredEstimate,
        ReliabilityPoint,
    )
    from labels.calibration.store import Calibration
    from labels.status import JudgeStatus
    from labels.trust import Trust
    from tui.widgets.lists import Cell
    from tui.words import Part


_SHADES: Final = " ░▒▓█"
SHADES_TOLD: Final = "shade: share of the row, ░ to 25% ▒ to 50% ▓ to 75% █ above"
_STEP: Final = 7
_AXIS: Final = (len(GRADE_NUMBERS) - 1) * _STEP + 1
_COLUMN: Final = 7


def figure_text(one: Estimate, digits: int = 2, sign: str = "") -> str:
    """Return a figure with its interval, or why there is none."""
    if one.value is None:
        return one.reason or "not known"
    value = f"{one.value:{sign}.{digits}f}"
    if one.low is None or one.high is None:
        return f"{value} (no interval: {one.reason})" if one.reason else value
    return f"{value} [{one.low:{sign}.{digits}f}, {one.high:{sign}.{digits}f}]"


def span(one: Estimate, low: float, high: float, width: int) -> str:
    """Return an interval drawn on a line from ``low`` to ``high``: ``··├──●──┤···``."""
    line = ["·"] * width
    if one.value is None:
        return " " * width

    def place(value: float) -> int:
        share = (min(high, max(low, value)) - low) / (high - low)
        return round(share * (width - 1))

    if one.low is not None and one.high is not None:
        first, last = place(one.low), place(one.high)
        line[first : last + 1] = ["─"] * (last - first + 1)
        line[first], line[last] = "├", "┤"
    line[place(one.value)] = "●"
    return "".join(line)


def heat_map(confusion: Sequence[Sequence[int]]) -> Content:
    """Return the table of the judge's scores by people's grades, shaded by the share of its row."""
    head = "".join(f"{grade:>{_COLUMN - 2}}  " for grade in GRADE_NUMBERS)
    parts: list[Part] = [(f"judge ╲ people{head}", DIM), "\n"]
    for score, row in zip(GRADE_NUMBERS, confusion, strict=True):
        total = sum(row)
        parts.append((f"{score:>9}     ", STRONG))
        for grade, count in zip(GRADE_NUMBERS, row, strict=True):
            shade = _shade(count / total if total else 0.0) * 2
            style = "bold $text-success" if grade == score else "$foreground"
            parts.append((f"{count:>{_COLUMN - 2},}{shade}", style if count else DIM))
        parts.append((f"  {total:,}\n" if total else "  none\n", DIM))
    parts.append((SHADES_TOLD, DIM))
    return Content.assemble(*parts)


def _shade(share: float) -> str:
    if not share:
        return _SHADES[0]
    return _SHADES[min(len(_SHADES) - 1, 1 + int(share * 4 - 1e-9))]


def reliability_curve(points: Sequence[ReliabilityPoint]) -> Content:
    """Return people's mean grade for each score, on a line of grades where ``◇`` is the score."""
    axis = "".join(f"{grade:<{_STEP}}" for grade in GRADE_NUMBERS)
    parts: list[Part] = [(f"judge  people {axis}\n", DIM)]
    for point in points:
        drawn = list(span(point.mean_grade, 1.0, 5.0, _AXIS))
        place = (point.score - 1) * _STEP
        if drawn[place] in "·─ ":
            drawn[place] = "◇"
        told = figure_text(point.mean_grade)
        parts += [
            (f"{point.score:>4}          ", STRONG),
            ("".join(drawn), "$text-accent"),
            (f"  {told}", "" if point.mean_grade.known else DIM),
            (f"  n {point.labels:,}\n" if point.labels else "\n", DIM),
        ]
    parts.append(("● people's mean with its interval, ◇ the judge's score", DIM))
    return Content.assemble(*parts)


JUDGE_LINES: Final = 2
_SPAN: Final = 25
_VERSION: Final = 8
_NAME: Final = 10
_NAMES: Final = {
    "qwk": ("kappa, quadratic", 0.0, 1.0),
    "alpha": ("alpha, ordinal", 0.0, 1.0),
    "spearman": ("Spearman", 0.0, 1.0),
    "exact": ("same grade", 0.0, 1.0),
    "within_one": ("within one", 0.0, 1.0),
    "bias": ("judge - people", -2.0, 2.0),
    "mae": ("mean distance", 0.0, 4.0),
}
_SIGNED: Final = frozenset({"bias"})
_MILLION: Final = 1_000_000
_THOUSAND: Final = 1_000


def judge_cells(one: JudgeAgreement, work: JudgeStatus, line: int, width: int) -> list[Cell]:
    """Return one of the two lines of a judge: its name and kappa, or what it did."""
    if line == 0:
        version = displayable_line(one.judge.prompt_version)[:_VERSION]
        name = displayable_line(one.judge.name) + (f" · {version}" if version else "")
        kappa = one.figures["qwk"]
        told = f"kappa {figure_text(kappa)}" if kappa.value is not None else "no kappa yet"
        room = max(1, width - len(told) - 1)
        return [(cut(name, room).ljust(room + 1), CellKind.STRONG), (told, CellKind.ACCENT)]
    cells: list[Cell] = [(f"  {work.scored:,} scored", CellKind.DIM)]
    if work.failed:
        cells.append((f" · {work.failed:,} failed", CellKind.BAD))
    if work.tokens:
        cells.append((f" · {short_number(work.tokens)} tokens", CellKind.DIM))
    if work.seconds_each is not None:
        cells.append((f" · {work.seconds_each:.2g} s each", CellKind.DIM))
    exact, near, bias = (one.figures[name].value for name in ("exact", "within_one", "bias"))
    if exact is not None and near is not None and bias is not None:
        cells.append((f" · {one.labels:,} labels", CellKind.DIM))
        cells.append((f" · same {exact:.0%} ±1 {near:.0%} bias {bias:+.2f}", CellKind.PLAIN))
    return cells


def short_number(number: int) -> str:
    """Return a count in a few signs: ``812``, ``3.4k``, ``1.2M``."""
    if number >= _MILLION:
        return f"{number / _MILLION:.1f}M"
    return f"{number / _THOUSAND:.1f}k" if number >= _THOUSAND else f"{number}"


def judge_text(one: JudgeAgreement) -> Content:
    """Return all that people's labels say of a judge."""
    name = displayable_line(one.judge.name)
    if not one.labels:
        return _section(
            f"{name} BESIDE PEOPLE",
            Content.assemble(
                ("No label is on a pair that this judge scored: ", DIM),
                "grade some pairs on the audit screen first.",
            ),
        )
    compared = (
        f"{counted(one.labels, 'label')} on {counted(one.pairs, 'pair')} of"
        f" {counted(one.queries, 'query')}, as telling as {one.effective:,.0f} evenly drawn"
    )
    return _joined(
        _section(f"{name} BESIDE PEOPLE", Content.assemble((compared, DIM), "\n", _figures(one))),
        _section("ITS SCORES BY PEOPLE'S GRADES", heat_map(one.confusion)),
        _section("WHAT ITS SCORES MEAN", reliability_curve(one.reliability)),
    )


def trust_text(one: JudgeAgreement, trust: Trust, keys: Mapping[str, str]) -> Content:
    """Return calibration, corpus figures, anchoring, advice, and what people make of each other.

    Args:
        one: the chosen judge.
        trust: all of it.
        keys: the shown keys of ``judges.calibrate`` and ``judges.disagreements``.
    """
    return _joined(
        _section("MORE LABELS?", Content(one.advice.sentence)),
        _section("CALIBRATION", _calibration(one, trust, keys["judges.calibrate"])),
        _section("ALL PAIRS IT SCORED", _corpus(one)),
        _section("DOES SEEING ITS SCORE PULL PEOPLE?", _anchoring(one)),
        _section(
            "JUDGES AGAINST EACH OTHER",
            _disagreements(trust.disagreements, keys["judges.disagreements"]),
        ),
        _section("PEOPLE", _people(trust.agreement)),
        *(_section("MIND", _lines(trust.agreement.notices)) for _ in trust.agreement.notices[:1]),
    )


def disagreement_cells(pair: Disagreement, width: int) -> list[Cell]:
    """Return the line of a pair that judges fight over."""
    scores = "  ".join(
        f"{cut(displayable_line(name), _NAME)} {score}" for name, score in pair.scores
    )
    graded = f"  people {pair.grade:g}" if pair.grade is not None else ""
    ends = f"{pair.scores[0][1]}↔{pair.scores[-1][1]} "
    room = max(1, width - len(ends))
    told = f"{cut(scores, max(16, room // 2))}{graded}  "
    place = displayable_line(f"{pair.path} {pair.symbol}".strip())
    return [
        (ends, CellKind.STRONG),
        (told, CellKind.ACCENT),
        (displayable_line(pair.query), CellKind.PLAIN),
        (f"  {place}", CellKind.DIM),
    ]


def disagreements_head(found: Disagreements, audit_key: str) -> Content:
    """Return what the list of fights holds, and how to audit them."""
    if not found.worst:
        return _disagreements(found, "")
    return Content.assemble(
        (f" {counted(found.total, 'pair')} scored 2 or more apart", STRONG),
        (f" of {found.judged_twice:,} judged twice; ", DIM),
        (audit_key, "bold $text-accent"),
        (" audits from here on", DIM),
    )


def no_judges_text(judge_command: str) -> Content:
    """Return what to do where no judge has ruled."""
    return Content.assemble(
        ("No judge has scored anything yet.\n\n", STRONG),
        ("Judges are compared with people here, and calibrated on their labels.\n\n", DIM),
        ("Type ", DIM),
        (judge_command, STRONG),
    )


def _figures(one: JudgeAgreement) -> Content:
    reasons = {figure.reason for figure in one.figures.values()}
    if len(reasons) == 1 and all(figure.value is None for figure in one.figures.values()):
        return Content.assemble(("no figures: ", DIM), reasons.pop())
    parts: list[Part] = []
    for name, (word, low, high) in _NAMES.items():
        figure = one.figures[name]
        told = figure_text(figure, sign="+" if name in _SIGNED else "")
        drawn = span(figure, low, high, _SPAN) + "  " if figure.known else ""
        parts += [
            ("\n" if parts else "", ""),
            (f"{word:<17}", STRONG),
            (drawn, "$text-accent"),
            (told, "" if figure.known else DIM),
        ]
    return Content.assemble(*parts)


def _calibration(one: JudgeAgreement, trust: Trust, key: str) -> Content:
    latest = trust.calibration
    if latest is None:
        return Content.assemble(
            ("none yet; press ", DIM), (key, "bold $text-accent"), (" to calibrate", DIM)
        )
    learned = f"{counted(latest.labels, 'label')} of {counted(latest.queries, 'query')}"
    parts: list[Part] = [f"{latest.method.value}, from {learned}, {latest.made:%m-%d %H:%M} UTC\n"]
    if trust.labels_since:
        since = counted(trust.labels_since, "label")
        parts += [(f"{since} since: ", "$text-warning"), (key, "bold $text-accent"), " renews it\n"]
    parts += _effect(one.calibration) if one.calibration else _whole_effect(latest)
    tried = ", ".join(f"{method.value} {loss:.3f}" for method, loss in latest.tried)
    held = latest.held_out.coverage
    parts += [
        (f"90% sets held the grade in {held:.0%} of the labels held out\n", ""),
        (f"RPS of each method: {tried}\n", DIM),
        (f"{counted(latest.graded, 'pair')} graded; a label always stands above", DIM),
    ]
    return Content.assemble(*parts)


def _effect(effect: CalibrationEffect) -> list[Part]:
    figures = {
        "RPS": (effect.rps_raw, effect.rps_calibrated, "rps"),
        "mean error": (effect.mae_raw, effect.mae_calibrated, "mae"),
    }
    parts: list[Part] = [(f"{'held out':<12}{'before':<21}{'after':<21}{'gain'}\n", DIM)]
    for word, (raw, calibrated, name) in figures.items():
        told = (
            _with_interval(raw, effect.intervals.get(f"{name}_raw")),
            _with_interval(calibrated, effect.intervals.get(f"{name}_calibrated")),
            _with_interval(raw - calibrated, effect.intervals.get(f"{name}_gain"), sign="+"),
        )
        parts += [(f"{word:<12}", STRONG), f"{told[0]:<21}{told[1]:<21}{told[2]}\n"]
    return parts


def _whole_effect(latest: Calibration) -> list[Part]:
    held = latest.held_out
    return [
        ("this judge was not part of it; of those that were:\n", DIM),
        f"RPS {held.rps_raw:.3f} → {held.rps_calibrated:.3f}\n",
        f"mean error {held.mae_raw:.3f} → {held.mae_calibrated:.3f}\n",
    ]


def _with_interval(value: float, ends: tuple[float, float] | None, sign: str = "") -> str:
    told = f"{value:{sign}.2f}"
    return f"{told} [{ends[0]:{sign}.2f}, {ends[1]:{sign}.2f}]" if ends else told


def _corpus(one: JudgeAgreement) -> Content:
    figures = one.corpus
    if figures is None:
        return Content.assemble(("cannot be told without a label", DIM))
    parts: list[Part] = [
        (f"{figures.pairs:,} pairs:".ljust(26) + f"{'PPI++':<21}labels alone", DIM)
    ]
    rows = (
        ("mean grade", figures.mean_grade),
        ("grade 4 or more", figures.share_good),
        ("right when it says 4 or 5", figures.precision_good),
    )
    for word, powered in rows:
        parts += ["\n", (f"{word:<26}", STRONG), *_powered(powered)]
    return Content.assemble(*parts)


def _powered(one: PoweredEstimate) -> list[Part]:
    if one.powered.value is None:
        return [(one.powered.reason or "not known", DIM)]
    return [f"{figure_text(one.powered):<21}", (figure_text(one.labels_only), DIM)]


def _anchoring(one: JudgeAgreement) -> Content:
    found = one.anchoring
    if found.exact.value is None:
        return Content.assemble(("cannot be told: ", DIM), found.exact.reason)
    shown = f"same grade, shown minus blind  {figure_text(found.exact, sign='+')}\n"
    distance = f"distance, shown minus blind    {figure_text(found.distance, sign='+')}\n"
    return Content.assemble(
        shown,
        distance,
        _verdict(found.exact),
        (f"  ({found.shown:,} shown, {found.blind:,} blind)", DIM),
    )


def _verdict(exact: Estimate) -> Content:
    if exact.low is None or exact.high is None:
        return Content.assemble((f"no interval: {exact.reason}", DIM))
    if exact.low > 0:
        return Content.assemble(("yes: they agree more when they see it", "bold $text-warning"))
    if exact.high < 0:
        return Content.assemble(("they agree less when they see it", "bold $text-warning"))
    return Content("not that these labels could tell")


def _disagreements(found: Disagreements, key: str) -> Content:
    if not found.judged_twice:
        return Content.assemble(("no pair was scored by two judges", DIM))
    if not found.total:
        return Content.assemble(
            (f"none of the {counted(found.judged_twice, 'pair')} judged twice is scored", DIM),
            (" 2 or more apart", DIM),
        )
    share = percent(found.total, found.judged_twice)
    parts: list[Part] = [f"2 or more apart on {share} pairs judged twice"]
    if key:
        parts += [("; ", DIM), (key, "bold $text-accent"), (" lists them", DIM)]
    return Content.assemble(*parts)


def _people(report: AgreementReport) -> Content:
    lines = [
        *(_pair_line(f"{one.first} and {one.second}", one) for one in report.annotators),
        *(_pair_line(f"{one.first} with themself", one) for one in report.themselves),
    ]
    if len(report.annotators) > 1 and report.alpha.value is not None:
        lines.append(Content(f"all of them: alpha {figure_text(report.alpha)}"))
    if not report.annotators:
        lines.append(Content.assemble(("no pair was graded by two people", DIM)))
    if not report.themselves:
        lines.append(Content.assemble(("no pair came back to anybody yet; see repeat_share", DIM)))
    return Content("\n").join(lines)


def _pair_line(names: str, one: AnnotatorAgreement) -> Content:
    kappa, exact = one.figures["qwk"], one.figures["exact"]
    told = f"kappa {figure_text(kappa)}" if kappa.value is not None else kappa.reason
    same = f", same grade {exact.value:.0%}" if exact.value is not None else ""
    return Content.assemble(
        (displayable_line(names), STRONG),
        (f"  {counted(one.pairs, 'pair')}  ", DIM),
        f"{told}{same}",
    )


def _lines(sentences: Sequence[str]) -> Content:
    return Content("\n".join(displayable_line(sentence) for sentence in sentences))


def _section(title: str, content: Content) -> Content:
    return Content.assemble((title, "bold $text-accent"), "\n", content)


def _joined(*sections: Content) -> Content:
    return Content("\n\n").join(sections)
