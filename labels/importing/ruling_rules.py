"""What a line's score and reasoning mean: a score from 1 to 5, a failure, or neither.

The rules stand here twice: as functions, which decide every case, and as SQL, which decides the
plain cases of a bulk import in the same way and leaves the rest to the functions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.records import GRADES
from core.storable import storable
from core.store import literal

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What an unused or unparsed answer of the judge is called in ``score_reasoning``.
PARSE_ERROR: Final = "parse_error"
ERROR_PREFIX: Final = "error:"
SCORE_IS_ZERO: Final = "llm_score is 0"

#: How far from 1 the sum of a distribution may be.
TOLERANCE: Final = 0.01

_BLANKS: Final = " \t\r\n"
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
        return Ruling(failure=f"llm_score is not a number: {_shown(score)}", odd=True)
    if number == 0:
        return Ruling(failure=SCORE_IS_ZERO)
    if number not in GRADES:
        return Ruling(failure=f"llm_score is not 1, 2, 3, 4 or 5: {_shown(score)}", odd=True)
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
    stripped = reasoning.strip(_BLANKS)
    return stripped if stripped == PARSE_ERROR or stripped.startswith(ERROR_PREFIX) else ""


def _number(score: object) -> float | None:
    """Return the number that a JSON value is or spells, None where it is none (NaN is none)."""
    if isinstance(score, bool):
        return None
    if isinstance(score, int):
        return score
    if isinstance(score, float):
        return score if score == score else None  # noqa: PLR0124
    if isinstance(score, str) and _NUMBER.fullmatch(score.strip(_BLANKS)):
        return float(score.strip(_BLANKS))
    return None


def _shown(value: object) -> str:
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
