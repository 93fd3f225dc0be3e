"""``rejudge``: opens the TUI, or runs one command."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

from core.errors import CancelledError, RejudgeError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


EXIT_DONE: Final = 0
EXIT_SKIPPED: Final = 1
EXIT_USER_ERROR: Final = 2
EXIT_INTERRUPTED: Final = 130
#: The commands and what each does, in the order of the loop. The module of a command has its name.
COMMANDS: Final[dict[str, str]] = {
    "init": "make a workspace in this folder",
    "demo": "build the sample workspace and open it",
    "import": "read in a corpus, scored pairs, or a spec",
    "pairs": "find candidate pairs for the queries, or have queries written",
    "judge": "let a judge score the pairs",
    "prompts": "list, show or save the prompts of LLM judges",
    "next": "show the pair to audit next",
    "label": "grade a pair",
    "undo": "take back the last thing you did",
    "skip": "pass a pair over",
    "agreement": "how far judges and people agree",
    "calibrate": "learn what the judges' scores mean",
    "status": "counts and figures of the workspace",
    "export": "write labels for training and evaluation",
    "eval": "evaluate a retriever on a spec",
    "train": "train an encoder on the labels",
    "runs": "the training runs, or one of them",
    "compare": "what changed from one eval to another",
    "misses": "the queries that an eval missed",
    "team": "a store that several people label in",
    "serve": "show the app in a browser",
    "keys": "list the keys of the screens",
    "doctor": "what this machine has and lacks",
}


class CommandModule(Protocol):
    """What the module of a command offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's own arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it and return the exit status."""


def program() -> int:
    """Run this process's command line and return its exit status."""
    from tui.terminal import install

    install()
    return main()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(words)
    except (CancelledError, KeyboardInterrupt):
        print("interrupted; what was finished is kept", file=sys.stderr)
        return EXIT_INTERRUPTED
    except RejudgeError as error:
        _report(error)
        return EXIT_USER_ERROR
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_DONE


def _run(words: list[str]) -> int:
    if not words:
        return _open_app(None, "")
    from tui.cli.arguments import parse

    arguments = parse(words, COMMANDS)
    if arguments.command is None:
        return _open_app(arguments.workspace, arguments.store)
    return command_module(arguments.command).run(arguments)


def command_module(name: str) -> CommandModule:
    """Import the module of one command."""
    return cast("CommandModule", import_module(f"tui.cli.{name}_command"))


def _open_app(folder: str | None, store: str) -> int:
    from tui.app import open_app

    return open_app(folder, store=store)


def _report(error: RejudgeError) -> None:
    from core.text import displayable_line

    print(f"rejudge: {displayable_line(error.headline)}", file=sys.stderr)
    if error.todo:
        print(f"  {displayable_line(error.todo)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(program())
