"""The commands of the train screen."""

from __future__ import annotations

from typing import Final

from tui.commands.command import Command, Section

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
