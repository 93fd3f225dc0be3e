"""The rules for one line of a scored file: what it says, and what is wrong with it."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.records import GRADES, QueryKind
from core.text import storable
from labels.pairs.columns import CODE_KEYS, KEYS, OTHER_TEXT_KEYS, PATH_KEYS, QUERY_KEY, SYMBOL_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


#: ``score_reasoning`` of a judge that failed: equal to the first, or beginning with the second.
PARSE_ERROR: Final = "parse_error"
ERROR_PREFIX: Final = "error:"
#: How far from 1 the sum of a distribution may be.
TOLERANCE: Final = 0.01
_SCORE_BLANKS: Final = " \t\r\n"
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?")
_SHOWN_CHARACTERS: Final = 40
_REPLACEMENT: Final = "\ufffd"
_BLANKS: Final = "".join(map(chr, range(0x21)))
_TRUTH: Final = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}


class LineError(ValueError):
    """A line that cannot be a pair; the message says why."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """A judge's ruling on a pair: a score, a failure, or neither when the pair was not judged.

    ``odd`` is True if the file is to blame for the failure, not the judge.
    """

    score: int | None = None
    failure: str | None = None
    odd: bool = False


_NOT_JUDGED: Final = Ruling()


@dataclass(frozen=True, slots=True)
class PairLine:
    """The content of a line. ``code`` is None if path and symbol name a document of the corpus.

    ``judge`` is empty if the line names none. ``notes`` say what was repaired or left out.
    """

    query: str
    code: str | None
    language: str = ""
    path: str = ""
    symbol: str = ""
    kind: QueryKind | None = None
    variation_of: str | None = None
    judge: str = ""
    ruling: Ruling = _NOT_JUDGED
    distribution: tuple[float, ...] | None = None
    rationale: str = ""
    notes: tuple[str, ...] = ()


_OWN_NAMES: Final = {key: key for key in KEYS}


def read_pair_line(line: bytes, names: Mapping[str, str] = _OWN_NAMES) -> PairLine:
    """Read one line.

    Bytes that are not UTF-8, NUL characters and lone surrogates become U+FFFD, with a note. Every
    other character is kept as it is. Unknown keys are ignored.

    Args:
        line: a JSON object.
        names: for each of our keys that the file has, the file's own name of it.

    Raises:
        LineError: the line is no JSON object, lacks a query or code, or a value has a wrong type.
    """
    notes: list[str] = []
    given = _parse_object(line, notes)
    values = {key: given[name] for key, name in names.items() if name in given}
    query = _text(values, QUERY_KEY, notes)
    code = _first_text(values, CODE_KEYS, notes)
    path = _first_text(values, PATH_KEYS, notes) or ""
    texts = {key: _text(values, key, notes) for key in OTHER_TEXT_KEYS}
    _require_content(query, code, path)
    reasoning = texts["score_reasoning"] or ""
    score = values.get("llm_score" if texts["grade_source"] is None else "judge_score")
    ruling = read_ruling(score, reasoning)
    if ruling.odd:
        notes.append(f"{ruling.failure}; kept as a failed judgment")
    is_variation = _truth(values.get("is_variation"))
    return PairLine(
        query=query or "",
        code=code,
        language=texts["language"] or "",
        path=path,
        symbol=_first_text(values, SYMBOL_KEYS, notes) or "",
        kind=_kind(texts["query_kind"], notes),
        variation_of=_variation_of(query, texts["original_query"], is_variation),
        judge=texts["judge"] or "",
        ruling=ruling,
        distribution=_distribution(values.get("distribution"), ruling, notes),
        rationale="" if _reported_failure(reasoning) else reasoning,
        notes=tuple(dict.fromkeys(notes)),
    )


def read_ruling(score: object, reasoning: str | None) -> Ruling:
    """Return the ruling of a line.

    Args:
        score: the JSON value of the score, None if there is none.
        reasoning: the judge's reason. ``parse_error``, or text that begins with ``error:``, is a
            failure whatever the score is.
    """
    reported = _reported_failure(reasoning or "")
    if reported:
        return Ruling(failure=reported)
    if score is None:
        return _NOT_JUDGED
    number = _number(score)
    if number is None:
        return Ruling(failure=f"llm_score is not a number: {_shown_score(score)}", odd=True)
    if number == 0:
        return Ruling(failure="llm_score is 0")
    if number not in GRADES:
        return Ruling(failure=f"llm_score is not 1, 2, 3, 4 or 5: {_shown_score(score)}", odd=True)
    return Ruling(score=int(number))


def read_distribution(value: object) -> tuple[float, ...] | None:
    """Return the five probabilities of a JSON value or of a text with one, None if it is null.

    That is a list of five numbers, or an object from grade to number, in which a grade may be
    missing. They add up to 1, or to 100.

    Raises:
        ValueError: it is anything else.
    """
    if isinstance(value, str):  # the cell of a table
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    if value is None:
        return None
    if isinstance(value, dict):
        if not value.keys() <= {str(grade) for grade in GRADES}:
            raise ValueError("distribution has keys other than the grades 1 to 5")
        value = [value.get(str(grade), 0) for grade in GRADES]
    if not isinstance(value, list) or len(value) != len(GRADES):
        raise ValueError("distribution is not a list of five numbers")
    if any(isinstance(part, bool) or not isinstance(part, int | float) for part in value):
        raise ValueError("distribution is not a list of five numbers")
    for whole in (1, 100):
        if all(0 <= part <= whole * (1 + TOLERANCE) for part in value):
            parts = tuple(part / whole for part in value)
            if _adds_up(parts):
                return parts
    raise ValueError("distribution does not add up to 1 or 100")


def _adds_up(parts: Sequence[float]) -> bool:
    # Added in the order in which the database adds them: the two have to agree at the limits.
    first, second, third, fourth, fifth = parts
    return 1 - TOLERANCE <= first + second + third + fourth + fifth <= 1 + TOLERANCE


def _reported_failure(reasoning: str) -> str:
    """Return the failure that a judge's reasoning reports, empty if it reports none."""
    stripped = reasoning.strip(_SCORE_BLANKS)
    return stripped if stripped == PARSE_ERROR or stripped.startswith(ERROR_PREFIX) else ""


