"""The words of a command line, parsed."""

from __future__ import annotations

import argparse
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from core.errors import InputError
from core.workspace import Workspace, find_workspace, given_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_STORE_HELP: Final = (
    "a team's store, postgres:host=... dbname=..., or: file (default: the settings, then a file)"
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(message, todo=f"See: {self.prog} --help")


def parse(words: Sequence[str], commands: Mapping[str, str]) -> argparse.Namespace:
    """Return the parsed words; only the module of the command they name is imported.

    Raises:
        InputError: the words are not a command line of rejudge.
    """
    from tui.cli.main import command_module

    parser = _Parser(
        prog="rejudge",
        description="Audit LLM judge scores and turn them into labels. Alone it opens the app.",
    )
    parser.add_argument("--version", action="version", version=_version())
    parser.add_argument("--workspace", metavar="DIR", help="the folder to work in (default: here)")
    parser.add_argument("--store", metavar="URL", default="", help=_STORE_HELP)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    first = next((word for word in words if not word.startswith("-")), None)
    if first not in commands and first == words[0]:
        raise InputError("there is no such command", where=first, todo="See: rejudge --help")
    for name, summary in commands.items():
        subparser = subparsers.add_parser(name, help=summary, description=summary)
        add_place_arguments(subparser)
        if name in words:
            command_module(name).add_arguments(subparser)
    return parser.parse_args(list(words))


def add_place_arguments(parser: argparse.ArgumentParser) -> None:
    """Let a command say where it works, whatever was said before its name."""
    parser.add_argument(
        "--workspace",
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="the folder to work in (default: here)",
    )
    parser.add_argument("--store", metavar="URL", default=argparse.SUPPRESS, help=_STORE_HELP)


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """Let a command answer with one JSON document."""
    parser.add_argument("--json", action="store_true", help="answer with one JSON document")


def add_annotator_argument(parser: argparse.ArgumentParser) -> None:
    """Let a person say who they are."""
    parser.add_argument(
        "--annotator", metavar="NAME", help="who labels (default: the settings, then the login)"
    )


def workspace_of(arguments: argparse.Namespace) -> Workspace:
    """Return the workspace that ``--workspace`` names, else the one of this folder."""
    given: str | None = arguments.workspace
    store: str = arguments.store
    if given:
        return Workspace(given_path(given).absolute(), store)
    return find_workspace(Path.cwd(), store)


def _version() -> str:
    try:
        number = metadata.version("rejudge")
    except metadata.PackageNotFoundError:
        number = "from source"
    return f"rejudge {number} (Python {sys.version.split()[0]})"


def add_strategy_argument(parser: argparse.ArgumentParser, meaning: str) -> None:
    """Add ``--strategy``, by its name or the beginning of it."""
    parser.add_argument(
        "--strategy",
        metavar="NAME",
        default="",
        help=f"{meaning} (stratified, mixed, uncertain, disagreement, random, miss)",
    )
