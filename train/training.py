"""A run from its first step, or from its last checkpoint, to its end.

How well an encoder ranks the graded documents of the queries that it is not trained on.

The processes of a run: one, or as many as ``mlx.launch`` has started.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import asdict, replace
from math import log2
from typing import TYPE_CHECKING, Final

import mlx.core as mx
import numpy as np
from mlx.nn import average_gradients

from core.encoder.cpu import lane_count, usable
from core.errors import InputError
from train.base import TrainingError, load_base, memory_error, out_of_memory, peak_memory
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
from train.dataset.records import Split
from train.runs.events import Checkpointed, Ended, EndStatus, Evaluated, Started, Stepped
from train.step.batches import BatchBuilder, Sampler
from train.step.optimizer import share_of_rate, warmup_steps
from train.step.trainee import Trainee

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from core.encoder.encoder import Encoder
    from train.config import RunConfig
    from train.dataset.records import TrainingSet
    from train.runs.events import RunEvent
    from train.runs.folder import RunFolder
    from train.step.batches import TrainingBatch


METRIC: Final = "nDCG@10"
_CUTOFF: Final = 10


def ndcg(grades: Sequence[float], scores: Sequence[float]) -> float | None:
    """Return nDCG@10 of one query's graded documents, None when all have the same grade.

    The gain is the grade less one, as in the evals, discounted by log2(rank + 1) (Järvelin and
    Kekäläinen 2002); documents of the same score are ranked the worse ones first.
    """
    gains = [grade - 1 for grade in grades]
    if max(gains, default=0) == min(gains, default=0):
        return None
    ranked = [gain for _, gain in sorted(zip(scores, gains, strict=True), key=_best_first)]
    return _discounted(ranked) / _discounted(sorted(gains, reverse=True))


def _best_first(scored: tuple[float, float]) -> tuple[float, float]:
    score, gain = scored
    return -score, gain


def _discounted(gains: Sequence[float]) -> float:
    return sum(gain / log2(rank + 1) for rank, gain in enumerate(gains[:_CUTOFF], start=1))


class HeldOut:
    """The held-out queries of a training set with their graded documents."""

    def __init__(self, training_set: TrainingSet) -> None:
        self._set = training_set
        graded: dict[int, list[tuple[int, float]]] = {}
        for pair in training_set.pairs:
            if training_set.queries[pair.query].split is Split.HELD_OUT:
                graded.setdefault(pair.query, []).append((pair.document, pair.grade))
        self.queries = len(graded)
        # A query whose documents have all the same grade says nothing of their order.
        self._graded = {
            query: known for query, known in graded.items() if len({g for _, g in known}) > 1
        }

    @property
    def usable(self) -> bool:
        """Whether any query can be measured."""
        return bool(self._graded)

    def mean_ndcg(self, encoder: Encoder) -> float:
        """Return the mean nDCG@10 of the queries that can be measured.

        Raises:
            ValueError: none can.
        """
        queries = list(self._graded)
        documents = sorted({document for known in self._graded.values() for document, _ in known})
        query_matrices = encoder.encode_queries([self._set.queries[q].text for q in queries])
        texts = [self._set.documents[document].text for document in documents]
        matrices = dict(zip(documents, encoder.encode_documents(texts), strict=True))
        found = [
            ndcg(
                [grade for _, grade in self._graded[query]],
                [_maxsim(matrix, matrices[document]) for document, _ in self._graded[query]],
            )
            for query, matrix in zip(queries, query_matrices, strict=True)
        ]
        values = [value for value in found if value is not None]
        if not values:
            raise ValueError("no held-out query has documents of different grades")
        return float(np.mean(values))


def _maxsim(query: NDArray[np.float32], document: NDArray[np.float32]) -> float:
    if not len(document):
        return -1.0
    return float((query @ document.T).max(axis=1).mean())


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


#: Steps over which the speed is averaged.
_RECENT: Final = 20


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
        training_set: what it trains on and is held out on.
        folder: where it writes; the folder exists.
        on_event: told of everything that ``train.runs.events`` lists, ``Ended`` among it when the
            run finished or was stopped.
        stopped: asked before each step; when it says so, the run writes a checkpoint and ends.

    Returns:
        The last event.

    Raises:
        InputError: the base cannot be read, the set has nothing to learn from, or the settings or
            the set are not those of the checkpoint.
        UnavailableError: MLX does not run on this machine.
        TrainingError: the loss is no number any more, or memory or disk are used up. The last
            checkpoint is whole.
    """
    check_suitable(training_set, config)
    try:
        run = _Run(config, training_set, folder, on_event, stopped)
        with _disk_errors_told(folder):
            return run.to_the_end()
    except (RuntimeError, MemoryError) as error:
        if out_of_memory(error):
            raise memory_error() from error
        raise


