"""Code written for the judge: text in a document that asks for a score or plays a role.

The judge is instructed to treat code as data (``labels.judges.prompt``), and no list of wordings is
complete. So nothing is decided or hidden here: a person who audits the pair is warned.
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

#: Characters. Of longer text the head and the tail are searched; a judge gets no more either.
SCANNED_CHARACTERS: Final = 200_000
#: Per document.
_MOST_INJECTIONS: Final = 5
_SHOWN_CHARACTERS: Final = 120


class InjectionKind(StrEnum):
    """How a document addresses the judge."""

    INSTRUCTION = "instruction"
    SCORE = "asks for a score"
    ROLE = "speaks to the model"
    REPLY = "imitated reply"
    DELIMITER = "imitated delimiter"


@dataclass(frozen=True, slots=True)
class Injection:
    """Text that addresses the judge.

    ``line`` counts from 1 within the document's text; 0 is its path or symbol. ``text`` is the
    line, shortened: untrusted.
    """

    line: int
    kind: InjectionKind
    text: str


def find_injections(document: Document) -> tuple[Injection, ...]:
    """Return at most five places where a document addresses the judge, by line.

    Path, symbol and text are searched as a reader sees them: compatibility forms of letters as
    plain letters, invisible characters removed, Unicode tags as the ASCII they copy, and a sentence
    over several lines of a comment as one.
    """
    place = f"{document.path} {document.symbol}"
    kinds = [kind for kind, _ in _matches(_plain(_WORD_BREAK.sub(" ", place)))]
    in_place = [Injection(0, kind, place[:_SHOWN_CHARACTERS]) for kind in kinds]
    return tuple((in_place + _in_text(_head_and_tail(document.text)))[:_MOST_INJECTIONS])


def _head_and_tail(text: str) -> str:
    """Return a long text with blank lines for its middle, so that line numbers stay."""
    if len(text) <= SCANNED_CHARACTERS:
        return text
    half = SCANNED_CHARACTERS // 2
    between = text.count("\n", half, len(text) - half)
    return text[:half] + "\n" * between + text[-half:]


def _in_text(text: str) -> list[Injection]:
    lines = text.split("\n")
    plain = [_COMMENT_MARK.sub("", _plain(line)) for line in lines]
    starts = list(accumulate((len(line) + 1 for line in plain), initial=0))
    found: dict[int, Injection] = {}
    for kind, offset in _matches("\n".join(plain)):
        row = bisect_right(starts, offset) - 1
        shown = lines[row].strip()[:_SHOWN_CHARACTERS]
        found.setdefault(row, Injection(row + 1, kind, shown))
    return [found[row] for row in sorted(found)]


def _matches(text: str) -> Iterator[tuple[InjectionKind, int]]:
    for kind, words in _WORDS.items():
        if any(word in text for word in words):
            for match in islice(_pattern(kind).finditer(text), _MOST_INJECTIONS):
                yield kind, match.start()


@cache
def _pattern(kind: InjectionKind) -> re.Pattern[str]:
    r"""Return a kind's patterns as one.

    A space in a pattern matches any white space, line breaks too. ``\W+`` and ``\w+`` get bounds,
    so that the time for a text grows with its length only.
    """
    whole = "|".join(f"(?:{part})" for part in _PATTERNS[kind])
    bounded = whole.replace(r"\W+", r"\W{1,20}").replace(r"\w+", r"\w{1,30}")
    return re.compile(bounded.replace(" ", r"\s"), re.MULTILINE)


def _plain(line: str) -> str:
    """Return a line as it reads: lower case, plain forms of letters, nothing invisible."""
    if line.isascii():
        return line.lower()
    text = _TAGS.sub(_tags_as_text, line)
    visible = "".join(sign for sign in text if unicodedata.category(sign) != "Cf")
    return unicodedata.normalize("NFKC", visible).lower().replace("\n", " ")


def _tags_as_text(tags: re.Match[str]) -> str:
    return f" {''.join(chr(ord(tag) - _FIRST_TAG) for tag in tags[0])} "


#: Unicode's invisible copies of ASCII, and the first of them.
_TAGS: Final = re.compile("[\U000e0000-\U000e007f]+")
_FIRST_TAG: Final = 0xE0000
_COMMENT_MARK: Final = re.compile(
    r"^\s*(?:#(?!#)|//+!?|/\*+|\*\*?/?(?!\*)|--(?!-)|;+|%+|<!--|\"\"\"|''')?\s*"
)
#: Where a path or symbol is cut into words.
_WORD_BREAK: Final = re.compile(r"[_\-./\\]+|(?<=[a-z])(?=[A-Z])")
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
    InjectionKind.INSTRUCTION: (
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
    InjectionKind.SCORE: (
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
    InjectionKind.ROLE: (
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
    InjectionKind.REPLY: (
        r"""\{\s{0,9}\\?["'](?:score|rationale)\\?["']\s{0,9}:""",
        r"""\\?["']rationale\\?["']\s{0,9}:\s{0,9}\\?["']""",
        r"\brationale ?: [^\0]{0,200}?\bscore ?: ?[1-5]\b",
        r"^[^\w\n]{0,20}(?:final )?score ?: ?[1-5][^\w\n]{0,9}$",
    ),
    InjectionKind.DELIMITER: (
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
#: A text without any of these words holds no injection of the kind: most code ends here.
_WORDS: Final = {
    InjectionKind.INSTRUCTION: (
        "rubric",
        "instruction",
        "guideline",
        "criteria",
        "prompt",
        "system message",
        "scoring",
        "task",
    ),
    InjectionKind.SCORE: (
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
    InjectionKind.ROLE: (
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
    InjectionKind.REPLY: ("score", "rationale"),
    InjectionKind.DELIMITER: (
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
