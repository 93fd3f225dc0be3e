"""The line of keys at the bottom: one widget, each key a thing to click."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.style import Style
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.command_keys import KeyTable
    from tui.commands import Command

    Part = tuple[str, str | Style] | Content


class KeyBar(Widget, can_focus=False):
    """Shows the keys that matter most on a screen.

    With ``typing``, on a screen whose letters go into a text, only those that are no letters.
    """

    def __init__(
        self,
        groups: Sequence[Sequence[Command]],
        key_table: KeyTable,
        *,
        id: str,  # noqa: A002 - Textual's own word
        typing: bool = False,
    ) -> None:
        super().__init__(id=id)
        self._typing = typing
        self.auto_links = False
        self._groups = groups
        self._key_table = key_table

    def render(self) -> Content:
        """Return the keys, with less air where the line is short."""
        for gap in (3, 2, 1):
            content = self._assembled(gap)
            if content.cell_length <= self.content_size.width:
                return content
        return content.truncate(max(1, self.content_size.width), ellipsis=True)

    def _assembled(self, gap: int) -> Content:
        parts: list[Content] = []
        for group in self._groups:
            shown = self._key_table.shown(group, typing=self._typing)
            if not shown:
                continue
            if parts:
                parts.append(Content(" " * gap))
            entry = Content.assemble(
                (shown, "bold $text-accent"),
                (f" {group[0].word}", "$foreground 80%"),
            )
            if len(group) == 1:
                entry = entry.stylize(Style.from_meta({"@click": _click(group[0].action)}))
            parts.append(entry)
        return Content("").join(parts)


def _click(action: str) -> str:
    return action if action.startswith("app.") else f"screen.{action}"
