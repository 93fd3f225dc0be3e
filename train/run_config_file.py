"""A run's settings as JSON: ``config.json`` in its folder."""

from __future__ import annotations

import json
import types
from dataclasses import asdict, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from core.encoder.json_files import read_object
from core.errors import InputError
from train.run_config import LoraConfig, LossName, RunConfig
from train.run_config_checks import config_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

T = TypeVar("T", RunConfig, LoraConfig)
_WORDS: Final[dict[object, str]] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
}


def config_text(config: RunConfig) -> str:
    """Return the settings as JSON, every field of them, to keep or to copy."""
    values = asdict(config) | {"losses": dict(config.losses)}
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def write_config(config: RunConfig, path: Path) -> None:
    """Write the settings to a file.

    Raises:
        InputError: it cannot be written.
    """
    try:
        path.write_text(config_text(config), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write this file: {error.strerror}", where=str(path)) from error


def read_config(path: Path) -> RunConfig:
    """Return the settings of a file. A field that it lacks has its default; ``base`` it must have.

    Raises:
        InputError: the file is absent or no JSON object, or a field is unknown, of another type or
            out of its bounds; the message names the file and the field.
    """
    if not path.is_file():
        raise InputError("there is no such file of settings", where=str(path))
    config = parse_config(read_object(path), path)
    problems = config_problems(config)
    if problems:
        field, problem = next(iter(problems.items()))
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise InputError(f"{field} {problem}{more}", where=str(path))
    return config


def parse_config(values: Mapping[str, object], path: Path) -> RunConfig:
    """Return the settings of a JSON object, their types checked and not yet their bounds.

    Raises:
        InputError: see ``read_config``.
    """
    values = dict(values)
    if "base" not in values:
        raise InputError("base is missing: the encoder that the run starts from", where=str(path))
    parsed: dict[str, object] = {}
    if "losses" in values:
        parsed["losses"] = _losses(values.pop("losses"), path)
    if "lora" in values:
        lora = values.pop("lora")
        if not isinstance(lora, dict):
            raise InputError(f"lora should be an object, not {lora!r}", where=str(path))
        parsed["lora"] = _record(LoraConfig, lora, {}, "lora.", path)
    return _record(RunConfig, values, parsed, "", path)


def _record(
    kind: type[T], values: Mapping[str, object], parsed: dict[str, object], prefix: str, path: Path
) -> T:
    hints = get_type_hints(kind)
    unknown = [key for key in values if key not in {field.name for field in fields(kind)}]
    if unknown:
        raise InputError(
            f"{prefix}{unknown[0]} is no setting of a run",
            where=str(path),
            todo="Check its spelling, or take the field out.",
        )
    own = {key: _value(hints[key], value, prefix + key, path) for key, value in values.items()}
    make: Callable[..., T] = kind
    return make(**(parsed | own))


def _value(hint: object, value: object, name: str, path: Path) -> object:
    """Return the value as the type that the field has, or refuse it."""
    if get_origin(hint) in {Union, types.UnionType}:
        if value is None:
            return None
        hint = next(option for option in get_args(hint) if option is not type(None))
    if get_origin(hint) is tuple:
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise InputError(f"{name} should be a list of texts, not {value!r}", where=str(path))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        if value in list(hint):
            return hint(cast("str", value))
        raise InputError(
            f"{name} should be one of {_options(hint)}, not {value!r}", where=str(path)
        )
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and type(value) is hint:
        return value
    raise InputError(f"{name} should be {_WORDS[hint]}, not {value!r}", where=str(path))


def _losses(value: object, path: Path) -> tuple[tuple[LossName, float], ...]:
    if not isinstance(value, dict):
        raise InputError(
            f"losses should be an object of names and weights, not {value!r}", where=str(path)
        )
    unknown = [name for name in value if name not in list(LossName)]
    if unknown:
        raise InputError(
            f"losses should name some of {_options(LossName)}, not {unknown[0]!r}", where=str(path)
        )
    return tuple(
        (LossName(name), cast("float", _value(float, weight, f"losses.{name}", path)))
        for name, weight in value.items()
    )


def _options(kind: type[StrEnum]) -> str:
    return ", ".join(kind)
