"""The JSON files of an encoder's folder, with errors that name the file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar, cast

from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

T = TypeVar("T")
_MISSING = object()
_NAMES = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    list: "a list",
    dict: "an object",
}


def read_object(path: Path) -> dict[str, object]:
    """Return the JSON object of a file; empty when there is no such file.

    Raises:
        InputError: the file cannot be read or holds something other than an object.
    """
    value = _read(path)
    if value is _MISSING:
        return {}
    if not isinstance(value, dict):
        raise InputError("this file should hold a JSON object", where=str(path))
    return cast("dict[str, object]", value)


def read_objects(path: Path) -> list[dict[str, object]]:
    """Return the list of JSON objects of a file; empty when there is no such file.

    Raises:
        InputError: the file cannot be read or holds something other than such a list.
    """
    value = _read(path)
    if value is _MISSING:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InputError("this file should hold a list of JSON objects", where=str(path))
    return cast("list[dict[str, object]]", value)


def value_of(values: Mapping[str, object], key: str, default: T, path: Path) -> T:
    """Return ``values[key]``, or the default when the key is absent or null.

    The value must have the default's type; a whole number is accepted as a float.

    Raises:
        InputError: the value has another type.
    """
    value = values.get(key)
    if value is None:
        return default
    wanted = type(default)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise InputError(f"{key} should be {_NAMES[wanted]}, not {value!r}", where=str(path))
    return value


def _read(path: Path) -> object:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return _MISSING
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read this file: {error}", where=str(path)) from error
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"this file is not JSON: {error}", where=str(path)) from error
