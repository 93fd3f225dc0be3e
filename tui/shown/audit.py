"""The text of the audit screen around the code: query, judges, people, counts, last action."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from core.text import displayable, displayable_line, shortened
from tui.words import (
    DIM,
    STRONG,
    WIDEST_GRADE_WORD,
    bar,
    counted,
    grade_mark,
    grade_style,
    grade_word,
    judge_name,
    percent,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.records import Judgment, LabelEvent
    from labels.audit.filters import AuditCounts
    from labels.audit.items import AuditItem, EarlierLabel, JudgeRuling
    from labels.audit.session import AuditSession
    from tui.words import Part


#: A digit, a bar of five and the longest word, with the gaps between.
_MARK_WIDTH: Final = 8 + WIDEST_GRADE_WORD


def several_spoke(item: AuditItem) -> bool:
    """Return whether the pair has more than one grade of people."""
    return len(item.opinions) > 1 or item.adjudication is not None


def people_title(item: AuditItem) -> str:
    """Return the heading over ``people_text``."""
    if item.to_be_settled and item.apart:
        return f"PEOPLE'S GRADES (UTC), {item.apart} APART"
    return "PEOPLE'S GRADES (UTC)"


def people_text(item: AuditItem, annotator: str) -> Content:
    """Return a row per person: grade, name, time, duration; their notes below."""
    lines = [_row(one.label, _name(one.label, annotator), one.notes) for one in item.opinions]
    if item.adjudication is not None:
        by = f"adjudicated by {_name(item.adjudication, annotator)}"
        lines.append(_row(item.adjudication, by, ()))
    return Content("\n").join(lines)


def people_line(item: AuditItem, annotator: str) -> Content:
    """Return everybody's grades in one line, for a narrow terminal."""
    parts: list[Part] = [("people ", DIM)]
    for one in item.opinions:
        parts += [_grade_digit(one.label), (f" {_name(one.label, annotator)}  ", "")]
    if item.adjudication is not None:
        by = _name(item.adjudication, annotator)
        parts += [("adjudicated ", DIM), _grade_digit(item.adjudication), (f" {by}", "")]
    return Content.assemble(*parts)


def other_notes(item: AuditItem) -> tuple[str, ...]:
    """Return the notes of people without a grade, whom ``people_text`` leaves out."""
    graders = {one.label.annotator for one in item.opinions}
    return tuple(one.text for one in item.remarks if one.annotator not in graders)


def _row(label: EarlierLabel, who: str, notes: tuple[str, ...]) -> Content:
    mark = grade_mark(label.grade)
    took = f"  {label.milliseconds / 1000:.0f} s" if label.milliseconds is not None else ""
    parts: list[Part] = [
        mark,
        " " * max(1, _MARK_WIDTH - mark.cell_length + 2),
        (who, "bold"),
        (f"\n  {label.happened:%Y-%m-%d %H:%M}{took}", DIM),
        (f"  {label.action.value}{', blind' if label.hidden else ''}", DIM),
    ]
    for note in notes:
        parts += [("\n  note ", DIM), displayable(shortened(note))]
    return Content.assemble(*parts)


def _name(label: EarlierLabel, annotator: str) -> str:
    return "you" if label.annotator == annotator else displayable_line(label.annotator)


def _grade_digit(label: EarlierLabel) -> Content:
    return Content.assemble((str(label.grade), f"bold {grade_style(label.grade)}"))


_HIDDEN: Final = "hidden until you grade"
_DRAWN_BLIND: Final = "blind check"
_OVERLAY_WIDTH: Final = 60
_BARS: Final = " ▁▂▃▄▅▆▇█"


def query_text(item: AuditItem) -> Content:
    """Return the query with its kind."""
    kind = f"  {item.query.kind.value}" if item.query.kind else ""
    return Content.assemble((displayable_line(shortened(item.query.text)), STRONG), (kind, DIM))


def place_text(item: AuditItem) -> Content:
    """Return path, lines, symbol and language of the code, and its marks."""
    document = item.document
    parts: list[Part] = [(displayable_line(shortened(document.path or "snippet")), "$text-accent")]
    if document.start_line is not None:
        parts.append((f":{document.start_line}-{document.end_line or document.start_line}", DIM))
    if document.symbol:
        parts.append((f"  {displayable_line(shortened(document.symbol))}", "bold"))
    parts.append((f"  {displayable_line(shortened(document.language))}", DIM))
    if item.flagged:
        parts.append(("  flagged", "bold $text-warning"))
    if item.skipped:
        parts.append(("  skipped", "bold $text-warning"))
    if item.injections:
        parts.insert(0, ("possible prompt injection  ", "bold $text-warning"))
    return Content.assemble(*parts)


