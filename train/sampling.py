"""Which pairs share a batch: a plan of each epoch that depends on the seed and the epoch only.

A place in the data is (epoch, batch), so a resumed run goes on with the batches that an unbroken
one would have had.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from train.training_set.records import Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from train.run_config import RunConfig
    from train.training_set.records import TrainingSet

#: A document's length is multiplied by a number this far from 1, so that other documents meet in
#: each epoch.
_JITTER: Final = 0.15


@dataclass(frozen=True, slots=True)
class EpochPlan:
    """The batches of one epoch, in their order; each holds places in the set's ``pairs``."""

    batches: tuple[tuple[int, ...], ...]


class Sampler:
    """Plans epochs.

    A query brings all its pairs into an epoch, or ``pairs_per_query`` of them. They come in groups
    of at most ``group_size``, each with high and low grades where the query has them. With
    ``bucketing`` groups of like length share a batch, and those that want the same document do: it
    is encoded once for all of them, so that the batch has fewer documents than pairs.

    Args:
        training_set: its training pairs are planned.
        lengths: tokens of each of the set's documents.
        config: the run's settings.
    """

    def __init__(
        self, training_set: TrainingSet, lengths: Sequence[int], config: RunConfig
    ) -> None:
        self._pairs = training_set.pairs
        self._lengths = lengths
        self._config = config
        self._by_query: dict[int, list[int]] = {}
        for place, pair in enumerate(training_set.pairs):
            if training_set.queries[pair.query].split is Split.TRAIN:
                self._by_query.setdefault(pair.query, []).append(place)
        self._most = config.pairs_per_query or len(self._pairs)
        self.pairs = sum(min(len(places), self._most) for places in self._by_query.values())
        self.queries = len(self._by_query)

    @property
    def batches(self) -> int:
        """Batches of an epoch: the same number in each."""
        return math.ceil(self.pairs / self._config.batch_size)

    def plan(self, epoch: int) -> EpochPlan:
        """Return the batches of an epoch, counted from 0."""
        random = np.random.default_rng((self._config.seed, epoch))
        groups = [
            group for places in self._by_query.values() for group in self._groups(places, random)
        ]
        if self._config.bucketing:
            stretch = random.uniform(1 - _JITTER, 1 + _JITTER, len(self._lengths))
            keys = [self._length(group) * stretch[self._wanted(group)] for group in groups]
            order = np.argsort(keys)
        else:
            order = random.permutation(len(groups))
        flat = [place for index in order for place in groups[index]]
        size = self._config.batch_size
        batches = [tuple(flat[start : start + size]) for start in range(0, len(flat), size)]
        return EpochPlan(tuple(batches[index] for index in random.permutation(len(batches))))

    def _groups(self, places: list[int], random: np.random.Generator) -> list[list[int]]:
        """Deal a query's pairs out, the best grades first, so that each group gets of all."""
        order = random.permutation(len(places))
        shuffled = sorted((places[i] for i in order), key=lambda place: -self._pairs[place].grade)
        if len(shuffled) > self._most:
            others = random.permutation(len(shuffled) - 1)[: self._most - 1]
            shuffled = [shuffled[place] for place in (0, *sorted(1 + others))]
        count = math.ceil(len(shuffled) / self._config.group_size)
        return [shuffled[start::count] for start in range(count)]

    def _wanted(self, group: list[int]) -> int:
        """Return the group's document of the highest grade."""
        return self._pairs[group[0]].document

    def _length(self, group: list[int]) -> int:
        return max(self._lengths[self._pairs[place].document] for place in group)
