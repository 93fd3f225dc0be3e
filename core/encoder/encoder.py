"""The encoder: texts in, matrices out.

Texts of like length together, padded to the longest of their batch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

import mlx.core as mx
import numpy as np

from core.encoder.availability import on_mlx_thread
from core.encoder.cpu import evaluated, lane_count
from core.encoder.models.module import named_parameters
from core.encoder.weights import save_encoder
from core.errors import CancelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from core.encoder.models.module import EncoderModule
    from core.encoder.spec import EncoderSpec
    from core.encoder.tokenizing import TextTokenizer, TokenizedText


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts that are encoded in one go.

    Args:
        places: the place of each text in what was asked for.
        tokens: ids (texts, tokens), int32.
        seen: which tokens are attended to (texts, tokens); None when all are.
        kept: which vectors are handed out (texts, tokens).
    """

    places: tuple[int, ...]
    tokens: NDArray[np.int32]
    seen: NDArray[np.bool_] | None
    kept: NDArray[np.bool_]


def batches(
    texts: Sequence[TokenizedText], *, batch_size: int, most_tokens: int, pad: int
) -> Iterator[Batch]:
    """Yield batches, the longest texts first, so that memory runs out at once or never.

    Args:
        texts: what is to be encoded.
        batch_size: the most texts in a batch.
        most_tokens: the most tokens in a batch, padding among them; a single text may have more.
        pad: the id that fills up.
    """
    order = sorted(range(len(texts)), key=lambda place: -len(texts[place].ids))
    start = 0
    while start < len(order):
        longest = max(len(texts[order[start]].ids), 1)
        end = start + max(1, min(batch_size, most_tokens // longest))
        yield padded(texts, tuple(order[start:end]), pad)
        start = end


def padded(texts: Sequence[TokenizedText], places: tuple[int, ...], pad: int) -> Batch:
    """Return the texts of these places as one batch."""
    chosen = [texts[place] for place in places]
    length = max(len(text.ids) for text in chosen)
    tokens = np.full((len(chosen), length), pad, np.int32)
    seen = np.zeros((len(chosen), length), np.bool_)
    kept = np.zeros((len(chosen), length), np.bool_)
    for row, text in enumerate(chosen):
        tokens[row, : len(text.ids)] = text.ids
        seen[row, : text.seen] = True
        kept[row, list(text.kept)] = True
    return Batch(places, tokens, None if seen.all() else seen, kept)


#: Tokens of a batch, padding among them, on the CPU: what keeps attention within the caches.
_CPU_TOKENS: Final = 1024
_GPU_TOKENS: Final = 16384
_BATCH: Final = 64


class Encoder:
    """A loaded encoder. Any thread may encode with it: the work is done on one (``mlx_thread``).

    Args:
        spec: what its folder says.
        module: the network, its weights loaded.
        tokenizer: makes its tokens.
    """

    def __init__(self, spec: EncoderSpec, module: EncoderModule, tokenizer: TextTokenizer) -> None:
        self.spec = spec
        self.module = module
        self.tokenizer = tokenizer

    def encode_queries(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Return one matrix (tokens, dimensions) for each query, its rows of length 1."""
        tokenized = self.tokenizer.queries(texts)
        return self._in_order(tokenized, lambda _done, _all: None, lambda: False)

    def encode_documents(
        self,
        texts: Sequence[str],
        *,
        batch_size: int = _BATCH,
        progress: Callable[[int, int], None] = lambda _done, _all: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[NDArray[np.float32]]:
        """Return one matrix (tokens, dimensions) for each document, its rows of length 1.

        Args:
            texts: the documents.
            batch_size: the most documents in a batch.
            progress: told after each batch: documents done, documents in all.
            cancelled: asked before each batch.

        Raises:
            CancelledError: ``cancelled`` said so. ``iterate_documents`` keeps what was done.
        """
        return self._in_order(self.tokenizer.documents(texts), progress, cancelled, batch_size)

    def iterate_documents(
        self, texts: Sequence[str], *, batch_size: int = _BATCH
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield place and matrix of each document as it is done, the longest ones first."""
        return self._encoded(self.tokenizer.documents(texts), batch_size)

    def tokens(self, text: str, *, query: bool) -> tuple[str, ...]:
        """Return the token of each row of the matrix that this text gives.

        An encoder that makes one vector of a text gives that text itself.
        """
        if self.spec.one_vector:
            return (text,)
        make = self.tokenizer.queries if query else self.tokenizer.documents
        return self.tokenizer.strings(make([text])[0])

    def token_parts(self, text: str, *, query: bool) -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """Return the tokens of a text, and what each gives to the one vector of it.

        Returns:
            the tokens, and a matrix (tokens, dimensions) whose rows sum to the vector that
            ``encode_queries`` or ``encode_documents`` gives; only where the spec is ``summed``.
        """
        make = self.tokenizer.queries if query else self.tokenizer.documents
        (made,) = make([text])
        whole = replace(made, kept=tuple(range(len(made.ids))))
        ids = mx.array([made.ids])
        parts = on_mlx_thread(lambda: np.array(self.module.parts(ids)[0]))
        return self.tokenizer.strings(whole), parts

    def batches(
        self, texts: Sequence[TokenizedText], *, batch_size: int = _BATCH
    ) -> Iterator[Batch]:
        """Yield padded batches of like length, of a size that suits the device."""
        on_cpu = mx.default_device().type == mx.DeviceType.cpu
        return batches(
            texts,
            batch_size=batch_size,
            most_tokens=_CPU_TOKENS if on_cpu else _GPU_TOKENS,
            pad=self.tokenizer.pad,
        )

    def vectors(self, batch: Batch) -> mx.array:
        """Return the network's answer to a batch (texts, tokens or 1, dimensions), unevaluated."""
        seen = None if batch.seen is None else mx.array(batch.seen)
        return self.module(mx.array(batch.tokens), seen)

    def save(self, folder: Path) -> None:
        """Write the encoder to a new folder, with the weights of now: see ``saving``.

        Raises:
            InputError: the folder exists already.
        """
        save_encoder(self.spec, named_parameters(self.module), folder)

    def _in_order(
        self,
        texts: list[TokenizedText],
        progress: Callable[[int, int], None],
        cancelled: Callable[[], bool],
        batch_size: int = _BATCH,
    ) -> list[NDArray[np.float32]]:
        done = dict(self._encoded(texts, batch_size, cancelled, progress))
        return [done[place] for place in range(len(texts))]

    def _encoded(
        self,
        texts: list[TokenizedText],
        batch_size: int,
        cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        done = 0
        todo = self.batches(texts, batch_size=batch_size)
        while group := list(islice(todo, lane_count())):
            if cancelled():
                raise CancelledError("encoding was stopped")
            answers = on_mlx_thread(partial(self._answers, group))
            for batch, answer in zip(group, answers, strict=True):
                yield from self._matrices(batch, answer)
                done += len(batch.places)
            progress(done, len(texts))

    def _answers(self, group: list[Batch]) -> list[NDArray[np.float32]]:
        answers = evaluated([partial(self.vectors, batch) for batch in group])
        return [np.array(answer) for answer in answers]

    def _matrices(
        self, batch: Batch, answer: NDArray[np.float32]
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        for row, place in enumerate(batch.places):
            # A copy, so that a short document does not keep its whole batch in memory.
            matrix = answer[row] if self.spec.one_vector else answer[row, batch.kept[row]]
            yield place, matrix.copy()
