"""The encoder in training: what is learned, the losses of a batch, a step of the optimizer.

The word embeddings of a run with full fine-tuning: only the rows that a batch has are learned.

A batch has some hundred of the vocabulary's tens of thousands of tokens. So the network is given a
table of these rows only, and gradients and moments exist for rows that the training set has at all.
A row's moments stand still, and it does not decay, in a step whose batches lack it (as in PyTorch's
SparseAdam).

MaxSim of every query of a batch with every document, differentiable.
"""

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

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from core.encoder.encoder import Encoder
    from train.step.batches import PaddedTexts, TrainingBatch

    Arrays = dict[str, mx.array]

    Texts = tuple[mx.array, mx.array | None, mx.array]

_STEP: Final = 512


class EmbeddingRows:
    """The rows that a training set has, with their moments, and the gradients of the step at hand.

    Args:
        table: all rows (vocabulary, width).
        ids: the token ids of the training set, sorted.
    """

    def __init__(self, table: mx.array, ids: NDArray[np.int32]) -> None:
        self.ids = ids
        self.values = np.array(table[mx.array(ids)])
        self.first = np.zeros_like(self.values)
        self.second = np.zeros_like(self.values)
        self._gradients = np.zeros_like(self.values)
        self._touched = np.zeros(len(ids), np.bool_)

    def values_of(self, ids: NDArray[np.int32]) -> mx.array:
        """Return the rows of these ids, each of them one of the training set."""
        return mx.array(self.values[np.searchsorted(self.ids, ids)])

    def add_gradients(self, ids: NDArray[np.int32], gradients: NDArray[np.float32]) -> None:
        """Add the gradients of rows; no id comes twice in one call."""
        places = np.searchsorted(self.ids, ids)
        self._gradients[places] += gradients
        self._touched[places] = True

    def average(self, turns: int, group: mx.distributed.Group) -> None:
        """Take the mean of the gradients of all turns and processes."""
        places = np.flatnonzero(self._touched)
        self._gradients[places] /= turns
        if group.size() > 1:
            every = mx.distributed.all_sum(mx.array(self._gradients), group=group) / group.size()
            touched = mx.distributed.all_sum(mx.array(self._touched.astype(np.int32)), group=group)
            self._gradients = np.array(every)
            self._touched = np.array(touched) > 0

    def taken(self) -> TouchedRows:
        """Return the rows that have gradients, which are forgotten here."""
        places = np.flatnonzero(self._touched)
        touched = TouchedRows(self, places, self._gradients[places])
        self._gradients[places] = 0
        self._touched[places] = False
        return touched

    def tensors(self) -> dict[str, NDArray[np.generic]]:
        """Return what a checkpoint keeps."""
        return {
            "rows.ids": self.ids,
            "rows.values": self.values,
            "rows.first": self.first,
            "rows.second": self.second,
        }

    def restore(self, tensors: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over what a checkpoint kept of the same training set."""
        for name in ("values", "first", "second"):
            getattr(self, name)[:] = tensors[f"rows.{name}"]


class TouchedRows:
    """Rows, moments and gradients of one step, filled up so that few shapes are compiled."""

    def __init__(
        self, rows: EmbeddingRows, places: NDArray[np.intp], gradients: NDArray[np.float32]
    ) -> None:
        self._rows = rows
        self._places = places
        self.gradients = _filled(gradients)
        self.values = _filled(rows.values[places])
        self.first = _filled(rows.first[places])
        self.second = _filled(rows.second[places])

    def put_back(self, values: mx.array, first: mx.array, second: mx.array) -> None:
        """Write the rows and moments after the step."""
        count = len(self._places)
        self._rows.values[self._places] = np.array(values)[:count]
        self._rows.first[self._places] = np.array(first)[:count]
        self._rows.second[self._places] = np.array(second)[:count]


def _filled(rows: NDArray[np.float32]) -> mx.array:
    missing = -len(rows) % _STEP
    return mx.array(np.pad(rows, ((0, missing), (0, 0))))


#: The lowest cosine: what a vector that is not kept scores.
_LOWEST = -1.0


def maxsim(
    queries: mx.array, query_kept: mx.array, documents: mx.array, document_kept: mx.array
) -> mx.array:
    """Return the scores (queries, documents), in [-1, 1].

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
    """Say whether a whole step can be compiled: on a GPU always, on a CPU with a compiler."""
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
        self._lanes = lanes(lane_count())
        #: What is not learned, for each lane: see ``_loss``.
        self._fixed = self._not_learned()
        self._shapes: set[object] = set()
        self._graphs = self._new_graphs()

    @property
    def trainable(self) -> int:
        """Numbers that are learned."""
        rows = self.rows.values.size if self.rows else 0
        return sum(value.size for value in self.weights.values()) + int(rows)

    def lanes(self) -> AbstractContextManager[None]:
        """Hold the BLAS to one thread where the lanes keep all cores busy."""
        return one_blas_thread() if len(self._lanes) > 1 else nullcontext()

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
            tuple(self._texts(lot, batch.vocabulary) for lot in lots)
            for lots in (batch.queries, batch.documents)
        )
        graded = tuple(
            mx.array(known)
            for known in (batch.grades, batch.graded, batch.weights, batch.negatives)
        )
        self._count_shape(texts, batch)
        (total, parts), gradients = self._graphs.gradients(
            [weights] * len(self._lanes), [self._fixed] * len(self._lanes), *texts, graded, key
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
        touched = self.rows.taken() if self.rows is not None else None
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
        """Give the encoder the weights of now; until then it has those of some trace or step."""
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
        of_lanes: Callable[..., tuple[tuple[mx.array, Arrays], list[Arrays]]]
        of_lanes = mx.value_and_grad(self._loss)

        def gradients(*given: object) -> tuple[tuple[mx.array, Arrays], Arrays]:
            answer, found = of_lanes(*given)
            return answer, self._summed(found)

        if not may_compile():
            return _Graphs(gradients, self._stepped)
        return _Graphs(mx.compile(gradients), mx.compile(self._stepped))

    def _not_learned(self) -> Arrays:
        learned = {*self.weights, self._table} if self.rows is not None else {*self.weights}
        named = named_parameters(self.encoder.module)
        return {name: value for name, value in named.items() if name not in learned}

    def _count_shape(self, texts: tuple[tuple[Texts, ...], ...], batch: TrainingBatch) -> None:
        shape = (tuple(lot[0].shape for lots in texts for lot in lots), len(batch.vocabulary))
        if shape not in self._shapes and len(self._shapes) >= _MOST_SHAPES:
            self._shapes.clear()
            self._graphs = self._new_graphs()
        self._shapes.add(shape)

    def _texts(self, lot: PaddedTexts, vocabulary: NDArray[np.int32]) -> Texts:
        tokens = lot.tokens if self.rows is not None else vocabulary[lot.tokens]
        seen = None if lot.seen.all() else mx.array(lot.seen)
        kept = lot.kept[:, :1] | True if self.encoder.spec.one_vector else lot.kept
        return mx.array(tokens), seen, mx.array(kept)

    def _summed(self, gradients: list[Arrays]) -> Arrays:
        """Return the sums of what the lanes found, each made by one of them."""
        total = {}
        for turn, name in enumerate(gradients[0]):
            with self._lanes[turn % len(self._lanes)].entered():
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

        Each lane has weights of its own, though they are the same. Were they one input, MLX would
        compute once what two lanes do alike with one, such as to transpose it, and one lane would
        wait for the other all the way.
        """
        self._keys.begin(key)
        named = [
            {**kept, **self._encoder_weights(own)} for kept, own in zip(fixed, weights, strict=True)
        ]
        query_vectors = mx.concatenate(self._vectors(queries, named))
        query_kept = mx.concatenate([kept for _, _, kept in queries])
        columns = []
        for lane, vectors, (_, _, kept) in zip(
            cycle(self._lanes), self._vectors(documents, named), documents, strict=False
        ):
            with lane.entered():
                columns.append(maxsim(query_vectors, query_kept, vectors, kept))
        heads = _nested_heads(weights[0])
        return weighted_sum(
            self.config, mx.concatenate(columns, axis=1), GradedBatch(*graded), heads
        )

    def _encoder_weights(self, weights: Arrays) -> Arrays:
        return {
            name: self._cast(value) for name, value in weights.items() if not name.startswith(HEAD)
        }

    def _vectors(self, lots: tuple[Texts, ...], named: list[Arrays]) -> list[mx.array]:
        vectors = []
        for turn, (tokens, seen, _) in enumerate(lots):
            lane = self._lanes[turn % len(self._lanes)]
            self.encoder.module.update(tree_unflatten(list(named[lane.number].items())))
            with lane.entered():
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
        parts = _shared_out(gradients, self._lanes)
        squares = []
        for lane, names in parts:
            with lane.entered():
                squares.append(squared_norm([gradients[name] for name in names]))
        norm = mx.sqrt(reduce(add, squares))
        factor = clipping(norm, self.config.clip_norm)
        stepped: tuple[Arrays, Arrays, Arrays] = ({}, {}, {})
        for lane, names in parts:
            with lane.entered():
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


def _shared_out(arrays: Arrays, lanes: list[Lane]) -> list[tuple[Lane, list[str]]]:
    """Return the names for each lane, so that all have about as much to do; none has nothing."""
    names: list[list[str]] = [[] for _ in lanes]
    sizes = [0] * len(lanes)
    for name in sorted(arrays, key=lambda name: (-arrays[name].size, name)):
        least = sizes.index(min(sizes))
        names[least].append(name)
        sizes[least] += arrays[name].size
    return [(lane, own) for lane, own in zip(lanes, names, strict=True) if own]


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
