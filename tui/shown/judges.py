"""The text of the judges screen: metrics, calibration, and disagreements.

Intervals, the heat map and the reliability curve are drawn with characters and need no colour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from core.records import JudgeKind
from core.text import displayable_line
from tui.shown.evals import cut
from tui.widgets.lists import CellKind
from tui.words import DIM, GRADE_NUMBERS, STRONG, counted, percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.records import Estimate
    from labels.agreement.disagreements import Disagreement
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
SHADES_LEGEND: Final = "shade: share of the row, ░ to 25% ▒ to 50% ▓ to 75% █ above"
_STEP: Final = 7
_AXIS: Final = (len(GRADE_NUMBERS) - 1) * _STEP + 1
_COLUMN: Final = 7


def figure_text(one: Estimate, digits: int = 2, sign: str = "") -> str:
    """Return a value with its interval, or why there is none."""
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
    parts.append((SHADES_LEGEND, DIM))
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
        text = figure_text(point.mean_grade)
        parts += [
            (f"{point.score:>4}          ", STRONG),
            ("".join(drawn), "$text-accent"),
            (f"  {text}", "" if point.mean_grade.known else DIM),
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
    "bias": ("bias", -2.0, 2.0),
    "mae": ("mean error", 0.0, 4.0),
}
_SIGNED: Final = frozenset({"bias"})
_MILLION: Final = 1_000_000
_THOUSAND: Final = 1_000


def judge_cells(one: JudgeAgreement, work: JudgeStatus, line: int, width: int) -> list[Cell]:
    """Return a line of a judge: its name and kappa, or what it did."""
    if line == 0:
        version = displayable_line(one.judge.prompt_version)[:_VERSION]
        name = displayable_line(one.judge.name) + (f" · {version}" if version else "")
        kappa = one.figures["qwk"]
        text = f"kappa {figure_text(kappa)}" if kappa.value is not None else "no kappa yet"
        room = max(1, width - len(text) - 1)
        return [(cut(name, room).ljust(room + 1), CellKind.STRONG), (text, CellKind.ACCENT)]
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
    """Return a count in a few characters: ``812``, ``3.4k``, ``1.2M``."""
    if number >= _MILLION:
        return f"{number / _MILLION:.1f}M"
    return f"{number / _THOUSAND:.1f}k" if number >= _THOUSAND else f"{number}"


def judge_text(one: JudgeAgreement) -> Content:
    """Return the metrics of a judge against people's labels."""
    name = displayable_line(one.judge.name)
    if not one.labels:
        return _section(
            f"{name} COMPARED WITH PEOPLE",
            Content.assemble(
                ("No pair that this judge scored has a label yet: ", DIM),
                "grade some pairs on the audit screen first.",
            ),
        )
    compared = (
        f"{counted(one.labels, 'label')} on {counted(one.pairs, 'pair')} of"
        f" {counted(one.queries, 'query')}, effective sample size {one.effective:,.0f}"
    )
    return _joined(
        _section(
            f"{name} COMPARED WITH PEOPLE", Content.assemble((compared, DIM), "\n", _figures(one))
        ),
        _section("SCORES BY PEOPLE'S GRADES", heat_map(one.confusion)),
        _section("MEAN GRADE BY SCORE", reliability_curve(one.reliability)),
    )


def trust_text(one: JudgeAgreement, trust: Trust, keys: Mapping[str, str]) -> Content:
    """Return advice, calibration, corpus estimates, anchoring, disagreements, and people.

    Args:
        one: the chosen judge.
        trust: the whole report.
        keys: the keys, as text, of ``judges.calibrate`` and ``judges.disagreements``.
    """
    return _joined(
        _section("HOW MANY LABELS", Content(one.advice.sentence)),
        _section("CALIBRATION", _calibration(one, trust, keys["judges.calibrate"])),
        _section("ESTIMATES FOR ALL PAIRS IT SCORED", _corpus(one)),
        _section("ANCHORING", _anchoring(one)),
        _section(
            "DISAGREEMENTS BETWEEN JUDGES",
            _disagreements(trust, keys["judges.disagreements"]),
        ),
        _section("PEOPLE", _people(trust.agreement)),
        *(_section("NOTES", _lines(trust.agreement.notices)) for _ in trust.agreement.notices[:1]),
    )


