"""Every screen and every command of the app, declared once.

Key bindings, footers, the help screen, the command palette, docs/keys.md and ``rejudge keys`` are
made from these records. A new screen is an entry in ``SCREENS``; its class is imported when it is
first shown, so that the first screen does not wait for the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.binding import BindingType

FOOTER_LIMIT: Final = 8


@dataclass(frozen=True, slots=True)
class Command:
    """Something that a person can do.

    Args:
        id: what the settings file calls it, ``section.name``.
        keys: its keys, comma separated, in Textual's spelling.
        action: the Textual action that it runs.
        title: its entry in the command palette.
        help: one line for the help screen and docs/keys.md.
        word: its word in the footer; empty: not there. Commands of a section with the same word
            share a place.
        order: its place in the footer, ascending.
    """

    id: str
    keys: str
    action: str
    title: str
    help: str
    word: str = ""
    order: int = 50


@dataclass(frozen=True, slots=True)
class Section:
    """The commands of a screen, or those that work on every screen.

    Args:
        title: its heading on the help screen and in docs/keys.md.
        commands: what a person can do there.
        screen: ``module:class`` of the screen; empty: no screen of its own.
        opened_by: the command that opens the screen from everywhere; None: there is none.
        needs_store: whether the screen opens only while the store is open.
    """

    title: str
    commands: tuple[Command, ...]
    screen: str = ""
    opened_by: Command | None = None
    needs_store: bool = True


HOME: Final = Section(
    "Home",
    (
        Command("home.audit", "enter,a", "app.show('audit')", "Audit", "grade pairs", "audit", 1),
        Command("home.train", "t", "app.show('train')", "Train", "training runs", "train", 2),
        Command(
            "home.judges",
            "g",
            "app.show('judges')",
            "Judges",
            "how far each judge can be trusted, and calibration",
            "judges",
            2,
        ),
        Command(
            "home.misses",
            "m",
            "app.show('misses')",
            "Misses",
            "evaluations and the queries that they missed",
            "misses",
            3,
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
        Command("home.refresh", "r", "refresh", "Refresh", "count again", "refresh", 5),
        Command("home.down", "down,j", "scroll_page(1)", "Scroll down", "scroll down"),
        Command("home.up", "up,k", "scroll_page(-1)", "Scroll up", "scroll up"),
    ),
    "tui.screens.home:HomeScreen",
    Command("app.home", "f2", "app.show('home')", "Go to Home", "go to the home screen"),
    needs_store=False,
)

GRADE_COMMANDS: Final = tuple(
    Command(
        f"audit.grade_{grade}",
        str(grade),
        f"grade({grade})",
        f"Grade {grade}: {word}",
        f"grade {grade}, {meaning}; the judge's own score confirms it, another overrides it",
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
    "Audit",
    (
        *GRADE_COMMANDS,
        Command(
            "audit.confirm",
            "space,enter",
            "confirm",
            "Confirm the judge's score",
            "confirm the judge's score; in blind mode, after your grade: next pair",
            "confirm",
            2,
        ),
        Command(
            "audit.undo",
            "u",
            "undo",
            "Undo",
            "undo your last action, also one of an earlier session",
            "undo",
            3,
        ),
        Command(
            "audit.skip",
            "s",
            "skip",
            "Skip",
            "skip this pair; the filter is:skipped finds it again",
            "skip",
            4,
        ),
        Command(
            "audit.blind",
            "b",
            "toggle_blind",
            "Blind mode",
            "hide score and rationale until you have graded; then keep or change your grade",
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
            "Queue order",
            "how pairs are chosen: stratified mixed uncertain disagreement random miss",
        ),
        Command("audit.flag", "f", "flag", "Flag", "flag the pair for a second look, or unflag it"),
        Command("audit.note", "n", "note", "Note", "write a note on the pair"),
        Command("audit.next", "right,]", "next", "Next pair", "next pair, without grading"),
        Command("audit.previous", "left,[", "previous", "Previous pair", "previous pair"),
        Command(
            "audit.details",
            "i",
            "details",
            "Details of the pair",
            "details: the whole rationale, every judge, label and note",
        ),
        Command("audit.guidelines", "g", "guidelines", "Guidelines", "how to grade"),
        Command(
            "audit.misses",
            "m",
            "app.show('misses')",
            "Misses",
            "evaluations and the queries that they missed",
        ),
        Command("audit.home", "escape", "app.show('home')", "Home", "back to the home screen"),
        Command("code.down", "j,down", "code('down')", "Code: line down", "one line down"),
        Command("code.up", "k,up", "code('up')", "Code: line up", "one line up"),
        Command("code.page_down", "pagedown", "code('page_down')", "Code: page down", "page down"),
        Command("code.page_up", "pageup", "code('page_up')", "Code: page up", "page up"),
        Command("code.top", "home", "code('top')", "Code: top", "to the first line"),
        Command("code.bottom", "end", "code('bottom')", "Code: end", "to the last line"),
        Command(
            "code.right", "l,shift+right", "code('right')", "Code: right", "scroll long lines right"
        ),
        Command(
            "code.left", "h,shift+left", "code('left')", "Code: left", "scroll long lines left"
        ),
    ),
    "tui.screens.audit.screen:AuditScreen",
    Command("app.audit", "f3", "app.show('audit')", "Go to Audit", "go to the audit screen"),
)

JUDGES: Final = Section(
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
            "judges.disagreements",
            "f,tab",
            "disagreements",
            "Disagreements",
            "switch between the pairs that judges score 2 or more apart and the metrics",
            "disagreements",
            2,
        ),
        Command(
            "judges.audit",
            "a,enter",
            "audit",
            "Audit the disagreements",
            "audit the disagreements before all other pairs, from the cursor on",
            "audit them",
            3,
        ),
        Command("judges.next", "right,]", "judge(1)", "Next judge", "next judge", "next judge", 4),
        Command("judges.previous", "left,[", "judge(-1)", "Previous judge", "previous judge"),
        Command("judges.refresh", "r", "refresh", "Refresh", "measure again"),
        Command("judges.down", "j,down", "go('down')", "Down", "scroll down; in a list: next row"),
        Command("judges.up", "k,up", "go('up')", "Up", "scroll up; in a list: previous row"),
        Command("judges.page_down", "pagedown,space", "go('page_down')", "Page down", "page down"),
        Command("judges.page_up", "pageup", "go('page_up')", "Page up", "page up"),
        Command("judges.top", "home", "go('top')", "Top", "to the top"),
        Command("judges.bottom", "end", "go('bottom')", "End", "to the end"),
        Command(
            "judges.leave",
            "escape",
            "leave",
            "Back",
            "stop a calibration; else back to the metrics, then home",
        ),
    ),
    "tui.screens.judges:JudgesScreen",
    Command("app.judges", "f5", "app.show('judges')", "Go to Judges", "go to the judges screen"),
)

TRAIN: Final = Section(
    "Train",
    (
        Command("train.new", "n", "new_run", "New run", "set up a new training run", "new run", 1),
        Command(
            "train.stop",
            "s",
            "stop_run",
            "Stop the run",
            "let the run finish its step, write a checkpoint and stop",
            "stop",
            2,
        ),
        Command(
            "train.resume",
            "r",
            "resume_run",
            "Resume the run",
            "resume a run that stopped, failed or died, from its last checkpoint",
            "resume",
            3,
        ),
        Command(
            "train.compare",
            "c",
            "compare",
            "Compare runs",
            "compare with the next run; after the last one, end the comparison",
            "compare",
            4,
        ),
        Command(
            "train.misses",
            "m",
            "show_misses",
            "Misses of the run",
            "queries that the trained encoder misses, beside those that its base model missed",
            "misses",
            5,
        ),
        Command(
            "train.copy",
            "y",
            "copy_command",
            "Copy as a command",
            "copy the settings of the run, or of the form, as a rejudge train command",
            "copy",
            6,
        ),
        Command("train.start", "g", "start_run", "Start the run", "start the run set up here"),
        Command(
            "train.open",
            "enter",
            "open",
            "Open",
            "in the form: change the field or start; else switch the text below the curves",
        ),
        Command(
            "train.shown",
            "f,tab",
            "next_shown",
            "Outcome, log, settings",
            "switch the text below the curves: outcome, log, settings",
        ),
        Command(
            "train.evaluate",
            "e",
            "evaluate",
            "Evaluate now",
            "evaluate a finished run and its base model, where that is still missing",
        ),
        Command("train.down", "j,down", "go('down')", "Down", "next run or field"),
        Command("train.up", "k,up", "go('up')", "Up", "previous run or field"),
        Command("train.top", "home", "go('top')", "Top", "first run or field"),
        Command("train.bottom", "end", "go('bottom')", "End", "last run or field"),
        Command(
            "train.page_down", "pagedown,space", "scroll_below(1)", "Scroll down", "scroll down"
        ),
        Command("train.page_up", "pageup", "scroll_below(-1)", "Scroll up", "scroll up"),
        Command(
            "train.leave",
            "escape",
            "leave",
            "Back",
            "close the form or the comparison, stop running evaluations; else home",
        ),
    ),
    "tui.screens.train.screen:TrainScreen",
    Command("app.train", "f6", "app.show('train')", "Go to Train", "go to the train screen"),
)

MISSES: Final = Section(
    "Misses",
    (
        Command(
            "misses.open",
            "enter",
            "open",
            "Open",
            "from the evaluations to the queries, from a query to its documents",
            "open",
            1,
        ),
        Command(
            "misses.audit",
            "a",
            "audit",
            "Audit this query's pairs",
            "audit the expected documents and those ranked above them, before all other pairs",
            "audit",
            2,
        ),
        Command(
            "misses.relevant",
            "r",
            "mark_relevant",
            "Mark as relevant",
            "the document ranked above is relevant too: write a new spec that says so",
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
            "Compare evaluations",
            "compare with the next evaluation; after the last one, end the comparison",
            "compare",
            5,
        ),
        Command(
            "misses.start",
            "s",
            "start_eval",
            "Start an evaluation",
            "start an evaluation: SPEC lexical, SPEC encoder [MODEL], SPEC hybrid [MODEL]",
            "start eval",
            6,
        ),
        Command("misses.again", "g", "run_again", "Run again", "run this evaluation again"),
        Command(
            "misses.shown",
            "f",
            "next_shown",
            "Misses, regressions, fixed, all",
            "switch the list: misses, regressions, fixed, all",
        ),
        Command(
            "misses.kind", "v", "next_kind", "Query kind", "both kinds of queries, or one of them"
        ),
        Command(
            "misses.tokens",
            "w",
            "tokens",
            "Token alignment",
            "for each token of the query, its nearest token in both documents",
        ),
        Command(
            "misses.pairs",
            "t",
            "make_pairs",
            "Make training pairs",
            "make pairs of this query and its documents, to be judged or labelled",
        ),
        Command("misses.export", "x", "export", "Export", "write the misses as Markdown and JSON"),
        Command("misses.above", "n", "above(1)", "Next ranked above", "next document ranked above"),
        Command(
            "misses.above_back",
            "p",
            "above(-1)",
            "Previous ranked above",
            "previous document ranked above",
        ),
        Command("misses.wanted", "e", "wanted", "Next expected", "next expected document"),
        Command("misses.next", "right,]", "query(1)", "Next query", "next query"),
        Command("misses.previous", "left,[", "query(-1)", "Previous query", "previous query"),
        Command("misses.pane", "tab", "pane", "Switch pane", "to the other list or document"),
        Command("misses.down", "j,down", "go('down')", "Down", "one row or line down"),
        Command("misses.up", "k,up", "go('up')", "Up", "one row or line up"),
        Command("misses.page_down", "pagedown,space", "go('page_down')", "Page down", "page down"),
        Command("misses.page_up", "pageup", "go('page_up')", "Page up", "page up"),
        Command("misses.top", "home", "go('top')", "Top", "to the first row or line"),
        Command("misses.bottom", "end", "go('bottom')", "End", "to the last row or line"),
        Command(
            "misses.right", "l,shift+right", "go('right')", "Code: right", "scroll long lines right"
        ),
        Command(
            "misses.left", "h,shift+left", "go('left')", "Code: left", "scroll long lines left"
        ),
        Command(
            "misses.leave",
            "escape",
            "leave",
            "Back",
            "stop a running evaluation; else back to the lists, then home",
        ),
    ),
    "tui.screens.misses.screen:MissesScreen",
    Command("app.misses", "f7", "app.show('misses')", "Go to Misses", "go to the misses screen"),
)

WORKSHOP: Final = Section(
    "Prompt workshop",
    (
        Command(
            "workshop.try",
            "ctrl+r",
            "try",
            "Try the rubric",
            "try the rubric on audited pairs; shows the cost first",
            "try",
            1,
        ),
        Command("workshop.save", "ctrl+s", "save", "Save", "save the rubric by name", "save", 2),
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
    "tui.screens.workshop:WorkshopScreen",
    Command(
        "app.workshop",
        "f4",
        "app.show('workshop')",
        "Go to Prompt workshop",
        "edit a judge's rubric and try it on audited pairs",
    ),
)

HELP: Final = Section(
    "Help and overlays",
    (
        Command("help.close", "escape,enter,space", "close", "Back", "back", "back", 1),
        Command("help.down", "down,j", "scroll_page(1)", "Scroll down", "scroll down"),
        Command("help.up", "up,k", "scroll_page(-1)", "Scroll up", "scroll up"),
    ),
    "tui.screens.help:HelpScreen",
    Command("app.help", "?,f1", "app.show('help')", "Help", "all keys", "help", 80),
    needs_store=False,
)

#: The screens by name, in the order of help and documentation.
SCREENS: Final = {
    "home": HOME,
    "audit": AUDIT,
    "judges": JUDGES,
    "train": TRAIN,
    "misses": MISSES,
    "workshop": WORKSHOP,
    "help": HELP,
}
_EVERYWHERE: Final = (
    Command("app.palette", "ctrl+p", "app.command_palette", "Commands", "every command by name"),
    Command("app.theme", "ctrl+t", "app.change_theme", "Theme", "choose a light or dark theme"),
    Command("app.quit", "q", "app.quit", "Quit", "quit; your work is saved", "quit", 90),
)


def everywhere() -> Section:
    """Return the commands that work on every screen: opening another screen, palette, quit."""
    opening = (section.opened_by for section in SCREENS.values())
    return Section("Everywhere", (*(command for command in opening if command), *_EVERYWHERE))


def sections() -> tuple[Section, ...]:
    """Return the sections in the order of help and documentation."""
    return (*SCREENS.values(), everywhere())


def bindings_of(section: Section) -> list[BindingType]:
    """Return the bindings of a section, each with its command's id."""
    from textual.binding import Binding

    return [
        Binding(command.keys, command.action, command.title, show=False, id=command.id)
        for command in section.commands
    ]


def footer_groups(commands: Iterable[Command]) -> list[tuple[Command, ...]]:
    """Return the commands that the footer names, those with the same word together, in order."""
    groups: dict[str, list[Command]] = {}
    for command in sorted(commands, key=lambda command: command.order):
        if command.word:
            groups.setdefault(command.word, []).append(command)
    return [tuple(group) for group in groups.values()]
