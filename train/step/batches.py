"""Batches: which pairs share one, and the padded tokens, grades and negatives of it.

The plan of an epoch depends on the seed and the epoch only, and a place in the data is (epoch,
batch). So a resumed run goes on with the batches that an unbroken run would have had.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from core.encoder.tokenizing import TokenizedText
from core.jobs import Job
from core.records import is_good
from train.config import DOUBTFUL
from train.dataset.records import Split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from core.encoder.tokenizing import TextTokenizer
    from train.config import RunConfig
    from train.dataset.records import TrainingSet


#: A document's length is multiplied by a number this far from 1, so that other documents meet in
#: each epoch.
_JITTER: Final = 0.15


@dataclass(frozen=True, slots=True)
class EpochPlan:
    """The batches of one epoch, in their order; a batch holds positions in the set's ``pairs``."""

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


#: Lengths and counts are rounded up to these, so that few shapes have to be compiled.
_LENGTH_STEP: Final = 32
_COUNT_STEP: Final = 4
_VOCABULARY_STEP: Final = 2048
#: Texts tokenised between two polls of the job.
_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class PaddedTexts:
    """Texts that go through the network together; all arrays are (texts, tokens).

    Args:
        tokens: places in the batch's ``vocabulary``, int32.
        seen: which tokens are attended to; a row of padding attends to all.
        kept: which vectors count.
    """

    tokens: NDArray[np.int32]
    seen: NDArray[np.bool_]
    kept: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """One forward pass.

    Args:
        pairs: pairs that the sampler put into it.
        queries: its queries, in one padded group for each stream.
        documents: its documents, in one padded group for each stream.
        vocabulary: the token ids of the batch, int32; the first ``tokens`` are its own, the rest
            fills up.
        tokens: see ``vocabulary``.
        grades: (queries, documents), one group after the other, 1 where not graded.
        graded: see ``train.step.losses.GradedBatch``.
        weights: the same.
        negatives: the same.
    """

    pairs: int
    queries: tuple[PaddedTexts, ...]
    documents: tuple[PaddedTexts, ...]
    vocabulary: NDArray[np.int32]
    tokens: int
    grades: NDArray[np.float32]
    graded: NDArray[np.bool_]
    weights: NDArray[np.float32]
    negatives: NDArray[np.bool_]


