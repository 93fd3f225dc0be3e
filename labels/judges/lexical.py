"""The offline baseline: a score from BM25 rank and shared words, without any model.

It shows the loop without a server, and an LLM judge must beat it. The thresholds were set by hand
before any score was seen, and do not change:

    score  needs
    5      rank 1 to 3, and at least 60% of the query's words occur in the code
    4      rank 1 to 10, and at least 40%
    3      rank 1 to 50, and at least 25%
    2      at least one word of the query occurs
    1      none does

Documents are ranked among the corpus, or among all documents where some pair has a document outside
the corpus, as after an import of scored pairs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from core.records import JudgeKind
from core.search import INDEXED_CHARACTERS, build_index, tokenise
from core.store.tables import make_judge
from labels.judges.judge import Ruling

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.records import Document, Judge, Query
    from core.search import LexicalIndex
    from core.store.database import Store


LEXICAL_NAME: Final = "lexical"
#: Score, worst rank, least share of the query's words.
_THRESHOLDS: Final = ((5, 3, 0.6), (4, 10, 0.4), (3, 50, 0.25))


def lexical_judge_record(name: str = "") -> Judge:
    """Return the judge's record; its thresholds are its parameters."""
    parameters = json.dumps({"thresholds": _THRESHOLDS, "ranking": "bm25"}, sort_keys=True)
    return make_judge(name or LEXICAL_NAME, JudgeKind.LEXICAL, parameters=parameters)


class LexicalJudge:
    """Scores by words; deterministic for a store."""

    notices: Final = ("lexical is a baseline without a model: it compares words",)

    def __init__(self, index: LexicalIndex, name: str = "") -> None:
        self.judge = lexical_judge_record(name)
        self._index = index

    async def rule(self, query: Query, document: Document) -> Ruling:
        """Score one pair."""
        words = set(tokenise(query.text))
        place = f"{document.path} {document.symbol} {document.text[:INDEXED_CHARACTERS]}"
        shared = len(words.intersection(tokenise(place)))
        rank = self._index.place(query.text, document.id) if shared else None
        ranked = f"BM25 rank {rank:,} of {len(self._index):,}" if rank else "Not ranked by BM25"
        rationale = (
            f"{ranked}; {shared} of {len(words)} query words occur in the code."
            " A baseline without a model, not an LLM."
        )
        return Ruling(score=lexical_score(rank, shared, len(words)), rationale=rationale)

    async def aclose(self) -> None:
        """Nothing is open."""


def lexical_score(rank: int | None, shared: int, words: int) -> int:
    """Return the score of a document.

    Args:
        rank: its BM25 rank for the query, from 1; None: not ranked.
        shared: how many of the query's distinct words occur in it.
        words: how many distinct words the query has.
    """
    if not shared:
        return 1
    for score, worst_rank, least_share in _THRESHOLDS:
        if rank is not None and rank <= worst_rank and shared >= least_share * words:
            return score
    return 2


def build_lexical_judge(
    store: Store, name: str = "", *, advance: Callable[[int], None] = lambda _: None
) -> LexicalJudge:
    """Return the judge, with an index of the corpus, or of all documents (see the module)."""
    outside = store.read(
        "SELECT 1 FROM db.pairs AS pairs JOIN db.documents AS documents"
        " ON documents.id = pairs.document_id WHERE NOT documents.in_corpus LIMIT 1"
    )
    return LexicalJudge(build_index(store, only_corpus=not outside, advance=advance), name)
