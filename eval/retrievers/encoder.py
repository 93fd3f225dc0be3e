"""Exact late-interaction search over token vectors of the corpus."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

from eval.corpus import load_texts
from eval.retrievers.base import rank_paths
from eval.retrievers.token_index import TokenIndex, fill_index, index_folder, maxsim

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from core.jobs import Job
    from core.records import SpecQuery
    from core.store.database import Store
    from eval.corpus import Corpus
    from eval.retrievers.base import Parameters, Ranking

#: Queries scored in one pass over the index.
QUERIES_AT_ONCE: Final = 128
#: Scores held at once; a very large corpus takes fewer queries in a pass.
_SCORES_HELD: Final = 1 << 25
#: Scores are rounded, because the order of summation changes them by less: ties stay ties.
_DECIMALS: Final = 4


class TokenEncoder(Protocol):
    """The part of an encoder used here: L2-normalised token vectors."""

    def encode_queries(self, texts: Sequence[str]) -> Sequence[NDArray[np.float32]]:
        """Return vectors of shape (tokens, dimensions) for every text."""

    def encode_documents(self, texts: Sequence[str]) -> Sequence[NDArray[np.float32]]:
        """Return vectors of shape (tokens, dimensions) for every text."""


@dataclass(frozen=True, slots=True)
class EncoderModel:
    """An encoder with the name it was given and the hash of everything that decides its vectors."""

    encoder: TokenEncoder
    name: str
    checkpoint: str


class EncoderRetriever:
    """Ranks by exact MaxSim over every document of the corpus.

    Args:
        model: encodes the queries.
        index: the corpus's texts, encoded by the same encoder.
        corpus: the documents.
        job: asked between passes.
    """

    name: Final = "encoder"
    notices: Final[tuple[str, ...]] = ()

    def __init__(self, model: EncoderModel, index: TokenIndex, corpus: Corpus, job: Job) -> None:
        self._encoder = model.encoder
        self._index = index
        self._corpus = corpus
        self._job = job
        self.parameters: Parameters = {"model": model.name}
        self.checkpoint = model.checkpoint

    def rank(self, queries: Sequence[SpecQuery], depth: int) -> Iterator[Ranking]:
        """Yield every query's best paths, in a pass over the index per batch of queries."""
        size = max(1, min(QUERIES_AT_ONCE, _SCORES_HELD // len(self._texts)))
        for start in range(0, len(queries), size):
            self._job.check()
            texts = [asked.query.text for asked in queries[start : start + size]]
            for scores in self._scores(texts):
                yield rank_paths(scores, self._corpus, depth, floor=float("-inf"))

    def _scores(self, queries: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        """Yield the scores of all documents for each query, in the order of the corpus's ids."""
        import numpy as np

        vectors = [
            np.asarray(query, dtype=np.float32) for query in self._encoder.encode_queries(queries)
        ]
        with_tokens = [query for query in vectors if len(query)]
        scored = iter(maxsim(with_tokens, self._index.runs(self._texts), len(self._texts)))
        nothing = np.full(len(self._texts), -np.inf, dtype=np.float32)
        for query in vectors:
            by_text = next(scored) if len(query) else nothing
            yield np.round(by_text, _DECIMALS)[self._text_of_document]

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        """The hashes of the texts without duplicates; equal texts are scored once."""
        return tuple(dict.fromkeys(self._corpus.texts))

    @cached_property
    def _text_of_document(self) -> NDArray[np.int64]:
        import numpy as np

        places = {text: place for place, text in enumerate(self._texts)}
        return np.asarray([places[text] for text in self._corpus.texts], dtype=np.int64)


def build_encoder_retriever(
    store: Store, corpus: Corpus, model: EncoderModel, job: Job
) -> EncoderRetriever:
    """Encode what the checkpoint's index lacks, and return the retriever.

    Raises:
        CancelledError: the job was cancelled; what was encoded stays.
        StoreError: the index cannot be written.
    """
    index = TokenIndex(index_folder(store.folder, model.checkpoint))
    fill_index(
        index,
        corpus.texts_by_length,
        lambda page: load_texts(store, corpus, page),
        model.encoder.encode_documents,
        job,
    )
    return EncoderRetriever(model, index, corpus, job)
