"""How the commands declare their options, and how the words of a command line become values.

A parameter of a command is annotated with ``typer.Option`` or ``typer.Argument``, and where needed
with ``Range`` or ``Choice``; or with a dataclass whose fields are annotated so; or with
``OptionsFrom``, where a table declares the options. typer splits the words and prints the help; the
values are read here. typer would read them with pydantic, whose import takes longer than most
commands.
"""

from __future__ import annotations

import math
from copy import copy
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from inspect import Parameter
from pathlib import Path
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from typer.models import ArgumentInfo, OptionInfo

from core.errors import InputError
from core.workspace import given_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_READERS: Final[dict[type, tuple[Callable[[str], Any], str]]] = {
    int: (int, "a whole number"),
    float: (float, "a number"),
    str: (str, "text"),
    Path: (given_path, "a path"),
}


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers that an option takes. ``above``: ``low`` itself is not among them."""

    low: float = 0
    high: float = math.inf
    above: bool = False

    def __contains__(self, value: float) -> bool:
        """Whether a number is in the range; NaN is in none."""
        return self.low < value <= self.high or (not self.above and value == self.low)

    def __str__(self) -> str:
        """Return the range in words: ``from 1 to 100``."""
        if math.isinf(self.high):
            return f"above {self.low:g}" if self.above else f"from {self.low:g} up"
        if self.above:
            return f"above {self.low:g}, at most {self.high:g}"
        return f"from {self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class Choice:
    """The names that an option takes, as a registry lists them at the moment."""

    names: Iterable[str]


@dataclass(frozen=True, slots=True)
class OptionsFrom:
    """Says that a parameter is a mapping with the values of options that a function declares."""

    parameters: Callable[[], Iterable[Parameter]]


@dataclass(frozen=True, slots=True)
class Declared:
    """An option or argument: its parameter, its type, and what its values may be."""

    parameter: Parameter
    kind: Any
    info: OptionInfo | ArgumentInfo
    range: Range | None
    choice: Choice | None

    @property
    def choices(self) -> tuple[str, ...]:
        """The names that it takes; empty: any text."""
        return tuple(self.choice.names) if self.choice else ()

    @property
    def name(self) -> str:
        """The name of its value."""
        return self.parameter.name

    @property
    def shown(self) -> str:
        """The option as it is typed, or the placeholder of an argument."""
        if isinstance(self.info, ArgumentInfo):
            return self.info.metavar or self.name.upper()
        words = (self.info.default, *(self.info.param_decls or ()))
        flags = [word for word in words if isinstance(word, str) and word.startswith("--")]
        return flags[0] if flags else "--" + self.name.replace("_", "-")

    def read(self, value: Any) -> Any:
        """Return the value of what typer took from the words: text, a list, a tuple, a switch.

        Raises:
            InputError: the option does not take it.
        """
        if isinstance(value, list):
            return [self._read(text) for text in value]
        if isinstance(value, str) and value is not self.parameter.default:
            return self._read(value)
        return value

    def _read(self, text: str) -> Any:
        if self.choices:
            if text not in self.choices:
                raise InputError(
                    f"{self.shown} takes {_listed(self.choices)}, not {text or 'nothing'}"
                )
            return self.kind(text)
        reader, what = _READERS[self.kind]
        try:
            value = reader(text)
        except ValueError:
            raise InputError(f"{self.shown} takes {what}, not {text or 'nothing'}") from None
        if self.range is not None and value not in self.range:
            raise InputError(f"{self.shown} takes a number {self.range}, not {text}")
        return value

    def for_typer(self) -> Parameter:
        """Return the parameter as typer sees it: choices and range in its help, a plain type."""
        info = copy(self.info)
        kind = get_args(self.parameter.annotation)[0]
        if self.choices:
            info.metavar = info.metavar or "|".join(self.choices)
            info.autocompletion = _completion(self.choices)
            kind = str if self.parameter.default is not None else str | None
        if self.range is not None and math.isfinite(self.range.high):
            info.help = f"{info.help} {str(self.range).capitalize()}."
        return self.parameter.replace(annotation=Annotated[kind, info])


@dataclass(frozen=True, slots=True)
class Slot:
    """A parameter of a command, and the options that its value is made of."""

    name: str
    options: tuple[Declared, ...]
    make: Callable[[dict[str, Any]], Any]

    def read(self, words: Mapping[str, Any]) -> Any:
        """Return the parameter's value.

        Raises:
            InputError: an option does not take what was given.
        """
        return self.make({option.name: option.read(words[option.name]) for option in self.options})


def slot_of(parameter: Parameter) -> Slot:
    """Return what a parameter of a command declares."""
    record, name = parameter.annotation, parameter.name
    if is_dataclass(record):
        make: Any = record
        return Slot(name, tuple(map(_declared, _parameters(make))), lambda given: make(**given))
    for note in get_args(record):
        if isinstance(note, OptionsFrom):
            return Slot(name, tuple(map(_declared, note.parameters())), lambda given: given)
    return Slot(name, (_declared(parameter),), lambda given: given[name])


def _parameters(record: Any) -> Iterable[Parameter]:
    """Return the options that a dataclass declares; ``panel`` is their heading in the help."""
    hints = get_type_hints(record, include_extras=True)
    for field in fields(record):
        kind, *notes = get_args(hints[field.name])
        notes = [copy(note) for note in notes]
        for note in notes:
            if isinstance(note, OptionInfo):
                note.rich_help_panel = getattr(record, "panel", None)
        yield Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            annotation=Annotated[(kind, *notes)],
            default=Parameter.empty if field.default is MISSING else field.default,
        )


def _declared(parameter: Parameter) -> Declared:
    kind, *notes = get_args(parameter.annotation)
    kind = _plain(kind)
    choice = next((note for note in notes if isinstance(note, Choice)), None)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        choice = Choice([each.value for each in kind])
    return Declared(
        parameter,
        kind,
        next(note for note in notes if isinstance(note, OptionInfo | ArgumentInfo)),
        next((note for note in notes if isinstance(note, Range)), None),
        choice,
    )


def _plain(kind: Any) -> Any:
    """Return a type without ``| None``, of a list the type of its elements."""
    if get_origin(kind) in {Union, UnionType}:
        kind = next(option for option in get_args(kind) if option is not type(None))
    return get_args(kind)[0] if get_origin(kind) is list else kind


def _completion(names: tuple[str, ...]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return complete


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
