"""The commands of the audit screen."""

from __future__ import annotations

from typing import Final

from tui.commands.command import Command, Section

GRADE_COMMANDS: Final = tuple(
    Command(
        f"audit.grade_{grade}",
        str(grade),
        f"grade({grade})",
        f"Grade {grade}: {word}",
        f"grade {grade}, {meaning}; the same as the judge's score confirms it",
        "grade",
        1,
    )
    for grade, word, meaning in (
        (1, "irrelevant", "irrelevant"),
        (2, "same topic", "same topic but not the thing"),
        (3, "partly", "partly what is wanted"),
        (4, "good match", "good match with small gaps"),
        (5, "exact", "exactly what is wanted"),
    )
)

AUDIT: Final = Section(
    "audit",
    "Audit",
    (
        *GRADE_COMMANDS,
        Command(
            "audit.confirm",
            "space,enter",
            "confirm",
            "Confirm the judge's score",
            "confirm the judge's score; in blind mode, after your grade: go on",
            "confirm",
            2,
        ),
        Command(
            "audit.undo",
            "u",
            "undo",
            "Undo",
            "take back the last thing you did, also of earlier sessions",
            "undo",
            3,
        ),
        Command(
            "audit.skip",
            "s",
            "skip",
            "Skip",
            "pass this pair over; the filter is:skipped finds it again",
            "skip",
            4,
        ),
        Command(
            "audit.blind",
            "b",
            "toggle_blind",
            "Blind mode",
            "hide score and rationale until you graded; then revise with another grade, or go on",
            "blind",
            5,
        ),
        Command(
            "audit.filter",
            "/",
            "filter",
            "Filter",
            "choose pairs: score:4,5 kind:semantic path:x is:flagged disagree:2 words;"
            " is:disputed to adjudicate",
            "filter",
            6,
        ),
        Command(
            "audit.queue",
            "o",
            "queue",
            "Queue",
            "how the next pairs are drawn: stratified mixed uncertain disagreement random miss",
        ),
        Command(
            "audit.flag", "f", "flag", "Flag", "mark the pair as broken or worth a second look"
        ),
        Command("audit.note", "n", "note", "Note", "write a note on the pair"),
        Command(
            "audit.next", "right,]", "next", "Next pair", "next pair, without grading this one"
        ),
        Command("audit.previous", "left,[", "previous", "Previous pair", "previous pair"),
        Command(
            "audit.details",
            "i",
            "details",
            "All about this pair",
            "all about this pair: the whole rationale, every judge, label and note",
        ),
        Command("audit.guidelines", "g", "guidelines", "Guidelines", "how to grade"),
        Command("audit.misses", "m", "app.show_misses", "Misses", "evals and what they missed"),
        Command("audit.home", "escape", "app.show_home", "Home", "back to the home screen"),
        Command("code.down", "j,down", "code('down')", "Code: line down", "one line down"),
        Command("code.up", "k,up", "code('up')", "Code: line up", "one line up"),
        Command(
            "code.page_down", "pagedown", "code('page_down')", "Code: page down", "one page down"
        ),
        Command("code.page_up", "pageup", "code('page_up')", "Code: page up", "one page up"),
        Command("code.top", "home", "code('top')", "Code: top", "to the first line"),
        Command("code.bottom", "end", "code('bottom')", "Code: end", "to the last line"),
        Command(
            "code.right",
            "l,shift+right",
            "code('right')",
            "Code: right",
            "to the right in long lines",
        ),
        Command(
            "code.left", "h,shift+left", "code('left')", "Code: left", "to the left in long lines"
        ),
    ),
)
