"""P(score = 1..5): from the probabilities of a reply's tokens, or from several samples.

Only the token that holds the digit of ``"score"`` matters. Servers differ in how they cut and
spell tokens, so it is found by its place in the text, counted from the end of the reply: what goes
before may hold halves of characters, or a reasoning model's thoughts.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from core.records import GRADES
from labels.judges.judge import Ruling

if TYPE_CHECKING:
    from collections.abc import Sequence

Distribution = tuple[float, float, float, float, float]
#: With less probability on the five scores together there is no distribution over them.
_LEAST_MASS: Final = 0.5
_SCORE: Final = re.compile(rb'"score"\s*:\s*"?([1-5])(?![\d.eE])')
_GRADE: Final = re.compile(rb"\s*([1-5])(?![\d.eE])")
#: How byte-level and SentencePiece vocabularies spell blanks; some servers pass that on.
_BLANKS: Final = str.maketrans({"\u0120": " ", "\u2581": " ", "\u010a": "\n", "\u0109": "\t"})


def score_distribution(content: str, logprobs: object, score: int) -> Distribution | None:
    """Return the distribution from token probabilities, None where they cannot be used.

    Scores that are not among the tokens that came get 0; the rest is normalised to sum to 1.

    Args:
        content: the reply as text.
        logprobs: ``logprobs`` of the answer's choice, as it came.
        score: the score that was read from the reply.
    """
    places = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(places, list):
        return None
    found = _score_place(content, places, score)
    if found is None:
        return None
    place, before = found
    chances = dict.fromkeys(GRADES, 0.0)
    for token in _alternatives(place):
        grade = _grade(token.text, before)
        if grade is not None:
            chances[grade] += token.probability
    mass = sum(chances.values())
    if chances[score] <= 0 or not _LEAST_MASS <= mass <= 1 + 1e-3:
        return None
    one, two, three, four, five = (chances[grade] / mass for grade in GRADES)
    return one, two, three, four, five


def pooled(samples: Sequence[Ruling]) -> Ruling:
    """Return the ruling of several samples of one judge on one pair: the most frequent score.

    Of equally frequent scores the nearest to the mean counts, then the lower. The distribution is
    the mean of the samples' own where every sample has one, else the shares of the scores. When
    more than half of the samples failed, the ruling is a failure.
    """
    scored = [sample for sample in samples if sample.score is not None]
    tokens = Ruling(
        prompt_tokens=sum(sample.prompt_tokens for sample in samples),
        completion_tokens=sum(sample.completion_tokens for sample in samples),
    )
    if 2 * len(scored) < len(samples) or not scored:
        failures = [sample.failure for sample in samples if sample.failure]
        reason = failures[-1] if failures else "no sample came back"
        return replace(
            tokens, failure=f"{len(failures)} of {len(samples)} samples failed: {reason}"
        )
    score = _most_frequent([sample.score for sample in scored if sample.score is not None])
    rationale = next(sample.rationale for sample in scored if sample.score == score)
    return replace(
        tokens, score=score, rationale=rationale, distribution=_mean_distribution(scored)
    )


@dataclass(frozen=True, slots=True)
class _Token:
    text: bytes
    probability: float


def _score_place(content: str, places: list[object], score: int) -> tuple[object, bytes] | None:
    """Return the entry of the token that holds the score, and its bytes before the digit."""
    whole = content.encode("utf-8", "replace")
    matches = [match for match in _SCORE.finditer(whole) if int(match[1]) == score]
    if not matches:
        return None
    match = matches[-1]
    texts = [_text(place) for place in places]
    joined = b"".join(texts)
    start = joined.rfind(whole[match.start() :].rstrip())
    if start < 0:
        return _among_alternatives(places, match[0])
    digit = start + match.start(1) - match.start()
    begin = 0
    for place, text in zip(places, texts, strict=True):
        if begin <= digit < begin + len(text):
            return place, text[: digit - begin]
        begin += len(text)
    return None


def _among_alternatives(places: list[object], wanted: bytes) -> tuple[object, bytes] | None:
    """Find the score where a server does not say which of the likeliest tokens was sampled.

    ``mlx_lm.server`` names any of them at each place. The last run of places whose alternatives
    can spell ``wanted``, which ends with the digit, holds the score.
    """
    spellings = [[token.text for token in _alternatives(place)] for place in places]
    for first in range(len(places) - 1, -1, -1):
        for text in spellings[first]:
            for size in range(1, len(wanted) + 1):
                if text.endswith(wanted[:size]) and size < len(wanted):
                    found = _spelt(spellings, first + 1, wanted[size:])
                    if found is not None:
                        return places[found[0]], found[1]
            if wanted in text:
                return places[first], text[: text.rfind(wanted) + len(wanted) - 1]
    return None


def _spelt(spellings: list[list[bytes]], place: int, rest: bytes) -> tuple[int, bytes] | None:
    """Return the place that spells the end of ``rest``, and its token's bytes before the digit."""
    if place == len(spellings):
        return None
    for text in spellings[place]:
        if text.startswith(rest):
            return place, rest[:-1]
        if text and rest.startswith(text):
            found = _spelt(spellings, place + 1, rest[len(text) :])
            if found is not None:
                return found
    return None


def _alternatives(place: object) -> list[_Token]:
    """Return the likeliest tokens at a place, without repeats, the sampled token included."""
    top = place.get("top_logprobs") if isinstance(place, dict) else None
    entries = [*top, place] if isinstance(top, list) else [place]
    found: dict[bytes, _Token] = {}
    for entry in entries:
        logprob = entry.get("logprob") if isinstance(entry, dict) else None
        if isinstance(logprob, bool) or not isinstance(logprob, int | float):
            continue
        if not math.isnan(logprob) and logprob <= 1e-6:  # noqa: PLR2004 - rounding
            text = _text(entry)
            found.setdefault(text, _Token(text, math.exp(min(logprob, 0.0))))
    return list(found.values())


def _grade(text: bytes, before: bytes) -> int | None:
    """Return the score that a token would give in place of the sampled one."""
    if before.strip():
        if not text.startswith(before):
            return None
        text = text[len(before) :]
    match = _GRADE.match(text)
    return int(match[1]) if match else None


def _text(entry: object) -> bytes:
    if not isinstance(entry, dict):
        return b""
    values = entry.get("bytes")
    if isinstance(values, list) and all(
        type(value) is int and value in range(256) for value in values
    ):
        return bytes(values)
    token = entry.get("token")
    return token.translate(_BLANKS).encode("utf-8", "replace") if isinstance(token, str) else b""


def _most_frequent(scores: Sequence[int]) -> int:
    counts = Counter(scores)
    mean = sum(scores) / len(scores)
    return min(counts, key=lambda score: (-counts[score], abs(score - mean), score))


def _mean_distribution(scored: Sequence[Ruling]) -> Distribution:
    own = [sample.distribution for sample in scored if sample.distribution is not None]
    if len(own) < len(scored):
        own = [_certain(sample.score) for sample in scored]
    one, two, three, four, five = (sum(column) / len(own) for column in zip(*own, strict=True))
    return one, two, three, four, five


def _certain(score: int | None) -> Distribution:
    one, two, three, four, five = (float(grade == score) for grade in GRADES)
    return one, two, three, four, five
