"""A training set out of a large workspace, and near-duplicates among many queries."""

from __future__ import annotations

import random
import time
from itertools import accumulate, islice, product
from typing import TYPE_CHECKING, Final

from benchmarks.measuring import Figure
from benchmarks.million_pairs import workspace_of
from core.search import NearDuplicates, query_text
from core.store.opening import open_store
from train.dataset.building import build_training_set
from train.dataset.records import NEAR_DUPLICATE, TrainingSetPlan

if TYPE_CHECKING:
    from collections.abc import Callable

_WORDS: Final = 15_000
_SPEC_QUERIES: Final = 10_000
_SAMPLE: Final = 200


def measure(pairs: int) -> list[Figure]:
    """Take the figures; half as many queries as ``pairs`` are searched for near-duplicates."""
    return [_building(pairs), _searching(pairs // 2)]


def _building(pairs: int) -> Figure:
    plan = TrainingSetPlan(judge_scores=True)
    with workspace_of(pairs) as workspace, open_store(workspace.folder) as store:
        ours = _seconds(lambda: build_training_set(store, plan))
        reference = _seconds(
            lambda: store.read(
                "SELECT query.text, document.text, score FROM current_judgments"
                " JOIN db.pairs AS pair ON pair.id = pair_id"
                " JOIN db.queries AS query ON query.id = query_id"
                " JOIN db.documents AS document ON document.id = document_id"
            )
        )
    against = "their rows fetched, and nothing done"
    return Figure(f"training set of {pairs:,} pairs: CPU", "s", (ours,), (reference,), against)


def _searching(queries: int) -> Figure:
    """Search made-up queries; the reference compares a few with each and is scaled up."""
    chance = random.Random(1)
    letters = "bcdfghklmnprtvwx"
    words = ["".join(each) for each in islice(product(letters, repeat=4), _WORDS)]
    weights = list(accumulate(1 / (rank + 3) for rank in range(_WORDS)))

    def made(count: int) -> list[str]:
        return [
            " ".join(chance.choices(words, cum_weights=weights, k=chance.randint(3, 9)))
            for _ in range(count)
        ]

    spec = [query_text(text) for text in made(_SPEC_QUERIES)]
    asked = made(queries)
    index = NearDuplicates(spec, NEAR_DUPLICATE)
    ours = _seconds(lambda: [index.find(query_text(text)) for text in asked])

    def each_with_each() -> None:
        for text in asked[:_SAMPLE]:
            mine = query_text(text).words
            _ = max(len(mine & other.words) / len(mine | other.words) for other in spec)

    reference = _seconds(each_with_each) * queries / _SAMPLE
    name = f"near-duplicates of {queries:,} queries among {_SPEC_QUERIES:,}: CPU"
    return Figure(name, "s", (ours,), (reference,), "each with each", at_most=0.05)


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
