"""The encoder in training: the losses of a batch, their gradients, and a step of the optimizer."""

from __future__ import annotations

from contextlib import nullcontext
from functools import reduce
from itertools import cycle
from operator import add
from typing import TYPE_CHECKING, Final, NamedTuple

import mlx.core as mx
import numpy as np
from mlx.utils import tree_unflatten

from core.encoder.blas import one_blas_thread
from core.encoder.cpu import Lane, lane_count, lanes, usable
from core.encoder.models.module import named_parameters
from core.encoder.weights import TABLE_NAMES
from train.config import Precision, RunConfig, Tuning
from train.step.lora import DropoutKeys, add_lora, lora_parameters
from train.step.losses import GradedBatch, Heads, first_heads, weighted_sum
from train.step.optimizer import HEAD, Moments, adamw, clipping, no_moments, squared_norm
from train.step.rows import EmbeddingRows

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from core.encoder.encoder import Encoder
    from train.step.batches import PaddedTexts, TrainingBatch

    Arrays = dict[str, mx.array]

    Texts = tuple[mx.array, mx.array | None, mx.array]

#: The lowest cosine: what a vector that is not kept scores.
_LOWEST = -1.0


def maxsim(
    queries: mx.array, query_kept: mx.array, documents: mx.array, document_kept: mx.array
) -> mx.array:
    """Return the scores (queries, documents), in [-1, 1], differentiably and in padded batches.

    For inference there is ``eval.retrievers.token_index.maxsim``, which has no gradient.

    The late interaction of ColBERT (Khattab and Zaharia 2020, arXiv:2004.12832), divided by the
    number of the query's tokens, so that scores of short and long queries are alike. With one
    vector for each text it is the cosine. A document of which nothing is kept scores -1.

    Args:
        queries: vectors of length 1 (queries, query tokens, dimensions).
        query_kept: booleans (queries, query tokens): the vectors that count.
        documents: vectors of length 1 (documents, document tokens, dimensions).
        document_kept: booleans (documents, document tokens).
    """
    width = queries.shape[-1]
    cosines = queries.reshape(-1, width) @ documents.reshape(-1, width).T
    cosines = cosines.reshape(*queries.shape[:2], *documents.shape[:2])
    best = mx.where(document_kept, cosines, _LOWEST).max(axis=-1)
    weight = query_kept.astype(best.dtype)
    total = (best * weight[:, :, None]).sum(axis=1)
    return total / mx.maximum(weight.sum(axis=1), 1.0)[:, None]


#: MLX keeps a compiled graph for every shape; with more of them it starts anew.
_MOST_SHAPES: Final = 128


def may_compile() -> bool:
    """Whether a whole step can be compiled: on a GPU always, on a CPU with a compiler."""
    return mx.default_device().type != mx.DeviceType.cpu or usable()


class _Graphs(NamedTuple):
    """The two halves of a step, compiled where that works."""

    gradients: Callable[..., tuple[tuple[mx.array, Arrays], Arrays]]
    update: Callable[..., tuple[Arrays, Arrays, Arrays, mx.array]]


