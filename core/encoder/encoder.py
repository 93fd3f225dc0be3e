"""The encoder: texts in, vectors out, in padded batches of texts of similar length."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

import mlx.core as mx
import numpy as np

from core.encoder.cpu import evaluate_in_lanes, lane_count
from core.encoder.mlx_runtime import on_mlx_thread
from core.encoder.models.module import EncoderModule, named_parameters
from core.encoder.tokenizing import TextTokenizer
from core.encoder.weights import load_weights, save_encoder
from core.errors import CancelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from core.encoder.spec import EncoderSpec
    from core.encoder.tokenizing import TokenizedText

#: Tokens of a batch, padding included: on the CPU so few that attention stays within the caches.
_CPU_TOKENS: Final = 1024
_GPU_TOKENS: Final = 16384
_BATCH: Final = 64


def build_encoder(spec: EncoderSpec) -> Encoder:
    """Load the weights and the tokenizer of an encoder, on MLX's thread.

    Raises:
        InputError: a file or a tensor is missing or malformed.
    """
    module = EncoderModule(spec)
    tokenizer = TextTokenizer(spec)
    shapes = {name: tensor.shape for name, tensor in named_parameters(module).items()}
    module.load_weights(list(load_weights(spec, shapes).items()))
    module.eval()
    return Encoder(spec, module, tokenizer)


class Encoder:
    """A loaded encoder. Any thread may encode with it: MLX runs on its own (``mlx_runtime``).

    Args:
        spec: what its folder says.
        module: the network, with its weights.
        tokenizer: of its folder.
    """

    def __init__(self, spec: EncoderSpec, module: EncoderModule, tokenizer: TextTokenizer) -> None:
        self.spec = spec
        self.module = module
        self.tokenizer = tokenizer

    def encode_queries(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Return a matrix (tokens, dimensions) for each query, its rows of length 1."""
        return self._matrices_in_order(self.tokenizer.queries(texts))

    def encode_documents(
        self,
        texts: Sequence[str],
        *,
        batch_size: int = _BATCH,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[NDArray[np.float32]]:
        """Return a matrix (tokens, dimensions) for each document, its rows of length 1.

        Args:
            texts: the documents.
            batch_size: the most documents in a batch.
            progress: called after each group of batches with the documents done and the total.
            cancelled: polled before each group; once it returns True the work stops.

        Raises:
            CancelledError: the work was cancelled. ``iterate_documents`` keeps finished documents.
        """
        return self._matrices_in_order(
            self.tokenizer.documents(texts), batch_size, progress, cancelled
        )

    def iterate_documents(
        self, texts: Sequence[str], *, batch_size: int = _BATCH
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield position and matrix of each document when it is done, the longest first."""
        return self._matrices(self.tokenizer.documents(texts), batch_size)

    def tokens(self, text: str, *, query: bool) -> tuple[str, ...]:
        """Return the token of each row of the matrix of this text.

        An encoder that makes one vector per text gives the text itself.
        """
        if self.spec.one_vector:
            return (text,)
        return self.tokenizer.strings(self._tokenized(text, query=query))

    def token_parts(self, text: str, *, query: bool) -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """Return the tokens of a text, and the part of its one vector that each contributes.

        Returns:
            the tokens, and a matrix (tokens, dimensions) whose rows sum to the vector that
            ``encode_queries`` or ``encode_documents`` gives; only where the spec is ``summed``.
        """
        tokenized = self._tokenized(text, query=query)
        tokenized = replace(tokenized, kept=tuple(range(len(tokenized.ids))))
        ids = mx.array([tokenized.ids])
        parts = on_mlx_thread(lambda: np.array(self.module.parts(ids)[0]))
        return self.tokenizer.strings(tokenized), parts

    def batches(
        self, texts: Sequence[TokenizedText], *, batch_size: int = _BATCH
    ) -> Iterator[Batch]:
        """Yield padded batches of texts of similar length, sized for the device."""
        on_cpu = mx.default_device().type == mx.DeviceType.cpu
        return batches(
            texts,
            batch_size=batch_size,
            most_tokens=_CPU_TOKENS if on_cpu else _GPU_TOKENS,
            pad=self.tokenizer.pad,
        )

    def vectors(self, batch: Batch) -> mx.array:
        """Return the unevaluated vectors of a batch, (texts, tokens or 1, dimensions)."""
        seen = None if batch.seen is None else mx.array(batch.seen)
        return self.module(mx.array(batch.tokens), seen)

    def save(self, folder: Path) -> None:
        """Write the encoder with its current weights to a new folder, as ``save_encoder`` does.

        Raises:
            InputError: the folder exists already.
        """
        save_encoder(self.spec, named_parameters(self.module), folder)

    def _tokenized(self, text: str, *, query: bool) -> TokenizedText:
        tokenize = self.tokenizer.queries if query else self.tokenizer.documents
        return tokenize([text])[0]

    def _matrices_in_order(
        self,
        texts: list[TokenizedText],
        batch_size: int = _BATCH,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[NDArray[np.float32]]:
        done = dict(self._matrices(texts, batch_size, progress, cancelled))
        return [done[place] for place in range(len(texts))]

    def _matrices(
        self,
        texts: list[TokenizedText],
        batch_size: int,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        done = 0
        pending = self.batches(texts, batch_size=batch_size)
        while group := list(islice(pending, lane_count())):
            if cancelled():
                raise CancelledError("encoding was cancelled")
            answers = on_mlx_thread(partial(self._answers, group))
            for batch, answer in zip(group, answers, strict=True):
                yield from self._rows(batch, answer)
                done += len(batch.places)
            progress(done, len(texts))

    def _answers(self, group: list[Batch]) -> list[NDArray[np.float32]]:
        answers = evaluate_in_lanes([partial(self.vectors, batch) for batch in group])
        return [np.array(answer) for answer in answers]

    def _rows(
        self, batch: Batch, answer: NDArray[np.float32]
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        for row, place in enumerate(batch.places):
            # A copy, so that a short document does not keep its whole batch in memory.
            matrix = answer[row] if self.spec.one_vector else answer[row, batch.kept[row]]
            yield place, matrix.copy()


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts that are encoded together.

    Args:
        places: the position of each text in the input.
        tokens: ids (texts, tokens), int32.
        seen: which tokens are attended to (texts, tokens); None for all.
        kept: which vectors are returned (texts, tokens).
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
        texts: to be encoded.
        batch_size: the most texts in a batch.
        most_tokens: the most tokens in a batch, padding included; a single text may have more.
        pad: the id that fills up.
    """
    order = sorted(range(len(texts)), key=lambda place: -len(texts[place].ids))
    start = 0
    while start < len(order):
        longest = max(len(texts[order[start]].ids), 1)
        end = start + max(1, min(batch_size, most_tokens // longest))
        yield _padded(texts, tuple(order[start:end]), pad)
        start = end


def _padded(texts: Sequence[TokenizedText], places: tuple[int, ...], pad: int) -> Batch:
    """Return the texts at these positions as a batch."""
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