def _number(score: object) -> float | None:
    """Return the number that a JSON value is or spells, None if it is neither (or NaN)."""
    if isinstance(score, bool) or _is_nan(score):
        return None
    if isinstance(score, int | float):
        return score
    if isinstance(score, str) and _NUMBER.fullmatch(score.strip(_SCORE_BLANKS)):
        return float(score.strip(_SCORE_BLANKS))
    return None


def _shown_score(value: object) -> str:
    return storable(_shown(value))


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and value != value  # noqa: PLR0124


def _parse_object(line: bytes, notes: list[str]) -> dict[str, object]:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("utf-8", errors="replace")
        notes.append("invalid UTF-8, replaced by U+FFFD")
    if "\0" in text:
        text = text.replace("\0", _REPLACEMENT)
        notes.append("NUL characters, replaced by U+FFFD")
    text = text.strip(_BLANKS + "\ufeff")
    try:
        values = json.loads(text, strict=False, object_pairs_hook=_keep_first)
    except json.JSONDecodeError as error:
        raise LineError(f"not JSON: {error.msg} at column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise LineError("not JSON that can be read: nested too deeply or too long") from error
    if not isinstance(values, dict):
        raise LineError("not a JSON object")
    return values


def _keep_first(items: list[tuple[str, object]]) -> dict[str, object]:
    """Return the object. The first of two equal keys counts, as in the database."""
    return dict(reversed(items))


def _require_content(query: str | None, code: str | None, path: str) -> None:
    if query is None:
        raise LineError("no query")
    if not query.strip(_BLANKS):
        raise LineError("the query is empty")
    if code is None and not path:
        raise LineError("no code: neither positive nor a file_path of the corpus")
    if code is not None and not code.strip(_BLANKS):
        raise LineError("the code is empty")


def _text(values: dict[str, object], key: str, notes: list[str]) -> str | None:
    """Return the text under a key, None if it is null or NaN, which data frames write for it."""
    value = values.get(key)
    if value is None or _is_nan(value):
        return None
    if not isinstance(value, str):
        raise LineError(f"{key} is not text: {_shown(value)}")
    clean = value.replace("\0", _REPLACEMENT)
    try:
        clean.encode()
    except UnicodeEncodeError:
        clean = clean.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if clean != value:
        notes.append(f"{key} had invalid characters, replaced by U+FFFD")
    return clean


def _first_text(values: dict[str, object], keys: tuple[str, ...], notes: list[str]) -> str | None:
    texts = (_text(values, key, notes) for key in keys)
    return next((text for text in texts if text is not None), None)


def _truth(value: object) -> bool | None:
    if value is None or _is_nan(value):
        return None
    known = _TRUTH.get(str(value).lower())
    if known is None:
        raise LineError(f"is_variation is neither true nor false: {_shown(value)}")
    return known


def _variation_of(query: str | None, original: str | None, is_variation: bool | None) -> str | None:
    denied = is_variation is False
    return None if denied or not original or original == query else original


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
