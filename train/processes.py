"""The processes of a run: one, or as many as ``mlx.launch`` has started."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
from mlx.nn import average_gradients


class Processes:
    """The group that this process trains in; alone, everything here gives back what it gets."""

    def __init__(self) -> None:
        self._group = mx.distributed.init()
        self.rank = self._group.rank()
        self.size = self._group.size()

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    @property
    def group(self) -> mx.distributed.Group:
        """MLX's own group."""
        return self._group

    def mean_gradients(self, gradients: dict[str, mx.array]) -> dict[str, mx.array]:
        """Return the mean of all processes' gradients."""
        if self.size == 1:
            return gradients
        # As a list: MLX would take names apart at their dots.
        means: list[mx.array] = average_gradients(list(gradients.values()), self._group)
        return dict(zip(gradients, means, strict=True))

    def total(self, number: float) -> float:
        """Return the sum of what each process gives."""
        if self.size == 1:
            return number
        return float(np.array(mx.distributed.all_sum(mx.array(number), group=self._group)))
