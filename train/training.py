"""A run from its first step, or from its last checkpoint, to its end."""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Final

import mlx.core as mx
import numpy as np

from core.encoder.cpu import lane_count, usable
from core.errors import CancelledError, InputError
from core.jobs import Job
from train.base import load_base
from train.checkpoints import (
    RunState,
    best_checkpoint,
    checkpoint_names,
    load_checkpoint,
    remove_old,
    save_checkpoint,
    set_best,
    write_model,
)
from train.dataset.enough import check_suitable
from train.dataset.files import content_hash
from train.held_out import METRIC, HeldOut
from train.memory import TrainingError, memory_errors, peak_memory
from train.processes import Processes
from train.runs.events import (
    Checkpointed,
    Ended,
    EndStatus,
    Evaluated,
    Evaluating,
    Started,
    Stepped,
)
from train.step.batches import BatchBuilder, Sampler
from train.step.optimizer import share_of_rate, warmup_steps
from train.step.trainee import Trainee

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.records import Progress
    from train.config import RunConfig
    from train.dataset.records import TrainingSet
    from train.runs.events import RunEvent
    from train.runs.folder import RunFolder
    from train.step.batches import TrainingBatch

#: Steps over which the speed is averaged.
_RECENT: Final = 20
#: Seconds between two events of an evaluation's progress.
_PROGRESS: Final = 1.0


def train(
    config: RunConfig,
    training_set: TrainingSet,
    folder: RunFolder,
    on_event: Callable[[RunEvent], None],
    stopped: Callable[[], bool] = lambda: False,
) -> Ended:
    """Train, and leave ``checkpoints/``, ``model/`` and, with LoRA, ``adapter/`` in the folder.

    A folder with checkpoints is resumed after the last of them. It runs in the caller's thread.

    Args:
        config: the run's settings.
        training_set: what it trains on and is measured on.
        folder: where it writes; the folder exists.
        on_event: gets the events that ``train.runs.events`` lists, ``Ended`` when the run finished
            or was stopped.
        stopped: polled before each step, while the run prepares, and during held-out evaluations;
            once it returns True the run writes a checkpoint and the model, and ends.

    Returns:
        The last event.

    Raises:
        InputError: the base cannot be read, the set has nothing to learn from, or the settings,
            the set or the base are not those of the checkpoint.
        UnavailableError: MLX does not run on this machine.
        TrainingError: the loss is not a number, or memory or disk are used up. The last checkpoint
            is whole.
        CancelledError: it was stopped before it had loaded what it needs; nothing was changed.
    """
    check_suitable(training_set, config)
    with memory_errors(), _disk_errors(folder):
        return _Run(config, training_set, folder, on_event, stopped).to_the_end()


@contextmanager
def _disk_errors(folder: RunFolder) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TrainingError(
            f"cannot write to the run's folder: {error.strerror or error}",
            where=str(folder.path),
            todo="Free space on its disk, then resume: the last checkpoint is whole.",
        ) from error


