"""Documents that address the judge: text in them that asks for a score or plays a part.

The judge is told that what it is given is data (``labels.judges.prompt``), and no list of wordings
can be whole. So what is found here decides nothing and hides nothing: it tells the person who
audits a pair that somebody may have written the code for the judge.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.records import Document


#: Of a longer text the head and the tail are looked at, as a judge gets no more: characters.
LOOKED_AT: Final = 200_000
#: Of one document no more are named.
_MOST: Final = 5
_SHOWN_LENGTH: Final = 120
#: Unicode's invisible copies of ASCII, and where they begin.
_TAGS: Final = re.compile("[\U000e0000-\U000e007f]+")
_FIRST_TAG: Final = 0xE0000


class Approach(StrEnum):
    """How a document addresses the judge."""

    INSTRUCTION = "instruction"
    SCORE = "asks for a score"
    ROLE = "speaks to the model"
    REPLY = "imitated reply"
    DELIMITER = "imitated delimiter"


@dataclass(frozen=True, slots=True)
class Address:
    """A place that addresses the judge.

    ``line`` counts from 1 within the document's text, 0 is its path or symbol. ``text`` is what
    stands there, shortened, as it came: untrusted.
    """

    line: int
    approach: Approach
    text: str


_MODEL: Final = (
    r"(?:ai|a\.i\.|llms?|gpt(?:-?\d\w*)?|chatgpt|claude|gemini|llama|"
    r"(?:large )?language models?|ai assistants?|ai models?|assistant model|"
    r"(?:llm|ai|code|automated|automatic|relevance|search) "
    r"(?:judges?|graders?|evaluators?|raters?|reviewers?)|judging model|"
    r"judge|grader|evaluator|rater|annotator)"
)
_GOOD: Final = r"(?:maximum|max|highest|top|perfect|full)"
_FIVE: Final = r"(?:[45]|four|five)"
_SUBJECT: Final = (
    r"(?:this|it|the following|the above|the) ?"
    r"(?:code|document|file|function|snippet|class|pair|result|query)?"
)
_ORDERS: Final = (
    r"(?:instructions?|rubrics?|guidelines|criteria|system (?:prompt|message)s?|scoring rules)"
)
_PATTERNS: Final = {
    Approach.INSTRUCTION: (
        (
            r"\b(?:ignor(?:e|ing)|disregard|forget|overrid(?:e|ing)|bypass|discard|drop)\W+"
            rf"(?:\w+\W+){{0,4}}?(?:previous|prior|above|earlier|preceding|your|all|these|the)\W+"
            rf"(?:\w+\W+){{0,3}}?{_ORDERS}\b"
        ),
        (
            r"\b(?:do not|don't|never|stop) (?:follow|apply|use|obey)\w*\W+(?:\w+\W+){0,3}?"
            r"(?:rubric|system prompt|guidelines|previous instructions|instructions above)\b"
        ),
        (
            r"\b(?:new|updated|revised|real|actual) (?:system )?(?:instructions?|rubric|task)"
            r"(?: for (?:you|the \w+)| follows?)? ?:"
        ),
        (
            r"\b(?:the )?rubric (?:above |given |)(?:is|was|has been|no longer)\W+(?:\w+\W+){0,2}?"
            r"(?:wrong|void|outdated|obsolete|changed|replaced|superseded|suspended|applies|cancelled)"
        ),
    ),
    Approach.SCORE: (
        (
            rf"\b(?:answer|reply|respond|say|output|print|write)\W+(?:only |just |always |simply )?"
            rf"(?:with )?(?:an? |the )?(?:score |number |integer |grade |rating )?(?:of )?"
            rf"[\"'`]?{_FIVE}[\"'`]?"
            r"(?= ?(?:[.!;,]|$|\bto\b|\band\b|\bhere\b|\bfor\b|\bonly\b|/ ?5))"
            r"(?<![=(] 5)"
        ),
        (
            rf"\b(?:score|rate|grade|mark|judge|rank)\W+{_SUBJECT}"
            r" ?(?:as|with|at|an?|is)? ?(?:an? )?"
            rf"(?:{_FIVE}\b(?! ?%)|relevant\b|exact(?:ly)? match|{_GOOD}\b)"
        ),
        (
            rf"\b(?:give|assign|award|report|deserves?|merits?|earns?|gets?|receives?|must be"
            rf"|should be|is worth|choose|select|pick)\W+(?:\w+\W+){{0,4}}?"
            rf"(?:(?:score|grade|rating|mark)s?\W+(?:of |is |as |= ?|: ?)?{_FIVE}\b"
            rf"|{_GOOD} (?:score|grade|rating|marks?)\b)"
        ),
        (
            rf"\b(?:the )?(?:correct|right|expected|only|final|proper|true|required) "
            rf"(?:score|grade|rating|answer) (?:here |for this (?:\w+ )?)?"
            rf"(?:is|must be|:) ?{_FIVE}\b"
        ),
        r"\bscore ?[:=]? ?5 ?(?:/|out of) ?5\b",
    ),
    Approach.ROLE: (
        (
            rf"\b(?:dear|attention|hey|hello|hi|listen|note to|message (?:to|for)|memo to"
            rf"|instructions? (?:for|to)|notice to|reminder (?:to|for)|to) ?[,:]? "
            rf"(?:the |an? |any |all |this |every |our )?{_MODEL}\b ?[:,!.\-]"
        ),
        rf"\bif you are (?:the |an? |any )?{_MODEL}\b",
        rf"\b(?:as|being) (?:the |an? |any |this )?{_MODEL},? you (?:must|should|will|are|have)\b",
        (
            r"\byou are (?:now |no longer |in fact )?(?:an? |the )?(?:unrestricted |helpful |"
            rf"generous |lenient |strict |different )?(?:{_MODEL}|assistant|dan)\b"
        ),
        rf"\b{_MODEL}s? (?:reading|scoring|grading|judging|evaluating|processing) (?:this|the)\b",
    ),
    Approach.REPLY: (
        r"""\{\s{0,9}\\?["'](?:score|rationale)\\?["']\s{0,9}:""",
        r"""\\?["']rationale\\?["']\s{0,9}:\s{0,9}\\?["']""",
        r"\brationale ?: [^\0]{0,200}?\bscore ?: ?[1-5]\b",
        r"^[^\w\n]{0,20}(?:final )?score ?: ?[1-5][^\w\n]{0,9}$",
    ),
    Approach.DELIMITER: (
        (
            r"(?:={3}|-{3}|\*{3}|#{3}|<{2}|_{3}) ?(?:end of|end|begin|start of|beginning of) ?"
            r"(?:the )?(?:code|query|examples?|data|documents?|snippet|untrusted \w+|user input|"
            r"system prompt)\b(?! ?\w+ (?:block|section)s?\b)"
        ),
        r"={3} ?(?:code|query|examples|end of \w+) [0-9a-f]{8,64}",
        r"\[[0-9a-f]{8,64}: left out\]",
        r"<\|(?:im_start|im_end|system|user|assistant|endoftext|end|eot_id|start_header_id)\|?>?",
        r"\[/inst\]|<</?sys>>|</?(?:system|assistant|instructions)>",
        r"^[^\w\n]{0,20}(?:system|assistant) ?: \w",
        r"#{2} ?(?:system|assistant|response|new instructions?)(?: ?:| ?$)",
    ),
}
#: A text without any of an approach's words holds nothing of it: most code ends here.
_WORDS: Final = {
    Approach.INSTRUCTION: (
        "rubric",
        "instruction",
        "guideline",
        "criteria",
        "prompt",
        "system message",
        "scoring",
        "task",
    ),
    Approach.SCORE: (
        "4",
        "5",
        "four",
        "five",
        "score",
        "grade",
        "rating",
        "mark",
        "relevant",
        "exact",
        "top",
        "max",
        "full",
        "highest",
        "perfect",
    ),
    Approach.ROLE: (
        "ai ",
        "ai:",
        "ai,",
        "ai.",
        "ai!",
        "ai-",
        "a.i.",
        "llm",
        "gpt",
        "claude",
        "gemini",
        "llama",
        "language model",
        "assistant",
        "judge",
        "judging",
        "grader",
        "evaluator",
        "rater",
        "annotator",
        "reviewer",
        "you are",
    ),
    Approach.REPLY: ("score", "rationale"),
    Approach.DELIMITER: (
        "===",
        "---",
        "***",
        "##",
        "<<",
        "__",
        "left out",
        "<|",
        "inst]",
        "sys>",
        "system",
        "assistant",
        "instructions>",
    ),
}
#: What begins a line of a comment; an order may go over several.
_MARKS: Final = re.compile(
    r"^\s*(?:#(?!#)|//+!?|/\*+|\*\*?/?(?!\*)|--(?!-)|;+|%+|<!--|\"\"\"|''')?\s*"
)
_BETWEEN: Final = re.compile(r"[_\-./\\]+|(?<=[a-z])(?=[A-Z])")


