"""When two queries are the same but for how they are put."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from labels.lexical_index import tokenise

_SUFFIXES: Final = (
    *("ations", "ation", "ings", "ing", "ions", "ion", "ers", "er", "ors", "or"),
    *("ies", "ied", "es", "ed", "ly", "s"),
)
_STEM: Final = 3
#: Scripts that put no space between words: Chinese, Japanese, Korean.
_UNSPACED: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_NOT_WORD: Final = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class QueryText:
    """A query as it is compared.

    ``plain`` is its letters and digits alone, without case or accents (all but white space where
    it has none); ``words`` its stems, without stopwords (with them where it has nothing else).
    """

    plain: str
    words: frozenset[str]

    @property
    def key(self) -> str:
        """One text for all that have the same words."""
        return " ".join(sorted(self.words)) or self.plain


def query_text(text: str) -> QueryText:
    """Return a query as it is compared."""
    bare = unicodedata.normalize("NFKD", text)
    if not bare.isascii():
        bare = "".join(each for each in bare if not unicodedata.combining(each))
    folded = bare.casefold()
    plain = _NOT_WORD.sub("", folded) or "".join(folded.split())
    words = tokenise(bare) or _NOT_WORD.sub(" ", folded).split()
    return QueryText(plain, frozenset(part for word in words for part in _stems(word)))


@lru_cache(maxsize=1 << 16)
def _stems(word: str) -> tuple[str, ...]:
    if not word.isascii():
        if _UNSPACED.search(word) and len(word) > 1:
            return tuple(word[place : place + 2] for place in range(len(word) - 1))
        return (word,)
    return (stem(word),)


def stem(word: str) -> str:
    """Return what forms of an English word share; rough, and meant for comparing only.

    A suffix goes where three letters stay, then one of a double consonant, then a vowel at the end:
    ``caching``, ``caches`` and ``cache`` all give ``cach``.
    """
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _STEM:
            word = word.removesuffix(suffix)
            break
    if len(word) > _STEM and word[-1] == word[-2]:
        word = word[:-1]
    return word[:-1] if len(word) > _STEM and word[-1] in "eiy" else word
