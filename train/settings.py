"""Declare each training setting once, in the metadata of its dataclass field.

``setting`` declares a field, ``settings_of`` lists what a dataclass declares. The checks, the
reader of ``config.json``, the form of a new run and the options of ``rejudge train`` are all made
from this declaration.
"""

from __future__ import annotations

import math
import types
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Union, get_args, get_origin, get_type_hints

from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

_KEY: Final = "setting"


@dataclass(frozen=True, slots=True)
class Bounds:
    """An interval; ``above`` and ``below`` exclude its ends."""

    low: float
    high: float = math.inf
    above: bool = False
    below: bool = False

    def __contains__(self, value: float) -> bool:
        """Whether a number lies within; no infinity does, nor NaN."""
        if not math.isfinite(value) or not self.low <= value <= self.high:
            return False
        return not ((self.above and value == self.low) or (self.below and value == self.high))

    def __str__(self) -> str:
        """Return the interval in words: ``more than 0 and at most 1``."""
        low = f"{'more than' if self.above else 'at least'} {self.low:g}"
        if math.isinf(self.high):
            return low
        return f"{low} and {'less than' if self.below else 'at most'} {self.high:g}"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as its field declares it.

    Args:
        name: of its field.
        kind: the type of its value; ``str`` where text is parsed into something else.
        default: the value of its field; None where the base model decides.
        help: what it does, for the command line and the form.
        flag: its option on the command line; empty: it has none.
        label: its name in the form of a new run.
        metavar: the placeholder of its value in the help of the command line.
        bounds: of a number.
        reads: turns text into a value that is no plain number or string.
        shows: turns such a value back into text.
    """

    name: str
    kind: type[int | float | str | bool]
    default: object
    help: str
    flag: str
    label: str
    metavar: str
    bounds: Bounds | None = None
    reads: Callable[[str], object] | None = None
    shows: Callable[[Any], str] | None = None

    @property
    def choices(self) -> tuple[str, ...]:
        """The values it can have, as text; empty where they cannot be listed."""
        if self.kind is bool:
            return ("no", "yes")
        return tuple(self.kind) if issubclass(self.kind, StrEnum) else ()

    def parse(self, text: str) -> object:
        """Read a value from text; its bounds are not checked yet.

        Raises:
            InputError: the text is no such value.
        """
        if self.reads is not None:
            return self.reads(text)
        if self.choices and text not in self.choices:
            raise InputError(f"{self.label} should be one of {', '.join(self.choices)}, not {text}")
        if self.kind is bool:
            return text == "yes"
        if self.kind is int:
            return parse_integer(text, self.label)
        return parse_number(text, self.label) if self.kind is float else self.kind(text)

    def text(self, value: object) -> str:
        """Return a value as ``parse`` reads it."""
        if self.shows is not None:
            return self.shows(value)
        if isinstance(value, bool):
            return "yes" if value else "no"
        return number_text(value) if isinstance(value, float) else str(value)

    def problem(self, value: Any) -> str:
        """Return what is wrong with a number, as a clause: ``should be at least 1, not 0``."""
        if self.bounds is None or value is None or value in self.bounds:
            return ""
        return f"should be {self.bounds}, not {value:g}"


def setting(
    default: object,
    help: str,  # noqa: A002 - as click and argparse name it
    *,
    flag: str | None = None,
    label: str = "",
    metavar: str = "",
    bounds: Bounds | None = None,
    reads: Callable[[str], object] | None = None,
    shows: Callable[[Any], str] | None = None,
) -> Any:
    """Declare a setting: the value of a dataclass field. See ``Setting`` for the arguments.

    Without ``flag`` the option is named after the field; an empty one means no option.
    """
    declared = {
        "help": help,
        "flag": flag,
        "label": label,
        "metavar": metavar,
        "bounds": bounds,
        "reads": reads,
        "shows": shows,
    }
    return field(default=default, metadata={_KEY: declared})


@cache
def settings_of(record: Any) -> dict[str, Setting]:
    """Return the settings that a dataclass (the class) declares, by name, in their order."""
    hints = get_type_hints(record)
    found = {}
    for each in fields(record):
        if _KEY not in each.metadata or each.default is MISSING:
            continue
        declared = dict(each.metadata[_KEY])
        words = each.name.replace("_", " ")
        if declared["flag"] is None:
            declared["flag"] = "--" + each.name.replace("_", "-")
        declared["label"] = declared["label"] or words
        kind = str if declared["reads"] else plain_type(hints[each.name])
        declared["metavar"] = declared["metavar"] or {int: "N", float: "X"}.get(kind, "TEXT")
        found[each.name] = Setting(each.name, kind, each.default, **declared)
    return found


def plain_type(hint: object) -> Any:
    """Return the type of an annotation without its ``| None``."""
    if get_origin(hint) in {Union, types.UnionType}:
        return next(option for option in get_args(hint) if option is not type(None))
    return hint


def problems_of(record: Any) -> dict[str, str]:
    """Return what is wrong with the numbers of a record: the field's name -> a clause."""
    settings = settings_of(record.__class__).values()
    checked = {each.name: each.problem(getattr(record, each.name)) for each in settings}
    return {name: problem for name, problem in checked.items() if problem}


def number_text(value: float) -> str:
    """Return a number as briefly as it can be read back."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def parse_number(text: str, name: str) -> float:
    """Read a number.

    Raises:
        InputError: it is none.
    """
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"{name} takes a number, not {text.strip() or 'nothing'}") from error


def parse_integer(text: str, name: str) -> int:
    """Read a whole number.

    Raises:
        InputError: it is none.
    """
    try:
        return int(text)
    except ValueError as error:
        raise InputError(f"{name} takes a whole number, not {text.strip() or 'nothing'}") from error
