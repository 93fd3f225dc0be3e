"""``rejudge``: opens the app, or runs a command.

Without words it imports neither typer nor a command: the app is to be there at once.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from core.errors import CancelledError, InputError, RejudgeError
from core.text import displayable_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.cli.output import Call

EXIT_DONE: Final = 0
EXIT_USER_ERROR: Final = 2
EXIT_INTERRUPTED: Final = 130
_PROGRAM: Final = "rejudge"
#: Set by a shell that asks for completions; typer answers it.
_COMPLETE_VARIABLE: Final = "_REJUDGE_COMPLETE"
#: Set by textual-serve: the app talks to a browser over its pipes.
_DRIVER_VARIABLE: Final = "TEXTUAL_DRIVER"


def program() -> int:
    """Run this process's command line and return its exit status."""
    from tui.terminal import install

    install()
    return main()


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit status."""
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


def open_app(folder: str | None, *, store: str = "", screen: str = "") -> int:
    """Open the app on the workspace of a folder, None: the one of this folder.

    Raises:
        InputError: there is no terminal to show it in.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()) and _DRIVER_VARIABLE not in os.environ:
        raise InputError(
            "the app needs a terminal, and its input or output is not one",
            todo="Run rejudge in a terminal, or use a command: rejudge --help",
        )
    from tui import app

    return app.open_app(folder, screen=screen, store=store)


def _run(words: list[str]) -> int:
    if not words and _COMPLETE_VARIABLE not in os.environ:
        return open_app(None)
    if words == ["--version"]:
        print(_version())
        return EXIT_DONE
    return _run_command(words)


def _run_command(words: list[str]) -> int:
    import typer

    from tui.cli.groups import build_root
    from tui.cli.output import escape_unencodable

    escape_unencodable()
    root = build_root(_open_app, _version)
    if _COMPLETE_VARIABLE in os.environ:
        root.main(words, prog_name=_PROGRAM, complete_var=_COMPLETE_VARIABLE)
    # typer exports BadParameter only; its base is the error of every word that is not understood.
    usage_error: Any = typer.BadParameter.__bases__[0]
    try:
        with root.make_context(_PROGRAM, words) as ctx:
            return int(root.invoke(ctx) or EXIT_DONE)
    except typer.Exit as done:
        return done.exit_code
    except usage_error as error:
        raise _input_error(error) from None


def _input_error(error: Any) -> InputError:
    """Return what typer says of words that it does not understand as an error of ours."""
    path = error.ctx.command_path if error.ctx is not None else _PROGRAM
    message = " ".join(error.format_message().split()).rstrip(".")
    return InputError(message[:1].lower() + message[1:], todo=f"See: {path} --help")


def _open_app(call: Call) -> int:
    return open_app(call.folder or None, store=call.store)


def _version() -> str:
    from importlib import metadata

    try:
        number = metadata.version("rejudge")
    except metadata.PackageNotFoundError:
        number = "from source"
    return f"rejudge {number} (Python {sys.version.split()[0]})"


def _report(error: RejudgeError) -> None:
    print(f"rejudge: {displayable_line(error.headline)}", file=sys.stderr)
    if error.todo:
        print(f"  {displayable_line(error.todo)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(program())
