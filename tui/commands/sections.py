"""The commands of the audit screen.

The commands that hold on every screen.

The commands of help and of what lies over a screen.

The commands of home.

The commands of the judges screen.

The commands of the misses screen.

The commands of the train screen.

The commands of the prompt workshop.
"""

from __future__ import annotations

from typing import Final

from tui.commands.command import Command, Section

EVERYWHERE: Final = Section(
    "app",
    "Everywhere",
    (
        Command("app.help", "?,f1", "app.show_help", "Keys", "all keys", "keys", 80),
        Command(
            "app.palette", "ctrl+p", "app.command_palette", "Commands", "every command by name"
        ),
        Command(
            "app.workshop",
            "f4",
            "app.show_workshop",
            "Prompt workshop",
            "change a judge's rubric and try it on audited pairs",
        ),
        Command(
            "app.theme", "ctrl+t", "app.change_theme", "Theme", "choose light, dark or another"
        ),
        Command("app.quit", "q", "app.quit", "Quit", "leave; all that you did is kept", "quit", 90),
    ),
)

HELP: Final = Section(
    "help",
    "Help and overlays",
    (
        Command(
            "help.close", "escape,enter,space", "close", "Back", "back to where you were", "back", 1
        ),
        Command("help.down", "down,j", "scroll_page(1)", "Scroll down", "scroll down"),
        Command("help.up", "up,k", "scroll_page(-1)", "Scroll up", "scroll up"),
    ),
)

HOME: Final = Section(
    "home",
    "Home",
    (
        Command(
            "home.audit",
            "enter,a",
            "app.show_audit",
            "Audit",
            "grade pairs, one key each",
            "audit",
            1,
        ),
        Command(
            "home.train", "t", "app.show_train", "Train", "training runs and a new one", "train", 2
        ),
        Command(
            "home.misses",
            "m",
            "app.show_misses",
            "Misses",
            "evals and what they missed",
            "misses",
            3,
        ),
        Command(
            "home.judges",
            "g",
            "app.show_judges",
            "Judges",
            "how far each judge can be trusted, and what its scores mean",
            "judges",
            2,
        ),
        Command(
            "home.copy",
            "c",
            "copy_next",
            "Copy the next command",
            "copy the command shown under NEXT",
            "copy",
            4,
        ),
        Command(
            "home.refresh",
            "r",
            "refresh",
            "Look again",
            "read the workspace again",
            "look again",
            5,
        ),
        Command("home.down", "down,j", "scroll_page(1)", "Scroll down", "scroll down"),
        Command("home.up", "up,k", "scroll_page(-1)", "Scroll up", "scroll up"),
    ),
)

JUDGES: Final = Section(
    "judges",
    "Judges",
    (
        Command(
            "judges.calibrate",
            "c",
            "calibrate",
            "Calibrate now",
            "learn from the labels what scores mean, and grade every judged pair",
            "calibrate",
            1,
        ),
        Command(
            "judges.fights",
            "f,tab",
            "fights",
            "What judges fight over",
            "the pairs that judges score far apart, or the figures again",
            "fights",
            2,
        ),
        Command(
            "judges.audit",
            "a,enter",
            "audit",
            "Audit those pairs",
            "audit what judges fight over before all other pairs, from the cursor on",
            "audit fights",
            3,
        ),
        Command(
            "judges.next", "right,]", "judge(1)", "Next judge", "the next judge", "next judge", 4
        ),
        Command("judges.previous", "left,[", "judge(-1)", "Previous judge", "the judge before"),
        Command("judges.refresh", "r", "refresh", "Measure again", "measure again"),
        Command("judges.down", "j,down", "go('down')", "Down", "scroll down; in a list, next"),
        Command("judges.up", "k,up", "go('up')", "Up", "scroll up; in a list, the one before"),
        Command("judges.page_down", "pagedown,space", "go('page_down')", "Page down", "page down"),
        Command("judges.page_up", "pageup", "go('page_up')", "Page up", "page up"),
        Command("judges.top", "home", "go('top')", "Top", "to the top"),
        Command("judges.bottom", "end", "go('bottom')", "End", "to the end"),
        Command(
            "judges.leave",
            "escape",
            "leave",
            "Back",
            "stop a calibration; else back to the figures, then home",
        ),
    ),
)

