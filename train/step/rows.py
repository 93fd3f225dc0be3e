"""The word embeddings in full fine-tuning: only the rows that a batch has are learned.

A batch has some hundred of the vocabulary's tens of thousands of tokens. So the network is given a
table of these rows only, and gradients and moments exist for the rows of the training set alone. A
row's moments stand still, and it does not decay, in a step whose batches lack it (as in PyTorch's
SparseAdam).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import mlx.core as mx
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

#: Row counts are rounded up to a multiple of this, so that few shapes are compiled.
_STEP: Final = 512


class EmbeddingRows:
    """The rows that a training set has, with their moments and the gradients of the current step.

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
        """Return the rows of these ids, all of which occur in the training set."""
        return mx.array(self.values[np.searchsorted(self.ids, ids)])

    def add_gradients(self, ids: NDArray[np.int32], gradients: NDArray[np.float32]) -> None:
        """Add the gradients of rows; the ids of one call are distinct."""
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

    def take_touched(self) -> TouchedRows:
        """Return the rows that have gradients, and clear the gradients."""
        places = np.flatnonzero(self._touched)
        touched = TouchedRows(self, places, self._gradients[places])
        self._gradients[places] = 0
        self._touched[places] = False
        return touched

    def tensors(self) -> dict[str, NDArray[np.generic]]:
        """Return the tensors that a checkpoint keeps."""
        return {
            "rows.ids": self.ids,
            "rows.values": self.values,
            "rows.first": self.first,
            "rows.second": self.second,
        }

    def restore(self, tensors: Mapping[str, NDArray[np.generic]]) -> None:
        """Restore the tensors of a checkpoint of the same training set."""
        for name in ("values", "first", "second"):
            getattr(self, name)[:] = tensors[f"rows.{name}"]


class TouchedRows:
    """The rows, moments and gradients of one step, padded so that few shapes are compiled."""

    def __init__(
        self, rows: EmbeddingRows, places: NDArray[np.intp], gradients: NDArray[np.float32]
    ) -> None:
        self._rows = rows
        self._places = places
        self.gradients = _padded(gradients)
        self.values = _padded(rows.values[places])
        self.first = _padded(rows.first[places])
        self.second = _padded(rows.second[places])

    def put_back(self, values: mx.array, first: mx.array, second: mx.array) -> None:
        """Write back the rows and moments after the step."""
        count = len(self._places)
        self._rows.values[self._places] = np.array(values)[:count]
        self._rows.first[self._places] = np.array(first)[:count]
        self._rows.second[self._places] = np.array(second)[:count]


def _padded(rows: NDArray[np.float32]) -> mx.array:
    missing = -len(rows) % _STEP
    return mx.array(np.pad(rows, ((0, missing), (0, 0))))