class _Run:
    def __init__(
        self,
        config: RunConfig,
        training_set: TrainingSet,
        folder: RunFolder,
        on_event: Callable[[RunEvent], None],
        stopped: Callable[[], bool],
    ) -> None:
        self._config = config
        self._set = training_set
        self._folder = folder
        self._processes = Processes()
        self._emit = on_event if self._processes.first else lambda _event: None
        self._stopped = stopped
        # Several processes stop together only, at points that all of them reach.
        alone = self._processes.size == 1
        job = Job(cancelled=stopped if alone else lambda: False, work="preparing the run")
        encoder = load_base(config)
        job.check()
        self._builder = BatchBuilder(training_set, encoder.tokenizer, config, lane_count(), job)
        self._sampler = Sampler(training_set, self._builder.document_lengths, config)
        self._held_out = HeldOut(training_set)
        self._trainee = Trainee(encoder, config, self._builder.token_ids)
        self._state = RunState(
            fingerprint=_fingerprint(config, training_set), base=encoder.spec.checkpoint
        )
        per_step = config.accumulation * self._processes.size
        self._steps = max(1, math.ceil(config.epochs * self._sampler.batches / per_step))
        self._evaluate_every = config.evaluate_every or max(1, self._sampler.batches // per_step)
        self._recent: deque[tuple[float, int]] = deque(maxlen=_RECENT)
        self._plan = (0, self._sampler.plan(0))
        #: The step of the last checkpoint.
        self._saved = -1

    def to_the_end(self) -> Ended:
        began = time.monotonic()
        self._resume()
        self._emit(self._started())
        status, reason = EndStatus.FINISHED, ""
        try:
            with self._trainee.one_thread_each():
                self._take_steps()
        except CancelledError:
            status, reason = EndStatus.STOPPED, "It was asked to stop."
            if self._state.step > self._saved:
                self._save()
        if self._processes.first:
            write_best_model(self._folder, self._config)
        # No process leaves before all have come to the end.
        self._processes.total(0.0)
        ended = Ended(status, self._state.step, time.monotonic() - began, reason)
        self._emit(ended)
        return ended

    def _take_steps(self) -> None:
        if self._evaluation_is_due():
            self._evaluate()
        while self._state.step < self._steps and not self._out_of_patience():
            self._check_stopped()
            self._step()
            if self._evaluation_is_due():
                self._evaluate()
            elif self._checkpoint_is_due():
                self._save()

    def _check_stopped(self) -> None:
        """Raise CancelledError when any of the processes was asked to stop."""
        if self._processes.total(float(self._stopped())):
            raise CancelledError("training was stopped")

    def _started(self) -> Started:
        return Started(
            pid=os.getpid(),
            step=self._state.step,
            steps=self._steps,
            queries=self._sampler.queries,
            documents=len(self._set.documents),
            pairs=self._sampler.pairs,
            held_out_queries=self._held_out.queries,
            parameters=self._trainee.parameters,
            trainable=self._trainee.trainable,
            device=_device(),
        )

    def _resume(self) -> None:
        names = checkpoint_names(self._folder)
        if not names:
            return
        new = self._state
        self._state = load_checkpoint(self._folder, names[-1], self._trainee)
        self._saved = self._state.step
        if self._state.fingerprint != new.fingerprint:
            raise InputError(
                "the settings or the training set are not those of the last checkpoint",
                where=str(self._folder.path),
                todo="Start a new run with them, or put the old ones back.",
            )
        if self._state.base not in {"", new.base}:
            raise InputError(
                "the base model has changed since the run was started",
                where=self._config.base,
                todo="Put the old files back to resume this run, or start a new run.",
            )

    def _step(self) -> None:
        began = time.monotonic()
        step, config = self._state.step, self._config
        total: dict[str, mx.array] = {}
        losses: list[float] = []
        parts: list[dict[str, float]] = []
        pairs = 0
        for turn in range(config.accumulation):
            batch, index = self._batch(step * config.accumulation + turn)
            key = mx.random.key(_seed(config.seed, index))
            loss, own_parts, gradients = self._trainee.gradients(batch, key)
            total = {n: total[n] + g for n, g in gradients.items()} if total else gradients
            mx.eval(total)
            losses.append(loss)
            parts.append(own_parts)
            pairs += batch.pairs
        loss_value = self._mean(losses)
        if not math.isfinite(loss_value):
            raise self._diverged("loss")
        share = share_of_rate(step, self._steps, warmup_steps(config, self._steps))
        length = self._trainee.update(self._mean_gradients(total), step + 1, share)
        if not math.isfinite(length):
            raise self._diverged("gradient")
        self._state = replace(self._state, step=step + 1)
        self._recent.append((time.monotonic() - began, pairs * self._processes.size))
        seconds = sum(spent for spent, _ in self._recent)
        self._emit(
            Stepped(
                step=step + 1,
                steps=self._steps,
                epoch=(step + 1) * self._per_step / self._sampler.batches,
                loss=loss_value,
                losses={name: self._mean([part[name] for part in parts]) for name in parts[0]},
                rate=share * config.learning_rate,
                gradient_norm=length,
                pairs_per_second=sum(count for _, count in self._recent) / seconds,
                seconds_left=(self._steps - step - 1) * seconds / len(self._recent),
                memory=peak_memory(),
            )
        )

    @property
    def _per_step(self) -> int:
        return self._config.accumulation * self._processes.size

    def _batch(self, turn: int) -> tuple[TrainingBatch, int]:
        """Return this process's batch of a turn, and the batch's number in the run."""
        index = turn * self._processes.size + self._processes.rank
        epoch, place = divmod(index, self._sampler.batches)
        if self._plan[0] != epoch:
            self._plan = (epoch, self._sampler.plan(epoch))
        pairs = self._plan[1].batches[place]
        return self._builder.build(pairs, (epoch, place)), index

    def _mean_gradients(self, total: dict[str, mx.array]) -> dict[str, mx.array]:
        turns = self._config.accumulation
        rows = self._trainee.rows
        if rows is not None:
            rows.average(turns, self._processes.group)
        mean = {name: gradient / turns for name, gradient in total.items()} if turns > 1 else total
        return self._processes.mean_gradients(mean)

    def _mean(self, values: list[float]) -> float:
        return self._processes.total(float(np.mean(values))) / self._processes.size

    def _diverged(self, what: str) -> TrainingError:
        names = checkpoint_names(self._folder)
        kept = (
            f"{names[-1]} is the last good checkpoint." if names else "No checkpoint was due yet."
        )
        return TrainingError(
            f"the {what} of step {self._state.step + 1} is not a number",
            where=str(self._folder.path),
            todo=f"{kept} Start a new run with a lower learning_rate or a longer warmup.",
        )

    def _evaluation_is_due(self) -> bool:
        step = self._state.step
        due = step in {0, self._steps} or step % self._evaluate_every == 0
        return due and self._held_out.usable and self._state.evaluated < step

    def _checkpoint_is_due(self) -> bool:
        step = self._state.step
        every = self._config.checkpoint_every or self._evaluate_every
        return step == self._steps or step % every == 0

    def _evaluate(self) -> None:
        """Evaluate on the held-out queries, and save what came of it.

        Raises:
            CancelledError: the run was stopped; the evaluation is taken again after a resume.
        """
        state, value = self._state, self._mean_ndcg()
        if state.step == 0:
            self._state = replace(state, evaluated=0)
            self._emit(Evaluated(0, METRIC, value, best=False))
            return
        best = state.best is None or value > state.best
        self._state = replace(
            state,
            best=value if best else state.best,
            evaluations_since_best=0 if best else state.evaluations_since_best + 1,
            evaluated=state.step,
        )
        self._emit(Evaluated(state.step, METRIC, value, best))
        if best or self._checkpoint_is_due() or self._out_of_patience():
            self._save(value if best else None)

    def _mean_ndcg(self) -> float:
        """Return the metric, which the first process works out for all."""
        value = 0.0
        if self._processes.first:
            self._trainee.put_into_encoder()
            job = Job(self._evaluation_progress(), self._stopped, "the held-out evaluation")
            try:
                value = self._held_out.mean_ndcg(self._trainee.encoder, job)
            except CancelledError:
                value = math.nan
        value = self._processes.total(value)
        if math.isnan(value):
            raise CancelledError("the held-out evaluation was stopped")
        return value

    def _evaluation_progress(self) -> Callable[[Progress], None]:
        """Return what emits the progress of an evaluation, at most once a second."""
        last = time.monotonic()

        def emit(progress: Progress) -> None:
            nonlocal last
            if time.monotonic() - last >= _PROGRESS:
                last = time.monotonic()
                self._emit(Evaluating(self._state.step, progress.done, progress.total or 0))

        return emit

    def _save(self, best: float | None = None) -> None:
        """Write a checkpoint; ``best`` is its nDCG when that is the highest so far."""
        self._saved = self._state.step
        if not self._processes.first:
            return
        name = save_checkpoint(self._folder, self._trainee, self._state)
        if best is not None:
            set_best(self._folder, name, METRIC, best)
        remove_old(self._folder, self._config.checkpoints_kept)
        self._emit(Checkpointed(self._state.step, name))

    def _out_of_patience(self) -> bool:
        patience = self._config.patience
        return 0 < patience <= self._state.evaluations_since_best


def write_best_model(folder: RunFolder, config: RunConfig) -> None:
    """Write ``model/`` of the best checkpoint, or of the last where none was evaluated.

    Raises:
        InputError: the base or the checkpoint cannot be read.
        OSError: the disk is full, most likely; an earlier model is as it was.
    """
    names = checkpoint_names(folder)
    if names:
        write_model(folder, config, best_checkpoint(folder) or names[-1])


def _fingerprint(config: RunConfig, training_set: TrainingSet) -> str:
    """Return a hash of everything that decides a run's losses."""
    own = asdict(replace(config, specs=(), checkpoints_kept=1, patience=0))
    own["losses"] = tuple((_LossName(name), weight) for name, weight in config.losses)
    text = repr(sorted(own.items())) + content_hash(training_set)
    return hashlib.sha256(text.encode()).hexdigest()


class _LossName(str):
    """A loss's name as earlier versions, with an enum of losses, wrote it into fingerprints."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<LossName.{self.upper()}: {super().__repr__()}>"


def _seed(seed: int, index: int) -> int:
    """Return the seed of the random draws of one batch."""
    return int(np.random.SeedSequence((seed, index)).generate_state(1)[0])


def _device() -> str:
    device = mx.default_device()
    if device.type != mx.DeviceType.cpu:
        return str(mx.device_info().get("device_name", "gpu"))
    fast = "" if usable() else ", not compiled"
    return f"cpu, {lane_count()} streams{fast}"
