"""A score, word by word: which token of a document answers each token of a query, and how much.

Late interaction sums over the query's tokens the similarity of the nearest document token. An
encoder that takes the mean of its tokens has one vector for a text, and its cosine is a sum too:
over all pairs of a query token and a document token, of the product of what both give.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from core.errors import InputError
from eval.evals import encoder_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from core.encoder.encoder import Encoder
    from eval.evals import EvalSummary

    Vectors = NDArray[np.float32]

OFFLINE_NAME: Final = "all-MiniLM-L6-v2"
#: Before each token but the first of a word that BERT's vocabulary has not whole.
_PIECE: Final = "##"


@dataclass(frozen=True, slots=True)
class TokenMatch:
    """A token of a query and the token of the document nearest to it, as the word it is part of.

    ``similarity`` is their cosine, in [-1, 1], or, where texts have one vector, what the query's
    token gives to the cosine of the texts; ``place`` is the document token's row. A document
    without tokens answers with an empty token at place -1 and a similarity of 0.
    """

    token: str
    answer: str
    place: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """The matches of one document, in the order of the query's tokens.

    ``summed`` says that the texts have one vector each, of which the tokens give parts.
    """

    matches: tuple[TokenMatch, ...]
    summed: bool = False

    @property
    def score(self) -> float:
        """The sum of the similarities: MaxSim, or the cosine of the one vectors."""
        return sum(match.similarity for match in self.matches)


class AligningSpec(Protocol):
    """What must be known of an encoder."""

    @property
    def summed(self) -> bool:
        """Whether a text has one vector, a sum of which each token gives a part."""


class AligningEncoder(Protocol):
    """What of an encoder is needed here."""

    @property
    def spec(self) -> AligningSpec:
        """What is known of it."""

    def encode_queries(self, texts: Sequence[str]) -> Sequence[Vectors]:
        """Return (tokens, dimensions) vectors of length 1 for each text."""

    def encode_documents(self, texts: Sequence[str]) -> Sequence[Vectors]:
        """Return (tokens, dimensions) vectors of length 1 for each text."""

    def tokens(self, text: str, *, query: bool) -> tuple[str, ...]:
        """Return the token of each row that a text gives."""

    def token_parts(self, text: str, *, query: bool) -> tuple[tuple[str, ...], Vectors]:
        """Return all tokens of a text and what each gives to its one vector."""


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
        query_tokens: one for each row of ``query_vectors``.
        query_vectors: (query tokens, dimensions), rows of length 1; when summed, the parts of one.
        document_tokens: one for each row of ``document_vectors``.
        document_vectors: (document tokens, dimensions), likewise.
        summed: whether a match counts all tokens of the document, and not the nearest only.
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
    """Return the word that a token is a piece of, where pieces are marked as BERT marks them."""
    first, end = place, place + 1
    while first > 0 and tokens[first].startswith(_PIECE):
        first -= 1
    while end < len(tokens) and tokens[end].startswith(_PIECE):
        end += 1
    return tokens[first] + "".join(each.removeprefix(_PIECE) for each in tokens[first + 1 : end])


def alignments(encoder: AligningEncoder, query: str, texts: Sequence[str]) -> tuple[Alignment, ...]:
    """Encode a query and some documents and align it with each.

    One vector that is no sum, such as that of a first token, is aligned as a whole.
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


class EncoderShelf:
    """Keeps the encoder last used. Any thread may ask; while one loads, the others wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[str, Encoder] | None = None

    def take(self, summary: EvalSummary) -> Encoder:
        """Return the encoder of an eval, loaded now if it was not.

        Raises:
            InputError: the eval used none, or its folder holds other weights now.
            UnavailableError: the machine cannot run it.
        """
        with self._lock:
            return self._taken(summary)

    def _taken(self, summary: EvalSummary) -> Encoder:
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
                "the encoder's folder holds other weights than those of this eval",
                where=named,
                todo="Run the eval again.",
            )
        return encoder
