"""What a worker tells of its run: one JSON object a line, in the run's folder and on its stdout.

Every line has ``event`` (the name below) and ``time`` (UTC, ISO 8601), then the fields of the
record. A reader passes over an event or a field that it does not know, and over a last line that
is not finished.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EndStatus(StrEnum):
    """How a run ended by itself. One that was killed has no end event: it ``died``."""

    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Started:
    """``start``: the worker is about to take the first step, or the first after a resume."""

    pid: int
    step: int
    steps: int
    queries: int
    documents: int
    pairs: int
    held_out_queries: int
    parameters: int
    trainable: int
    device: str


@dataclass(frozen=True, slots=True)
class Stepped:
    """``step``: one optimizer step was taken.

    ``loss`` is the weighted sum, ``losses`` its parts before weighting; ``rate`` the learning
    rate; ``gradient_norm`` is before clipping; ``memory`` the most bytes used so far.
    """

    step: int
    steps: int
    epoch: float
    loss: float
    losses: dict[str, float]
    rate: float
    gradient_norm: float
    pairs_per_second: float
    seconds_left: float
    memory: int


@dataclass(frozen=True, slots=True)
class Evaluated:
    """``eval``: a look at the held-out queries. ``metric`` is nDCG@10 over their graded pairs."""

    step: int
    metric: str
    value: float
    best: bool


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """``checkpoint``: a checkpoint is whole on disk; ``folder`` is its name."""

    step: int
    folder: str


@dataclass(frozen=True, slots=True)
class Ended:
    """``end``: the last line of a worker.

    ``reason`` is a sentence, empty when it finished; ``todo`` what to do next, if anything.
    """

    status: EndStatus
    step: int
    seconds: float
    reason: str = ""
    todo: str = ""


RunEvent = Started | Stepped | Evaluated | Checkpointed | Ended