def disagreement_cells(pair: Disagreement, width: int) -> list[Cell]:
    """Return the line of a pair that judges score far apart."""
    scores = "  ".join(
        f"{cut(displayable_line(name), _NAME)} {score}" for name, score in pair.scores
    )
    graded = f"  people {pair.grade:g}" if pair.grade is not None else ""
    ends = f"{pair.scores[0][1]}↔{pair.scores[-1][1]} "
    room = max(1, width - len(ends))
    text = f"{cut(scores, max(16, room // 2))}{graded}  "
    place = displayable_line(f"{pair.path} {pair.symbol}".strip())
    return [
        (ends, CellKind.STRONG),
        (text, CellKind.ACCENT),
        (displayable_line(pair.query), CellKind.PLAIN),
        (f"  {place}", CellKind.DIM),
    ]


def disagreements_head(trust: Trust, audit_key: str) -> Content:
    """Return the size of the list of disagreements, and how to audit them."""
    found = trust.disagreements
    if not found.worst:
        return _disagreements(trust, "")
    return Content.assemble(
        (f" {counted(found.total, 'pair')} scored 2 or more apart", STRONG),
        (f", of {found.judged_twice:,} with several scores; ", DIM),
        (audit_key, "bold $text-accent"),
        (" audits them", DIM),
    )


def no_judges_text(judge_command: str) -> Content:
    """Return what to do when no judge has scored anything."""
    return Content.assemble(
        ("No judge has scored anything yet.\n\n", STRONG),
        ("Judges are compared with people here, and calibrated on their labels.\n\n", DIM),
        ("Run: ", DIM),
        (judge_command, STRONG),
    )