def addresses(document: Document) -> tuple[Address, ...]:
    """Return where a document addresses the judge, at most five places, by line.

    Looked at are its path, its symbol and its text, as a reader would read them: compatibility
    forms of letters as the letters, invisible characters left out or (tags) read, and an order
    that goes over several lines of a comment as one.
    """
    place = _BETWEEN.sub(" ", f"{document.path} {document.symbol}")
    shown = f"{document.path} {document.symbol}"
    found = [Address(0, approach, shown[:_SHOWN_LENGTH]) for approach, _ in _within(_plain(place))]
    text = document.text
    if len(text) > LOOKED_AT:
        cut = LOOKED_AT // 2
        between = text.count("\n", cut, len(text) - cut)
        text = text[:cut] + "\n" * between + text[-cut:]
    return tuple((found + _of_text(text))[:_MOST])


def _of_text(text: str) -> list[Address]:
    lines = text.split("\n")
    plain = [_MARKS.sub("", _plain(line)) for line in lines]
    starts = list(accumulate((len(line) + 1 for line in plain), initial=0))
    found: dict[int, Address] = {}
    for approach, offset in _within("\n".join(plain)):
        row = bisect_right(starts, offset) - 1
        shown = lines[row].strip()[:_SHOWN_LENGTH]
        found.setdefault(row, Address(row + 1, approach, shown))
    return [found[row] for row in sorted(found)]


def _within(text: str) -> Iterator[tuple[Approach, int]]:
    for approach, words in _WORDS.items():
        if any(word in text for word in words):
            for match in islice(_pattern(approach).finditer(text), _MOST):
                yield approach, match.start()


@cache
def _pattern(approach: Approach) -> re.Pattern[str]:
    r"""Return what is looked for.

    A space in a pattern is any white space, also between lines. Each ``\W+`` and ``\w+`` gets a
    bound, so that no text takes longer than its length allows.
    """
    whole = "|".join(f"(?:{part})" for part in _PATTERNS[approach])
    bounded = whole.replace(r"\W+", r"\W{1,20}").replace(r"\w+", r"\w{1,30}")
    return re.compile(bounded.replace(" ", r"\s"), re.MULTILINE)


def _plain(line: str) -> str:
    """Return a line as it reads: small letters in their plain form, nothing invisible."""
    if line.isascii():
        return line.lower()
    read = "".join(sign for sign in _TAGS.sub(_told, line) if unicodedata.category(sign) != "Cf")
    return unicodedata.normalize("NFKC", read).lower().replace("\n", " ")


def _told(tags: re.Match[str]) -> str:
    return f" {''.join(chr(ord(tag) - _FIRST_TAG) for tag in tags[0])} "
