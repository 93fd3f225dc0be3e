"""What every calibration method offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from labels.calibration.judge_outputs import JudgeOutputs


class Model(Protocol):
    """A fitted calibration."""

    def predict(self, outputs: JudgeOutputs) -> NDArray[np.float64]:
        """Return P(grade = 1..5) of each pair, shape (n, 5), each row summing to 1."""

    def parameters(self) -> dict[str, object]:
        """Return what describes the model, ready for JSON."""


class Fit(Protocol):
    """Learns a model. Weights are scaled so that their sum is the effective number of labels."""

    def __call__(
        self, outputs: JudgeOutputs, grades: NDArray[np.int64], weights: NDArray[np.float64]
    ) -> Model:
        """Return the model learned from these labels."""
