"""Exact late-interaction search over the corpus's token vectors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

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
#: Scores held at once, in float32 numbers; with a very large corpus fewer queries go in a pass.
_SCORES_HELD: Final = 1 << 25
#: The order in which blocks are summed moves a score by less than this; so rounded, ties stay ties.
_DECIMALS: Final = 4


class TokenEncoder(Protocol):
    """What of an encoder is needed here: L2-normalised token vectors."""

    def encode_queries(self, texts: Sequence[str]) -> Sequence[NDArray[np.float32]]:
        """Return (tokens, dimensions) vectors for each text."""

    def encode_documents(self, texts: Sequence[str]) -> Sequence[NDArray[np.float32]]:
        """Return (tokens, dimensions) vectors for each text."""


@dataclass(frozen=True, slots=True)
class EncoderModel:
    """An encoder, how the person named it, and the hash of all that decides its vectors."""

    encoder: TokenEncoder
    name: str
    checkpoint: str


class EncoderRetriever:
    """Ranks by exact MaxSim over every document of the corpus.

    Args:
        model: encodes the queries.
        index: holds the corpus's texts as the same encoder encoded them.
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
        """Yield each query's best paths, a pass over the index for each batch of queries."""
        size = max(1, min(QUERIES_AT_ONCE, _SCORES_HELD // len(self._texts)))
        for start in range(0, len(queries), size):
            self._job.check()
            texts = [one.query.text for one in queries[start : start + size]]
            for scores in self._scores(texts):
                yield rank_paths(scores, self._corpus, depth, floor=float("-inf"))

    def _scores(self, queries: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        """Yield the scores of all documents for each query, in the order of the corpus's ids."""
        import numpy as np

        vectors = [
            np.asarray(each, dtype=np.float32) for each in self._encoder.encode_queries(queries)
        ]
        asked = [each for each in vectors if len(each)]
        scored = iter(maxsim(asked, self._index.runs(self._texts), len(self._texts)))
        nothing = np.full(len(self._texts), -np.inf, dtype=np.float32)
        for each in vectors:
            by_text = next(scored) if len(each) else nothing
            yield np.round(by_text, _DECIMALS)[self._text_of_document]

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        """Each text's hash once; equal texts are scored once."""
        return tuple(dict.fromkeys(self._corpus.texts))

    @cached_property
    def _text_of_document(self) -> NDArray[np.int64]:
        import numpy as np

        places = {text: place for place, text in enumerate(self._texts)}
        return np.asarray([places[text] for text in self._corpus.texts], dtype=np.int64)


def build_encoder_retriever(
    store: Store, corpus: Corpus, model: EncoderModel, job: Job
) -> EncoderRetriever:
    """Encode what the index of this checkpoint lacks, then search it.

    Raises:
        CancelledError: the job was cancelled; what was encoded stays.
        StoreError: the index cannot be written.
    """
    from eval.corpus import load_texts

    index = TokenIndex(index_folder(store.folder, model.checkpoint))
    fill_index(
        index,
        corpus.texts_by_length,
        lambda page: load_texts(store, corpus, page),
        model.encoder.encode_documents,
        job,
    )
    return EncoderRetriever(model, index, corpus, job)
