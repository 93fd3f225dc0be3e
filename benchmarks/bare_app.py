"""The reference: a Textual app that does nothing but paint. Run as a script.

``bare_app.py`` shows a Static and a Footer. ``bare_app.py FILE`` shows the first code of a JSON
list in a plain Static, and the next one with every key.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App
from textual.widgets import Footer, Static

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult


class BareApp(App[None]):
    """A Static and a Footer."""

    BINDINGS = [("q", "quit", "Quit")]  # noqa: RUF012 - as short as the first page of the tutorial

    def compose(self) -> ComposeResult:
        """Lay out the two."""
        yield Static("bare and painted")
        yield Footer()


class SwappingApp(App[None]):
    """One code after another in a Static, without colours; the number of each in its first line."""

    def __init__(self, codes: list[str]) -> None:
        super().__init__()
        self._codes = codes
        self._shown = 0

    def compose(self) -> ComposeResult:
        """Lay out the Static."""
        yield Static(self._code(), markup=False)

    def on_key(self, event: events.Key) -> None:
        """Swap in the next code."""
        if event.character == "1":
            self._shown += 1
            self.query_one(Static).update(self._code())

    def _code(self) -> str:
        return f"code {self._shown} begins\n\n{self._codes[self._shown]}"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        SwappingApp(json.loads(Path(sys.argv[1]).read_text("utf-8"))).run()
    else:
        BareApp().run()
