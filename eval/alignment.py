"""Late interaction, word by word: which token of a document answers each token of a query."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from core.encoder.encoder import Encoder
    from eval.evaluating_records import EvalSummary

    Vectors = NDArray[np.float32]

OFFLINE_NAME: Final = "all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True)
class TokenMatch:
    """A token of a query and the token of the document nearest to it.

    ``similarity`` is their cosine, in [-1, 1]; ``place`` the document token's row. A document
    without tokens answers with an empty token at place -1 and a similarity of 0.
    """

    token: str
    answer: str
    place: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """The matches of one document, in the order of the query's tokens."""

    matches: tuple[TokenMatch, ...]

    @property
    def score(self) -> float:
        """The MaxSim score: the sum of the similarities."""
        return sum(match.similarity for match in self.matches)


class AligningEncoder(Protocol):
    """What of an encoder is needed here."""

    def encode_queries(self, texts: Sequence[str]) -> Sequence[Vectors]:
        """Return (tokens, dimensions) vectors of length 1 for each text."""

    def encode_documents(self, texts: Sequence[str]) -> Sequence[Vectors]:
        """Return (tokens, dimensions) vectors of length 1 for each text."""

    def tokens(self, text: str, *, query: bool) -> tuple[str, ...]:
        """Return the token of each row that a text gives."""


def aligned(
    query_tokens: Sequence[str],
    query_vectors: Vectors,
    document_tokens: Sequence[str],
    document_vectors: Vectors,
) -> Alignment:
    """Align a query with a document.

    Args:
        query_tokens: one for each row of ``query_vectors``.
        query_vectors: (query tokens, dimensions), rows of length 1.
        document_tokens: one for each row of ``document_vectors``.
        document_vectors: (document tokens, dimensions), rows of length 1.
    """
    if not len(document_vectors):
        return Alignment(tuple(TokenMatch(token, "", -1, 0.0) for token in query_tokens))
    similarities = query_vectors @ document_vectors.T
    places = similarities.argmax(axis=1).tolist()
    return Alignment(
        tuple(
            TokenMatch(token, document_tokens[place], place, float(similarities[row, place]))
            for row, (token, place) in enumerate(zip(query_tokens, places, strict=True))
        )
    )


def alignments(encoder: AligningEncoder, query: str, texts: Sequence[str]) -> tuple[Alignment, ...]:
    """Encode a query and some documents and align it with each."""
    (asked,) = encoder.encode_queries([query])
    words = encoder.tokens(query, query=True)
    return tuple(
        aligned(words, asked, encoder.tokens(text, query=False), vectors)
        for text, vectors in zip(texts, encoder.encode_documents(texts), strict=True)
    )


def encoder_of(summary: EvalSummary) -> str | None:
    """Return the name of the encoder that an eval used, alone or fused; None where it used none."""
    parameters = json.loads(summary.parameters)
    named = parameters.get("model", parameters.get("encoder.model"))
    return named if isinstance(named, str) and named else None


class EncoderShelf(threading.local):
    """Keeps the encoder last used, one for each thread: an encoder belongs to its thread."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: tuple[str, Encoder] | None = None

    def take(self, summary: EvalSummary) -> Encoder:
        """Return the encoder of an eval, loaded now if it was not.

        Raises:
            InputError: the eval used none, or its folder holds other weights now.
            UnavailableError: the machine cannot run it.
        """
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
