"""One line of a scored file, read with every rule. What it returns is what the import keeps.

What a line's score and reasoning mean: a score from 1 to 5, a failure, or neither.

The rules stand here twice: as functions, which decide every case, and as SQL, which decides the
plain cases of a bulk import in the same way and leaves the rest to the functions.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.records import GRADES, QueryKind
from core.store.sql import literal
from core.text import storable

if TYPE_CHECKING:
    from collections.abc import Sequence


#: What an unused or unparsed answer of the judge is called in ``score_reasoning``.
PARSE_ERROR: Final = "parse_error"
ERROR_PREFIX: Final = "error:"
SCORE_IS_ZERO: Final = "llm_score is 0"
#: How far from 1 the sum of a distribution may be.
TOLERANCE: Final = 0.01
_SCORE_BLANKS: Final = " \t\r\n"
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?")
_SHOWN_CHARACTERS: Final = 40


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a judge made of a pair: a score, a failure, or neither when it was not asked.

    ``odd`` tells whether the failure is the file's fault, not one that the judge itself reported.
    """

    score: int | None = None
    failure: str | None = None
    odd: bool = False


def read_ruling(score: object, reasoning: str | None) -> Ruling:
    """Return the ruling of a line.

    Args:
        score: the JSON value of the score, None where there is none.
        reasoning: the judge's reason. ``parse_error``, or text that begins with ``error:``, is a
            failure whatever the score says.
    """
    reported = reported_failure(reasoning or "")
    if reported:
        return Ruling(failure=reported)
    if score is None:
        return Ruling()
    number = _number(score)
    if number is None:
        return Ruling(failure=f"llm_score is not a number: {_shown_score(score)}", odd=True)
    if number == 0:
        return Ruling(failure=SCORE_IS_ZERO)
    if number not in GRADES:
        return Ruling(failure=f"llm_score is not 1, 2, 3, 4 or 5: {_shown_score(score)}", odd=True)
    return Ruling(score=int(number))


def read_distribution(value: object) -> tuple[float, ...] | None:
    """Return the five probabilities of a JSON value.

    Raises:
        ValueError: it is no list of five numbers from 0 up that add up to 1.
    """
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 5:  # noqa: PLR2004
        raise ValueError("distribution is not a list of five numbers")
    if any(isinstance(part, bool) or not isinstance(part, int | float) for part in value):
        raise ValueError("distribution is not a list of five numbers")
    if not all(0 <= part <= 1 + TOLERANCE for part in value) or not _adds_up(value):
        raise ValueError("distribution does not add up to 1")
    return tuple(float(part) for part in value)


def _adds_up(parts: Sequence[float]) -> bool:
    first, second, third, fourth, fifth = parts
    return 1 - TOLERANCE <= first + second + third + fourth + fifth <= 1 + TOLERANCE


def reported_failure(reasoning: str) -> str:
    """Return the failure that a judge's reasoning reports; empty when it reports none."""
    stripped = reasoning.strip(_SCORE_BLANKS)
    return stripped if stripped == PARSE_ERROR or stripped.startswith(ERROR_PREFIX) else ""


def _number(score: object) -> float | None:
    """Return the number that a JSON value is or spells, None where it is none (NaN is none)."""
    if isinstance(score, bool):
        return None
    if isinstance(score, int):
        return score
    if isinstance(score, float):
        return score if score == score else None  # noqa: PLR0124
    if isinstance(score, str) and _NUMBER.fullmatch(score.strip(_SCORE_BLANKS)):
        return float(score.strip(_SCORE_BLANKS))
    return None


def _shown_score(value: object) -> str:
    text = str(value)
    return storable(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "...")


# The same in SQL. Each takes an expression: of the score, its JSON as text; of the others, text.


def reported_failure_sql(reasoning: str) -> str:
    """Return the SQL for the failure that the reasoning reports, NULL where it reports none."""
    stripped = f"trim({reasoning}, chr(32) || chr(9) || chr(13) || chr(10))"
    worth_a_look = (
        f"({reasoning} < '!' OR starts_with({reasoning}, '{PARSE_ERROR}')"
        f" OR starts_with({reasoning}, '{ERROR_PREFIX}'))"
    )
    reported = f"({stripped} = '{PARSE_ERROR}' OR starts_with({stripped}, '{ERROR_PREFIX}'))"
    return f"CASE WHEN {worth_a_look} THEN CASE WHEN {reported} THEN {stripped} END END"


def plain_score_sql(score: str) -> str:
    """Return the SQL for a plainly written score, 0 included; NULL for any other."""
    pattern = literal(r'^"? *([0-5])(?:\.0*)? *"?$')
    bare = " ".join(f"WHEN '{grade}' THEN {grade}" for grade in GRADES)
    spelt = f"TRY_CAST(nullif(regexp_extract({score}, {pattern}, 1), '') AS SMALLINT)"
    return f"CAST(CASE {score} {bare} ELSE {spelt} END AS SMALLINT)"


def plain_distribution_sql(distribution: str) -> str:
    """Return the SQL for the probabilities of a plain list of five numbers, NULL for any other."""
    number = r"[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
    pattern = literal(r"\[" + ",".join([number] * 5) + r"\]")
    plain = f"CASE WHEN regexp_full_match({distribution}, {pattern}) THEN {distribution} END"
    return f"TRY_CAST({plain} AS DOUBLE[])"


def adds_up_sql(parts: str) -> str:
    """Return the SQL condition that a list of five probabilities adds up to 1."""
    total = " + ".join(f"{parts}[{place}]" for place in range(1, 6))
    return f"{total} BETWEEN {1 - TOLERANCE} AND {1 + TOLERANCE}"


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