@contextmanager
def _disk_errors_told(folder: RunFolder) -> Iterator[None]:
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
        self._tell = on_event if self._processes.first else lambda _event: None
        self._stopped = stopped
        encoder = load_base(config)
        lots = lane_count()
        self._builder = BatchBuilder(training_set, encoder.tokenizer, config, lots)
        self._sampler = Sampler(training_set, self._builder.document_lengths, config)
        self._held_out = HeldOut(training_set)
        self._trainee = Trainee(encoder, config, self._builder.token_ids)
        self._state = RunState(fingerprint=_fingerprint(config, training_set))
        per_step = config.accumulation * self._processes.size
        self._steps = max(1, math.ceil(config.epochs * self._sampler.batches / per_step))
        self._look_every = config.evaluate_every or max(1, self._sampler.batches // per_step)
        self._recent: deque[tuple[float, int]] = deque(maxlen=_RECENT)
        self._plan = (0, self._sampler.plan(0))
        self._saved = 0

    def to_the_end(self) -> Ended:
        began = time.monotonic()
        self._resume()
        self._tell(self._start())
        if self._state.step == 0 and self._held_out.usable:
            self._tell(Evaluated(0, METRIC, self._look(), best=False))
        status = EndStatus.FINISHED
        with self._trainee.lanes():
            while self._state.step < self._steps and not self._out_of_patience():
                if self._asked_to_stop():
                    status = EndStatus.STOPPED
                    break
                self._step()
                self._after_step()
        self._write_model()
        # None leaves before all have heard that it ends.
        self._processes.total(0.0)
        reason = "It was asked to stop." if status is EndStatus.STOPPED else ""
        ended = Ended(status, self._state.step, time.monotonic() - began, reason)
        self._tell(ended)
        return ended

    def _start(self) -> Started:
        return Started(
            pid=_pid(),
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
        fingerprint = self._state.fingerprint
        self._state = load_checkpoint(self._folder, names[-1], self._trainee)
        self._saved = self._state.step
        if self._state.fingerprint != fingerprint:
            raise InputError(
                "the settings or the training set are not those of the last checkpoint",
                where=str(self._folder.path),
                todo="Start a new run with them, or put the old ones back.",
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
        self._tell(
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

    def _asked_to_stop(self) -> bool:
        """Return whether any process was asked, and leave a checkpoint of what was done then."""
        if self._processes.total(float(self._stopped())) == 0:
            return False
        if self._state.step > self._saved:
            self._save()
        return True

    def _after_step(self) -> None:
        step, last = self._state.step, self._state.step == self._steps
        looks = self._held_out.usable and (last or step % self._look_every == 0)
        best, value = False, 0.0
        if looks:
            value = self._look()
            best = self._state.best is None or value > self._state.best
            since = 0 if best else self._state.looks_since_best + 1
            top = value if best else self._state.best
            self._state = replace(self._state, best=top, looks_since_best=since)
            self._tell(Evaluated(step, METRIC, value, best))
        every = self._config.checkpoint_every or self._look_every
        if last or best or step % every == 0 or self._out_of_patience():
            self._save(value if best else None)

    def _save(self, best: float | None = None) -> None:
        """Write a checkpoint; ``best`` is its nDCG when that is the highest so far."""
        self._saved = self._state.step
        if not self._processes.first:
            return
        name = save_checkpoint(self._folder, self._trainee, self._state)
        if best is not None:
            set_best(self._folder, name, METRIC, best)
        remove_old(self._folder, self._config.checkpoints_kept)
        self._tell(Checkpointed(self._state.step, name))

    def _look(self) -> float:
        if not self._processes.first:
            return self._processes.total(0.0)
        self._trainee.put_into_encoder()
        return self._processes.total(self._held_out.mean_ndcg(self._trainee.encoder))

    def _out_of_patience(self) -> bool:
        patience = self._config.patience
        return 0 < patience <= self._state.looks_since_best

    def _write_model(self) -> None:
        names = checkpoint_names(self._folder)
        if names and self._processes.first:
            chosen = best_checkpoint(self._folder) or names[-1]
            write_model(self._folder, self._config, chosen)


def _fingerprint(config: RunConfig, training_set: TrainingSet) -> str:
    """Return a hash of all that decides a run's losses; what happens after it may change."""
    own = asdict(replace(config, specs=(), checkpoints_kept=1, patience=0))
    text = repr(sorted(own.items())) + content_hash(training_set)
    return hashlib.sha256(text.encode()).hexdigest()


def _seed(seed: int, index: int) -> int:
    """Return the seed of what one batch draws."""
    return int(np.random.SeedSequence((seed, index)).generate_state(1)[0])


def _pid() -> int:
    import os

    return os.getpid()


def _device() -> str:
    device = mx.default_device()
    if device.type != mx.DeviceType.cpu:
        return str(mx.device_info().get("device_name", "gpu"))
    fast = "" if usable() else ", not compiled"
    return f"cpu, {lane_count()} lanes{fast}"