def _figures(one: JudgeAgreement) -> Content:
    reasons = {figure.reason for figure in one.figures.values()}
    if len(reasons) == 1 and all(figure.value is None for figure in one.figures.values()):
        return Content.assemble(("no figures: ", DIM), reasons.pop())
    parts: list[Part] = []
    for name, (word, low, high) in _NAMES.items():
        figure = one.figures[name]
        text = figure_text(figure, sign="+" if name in _SIGNED else "")
        drawn = span(figure, low, high, _SPAN) + "  " if figure.known else ""
        parts += [
            ("\n" if parts else "", ""),
            (f"{word:<17}", STRONG),
            (drawn, "$text-accent"),
            (text, "" if figure.known else DIM),
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
        parts += [
            (f"{since} since then: ", "$text-warning"),
            (key, "bold $text-accent"),
            " calibrates again\n",
        ]
    parts += _effect(one.calibration) if one.calibration else _whole_effect(latest)
    tried = ", ".join(f"{method.value} {loss:.3f}" for method, loss in latest.tried)
    held = latest.held_out.coverage
    parts += [
        (f"90% prediction sets contain {held:.0%} of held-out labels\n", ""),
        (f"RPS by method, lower is better: {tried}\n", DIM),
        (f"{counted(latest.graded, 'pair')} graded; labels take precedence", DIM),
    ]
    return Content.assemble(*parts)


def _effect(effect: CalibrationEffect) -> list[Part]:
    figures = {
        "RPS": (effect.rps_raw, effect.rps_calibrated, "rps"),
        "mean error": (effect.mae_raw, effect.mae_calibrated, "mae"),
    }
    parts: list[Part] = [(f"{'held out':<12}{'before':<21}{'after':<21}{'gain'}\n", DIM)]
    for word, (raw, calibrated, name) in figures.items():
        text = (
            _with_interval(raw, effect.intervals.get(f"{name}_raw")),
            _with_interval(calibrated, effect.intervals.get(f"{name}_calibrated")),
            _with_interval(raw - calibrated, effect.intervals.get(f"{name}_gain"), sign="+"),
        )
        parts += [(f"{word:<12}", STRONG), f"{text[0]:<21}{text[1]:<21}{text[2]}\n"]
    return parts


def _whole_effect(latest: Calibration) -> list[Part]:
    held = latest.held_out
    return [
        ("not for this judge; for the judges that it covers:\n", DIM),
        f"RPS {held.rps_raw:.3f} → {held.rps_calibrated:.3f}\n",
        f"mean error {held.mae_raw:.3f} → {held.mae_calibrated:.3f}\n",
    ]


def _with_interval(value: float, ends: tuple[float, float] | None, sign: str = "") -> str:
    text = f"{value:{sign}.2f}"
    return f"{text} [{ends[0]:{sign}.2f}, {ends[1]:{sign}.2f}]" if ends else text


def _corpus(one: JudgeAgreement) -> Content:
    figures = one.corpus
    if figures is None:
        return Content.assemble(("labels are needed first", DIM))
    parts: list[Part] = [(f"{figures.pairs:,} pairs:".ljust(26) + f"{'PPI++':<21}labels only", DIM)]
    rows = (
        ("mean grade", figures.mean_grade),
        ("grade 4 or more", figures.share_good),
        ("precision of scores 4, 5", figures.precision_good),
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
        return Content(found.exact.reason)
    shown = f"same grade, score shown minus blind  {figure_text(found.exact, sign='+')}\n"
    distance = f"mean error, score shown minus blind   {figure_text(found.distance, sign='+')}\n"
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
        return Content.assemble(("people agree more when they see the score", "bold $text-warning"))
    if exact.high < 0:
        return Content.assemble(("people agree less when they see the score", "bold $text-warning"))
    return Content("no effect found")


def _disagreements(trust: Trust, key: str) -> Content:
    found = trust.disagreements
    if not found.judged_twice:
        return Content.assemble((_not_compared(trust), DIM))
    if not found.total:
        several = counted(found.judged_twice, "pair")
        return Content.assemble(
            (f"none of the {several} with several scores is 2 or more apart", DIM)
        )
    share = percent(found.total, found.judged_twice)
    parts: list[Part] = [f"2 or more apart: {share} pairs with several scores"]
    if key:
        parts += [("; ", DIM), (key, "bold $text-accent"), (" lists them", DIM)]
    return Content.assemble(*parts)


def _not_compared(trust: Trust) -> str:
    kinds = {one.judge.kind is JudgeKind.LEXICAL for one in trust.agreement.judges}
    if kinds == {True, False}:
        return "no pair has scores of two models; the lexical baseline is not compared here"
    return "no pair has scores of two judges yet"


def _people(report: AgreementReport) -> Content:
    lines = [
        *(_pair_line(f"{one.first} and {one.second}", one) for one in report.annotators),
        *(_pair_line(f"{one.first} with themself", one) for one in report.themselves),
    ]
    if len(report.annotators) > 1 and report.alpha.value is not None:
        lines.append(Content(f"all of them: alpha {figure_text(report.alpha)}"))
    if not report.annotators:
        lines.append(Content.assemble(("no pair was graded by two people yet", DIM)))
    if not report.themselves:
        lines.append(
            Content.assemble(
                ("nobody graded a pair twice yet; see repeat_share in settings.toml", DIM)
            )
        )
    return Content("\n").join(lines)


def _pair_line(names: str, one: AnnotatorAgreement) -> Content:
    kappa, exact = one.figures["qwk"], one.figures["exact"]
    text = f"kappa {figure_text(kappa)}" if kappa.value is not None else kappa.reason
    same = f", same grade {exact.value:.0%}" if exact.value is not None else ""
    return Content.assemble(
        (displayable_line(names), STRONG),
        (f"  {counted(one.pairs, 'pair')}  ", DIM),
        f"{text}{same}",
    )


def _lines(sentences: Sequence[str]) -> Content:
    return Content("\n".join(displayable_line(sentence) for sentence in sentences))


def _section(title: str, content: Content) -> Content:
    return Content.assemble((title, "bold $text-accent"), "\n", content)


def _joined(*sections: Content) -> Content:
    return Content("\n\n").join(sections)
