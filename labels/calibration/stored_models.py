"""Models from their parameters, as a calibration's row or a fitting process gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labels.calibration.confusion_method import ConfusionModel
from labels.calibration.identity_method import IdentityModel
from labels.calibration.isotonic_method import IsotonicModel
from labels.calibration.ordinal_method import OrdinalModel
from labels.calibration.records import Method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labels.calibration.models import Model


def model_of(method: Method, parameters: Mapping[str, Any]) -> Model:
    """Return the model that gave these ``parameters()``, read back from JSON.

    Raises:
        KeyError: a parameter is missing.
    """
    if method is Method.CONFUSION:
        rows = np.array(parameters["rows"], dtype=np.float64)
        return ConfusionModel(rows, parameters["strength"], parameters["reach"])
    if method is Method.ISOTONIC:
        return IsotonicModel(
            tuple(np.array(values, dtype=np.float64) for values in parameters["places"]),
            tuple(np.array(values, dtype=np.float64) for values in parameters["above"]),
            np.array(parameters["shares"], dtype=np.float64),
            parameters["mixing"],
        )
    if method is Method.ORDINAL:
        return OrdinalModel(
            slopes=np.array(parameters["slopes"], dtype=np.float64),
            cuts=np.array(parameters["cuts"], dtype=np.float64),
            centre=np.array(parameters["centre"], dtype=np.float64),
            scale=np.array(parameters["scale"], dtype=np.float64),
            ridge=parameters["ridge"],
        )
    return IdentityModel()
