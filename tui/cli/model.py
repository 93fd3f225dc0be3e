"""The options that say which model is asked, where, and how patiently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from core.errors import JudgeError
from tui.cli.options import Range

if TYPE_CHECKING:
    from labels.judges.server import Server


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """Which model is asked, where, and how patiently."""

    panel: ClassVar = "Model and server"

    model: Annotated[str, typer.Option(metavar="M", help="The model's name on its server.")] = ""
    base_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="An OpenAI-compatible server, such as http://localhost:8080/v1. Default:"
            " OPENAI_BASE_URL, then OpenAI's.",
        ),
    ] = None
    concurrency: Annotated[
        int, typer.Option(metavar="N", help="Calls at the same time."), Range(1, 1024)
    ] = 8
    timeout: Annotated[
        float,
        typer.Option(metavar="S", help="Seconds that a try may take."),
        Range(0, 3600, above=True),
    ] = 120.0
    tries: Annotated[int, typer.Option(metavar="N", help="Tries of a call."), Range(1)] = 4
    max_tokens: Annotated[
        int, typer.Option(metavar="N", help="Longest reply, in tokens."), Range(1)
    ] = 2048

    def require_model(self) -> None:
        """Raise JudgeError where no model is named."""
        if not self.model:
            raise JudgeError("no model is named", todo="Name it with --model M")

    def server(self, base_url: str | None = None) -> Server:
        """Return the server to ask; ``base_url`` is its address unless an option names another.

        Raises:
            JudgeError: the address or the API key is missing or wrong.
        """
        from labels.judges.server import find_server

        return find_server(self.base_url or base_url, timeout=self.timeout, attempts=self.tries)
