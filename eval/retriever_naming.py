"""What to call an eval's retriever, so that two encoders can be told apart."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from eval.alignment import encoder_of

if TYPE_CHECKING:
    from eval.evaluating_records import EvalSummary

#: Where a training run leaves its encoder: ``runs/NAME/model``.
_RUNS: Final = "runs"
_MODEL: Final = "model"


def retriever_name(summary: EvalSummary) -> str:
    """Return the retriever, with its encoder if it has one: ``encoder run c961``.

    A run's encoder is called by the last part of the run's name, another folder by its own name, a
    hub id stays as it is.
    """
    named = encoder_of(summary)
    return f"{summary.retriever} {_encoder_name(named)}" if named else summary.retriever


def _encoder_name(named: str) -> str:
    path = PurePath(named)
    if path.name == _MODEL and path.parent.parent.name == _RUNS:
        return f"run {path.parent.name.rsplit('-', 1)[-1]}"
    return path.name if path.is_absolute() else named
