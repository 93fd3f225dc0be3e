"""Keyword queries for a document: its name, or a few of its rarer identifiers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
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


def identifier_bag(text: str, symbol: str, vocabulary: Vocabulary, random: Random) -> str | None:
    """Return two or three identifiers by which a document can be told from others.

    Drawn from the six rarest of those that the corpus defines or that are written like code; often
    its own name is among them. None where there are not two.

    Args:
        text: the document's code.
        symbol: its symbol.
        vocabulary: what the corpus' identifiers are.
        random: decides which.
    """
    found = dict.fromkeys(_IDENTIFIER.findall(text))
    name = next(iter(name_parts(symbol)[-1:]), "")
    telling = [
        word
        for word in found
        if len(word) <= _LONGEST
        and vocabulary.frequency.get(word, 1) <= vocabulary.telling
        and (word in vocabulary.defined or _COMPOUND.search(word))
    ]
    telling.sort(key=lambda word: vocabulary.frequency.get(word, 1))
    rarest = [word for word in telling if word != name][:_RAREST]
    count = random.choice((2, 3))
    own = [name] if name in telling and random.random() < 0.5 else []  # noqa: PLR2004 - as often as not
    chosen = own + random.sample(rarest, min(len(rarest), count - len(own)))
    if len(chosen) < 2:  # noqa: PLR2004 - one alone is a name
        return None
    return " ".join(sorted(chosen, key=list(found).index))
