"""A small training set and the tiny encoders for the trainer's tests."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.ids import document_id, query_id
from core.records import QueryKind
from tests.core.encoder.fixture_encoders import FIXTURES
from train.config import LoraConfig, RunConfig, Tuning
from train.dataset.records import (
    GradeSource,
    Split,
    TrainingDocument,
    TrainingPair,
    TrainingQuery,
    TrainingSet,
)
from train.runs.events import RunEvent, Stepped
from train.runs.folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("watch", "parse", "serve", "cache", "lock", "merge", "split", "count")


def example_set(held_out: int = 2) -> TrainingSet:
    """Eight queries; each grades four documents 5, 4, 2 and 1."""
    queries = tuple(
        TrainingQuery(
            query_id(f"how to {word} things"),
            f"how to {word} things",
            QueryKind.SEMANTIC,
            Split.HELD_OUT if place < held_out else Split.TRAIN,
        )
        for place, word in enumerate(WORDS)
    )
    texts = [
        f"def {word}(x):\n    return {word}_all(x)" + " + x" * n for n, word in enumerate(WORDS)
    ]
    documents = tuple(
        TrainingDocument(document_id(f"{word}.py", word, text), f"{word}.py", word, text)
        for word, text in zip(WORDS, texts, strict=True)
    )
    pairs = tuple(
        TrainingPair(query, (query + step) % len(WORDS), grade, weight, GradeSource.LABEL)
        for query in range(len(WORDS))
        for step, grade, weight in ((0, 5.0, 1.0), (1, 4.0, 0.5), (3, 2.0, 1.0), (5, 1.0, 0.75))
    )
    return TrainingSet(queries, documents, pairs)


def example_config(name: str = "pylate", **changes: Any) -> RunConfig:
    """Return settings for a run of a few steps on one of the tiny encoders."""
    config = RunConfig(
        base=str(FIXTURES / name),
        losses=(("contrastive", 1.0),),
        epochs=2,
        batch_size=8,
        learning_rate=1e-3,
        query_length=16,
        document_length=32,
        seed=7,
    )
    return replace(config, **changes)


LORA: dict[str, Any] = {"tuning": Tuning.LORA, "lora": LoraConfig(rank=2, alpha=4.0, dropout=0.2)}


def run_folder(path: Path) -> RunFolder:
    """Return a new folder of a run."""
    path.mkdir(parents=True, exist_ok=True)
    return RunFolder(path)


def losses_of(events: list[RunEvent]) -> dict[int, float]:
    """Return the loss of each step."""
    return {event.step: event.loss for event in events if isinstance(event, Stepped)}
