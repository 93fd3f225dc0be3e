"""Keyword queries for a document: its name, or a few of its rarer identifiers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from random import Random

IDENTIFIER: Final = r"[A-Za-z_][A-Za-z0-9_]{2,}"
_IDENTIFIER: Final = re.compile(IDENTIFIER)
#: Written like no word of a sentence: parts_joined, mixedCase, HTTPServer, utf8.
_COMPOUND: Final = re.compile(r"[A-Za-z0-9]_+[A-Za-z0-9]|[a-z][A-Z]|[A-Z]{2}|[A-Za-z][0-9]|^_")
_TYPE_ARGUMENTS: Final = re.compile(r"<[^<>]*>")
_WORD: Final = re.compile(r"\w+")
#: The second definition of one name in a file has a number.
_REPEATED: Final = re.compile(r"#[0-9]+$")
#: What stands in a symbol beside names.
_KEYWORDS: Final = frozenset({"impl", "for", "extension", "mut", "dyn", "module", "operator"})
_RAREST: Final = 6
_LONGEST: Final = 60
_COUNTS: Final = (2, 3, 3, 4)
_OF_SIBLINGS: Final = 1 / 3
_WITH_NAME: Final = 0.5


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The identifiers of a corpus.

    ``defined`` are names of documents; ``frequency`` says in how many documents an identifier
    occurs, 1 where it says nothing; one that occurs in more than ``telling`` tells little.
    """

    defined: Collection[str]
    frequency: Mapping[str, int]
    telling: int


def name_parts(symbol: str) -> list[str]:
    """Return the names of a symbol, the innermost last, whatever the language's notation."""
    bare = _REPEATED.sub("", symbol)
    while (less := _TYPE_ARGUMENTS.sub("", bare)) != bare:
        bare = less
    if bare.startswith("(module)"):  # the code between the definitions of a file
        return []
    return [part for part in _WORD.findall(bare) if part not in _KEYWORDS]


def name_queries(path: str, symbol: str) -> list[str]:
    """Return the names that somebody may type for a document, the shortest first.

    ``queue.py`` with ``Queue.get`` gives ``get``, ``Queue get``, ``queue get``; without a symbol
    the name of the file alone.
    """
    stem = PurePosixPath(path).stem
    parts = name_parts(symbol)
    if not parts:
        return [] if symbol or not stem else [stem]
    scope = parts[-2:-1]
    found = [parts[-1], *(f"{each} {parts[-1]}" for each in (*scope, stem) if each)]
    return list(dict.fromkeys(found))


def identifier_bag(
    text: str, symbol: str, siblings: Sequence[str], vocabulary: Vocabulary, random: Random
) -> str | None:
    """Return two to four identifiers by which a document can be told from others.

    Drawn from the six rarest in its code that the corpus defines or that are written like code;
    often its own name is among them. One time in three it is its name with those of siblings, for
    people also name several definitions of the file that they look for; and one sibling joins where
    the code has one identifier only. None where there are not two.

    Args:
        text: the document's code.
        symbol: its symbol.
        siblings: symbols of the same file.
        vocabulary: what the corpus' identifiers are.
        random: decides which.
    """
    inside = dict.fromkeys(_IDENTIFIER.findall(text))
    telling = [word for word in inside if _tells(word, vocabulary)]
    telling.sort(key=lambda word: vocabulary.frequency.get(word, 1))
    name = next(iter(name_parts(symbol)[-1:]), "")
    own = [name] if name in telling else []
    rarest = [word for word in telling if word != name][:_RAREST]
    beside = dict.fromkeys(part for each in siblings for part in name_parts(each)[-1:])
    around = [word for word in beside if word not in inside and _tells(word, vocabulary)]
    count = random.choice(_COUNTS)
    if own and around and random.random() < _OF_SIBLINGS:
        chosen = own + _drawn(around, count - 1, random)
    else:
        chosen = own if random.random() < _WITH_NAME else []
        chosen = chosen + _drawn(rarest, count - len(chosen), random)
        # Of code that tells nothing by itself the siblings would tell what it is not.
        chosen = chosen + _drawn(around, _COUNTS[0] - len(chosen) if chosen else 0, random)
    if len(chosen) < _COUNTS[0]:
        return None
    places = {word: place for place, word in enumerate(inside)}
    return " ".join(sorted(chosen, key=lambda word: places.get(word, len(places))))


def _tells(word: str, vocabulary: Vocabulary) -> bool:
    return (
        len(word) <= _LONGEST
        and vocabulary.frequency.get(word, 1) <= vocabulary.telling
        and (word in vocabulary.defined or bool(_COMPOUND.search(word)))
    )


def _drawn(words: Sequence[str], count: int, random: Random) -> list[str]:
    return random.sample(words, max(0, min(len(words), count)))
