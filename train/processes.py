"""The processes of a run: one, or as many as ``mlx.launch`` has started."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
from mlx.nn import average_gradients


class Processes:
    """The group of processes that train a run together; a process alone is a group of one."""

    def __init__(self) -> None:
        self.group = mx.distributed.init()
        self.rank = self.group.rank()
        self.size = self.group.size()

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def mean_gradients(self, gradients: dict[str, mx.array]) -> dict[str, mx.array]:
        """Return the mean of all processes' gradients."""
        if self.size == 1:
            return gradients
        # As a list: MLX would take names apart at their dots.
        means: list[mx.array] = average_gradients(list(gradients.values()), self.group)
        return dict(zip(gradients, means, strict=True))

    def total(self, number: float) -> float:
        """Return the sum of a number over all processes."""
        if self.size == 1:
            return number
        return float(np.array(mx.distributed.all_sum(mx.array(number), group=self.group)))