class BatchBuilder:
    """Makes batches of a training set.

    Args:
        training_set: what the pairs are places in.
        tokenizer: of the encoder that is trained.
        config: the run's settings.
        streams: the number of padded groups that the texts of a batch are split into.
        job: may cancel while the texts are tokenised.

    Raises:
        CancelledError: the job was cancelled.
    """

    def __init__(
        self,
        training_set: TrainingSet,
        tokenizer: TextTokenizer,
        config: RunConfig,
        streams: int,
        job: Job | None = None,
    ) -> None:
        self._set = training_set
        self._config = config
        self._streams = streams
        self._pad = tokenizer.pad
        job = job or Job()
        queries = [query.text for query in training_set.queries]
        documents = [document.text for document in training_set.documents]
        self._queries = _tokenised(queries, tokenizer.queries, job)
        self._documents = _tokenised(documents, tokenizer.documents, job)
        self._graded: dict[int, dict[int, tuple[float, float]]] = {}
        for pair in training_set.pairs:
            self._graded.setdefault(pair.query, {})[pair.document] = (pair.grade, pair.weight)
        self._good_paths = {
            query: {
                training_set.documents[document].path
                for document, (grade, _) in graded.items()
                if is_good(grade) and training_set.documents[document].path
            }
            for query, graded in self._graded.items()
        }

    @property
    def document_lengths(self) -> list[int]:
        """Tokens of each of the set's documents."""
        return [len(text.ids) for text in self._documents]

    @property
    def token_ids(self) -> NDArray[np.int32]:
        """All token ids that a batch can have, sorted."""
        texts = [*self._queries, *self._documents]
        return np.unique(np.array([self._pad, *(i for text in texts for i in text.ids)], np.int32))

    def build(self, pairs: Sequence[int], draw: tuple[int, ...]) -> TrainingBatch:
        """Return the batch of these pairs; ``draw`` seeds the choice of the extra documents."""
        chosen = [self._set.pairs[place] for place in pairs]
        queries = list(dict.fromkeys(pair.query for pair in chosen))
        documents = list(dict.fromkeys(pair.document for pair in chosen))
        documents += self._extra(documents, draw)
        query_groups = _groups_of_one_size(queries, self._streams)
        document_groups = _groups_of_one_size(documents, self._streams)
        own_ids = np.unique(
            np.array(
                [
                    self._pad,
                    *(i for query in queries for i in self._queries[query].ids),
                    *(i for document in documents for i in self._documents[document].ids),
                ],
                np.int32,
            )
        )
        rows = [query for group in query_groups for query in group]
        columns = [document for group in document_groups for document in group]
        return TrainingBatch(
            len(pairs),
            self._padded(self._queries, query_groups, own_ids),
            self._padded(self._documents, document_groups, own_ids),
            _padded_vocabulary(own_ids),
            len(own_ids),
            *self._known(rows, columns),
        )

    def _extra(self, own: list[int], draw: tuple[int, ...]) -> list[int]:
        count = self._config.extra_documents
        if not count:
            return []
        random = np.random.default_rng((self._config.seed, *draw))
        pool = np.setdiff1d(np.arange(len(self._documents)), own)
        return [int(i) for i in random.choice(pool, min(count, len(pool)), replace=False)]

    def _padded(
        self,
        texts: list[TokenizedText],
        groups: list[list[int | None]],
        own_ids: NDArray[np.int32],
    ) -> tuple[PaddedTexts, ...]:
        """Pad the groups to one shape: streams of unlike shapes wait for each other."""
        empty = TokenizedText((), 0, ())
        chosen = [[empty if place is None else texts[place] for place in group] for group in groups]
        length = max(1, *(len(text.ids) for group in chosen for text in group))
        length = min(_rounded(length, _LENGTH_STEP), max(len(text.ids) for text in texts))
        return tuple(self._padded_group(group, length, own_ids) for group in chosen)

    def _padded_group(
        self, group: list[TokenizedText], length: int, own_ids: NDArray[np.int32]
    ) -> PaddedTexts:
        tokens = np.full((len(group), length), self._pad, np.int32)
        seen = np.zeros((len(group), length), np.bool_)
        kept = np.zeros((len(group), length), np.bool_)
        for row, text in enumerate(group):
            tokens[row, : len(text.ids)] = text.ids
            seen[row, : text.seen or length] = True
            kept[row, list(text.kept)] = True
        return PaddedTexts(np.searchsorted(own_ids, tokens).astype(np.int32), seen, kept)

    def _known(
        self, rows: list[int | None], columns: list[int | None]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32], NDArray[np.bool_]]:
        shape = (len(rows), len(columns))
        grades, weights = np.ones(shape, np.float32), np.zeros(shape, np.float32)
        graded, negatives = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
        for row, query in enumerate(rows):
            if query is None:
                continue
            known, good = self._graded[query], self._good_paths[query]
            for column, document in enumerate(columns):
                if document is None:
                    continue
                if document in known:
                    grades[row, column], weights[row, column] = known[document]
                    graded[row, column] = True
                    negatives[row, column] = grades[row, column] < DOUBTFUL
                else:
                    negatives[row, column] = self._set.documents[document].path not in good
        return grades, graded, weights, negatives


def _tokenised(
    texts: list[str], tokenise: Callable[[list[str]], list[TokenizedText]], job: Job
) -> list[TokenizedText]:
    found: list[TokenizedText] = []
    for start in range(0, len(texts), _PAGE):
        job.step(start, len(texts), "tokenising")
        found += tokenise(texts[start : start + _PAGE])
    return found


def _groups_of_one_size(places: list[int], count: int) -> list[list[int | None]]:
    """Deal places out into at most ``count`` groups, and fill these up with None."""
    groups = [group for start in range(count) if (group := places[start::count])]
    size = _rounded(max(map(len, groups), default=0), _COUNT_STEP)
    return [[*group, *[None] * (size - len(group))] for group in groups]


def _padded_vocabulary(ids: NDArray[np.int32]) -> NDArray[np.int32]:
    filled = np.full(_rounded(len(ids), _VOCABULARY_STEP), ids[0], np.int32)
    filled[: len(ids)] = ids
    return filled


def _rounded(number: int, step: int) -> int:
    return -(-number // step) * step
