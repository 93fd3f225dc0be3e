"""The commands of the judges screen."""

from __future__ import annotations

from typing import Final

from tui.commands.command import Command, Section

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
