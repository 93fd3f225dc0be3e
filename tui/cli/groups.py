"""The tree of commands. The module of a command is imported when the command is called."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from core.errors import InputError
from tui.cli.options import slot_of
from tui.cli.output import Call
from tui.shown.figures import table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Entry(NamedTuple):
    """A command as ``rejudge --help`` lists it: its panel, its module, what it does."""

    panel: str
    module: str
    summary: str


#: In the order of the loop.
COMMANDS: Final[dict[str, Entry]] = {
    "init": Entry("Bring in", "workspace", "Make a workspace in this folder."),
    "demo": Entry("Bring in", "workspace", "Build the sample workspace and open it."),
    "import": Entry("Bring in", "pairs", "Read in code, scored pairs, or a spec of queries."),
    "pairs": Entry("Bring in", "pairs", "Find documents for queries, or have queries written."),
    "status": Entry("Bring in", "workspace", "Show what the workspace holds."),
    "judge": Entry("Judge", "judge", "Have an LLM, or the offline baseline, score the pairs."),
    "prompts": Entry("Judge", "prompts", "List, show or save the prompts of LLM judges."),
    "next": Entry("Audit", "audit", "Show the pair to audit next."),
    "label": Entry("Audit", "audit", "Grade a pair from 1 to 5."),
    "undo": Entry("Audit", "audit", "Take back the last thing you did."),
    "skip": Entry("Audit", "audit", "Pass a pair over."),
    "agreement": Entry("Trust", "trust", "Measure how far judges and people agree."),
    "calibrate": Entry("Trust", "trust", "Learn from labels what the judges' scores mean."),
    "export": Entry("Train", "pairs", "Write the graded pairs to a file."),
    "train": Entry("Train", "train", "Train an encoder on the graded pairs."),
    "runs": Entry("Train", "train", "List the training runs, or show a run."),
    "eval": Entry("Evaluate", "evals", "Evaluate a retriever on a spec, or list the evals."),
    "compare": Entry("Evaluate", "evals", "Show what changed from one eval to another."),
    "misses": Entry("Evaluate", "evals", "Show the queries that an eval missed."),
    "team": Entry("Team", "team", "Label together in a store on a PostgreSQL server."),
    "serve": Entry("Team", "team", "Show the app in a browser."),
    "keys": Entry("Machine", "workspace", "List the keys of the screens."),
    "doctor": Entry("Machine", "workspace", "Check this machine and the workspace."),
}

_PANEL: Final = "Common options"
_WorkspaceOption = Annotated[
    str,
    typer.Option(
        "--workspace",
        metavar="DIR",
        help="The folder to work in. Default: the nearest with a workspace, from here upwards.",
        rich_help_panel=_PANEL,
    ),
]
_StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="URL",
        help="A team's store, postgres:host=... dbname=..., or: file. Default: the settings, then"
        " a file.",
        rich_help_panel=_PANEL,
    ),
]
_JsonOption = Annotated[
    bool,
    typer.Option("--json", help="Answer with one JSON document on stdout.", rich_help_panel=_PANEL),
]
_LIST: Final = inspect.Parameter(
    "list_formats",
    inspect.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[bool, typer.Option("--list", help="List the formats, and stop.")],
)
_SETTINGS: Final = {"help_option_names": ["-h", "--help"]}


class Command(TyperCommand):
    """A command whose values ``tui.cli.options`` reads."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        _keep_words(self)

    def get_help_option(self, ctx: Any) -> Any:
        """Return ``--help``."""
        return _kept(super().get_help_option(ctx))


class Group(TyperGroup):
    """A group of commands whose values ``tui.cli.options`` reads."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        _keep_words(self)

    def get_help_option(self, ctx: Any) -> Any:
        """Return ``--help``."""
        return _kept(super().get_help_option(ctx))


class OptionsFirstGroup(Group):
    """A group in which the options of a command may also stand before its name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Move the name of the command to the front."""
        names = [at for at, word in enumerate(args) if word in self.commands]
        if names:
            args = [args[names[0]], *args[: names[0]], *args[names[0] + 1 :]]
        return super().parse_args(ctx, args)


class _Root(Group):
    """All commands. For lists there are empty ones, so that a list imports no command."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the first word names, from its module."""
        name, command, rest = super().resolve_command(ctx, args)
        return (name, load_command(name) if name in COMMANDS else command, rest)


def _keep_words(command: Any) -> None:
    for parameter in command.params:
        _kept(parameter)


def _kept(parameter: Any) -> Any:
    """Return a parameter whose value typer leaves as it is: text, or whether a switch is on."""
    if getattr(parameter, "is_flag", False):
        parameter.metavar = ""  # else the help says <bool>
    parameter.process_value = _word_of(parameter)
    return parameter


def _word_of(parameter: Any) -> Callable[[Any, Any], Any]:
    """Return the replacement of a parameter's ``process_value``, which leaves values as words."""

    def process_value(ctx: Any, value: Any) -> Any:
        if value is None and parameter.multiple:
            value = ()
        if parameter.required and not value and not ctx.resilient_parsing:
            name = parameter.metavar or parameter.name.upper()
            raise InputError(f"{name} is missing", todo=_help_of(ctx))
        if parameter.callback is not None:
            value = parameter.callback(ctx, parameter, value)
        return value

    return process_value


def new_app(*, cls: type[Group] = Group, **settings: Any) -> typer.Typer:
    """Return a typer app as all of rejudge's are: no tracebacks, ``-h`` beside ``--help``."""
    return typer.Typer(
        cls=cls,
        add_completion=False,
        context_settings=_SETTINGS,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        **settings,
    )


