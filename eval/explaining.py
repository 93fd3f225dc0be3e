"""Explain an encoder's score token by token.

Late interaction sums, over the query's tokens, the similarity of the nearest document token. An
encoder with mean pooling has a single vector per text; its cosine is a sum too, over all pairs of a
query token and a document token, of the product of their contributions.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from eval.evals import encoder_of
from eval.retrievers.building import OFFLINE_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from core.encoder.encoder import Encoder
    from eval.evals import EvalSummary

    Vectors = NDArray[np.float32]

#: BERT's mark of a token that continues a word.
_CONTINUATION: Final = "##"


@dataclass(frozen=True, slots=True)
class TokenMatch:
    """A query token with the nearest document token, shown as the word that contains it.

    ``similarity`` is their cosine, in [-1, 1], or, with a single vector per text, the query
    token's contribution to the cosine of the texts; ``place`` is the document token's row. In a
    document without tokens the answer is empty, the place -1 and the similarity 0.
    """

    token: str
    answer: str
    place: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """The matches of a document, in the order of the query's tokens.

    ``summed``: the texts have a single vector, to which the tokens contribute.
    """

    matches: tuple[TokenMatch, ...]
    summed: bool = False

    @property
    def score(self) -> float:
        """The sum of the similarities: MaxSim, or the cosine of the single vectors."""
        return sum(match.similarity for match in self.matches)


def aligned(
    query_tokens: Sequence[str],
    query_vectors: Vectors,
    document_tokens: Sequence[str],
    document_vectors: Vectors,
    *,
    summed: bool = False,
) -> Alignment:
    """Align a query with a document.

    Args:
        query_tokens: of the rows of ``query_vectors``.
        query_vectors: (query tokens, dimensions), unit rows, or contributions if ``summed``.
        document_tokens: of the rows of ``document_vectors``.
        document_vectors: (document tokens, dimensions), likewise.
        summed: a match counts all document tokens, not only the nearest.
    """
    if not len(document_vectors):
        return Alignment(tuple(TokenMatch(token, "", -1, 0.0) for token in query_tokens), summed)
    similarities = query_vectors @ document_vectors.T
    places = similarities.argmax(axis=1).tolist()
    values = (similarities.sum(axis=1) if summed else similarities.max(axis=1)).tolist()
    return Alignment(
        tuple(
            TokenMatch(token, _whole_word(document_tokens, place), place, value)
            for token, place, value in zip(query_tokens, places, values, strict=True)
        ),
        summed,
    )


def _whole_word(tokens: Sequence[str], place: int) -> str:
    """Return the word that contains a token; BERT marks the tokens that continue a word."""
    first, end = place, place + 1
    while first > 0 and tokens[first].startswith(_CONTINUATION):
        first -= 1
    while end < len(tokens) and tokens[end].startswith(_CONTINUATION):
        end += 1
    return tokens[first] + "".join(
        token.removeprefix(_CONTINUATION) for token in tokens[first + 1 : end]
    )


def alignments(encoder: Encoder, query: str, texts: Sequence[str]) -> tuple[Alignment, ...]:
    """Encode a query and documents, and align the query with every document.

    A single vector that is not a sum, such as that of the first token, is aligned as a whole.
    """
    if encoder.spec.summed:
        asked_parts = encoder.token_parts(query, query=True)
        return tuple(
            aligned(*asked_parts, *encoder.token_parts(text, query=False), summed=True)
            for text in texts
        )
    (asked,) = encoder.encode_queries([query])
    words = encoder.tokens(query, query=True)
    return tuple(
        aligned(words, asked, encoder.tokens(text, query=False), vectors)
        for text, vectors in zip(texts, encoder.encode_documents(texts), strict=True)
    )


class EncoderCache:
    """Keeps the encoder last used. Thread-safe: while it loads, other threads wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[str, Encoder] | None = None

    def get(self, summary: EvalSummary) -> Encoder:
        """Return the encoder of an eval, loaded if necessary.

        Raises:
            InputError: the eval used none, or its folder has other weights now.
            UnavailableError: the machine cannot run it.
        """
        with self._lock:
            return self._get(summary)

    def _get(self, summary: EvalSummary) -> Encoder:
        from core.encoder import load_encoder, offline_encoder_folder

        named = encoder_of(summary)
        if named is None:
            raise InputError(
                "this eval used no encoder, so there are no tokens to align",
                todo="Choose an eval of an encoder.",
            )
        if self._kept is None or self._kept[0] != named:
            folder = offline_encoder_folder() if named == OFFLINE_NAME else named
            self._kept = (named, load_encoder(folder))
        encoder = self._kept[1]
        if encoder.spec.checkpoint != summary.checkpoint:
            self._kept = None
            raise InputError(
                "the encoder's folder has other weights than this eval used",
                where=named,
                todo="Run the eval again.",
            )
        return encoder