def counts_text(counts: AuditCounts) -> Content:
    """Return the progress, and how often the person and the audited judge agree."""
    agreement = percent(counts.agreed, counts.compared)
    return Content.assemble(
        (f"{counts.done:,}", STRONG),
        (" done  ", DIM),
        (f"{counts.left:,}", STRONG),
        (" left  ", DIM),
        ("agree ", DIM),
        (agreement, STRONG if counts.compared else DIM),
    )


def modes_text(session: AuditSession, *, blind: bool) -> Content:
    """Return the filter, the order of the queue, the modes, and labels that wait for a server."""
    from labels.audit.filters import filter_text

    parts: list[list[Part]] = []
    if session.audit_filter.active:
        shown = displayable_line(filter_text(session.audit_filter))
        parts.append([("filter ", DIM), (shown, "bold $text-accent")])
    if session.adjudicates:
        parts.append([(" adjudicating ", "reverse $text-accent")])
    if session.asked_strategy is not None:
        parts.append([("queue ", DIM), (session.asked_strategy.value, "bold $text-accent")])
    if session.waiting:
        words = f"{counted(session.waiting, 'label')} not sent yet"
        parts.append([(words, "bold $text-warning")])
    if blind:
        parts.append([(" blind ", "reverse $text-accent")])
    return Content("  ").join(Content.assemble(*part) for part in parts)


def strip_text(item: AuditItem, *, hidden: bool, annotator: str) -> Content:
    """Return the judge's ruling for the few rows above the code of a narrow terminal.

    The grades of people come first where they have to be adjudicated.
    """
    if hidden:
        return Content.assemble(("judge ", DIM), (_hidden(item), "italic"), _note_lines(item))
    ruling = _ruling_strip(item)
    if not item.to_be_settled:
        return ruling
    return Content.assemble(people_line(item, annotator), "\n", ruling)


def _ruling_strip(item: AuditItem) -> Content:
    ruling = item.ruling
    if ruling is None:
        return Content.assemble(_without_score(item), _note_lines(item))
    judgment = ruling.judgment
    parts: list[Part] = [("judge ", DIM), _mark_of(ruling), "  ", _name_of(ruling)]
    parts += [
        Content.assemble((" · ", DIM), displayable_line(other.judge.name), " ", _digit(other))
        for other in item.rulings[1:]
    ]
    parts += [(f" · {displayable_line(name)} no score", DIM) for name, _ in item.failures]
    if judgment.distribution:
        parts += ["\n", _spark(judgment.distribution)]
    parts += [_note_lines(item), "\n", displayable(shortened(judgment.rationale.strip()))]
    return Content.assemble(*parts)


def _hidden(item: AuditItem) -> str:
    return f"{_DRAWN_BLIND}: {_HIDDEN}" if item.blind else _HIDDEN


def panel_text(item: AuditItem, *, hidden: bool, width: int, annotator: str) -> Content:
    """Return judges, people and notes of a pair, for the panel beside the code and the overlay.

    Args:
        item: the pair.
        hidden: whether to leave out everything that reveals a score or grade.
        width: the cells of a line, for the bars.
        annotator: the person; their own labels are named "you".
    """
    notes = item.notes
    if hidden:
        sections = [_section("JUDGE", Content.assemble((_hidden(item), "italic")))]
    else:
        sections = [*_ruling_sections(item, width), *_other_judges(item)]
        if several_spoke(item):
            people = _section(people_title(item), people_text(item, annotator))
            sections.insert(0 if item.to_be_settled else len(sections), people)
            notes = other_notes(item)
        else:
            sections += _earlier_labels(item.labels, annotator)
    if notes:
        text = "\n".join(displayable(shortened(note)) for note in notes)
        sections.append(_section("NOTES", Content(text)))
    return Content("\n\n").join(sections)