def command(
    app: typer.Typer,
    name: str,
    *,
    summary: str = "",
    more: str = "",
    examples: Sequence[str] = (),
    answers: bool = True,
    cls: type[Command] = Command,
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Make a function a command: its first parameter is a ``Call``, the others its options.

    Args:
        app: the typer app that it belongs to.
        name: as it is typed.
        summary: a sentence on what it does; empty: the one in ``COMMANDS``.
        more: what else its help says; rich markup.
        examples: command lines.
        answers: whether it has ``--json``.
        cls: the class that parses its words.
    """

    def register(function: Callable[..., int]) -> Callable[..., int]:
        _, *own = inspect.signature(function, eval_str=True).parameters.values()
        slots = [slot_of(each) for each in own]

        def invoke(**words: Any) -> int:
            ctx, folder, store = (words.pop(key) for key in ("ctx", "workspace", "store"))
            call = _call_of(ctx).with_options(folder, store, json=words.pop("json", False))
            try:
                values = {slot.name: slot.read(words) for slot in slots}
            except InputError as error:
                raise InputError(error.what, todo=_help_of(ctx)) from None
            return function(call, **values)

        shown = [option.for_typer() for slot in slots for option in slot.options]
        _set_parameters(invoke, [*shown, *_common(json=answers)])
        text = summary or COMMANDS[name].summary
        app.command(
            name,
            cls=cls,
            help=f"{text}\n\n{more}" if more else text,
            short_help=text,
            epilog=_epilog(examples),
            context_settings=_SETTINGS,
        )(invoke)
        return function

    return register


def group(
    app: typer.Typer,
    name: str,
    *,
    more: str = "",
    examples: Sequence[str] = (),
    otherwise: Callable[[Call], int] | None = None,
    listing: Callable[[], list[tuple[str, str]]] | None = None,
) -> None:
    """Give a typer app of subcommands its help and the common options.

    Args:
        app: the app of the subcommands.
        name: of the command that they belong to.
        more: what else its help says.
        examples: command lines.
        otherwise: what to do where no subcommand is named; without it, that is an error.
        listing: returns the names and descriptions of the formats that ``--list`` prints.
    """

    def enter(**words: Any) -> int:
        ctx = words["ctx"]
        call = _call_of(ctx).with_options(words["workspace"], words["store"], json=words["json"])
        ctx.obj = call
        if listing is not None and words["list_formats"]:
            call.answer({"formats": dict(listing())}, table(listing()))
            raise typer.Exit
        if ctx.invoked_subcommand is None and otherwise is not None:
            return otherwise(call)
        if ctx.invoked_subcommand is None:
            raise InputError(f"{ctx.command_path} needs a subcommand", todo=_help_of(ctx))
        return 0

    _set_parameters(enter, [*([] if listing is None else [_LIST]), *_common()])
    text = COMMANDS[name].summary
    app.callback(
        help=f"{text}\n\n{more}" if more else text,
        epilog=_epilog(examples),
        invoke_without_command=True,
    )(enter)


def build_root(open_app: Callable[[Call], int], version: Callable[[], str]) -> Any:
    """Return the command ``rejudge``.

    Args:
        open_app: opens the app; called where no command is named.
        version: returns what ``--version`` prints.
    """
    app = typer.Typer(
        cls=_Root,
        context_settings=_SETTINGS,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    for name, entry in COMMANDS.items():
        app.command(name, help=entry.summary, rich_help_panel=entry.panel)(_listed_only)

    @app.callback(
        invoke_without_command=True,
        help="Audit the scores of an LLM judge, turn them into labels you can trust, and train code"
        " search on them.\n\nWithout a command it opens the app on the workspace of this folder.",
        epilog=_epilog(("rejudge demo", "rejudge import pairs scores.jsonl", "rejudge")),
    )
    def enter(
        ctx: typer.Context,
        workspace: _WorkspaceOption = "",
        store: _StoreOption = "",
        json: _JsonOption = False,
        show_version: Annotated[
            bool, typer.Option("--version", help="Print the version and exit.")
        ] = False,
    ) -> int:
        if show_version:
            print(version())
            raise typer.Exit
        ctx.obj = Call(workspace, store, json)
        return open_app(ctx.obj) if ctx.invoked_subcommand is None else 0

    root = typer.main.get_command(app)
    _keep_words(root)  # the options of shell completion are among its own by now
    return root


def load_command(name: str) -> Any:
    """Import the module of a command and return it."""
    module = import_module(f"tui.cli.{COMMANDS[name].module}")
    return typer.main.get_group(module.app).commands[name]


def _listed_only() -> None:
    """Stand in the list of commands."""


def _help_of(ctx: Any) -> str:
    return f"See: {ctx.command_path} --help"


def _call_of(ctx: typer.Context) -> Call:
    return ctx.obj if isinstance(ctx.obj, Call) else Call()


def _common(*, json: bool = True) -> list[inspect.Parameter]:
    def common(
        ctx: typer.Context,
        workspace: _WorkspaceOption = "",
        store: _StoreOption = "",
        json: _JsonOption = False,
    ) -> None: ...

    found = inspect.signature(common, eval_str=True).parameters
    return [each for name, each in found.items() if json or name != "json"]


def _set_parameters(function: Any, parameters: Sequence[inspect.Parameter]) -> None:
    """Let typer see these parameters of a function that takes any."""
    by_name = (each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters)
    function.__signature__ = inspect.Signature(list(by_name))
    function.__annotations__ = {}


def _epilog(examples: Sequence[str]) -> str | None:
    lines = [f"$ {line}".replace("[", "\\[") for line in examples]
    return "\n".join(["Examples:", *lines]) if lines else None