class Trainee:
    """An encoder and what is learned of it.

    Args:
        encoder: it is changed in place.
        config: the run's settings.
        token_ids: all token ids of the training set, sorted.
    """

    def __init__(self, encoder: Encoder, config: RunConfig, token_ids: NDArray[np.int32]) -> None:
        self.encoder = encoder
        self.config = config
        self.rows: EmbeddingRows | None = None
        #: Numbers in the encoder as it came.
        self.parameters = sum(value.size for value in named_parameters(encoder.module).values())
        self._table = TABLE_NAMES[encoder.spec.family]
        self._keys = DropoutKeys()
        self.weights = self._learned(token_ids) | _flat_heads(first_heads(config))
        self.moments = no_moments(self.weights)
        #: A stream of its own for each core: see ``core.encoder.cpu``.
        self._streams = lanes(lane_count())
        #: The weights that are not learned.
        self._fixed = self._not_learned()
        self._shapes: set[object] = set()
        self._graphs = self._new_graphs()

    @property
    def trainable(self) -> int:
        """Numbers that are learned."""
        rows = self.rows.values.size if self.rows else 0
        return sum(value.size for value in self.weights.values()) + int(rows)

    def one_thread_each(self) -> AbstractContextManager[None]:
        """Limit the BLAS to one thread where the streams keep all cores busy."""
        return one_blas_thread() if len(self._streams) > 1 else nullcontext()

    def gradients(
        self, batch: TrainingBatch, key: mx.array
    ) -> tuple[float, dict[str, float], Arrays]:
        """Return the loss, its parts, and the gradients; those of embedding rows go to ``rows``.

        Args:
            batch: the batch.
            key: of what dropout draws.
        """
        weights = dict(self.weights)
        if self.rows is not None:
            weights[self._table] = self.rows.values_of(batch.vocabulary)
        texts = tuple(
            tuple(self._texts(group, batch.vocabulary) for group in groups)
            for groups in (batch.queries, batch.documents)
        )
        graded = tuple(
            mx.array(known)
            for known in (batch.grades, batch.graded, batch.weights, batch.negatives)
        )
        self._count_shape(texts, batch)
        (total, parts), gradients = self._graphs.gradients(
            [weights] * len(self._streams), [self._fixed] * len(self._streams), *texts, graded, key
        )
        mx.eval(total, parts, gradients)
        if self.rows is not None:
            own = np.array(gradients.pop(self._table).astype(mx.float32))[: batch.tokens]
            self.rows.add_gradients(batch.vocabulary[: batch.tokens], own)
        return _number(total), {name: _number(part) for name, part in parts.items()}, gradients

    def update(self, gradients: Arrays, count: int, share: float) -> float:
        """Take a step and return the length of the gradient before clipping.

        When that is no number or infinite, nothing is changed.

        Args:
            gradients: of all weights, by name; those of rows are in ``rows``.
            count: steps taken, this one among them.
            share: of the highest rate.
        """
        weights, moments = dict(self.weights), self.moments
        touched = self.rows.take_touched() if self.rows is not None else None
        if touched is not None:
            gradients = gradients | {self._table: touched.gradients}
            weights[self._table] = touched.values
            moments = Moments(
                moments.first | {self._table: touched.first},
                moments.second | {self._table: touched.second},
            )
        weights, first, second, norm = self._graphs.update(
            weights,
            gradients,
            moments.first,
            moments.second,
            mx.array(share),
            mx.array(float(count)),
        )
        mx.eval(weights, first, second, norm)
        length = _number(norm)
        if not np.isfinite(length):
            return length
        if touched is not None:
            touched.put_back(
                weights.pop(self._table), first.pop(self._table), second.pop(self._table)
            )
        self.weights, self.moments = weights, Moments(first, second)
        return length

    def put_into_encoder(self) -> None:
        """Load the current weights into the encoder, which holds those of some traced step."""
        own = self._fixed | {
            name: value for name, value in self.weights.items() if not name.startswith(HEAD)
        }
        if self.rows is not None:
            table = np.array(self._full_table)
            table[self.rows.ids] = self.rows.values
            own[self._table] = mx.array(table)
        self._keys.begin(None)
        self.encoder.module.update(tree_unflatten(list(own.items())))

    def _learned(self, token_ids: NDArray[np.int32]) -> Arrays:
        module = self.encoder.module
        if self.config.tuning is Tuning.LORA:
            family = self.encoder.spec.family
            self._keys = add_lora(module, family, self.config.lora, self.config.seed)
            learned = lora_parameters(module)
            if self.config.precision is Precision.BFLOAT16:
                module.apply(lambda value: value.astype(mx.bfloat16))
            return learned
        named = named_parameters(module)
        self._full_table = named.pop(self._table)
        self.rows = EmbeddingRows(self._full_table, token_ids)
        return named

    def _new_graphs(self) -> _Graphs:
        of_streams: Callable[..., tuple[tuple[mx.array, Arrays], list[Arrays]]]
        of_streams = mx.value_and_grad(self._loss)

        def gradients(*given: object) -> tuple[tuple[mx.array, Arrays], Arrays]:
            answer, found = of_streams(*given)
            return answer, self._summed(found)

        if not may_compile():
            return _Graphs(gradients, self._stepped)
        return _Graphs(mx.compile(gradients), mx.compile(self._stepped))

    def _not_learned(self) -> Arrays:
        learned = {*self.weights, self._table} if self.rows is not None else {*self.weights}
        named = named_parameters(self.encoder.module)
        return {name: value for name, value in named.items() if name not in learned}

    def _count_shape(self, texts: tuple[tuple[Texts, ...], ...], batch: TrainingBatch) -> None:
        tokens = tuple(group[0].shape for groups in texts for group in groups)
        shape = (tokens, len(batch.vocabulary))
        if shape not in self._shapes and len(self._shapes) >= _MOST_SHAPES:
            self._shapes.clear()
            self._graphs = self._new_graphs()
        self._shapes.add(shape)

    def _texts(self, group: PaddedTexts, vocabulary: NDArray[np.int32]) -> Texts:
        tokens = group.tokens if self.rows is not None else vocabulary[group.tokens]
        seen = None if group.seen.all() else mx.array(group.seen)
        kept = group.kept[:, :1] | True if self.encoder.spec.one_vector else group.kept
        return mx.array(tokens), seen, mx.array(kept)

    def _summed(self, gradients: list[Arrays]) -> Arrays:
        """Return the sums of the streams' gradients; each sum is made on one stream."""
        total = {}
        for turn, name in enumerate(gradients[0]):
            with self._streams[turn % len(self._streams)].entered():
                total[name] = reduce(add, (own[name] for own in gradients))
        return total

    def _loss(
        self,
        weights: list[Arrays],
        fixed: list[Arrays],
        queries: tuple[Texts, ...],
        documents: tuple[Texts, ...],
        graded: tuple[mx.array, mx.array, mx.array, mx.array],
        key: mx.array,
    ) -> tuple[mx.array, Arrays]:
        """Return the weighted sum of the losses, and its parts.

        Each stream gets the same weights as inputs of its own. Were they one input, MLX would
        compute once what two streams do alike with it, such as transposing it, and one stream would
        always wait for the other.
        """
        self._keys.begin(key)
        named = [
            {**kept, **self._encoder_weights(own)} for kept, own in zip(fixed, weights, strict=True)
        ]
        query_vectors = mx.concatenate(self._vectors(queries, named))
        query_kept = mx.concatenate([kept for _, _, kept in queries])
        columns = []
        for stream, vectors, (_, _, kept) in zip(
            cycle(self._streams), self._vectors(documents, named), documents, strict=False
        ):
            with stream.entered():
                columns.append(maxsim(query_vectors, query_kept, vectors, kept))
        heads = _nested_heads(weights[0])
        return weighted_sum(
            self.config, mx.concatenate(columns, axis=1), GradedBatch(*graded), heads
        )

    def _encoder_weights(self, weights: Arrays) -> Arrays:
        return {
            name: self._cast(value) for name, value in weights.items() if not name.startswith(HEAD)
        }

    def _vectors(self, groups: tuple[Texts, ...], named: list[Arrays]) -> list[mx.array]:
        vectors = []
        for turn, (tokens, seen, _) in enumerate(groups):
            stream = self._streams[turn % len(self._streams)]
            self.encoder.module.update(tree_unflatten(list(named[stream.number].items())))
            with stream.entered():
                vectors.append(self.encoder.module(tokens, seen).astype(mx.float32))
        return vectors

    def _cast(self, value: mx.array) -> mx.array:
        half = self.config.precision is Precision.BFLOAT16
        return value.astype(mx.bfloat16) if half else value

    def _stepped(
        self,
        weights: Arrays,
        gradients: Arrays,
        first: Arrays,
        second: Arrays,
        share: mx.array,
        count: mx.array,
    ) -> tuple[Arrays, Arrays, Arrays, mx.array]:
        parts = _balanced(gradients, self._streams)
        squares = []
        for stream, names in parts:
            with stream.entered():
                squares.append(squared_norm([gradients[name] for name in names]))
        norm = mx.sqrt(reduce(add, squares))
        factor = clipping(norm, self.config.clip_norm)
        stepped: tuple[Arrays, Arrays, Arrays] = ({}, {}, {})
        for stream, names in parts:
            with stream.entered():
                new, moments = adamw(
                    {name: weights[name] for name in names},
                    {name: gradients[name] for name in names},
                    Moments(first, second),
                    share=share,
                    factor=factor,
                    count=count,
                    config=self.config,
                )
            for all_of_them, own in zip(stepped, (new, *moments), strict=True):
                all_of_them.update(own)
        return *stepped, norm


def _balanced(arrays: Arrays, streams: list[Lane]) -> list[tuple[Lane, list[str]]]:
    """Share the names out so that all streams have about as much to do; drop idle streams."""
    names: list[list[str]] = [[] for _ in streams]
    sizes = [0] * len(streams)
    for name in sorted(arrays, key=lambda name: (-arrays[name].size, name)):
        least = sizes.index(min(sizes))
        names[least].append(name)
        sizes[least] += arrays[name].size
    return [(stream, own) for stream, own in zip(streams, names, strict=True) if own]


def _number(scalar: mx.array) -> float:
    return float(np.array(scalar))


def _flat_heads(heads: Heads) -> Arrays:
    return {
        f"{HEAD}{loss}.{name}": value
        for loss, head in heads.items()
        for name, value in head.items()
    }


def _nested_heads(weights: Arrays) -> Heads:
    heads: Heads = {}
    for name, value in weights.items():
        if name.startswith(HEAD):
            loss, _, own = name.removeprefix(HEAD).partition(".")
            heads.setdefault(loss, {})[own] = value
    return heads
