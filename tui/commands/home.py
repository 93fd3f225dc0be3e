"""The commands of home."""

from __future__ import annotations

from typing import Final

from tui.commands.command import Command, Section

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
