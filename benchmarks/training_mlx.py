"""Our side of ``benchmarks.training``: batches on stdin, seconds, losses and memory on stdout."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

from core.encoder.mlx_runtime import require_mlx
from core.ids import document_id, query_id
from train.config import LoraConfig, RunConfig, Tuning
from train.dataset.records import (
    GradeSource,
    Split,
    TrainingDocument,
    TrainingPair,
    TrainingQuery,
    TrainingSet,
)
from train.memory import keep_freed_memory

if TYPE_CHECKING:
    from train.step.trainee import Trainee


class Side:
    """An encoder in training; what it learned of one lot of batches it keeps for the next."""

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._steps = 0
        self._trainees: dict[str, Trainee] = {}

    def train(self, lots: list[tuple[list[str], list[str]]]) -> dict[str, object]:
        """Take a step for each batch."""
        import mlx.core as mx

        from core.encoder.cpu import lane_count
        from train.base import load_base
        from train.memory import peak_memory
        from train.step.batches import BatchBuilder
        from train.step.trainee import Trainee

        training_set = _training_set(lots)
        key = json.dumps(lots)
        if key not in self._trainees:
            encoder = load_base(self._config)
            builder = BatchBuilder(training_set, encoder.tokenizer, self._config, lane_count())
            self._trainees = {key: Trainee(encoder, self._config, builder.token_ids)}
            self._steps = 0
        trainee = self._trainees[key]
        losses = []
        began, cpu = time.perf_counter(), time.process_time()
        # Splitting into tokens is a part of it, as it is on the other side.
        builder = BatchBuilder(training_set, trainee.encoder.tokenizer, self._config, lane_count())
        start = 0
        with trainee.one_thread_each():
            for queries, _ in lots:
                batch = builder.build(range(start, start + len(queries)), (0, start))
                start += len(queries)
                loss, _, gradients = trainee.gradients(batch, mx.random.key(self._steps))
                self._steps += 1
                trainee.update(gradients, self._steps, 1.0)
                losses.append(loss)
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        return {"wall": wall, "cpu": cpu, "losses": losses, "memory": peak_memory()}


def _training_set(lots: list[tuple[list[str], list[str]]]) -> TrainingSet:
    queries = [query for batch, _ in lots for query in batch]
    documents = [document for _, batch in lots for document in batch]
    return TrainingSet(
        tuple(TrainingQuery(query_id(text), text, None, Split.TRAIN) for text in queries),
        tuple(
            TrainingDocument(document_id(f"{place}.py", "", text), f"{place}.py", "", text)
            for place, text in enumerate(documents)
        ),
        tuple(
            TrainingPair(place, place, 5.0, 1.0, GradeSource.LABEL) for place in range(len(queries))
        ),
    )


def main() -> None:
    """Answer each line with one."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    require_mlx()
    keep_freed_memory()
    folder, tuning, query_length, document_length = sys.argv[1:]
    side = Side(
        RunConfig(
            folder,
            tuning=Tuning(tuning),
            lora=LoraConfig(rank=16, alpha=32.0),
            query_length=int(query_length),
            document_length=int(document_length),
        )
    )
    for line in sys.stdin:
        print(json.dumps(side.train(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
