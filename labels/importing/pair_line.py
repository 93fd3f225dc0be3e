"""One line of a scored file, read with every rule. What it returns is what the import keeps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from core.records import QueryKind
from labels.importing.ruling_rules import Ruling, read_distribution, read_ruling, reported_failure

#: The keys that hold text. Of two for the same thing the first one given counts.
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

REPLACEMENT: Final = "\ufffd"
_BLANKS: Final = "".join(map(chr, range(0x21)))
_TRUTH: Final = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
_SHOWN_CHARACTERS: Final = 40


_NOT_ASKED: Final = Ruling()


class LineError(ValueError):
    """A line that cannot be a pair; its text says why."""


@dataclass(frozen=True, slots=True)
class PairLine:
    """What a line says. ``code`` is None where path and symbol name a document of the corpus.

    ``judge`` is empty where the line names none; ``notes`` say what was repaired or left out.
    """

    query: str
    code: str | None
    language: str = ""
    path: str = ""
    symbol: str = ""
    kind: QueryKind | None = None
    variation_of: str | None = None
    judge: str = ""
    ruling: Ruling = _NOT_ASKED
    distribution: tuple[float, ...] | None = None
    rationale: str = ""
    notes: tuple[str, ...] = ()


def read_pair_line(line: bytes) -> PairLine:
    """Read one line.

    Bytes that are not UTF-8, NUL characters and halves of surrogate pairs become U+FFFD, with a
    note; every other character is kept as it is. Unknown keys are passed over.

    Raises:
        LineError: the line is no JSON object, lacks a query or code, or a value has a wrong type.
    """
    notes: list[str] = []
    values = _object_of(line, notes)
    query = _text(values, QUERY_KEY, notes)
    code = _first_text(values, CODE_KEYS, notes)
    path = _first_text(values, PATH_KEYS, notes) or ""
    texts = {key: _text(values, key, notes) for key in OTHER_TEXT_KEYS}
    if query is None:
        raise LineError("no query")
    if not query.strip(_BLANKS):
        raise LineError("the query is empty")
    if code is None and not path:
        raise LineError("no code: neither positive nor a file_path of the corpus")
    if code is not None and not code.strip(_BLANKS):
        raise LineError("the code is empty")
    reasoning = texts["score_reasoning"] or ""
    score = values.get("llm_score" if texts["grade_source"] is None else "judge_score")
    ruling = read_ruling(score, reasoning)
    if ruling.odd:
        notes.append(f"{ruling.failure}; kept as a failed judgment")
    is_variation = _truth(values.get("is_variation"))
    return PairLine(
        query=query,
        code=code,
        language=texts["language"] or "",
        path=path,
        symbol=_first_text(values, SYMBOL_KEYS, notes) or "",
        kind=_kind(texts["query_kind"], notes),
        variation_of=_variation_of(query, texts["original_query"], is_variation),
        judge=texts["judge"] or "",
        ruling=ruling,
        distribution=_distribution(values.get("distribution"), ruling, notes),
        rationale="" if reported_failure(reasoning) else reasoning,
        notes=tuple(dict.fromkeys(notes)),
    )


def _object_of(line: bytes, notes: list[str]) -> dict[str, object]:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("utf-8", errors="replace")
        notes.append("invalid UTF-8, replaced by U+FFFD")
    if "\0" in text:
        text = text.replace("\0", REPLACEMENT)
        notes.append("NUL characters, replaced by U+FFFD")
    text = text.strip(_BLANKS + "\ufeff")
    try:
        values = json.loads(text, strict=False, object_pairs_hook=_first_ones)
    except json.JSONDecodeError as error:
        raise LineError(f"not JSON: {error.msg} at column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise LineError("not JSON that can be read: nested too deeply or too long") from error
    if not isinstance(values, dict):
        raise LineError("not a JSON object")
    return values


def _first_ones(items: list[tuple[str, object]]) -> dict[str, object]:
    """Return the object; of a key that stands twice the first counts, as in the database."""
    return dict(reversed(items))


def _text(values: dict[str, object], key: str, notes: list[str]) -> str | None:
    """Return the text under a key; null and NaN, which data frames write, are no text."""
    value = values.get(key)
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124
        return None
    if not isinstance(value, str):
        raise LineError(f"{key} is not text: {_shown(value)}")
    clean = value.replace("\0", REPLACEMENT)
    try:
        clean.encode()
    except UnicodeEncodeError:
        clean = clean.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if clean != value:
        notes.append(f"{key} held what is no character, replaced by U+FFFD")
    return clean


def _first_text(values: dict[str, object], keys: tuple[str, ...], notes: list[str]) -> str | None:
    texts = (_text(values, key, notes) for key in keys)
    return next((text for text in texts if text is not None), None)


def _truth(value: object) -> bool | None:
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124
        return None
    known = _TRUTH.get(str(value).lower())
    if known is None:
        raise LineError(f"is_variation is neither true nor false: {_shown(value)}")
    return known


def _variation_of(query: str, original: str | None, is_variation: bool | None) -> str | None:
    said_not = is_variation is False
    return None if said_not or not original or original == query else original


def _kind(text: str | None, notes: list[str]) -> QueryKind | None:
    if not text:
        return None
    try:
        return QueryKind(text)
    except ValueError:
        notes.append(f"query_kind is neither semantic nor keyword: {_shown(text)}; left unset")
        return None


def _distribution(value: object, ruling: Ruling, notes: list[str]) -> tuple[float, ...] | None:
    if ruling.score is None:
        return None
    try:
        return read_distribution(value)
    except ValueError as error:
        notes.append(f"{error}; left out")
        return None


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."