def details_text(item: AuditItem, *, hidden: bool, annotator: str) -> Content:
    """Return everything about a pair except its code, for the overlay."""
    document = item.document
    sections = [
        _section("QUERY", query_text(item)),
        _section("CODE", place_text(item)),
        panel_text(item, hidden=hidden, width=_OVERLAY_WIDTH, annotator=annotator),
    ]
    if item.injections:
        sections.insert(2, _section("POSSIBLE PROMPT INJECTION", _addresses(item)))
    if item.query.variation_of:
        sections.insert(1, _section("REWORDED FROM", _line(item.query.variation_of)))
    origin = f"pair {item.pair.id} · document {document.id} · origin {item.pair.origin.value}"
    return Content("\n\n").join([*sections, _section("IDS", Content.assemble((origin, DIM)))])


def _addresses(item: AuditItem) -> Content:
    lines = [
        Content.assemble(
            (f"line {each.line}" if each.line else "its name", STRONG),
            (f"  {each.kind.value}  ", DIM),
            displayable_line(shortened(each.text)),
        )
        for each in item.injections
    ]
    return Content("\n").join(lines)


def end_text(
    counts: AuditCounts, *, filtered: bool, keys: Mapping[str, str], settles: bool = False
) -> Content:
    """Return what was done and what to do next, when no pair is left.

    Args:
        counts: of the session that ended.
        filtered: whether a filter narrowed it.
        settles: whether it was for adjudicating.
        keys: the keys of ``audit.filter``, ``audit.undo`` and ``audit.home``, as text.
    """
    if not counts.done and not counts.compared and not counts.left and not filtered:
        return Content.assemble(
            ("There is no pair to audit yet.\n\n", STRONG),
            (keys["audit.home"], "bold $text-accent"),
            (" goes home, which shows what to import", DIM),
        )
    title = "No pair is left with this filter." if filtered else "Every pair is done."
    if counts.left:
        title = "No more pairs for you now: you have seen the rest, or others are grading it."
    return Content.assemble(
        (f"{title}\n\n", STRONG),
        (f"{counts.done:,}", STRONG),
        (" adjudicated" if settles else " graded by you", DIM),
        (", you and the judge agree ", DIM),
        (percent(counts.agreed, counts.compared), STRONG),
        (", at most one apart ", DIM),
        (f"{percent(counts.within_one, counts.compared)}\n\n", STRONG),
        ("  $ ", DIM),
        ("rejudge export jsonl labels.jsonl", "bold $text-success"),
        ("   exports the labels for training\n\n", DIM),
        (keys["audit.filter"], "bold $text-accent"),
        (" finds other pairs, such as is:skipped or is:flagged\n", DIM),
        (keys["audit.undo"], "bold $text-accent"),
        (" undoes your last action\n", DIM),
        (keys["audit.home"], "bold $text-accent"),
        (" goes home", DIM),
    )


def graded_text(event: LabelEvent, score: int | None, undo_key: str) -> Content:
    """Return what a grade did: ``graded 4, judge said 2: override · u undoes``."""
    return _graded(event, score) + Content.assemble((f" · {undo_key} undoes", DIM))


def graded_staying_text(
    event: LabelEvent, score: int | None, *, does: str, grade_keys: str, next_key: str
) -> Content:
    """Return what a grade did when the pair stays until ``next_key``.

    ``does`` says what the grade keys do meanwhile.
    """
    return _graded(event, score) + Content.assemble(
        (" · ", DIM),
        (grade_keys, STRONG),
        (f" {does} · ", DIM),
        (next_key, STRONG),
        (" goes on", DIM),
    )


def done_text(what: str, undo_key: str) -> Content:
    """Return what was recorded: ``skipped · u undoes``."""
    return Content.assemble((what, "bold"), (f" · {undo_key} undoes", DIM))


def undone_text(event: LabelEvent) -> Content:
    """Return what was undone: ``note undone``, ``grade 4 undone (override)``."""
    action = event.action.value
    if not event.grade:
        return Content.assemble((action, "bold"), (" undone", DIM))
    grade = f"{'adjudicated ' if event.adjudicates else ''}grade {event.grade}"
    return Content.assemble((grade, "bold"), (f" undone ({action})", DIM))


def _ruling_sections(item: AuditItem, width: int) -> list[Content]:
    ruling = item.ruling
    if ruling is None:
        return [_section("JUDGE", _without_score(item))]
    judgment = ruling.judgment
    sections = [
        _section("JUDGE", Content.assemble(_name_of(ruling), "\n\n", _mark_of(ruling))),
    ]
    if judgment.distribution:
        sections.append(_section("DISTRIBUTION", _distribution(judgment, width)))
    if judgment.rationale.strip():
        sections.append(
            _section("RATIONALE", Content(displayable(shortened(judgment.rationale.strip()))))
        )
    return sections


