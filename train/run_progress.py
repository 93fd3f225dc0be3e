"""How far a run is, as its events tell: read on from where the last look ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from train.run_curve import Curve
from train.run_events import Checkpointed, Ended, Evaluated, RunEvent, Started, Stepped

if TYPE_CHECKING:
    from collections.abc import Iterable

Points = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class RunProgress:
    """What a run's events say so far.

    Args:
        started: its last start; None before the first.
        stepped: its last step.
        ended: how its worker ended; None while it has not, also after a new start.
        checkpoint: the last checkpoint that is whole.
        best: the look at the held-out queries with the highest metric.
        loss: (step, mean loss) along the run; of a long one over stretches of steps.
        metric: (step, nDCG@10) of the looks at the held-out queries.
        rate: (step, learning rate) along the run.
        seconds: how long its workers that ended took, all together.
    """

    started: Started | None = None
    stepped: Stepped | None = None
    ended: Ended | None = None
    checkpoint: Checkpointed | None = None
    best: Evaluated | None = None
    loss: Points = ()
    metric: Points = ()
    rate: Points = ()
    seconds: float = 0.0

    @property
    def step(self) -> int:
        """The last step taken; 0 before the first."""
        taken = [0]
        if self.stepped is not None:
            taken.append(self.stepped.step)
        if self.started is not None:
            taken.append(self.started.step)
        return max(taken)

    @property
    def steps(self) -> int:
        """The steps that it is to take; 0 before its start."""
        known = self.stepped or self.started
        return known.steps if known is not None else 0


class RunTally:
    """Sums events up; a run of any length costs the same to keep."""

    def __init__(self) -> None:
        self._progress = _Latest()
        self._loss, self._metric, self._rate = Curve(), Curve(), Curve()

    def add(self, events: Iterable[RunEvent]) -> None:
        """Take events, in their order."""
        for event in events:
            self._add(event)

    def progress(self) -> RunProgress:
        """Return where the run is."""
        latest = self._progress
        return RunProgress(
            started=latest.started,
            stepped=latest.stepped,
            ended=latest.ended,
            checkpoint=latest.checkpoint,
            best=latest.best,
            loss=self._loss.points(),
            metric=self._metric.points(),
            rate=self._rate.points(),
            seconds=latest.seconds,
        )

    def _add(self, event: RunEvent) -> None:
        latest = self._progress
        match event:
            case Started():
                latest.started, latest.ended = event, None
                self._go_back(event.step)
            case Stepped():
                latest.stepped = event
                self._loss.add(event.step, event.loss)
                self._rate.add(event.step, event.rate)
            case Evaluated():
                self._metric.add(event.step, event.value)
                if latest.best is None or event.value > latest.best.value:
                    latest.best = event
            case Checkpointed():
                latest.checkpoint = event
            case Ended():
                latest.ended = event
                latest.seconds += event.seconds

    def _go_back(self, step: int) -> None:
        """A resumed run takes the steps after its checkpoint again."""
        for curve in (self._loss, self._metric, self._rate):
            curve.back_to(step)
        latest = self._progress
        if latest.stepped is not None and latest.stepped.step > step:
            latest.stepped = None
        if latest.best is not None and latest.best.step > step:
            name = latest.best.metric
            latest.best = max(
                (Evaluated(at, name, value, best=True) for at, value in self._metric.points()),
                key=lambda look: look.value,
                default=None,
            )


@dataclass(slots=True)
class _Latest:
    """The last event of each kind."""

    started: Started | None = None
    stepped: Stepped | None = None
    ended: Ended | None = None
    checkpoint: Checkpointed | None = None
    best: Evaluated | None = None
    seconds: float = 0.0
