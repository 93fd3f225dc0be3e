"""The judge taken at its word."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from labels.calibration.judge_outputs import JudgeOutputs


class IdentityModel:
    """P(grade) is the mean distribution of the judges; a bare score has all of it."""

    def predict(self, outputs: JudgeOutputs) -> NDArray[np.float64]:
        """Return the judges' mean distribution of each pair."""
        return outputs.mean_chances

    def parameters(self) -> dict[str, object]:
        """Return nothing: nothing was learned."""
        return {}


def fit_identity(
    outputs: JudgeOutputs,  # noqa: ARG001 - as every fit
    grades: NDArray[np.int64],  # noqa: ARG001
    weights: NDArray[np.float64],  # noqa: ARG001
) -> IdentityModel:
    """Learn nothing."""
    return IdentityModel()