def _graded(event: LabelEvent, score: int | None) -> Content:
    grade = event.grade or 0
    mine = (f"{grade}", f"bold {grade_style(grade)}")
    did = ("adjudicated " if event.adjudicates else "graded ", DIM)
    if score is None:
        return Content.assemble(did, mine, (", no score to compare with", DIM))
    return Content.assemble(
        did,
        mine,
        (", judge said ", DIM),
        (f"{score}", f"bold {grade_style(score)}"),
        (": ", DIM),
        (event.action.value, "bold"),
    )


def _line(text: str) -> Content:
    return Content(displayable_line(shortened(text)))


def _section(title: str, content: Content) -> Content:
    return Content.assemble((title, f"bold {DIM}"), "\n", content)


def _mark_of(ruling: JudgeRuling) -> Content:
    return grade_mark(ruling.judgment.score or 1)


def _digit(ruling: JudgeRuling) -> Content:
    score = ruling.judgment.score or 1
    return Content.assemble((f"{score} {grade_word(score)}", grade_style(score)))


def _name_of(ruling: JudgeRuling) -> Content:
    return judge_name(ruling.judge)


def _without_score(item: AuditItem) -> Content:
    if item.failures:
        return _failures(item)
    return Content.assemble(("not judged yet", "italic"), (" · you can still grade it", DIM))


def _failures(item: AuditItem) -> Content:
    lines = [
        Content.assemble(
            ("no score: ", "bold $text-warning"),
            displayable_line(shortened(reason)),
            (f"  {displayable_line(name)}", DIM),
        )
        for name, reason in item.failures
    ]
    return Content("\n").join(lines)


def _distribution(judgment: Judgment, width: int) -> Content:
    shares = judgment.distribution or ()
    room = max(4, width - WIDEST_GRADE_WORD - 10)
    lines = [
        Content.assemble(
            (f"{grade} {grade_word(grade):<{WIDEST_GRADE_WORD}} ", grade_style(grade)),
            (bar(share, room), grade_style(grade)),
            (f" {share:4.0%}", STRONG if grade == judgment.score else DIM),
        )
        for grade, share in reversed(list(enumerate(shares, start=1)))
    ]
    return Content("\n").join(lines)


def _spark(shares: tuple[float, ...]) -> Content:
    parts: list[Part] = []
    for grade, share in enumerate(shares, start=1):
        sign = _BARS[round(max(0.0, min(1.0, share)) * (len(_BARS) - 1))]
        parts += [(f"{grade}{sign}", grade_style(grade)), (f"{share:.0%}  ", DIM)]
    return Content.assemble(*parts)


def _other_judges(item: AuditItem) -> list[Content]:
    entries = [_other_judge(other) for other in item.rulings[1:]]
    if item.rulings and item.failures:
        entries.append(_failures(item))
    return [_section("OTHER JUDGES", Content("\n").join(entries))] if entries else []


def _other_judge(ruling: JudgeRuling) -> Content:
    judgment = ruling.judgment
    parts: list[Part] = [_mark_of(ruling), "  ", _name_of(ruling)]
    if judgment.distribution:
        parts += ["\n", _spark(judgment.distribution)]
    if judgment.rationale.strip():
        parts += ["\n", (displayable(shortened(judgment.rationale.strip())), DIM)]
    return Content.assemble(*parts)


def _earlier_labels(labels: tuple[EarlierLabel, ...], annotator: str) -> list[Content]:
    lines = [
        Content.assemble(
            grade_mark(label.grade),
            (
                f"  {'you' if label.annotator == annotator else displayable_line(label.annotator)}",
                "",
            ),
            (f"  {label.action.value}{', blind' if label.hidden else ''}", DIM),
            (f"  {label.happened:%Y-%m-%d %H:%M}", DIM),
        )
        for label in labels
    ]
    return [_section("LABELS (UTC)", Content("\n").join(lines))] if lines else []


def _note_lines(item: AuditItem) -> Content:
    parts: list[Part] = []
    for note in item.notes[:1]:
        parts += ["\n", ("note ", DIM), displayable_line(shortened(note))]
    return Content.assemble(*parts)