MISSES: Final = Section(
    "misses",
    "Misses",
    (
        Command(
            "misses.open",
            "enter",
            "open",
            "Look into the query",
            "from the evals to the queries, from the queries to the documents",
            "open",
            1,
        ),
        Command(
            "misses.audit",
            "a",
            "audit",
            "Audit this query's pairs",
            "audit what should be found and what stands above, before all other pairs",
            "audit",
            2,
        ),
        Command(
            "misses.relevant",
            "r",
            "mark_relevant",
            "Relevant after all",
            "the document above is relevant after all: writes a new spec beside the old one",
            "relevant",
            3,
        ),
        Command(
            "misses.filter",
            "/",
            "filter",
            "Filter",
            "choose queries: is:misses is:regressions is:fixed is:all kind:semantic words",
            "filter",
            4,
        ),
        Command(
            "misses.compare",
            "c",
            "compare",
            "Compare",
            "compare with the next of the other evals, in the end with none",
            "compare",
            5,
        ),
        Command(
            "misses.start",
            "s",
            "start_eval",
            "Start an eval",
            "start an eval: SPEC lexical, SPEC encoder [MODEL], SPEC hybrid [MODEL]",
            "start eval",
            6,
        ),
        Command("misses.again", "g", "run_again", "Run again", "run this eval again"),
        Command(
            "misses.shown",
            "f",
            "next_shown",
            "Misses, regressions, fixed, all",
            "list misses, then regressions, then fixed ones, then all",
        ),
        Command("misses.kind", "v", "next_kind", "Kind", "list both kinds, or one of them"),
        Command(
            "misses.tokens",
            "w",
            "tokens",
            "Words of an encoder",
            "for each token of the query its nearest token in both documents",
        ),
        Command(
            "misses.pairs",
            "t",
            "make_pairs",
            "Make training pairs",
            "make pairs of this query's documents, to be judged or labelled",
        ),
        Command("misses.export", "x", "export", "Export", "write the misses as Markdown and JSON"),
        Command(
            "misses.above", "n", "above(1)", "Next above", "the next document that stands above"
        ),
        Command("misses.above_back", "p", "above(-1)", "Previous above", "the one before"),
        Command("misses.wanted", "e", "wanted", "Next wanted", "the next document to be found"),
        Command("misses.next", "right,]", "query(1)", "Next query", "next query"),
        Command("misses.previous", "left,[", "query(-1)", "Previous query", "previous query"),
        Command(
            "misses.pane", "tab", "pane", "Other side", "to the other list, or to the other code"
        ),
        Command("misses.down", "j,down", "go('down')", "Down", "one row or line down"),
        Command("misses.up", "k,up", "go('up')", "Up", "one row or line up"),
        Command("misses.page_down", "pagedown,space", "go('page_down')", "Page down", "page down"),
        Command("misses.page_up", "pageup", "go('page_up')", "Page up", "page up"),
        Command("misses.top", "home", "go('top')", "Top", "to the first row or line"),
        Command("misses.bottom", "end", "go('bottom')", "End", "to the last row or line"),
        Command("misses.right", "l,shift+right", "go('right')", "Code: right", "code to the right"),
        Command("misses.left", "h,shift+left", "go('left')", "Code: left", "code to the left"),
        Command(
            "misses.leave",
            "escape",
            "leave",
            "Back",
            "stop a running eval; else back: to the lists, then home",
        ),
    ),
)

TRAIN: Final = Section(
    "train",
    "Train",
    (
        Command("train.new", "n", "new_run", "New run", "set up a new run", "new run", 1),
        Command(
            "train.stop",
            "s",
            "stop_run",
            "Stop the run",
            "let the run finish its step, write a checkpoint and end",
            "stop",
            2,
        ),
        Command(
            "train.resume",
            "r",
            "resume_run",
            "Resume the run",
            "go on with a run that was stopped, failed or died, after its last checkpoint",
            "resume",
            3,
        ),
        Command(
            "train.compare",
            "c",
            "compare",
            "Compare",
            "compare with the next of the other runs, in the end with none",
            "compare",
            4,
        ),
        Command(
            "train.misses",
            "m",
            "show_misses",
            "Misses of the run",
            "what the trained encoder misses, beside what its base missed",
            "misses",
            5,
        ),
        Command(
            "train.copy",
            "y",
            "copy_command",
            "Copy as a command",
            "copy the run's settings, or the form's, as a rejudge train command",
            "copy",
            6,
        ),
        Command(
            "train.start",
            "g",
            "start_run",
            "Start the run",
            "start the run that the form describes",
        ),
        Command(
            "train.open",
            "enter",
            "open",
            "Open",
            "in the form: change the field or start; else what is shown below changes",
        ),
        Command(
            "train.shown",
            "f,tab",
            "next_shown",
            "Outcome, log, settings",
            "show below what the run changed, then its log, then its settings",
        ),
        Command(
            "train.evaluate",
            "e",
            "evaluate",
            "Evaluate now",
            "evaluate a finished run before and after, where that is still to be done",
        ),
        Command("train.down", "j,down", "go('down')", "Down", "one run or field down"),
        Command("train.up", "k,up", "go('up')", "Up", "one run or field up"),
        Command("train.top", "home", "go('top')", "Top", "to the first run or field"),
        Command("train.bottom", "end", "go('bottom')", "End", "to the last run or field"),
        Command(
            "train.page_down", "pagedown,space", "scroll_below(1)", "Below: down", "scroll below"
        ),
        Command("train.page_up", "pageup", "scroll_below(-1)", "Below: up", "scroll back below"),
        Command(
            "train.leave",
            "escape",
            "leave",
            "Back",
            "leave the form or the comparison, stop evals that run; else home",
        ),
    ),
)

WORKSHOP: Final = Section(
    "workshop",
    "Prompt workshop",
    (
        Command(
            "workshop.try",
            "ctrl+r",
            "try",
            "Try the rubric",
            "try the rubric on audited pairs; tells the cost first",
            "try",
            1,
        ),
        Command(
            "workshop.save", "ctrl+s", "save", "Save", "save the rubric under a name", "save", 2
        ),
        Command("workshop.open", "ctrl+o", "open", "Open", "open a saved version", "open", 3),
        Command(
            "workshop.leave",
            "escape",
            "leave",
            "Back",
            "stop a running trial; else home",
            "back",
            4,
        ),
    ),
)

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
