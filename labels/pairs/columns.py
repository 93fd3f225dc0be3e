"""The names of columns: the keys that an import reads, and other names that files have for them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path


#: Keys that hold text. The first one present of several for the same thing counts.
QUERY_KEY: Final = "query"
CODE_KEYS: Final = ("positive", "code")
PATH_KEYS: Final = ("file_path", "path")
SYMBOL_KEYS: Final = ("func_name", "symbol")
OTHER_TEXT_KEYS: Final = (
    "language",
    "score_reasoning",
    "original_query",
    "query_kind",
    "judge",
    "grade_source",
)
TEXT_KEYS: Final = (QUERY_KEY, *CODE_KEYS, *PATH_KEYS, *SYMBOL_KEYS, *OTHER_TEXT_KEYS)
#: Keys that hold a JSON value of their own kind.
VALUE_KEYS: Final = ("llm_score", "judge_score", "distribution", "is_variation")
KEYS: Final = (*TEXT_KEYS, *VALUE_KEYS)
#: The keys of which one has to be there.
_REQUIRED: Final = {"queries": (QUERY_KEY,), "code": (*CODE_KEYS, *PATH_KEYS)}
#: A key, the keys that are read for the same thing, and other names for it if a file has none.
_SYNONYMS: Final = (
    (
        QUERY_KEY,
        (QUERY_KEY,),
        "query_text search_query question anchor user_query user_input prompt",
    ),
    (
        "positive",
        CODE_KEYS,
        "document doc passage snippet code_snippet source_code function function_code content",
    ),
    (
        "llm_score",
        ("llm_score", "grade_source"),
        "judge_score score rating relevance relevance_score grade label",
    ),
    ("score_reasoning", ("score_reasoning",), "reasoning reason rationale explanation comment"),
    ("language", ("language",), "lang programming_language"),
    ("file_path", PATH_KEYS, "filepath file filename file_name"),
    ("func_name", SYMBOL_KEYS, "function_name method_name symbol_name"),
)
#: The columns that may not be guessed between several candidates.
_NEVER_GUESSED: Final = {QUERY_KEY: "queries", "positive": "code", "llm_score": "scores"}
_SAMPLED_LINES: Final = 200
_SAMPLED_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Columns:
    """``names`` has the file's name for each key to read, ``proposed`` those that were guessed."""

    names: Mapping[str, str]
    proposed: Mapping[str, str]


def parse_mapping(text: str) -> dict[str, str]:
    """Parse ``query=question,positive=document``: keys of ours and columns of the file.

    Raises:
        InputError: a part has no ``=``, an unknown key, or a column that stands twice.
    """
    mapping: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, column = (piece.strip() for piece in part.partition("="))
        if not equals or not column:
            raise InputError(
                "a part of --map has no column", where=part, todo="Write it as: query=COLUMN"
            )
        if key not in KEYS:
            raise InputError(
                "--map names something that pairs do not have",
                where=key,
                todo=f"Known: {', '.join(KEYS)}.",
            )
        if key in mapping or column in mapping.values():
            raise InputError("--map names this twice", where=part, todo="Name it once.")
        mapping[key] = column
    return mapping


def choose_columns(path: Path, found: Sequence[str], mapping: Mapping[str, str]) -> Columns:
    """Decide which column of a file is what.

    Args:
        path: the file, for messages.
        found: the columns of its first lines; empty if none of these could be read.
        mapping: what a person decided, see ``parse_mapping``.

    Raises:
        InputError: a mapped column is missing, none can be the query or the code, or several can.
    """
    missing = [column for column in mapping.values() if found and column not in found]
    if missing:
        raise InputError(
            f"there is no column {missing[0]}", where=str(path), todo=_columns_text(found)
        )
    proposed: dict[str, str] = {}
    for key, own, synonyms in _SYNONYMS:
        taken = {*mapping.values(), *proposed.values()}
        if any(name in mapping or (name in found and name not in taken) for name in own):
            continue
        candidates = _candidates(found, {*own, *synonyms.split()}, taken)
        if len(candidates) > 1 and key in _NEVER_GUESSED:
            raise InputError(
                f"several columns may be the {_NEVER_GUESSED[key]}: {', '.join(candidates)}",
                where=str(path),
                todo=f"Name the right one: --map {key}={candidates[0]}",
            )
        if len(candidates) == 1:
            proposed[key] = candidates[0]
    chosen = {**mapping, **proposed}
    if found:
        _require_columns(path, found, chosen)
    used = {column.lower() for column in chosen.values()}
    own_names = {key: key for key in KEYS if key not in chosen and key not in used}
    return Columns({**own_names, **chosen}, proposed)


def columns_of(path: Path) -> list[str]:
    """Return the keys of the objects in the first lines of a JSON Lines file, in order."""
    found: dict[str, None] = {}
    with path.open("rb") as file:
        beginning = file.read(_SAMPLED_BYTES)
    for line in islice(beginning.splitlines(), _SAMPLED_LINES):
        try:
            value = json.loads(line.decode("utf-8-sig", errors="replace"), strict=False)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            found |= dict.fromkeys(value)
    return list(found)


def _candidates(found: Sequence[str], names: Collection[str], taken: Collection[str]) -> list[str]:
    return [
        column
        for column in found
        if column not in taken
        and (column not in KEYS or column == "judge_score")
        and re.sub(r"[\s-]+", "_", column.strip().lower()) in names
    ]


def _require_columns(path: Path, found: Sequence[str], chosen: Mapping[str, str]) -> None:
    taken = set(chosen.values())
    for what, keys in _REQUIRED.items():
        if not any(key in chosen or (key in found and key not in taken) for key in keys):
            raise InputError(
                f"no column can be the {what}",
                where=str(path),
                todo=f"{_columns_text(found)} Name them: --map query=COLUMN,positive=COLUMN",
            )


def _columns_text(found: Sequence[str]) -> str:
    return f"Its columns: {', '.join(found)}."
