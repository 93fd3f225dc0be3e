"""From pairs to what the network and the losses take: padded tokens, grades, negatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from core.encoder.tokenizing import TokenizedText
from train.grade_bounds import DOUBTFUL, GOOD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from core.encoder.tokenizing import TextTokenizer
    from train.run_config import RunConfig
    from train.training_set.records import TrainingSet

#: Lengths and counts are rounded up to these, so that few shapes have to be compiled.
_LENGTH_STEP: Final = 32
_COUNT_STEP: Final = 4
_VOCABULARY_STEP: Final = 2048


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
        queries: its queries, in one or more lots.
        documents: its documents, in one or more lots.
        vocabulary: the token ids of the batch, int32; the first ``tokens`` are its own, the rest
            fills up.
        tokens: see ``vocabulary``.
        grades: (queries, documents), all lots after each other, 1 where not graded.
        graded: see ``train.losses.GradedBatch``.
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
        lots: how many lots the texts of a batch are split into: one for each lane.
    """

    def __init__(
        self,
        training_set: TrainingSet,
        tokenizer: TextTokenizer,
        config: RunConfig,
        lots: int,
    ) -> None:
        self._set = training_set
        self._config = config
        self._lots = lots
        self._pad = tokenizer.pad
        self._queries = tokenizer.queries([query.text for query in training_set.queries])
        self._documents = tokenizer.documents([doc.text for doc in training_set.documents])
        self._graded: dict[int, dict[int, tuple[float, float]]] = {}
        for pair in training_set.pairs:
            self._graded.setdefault(pair.query, {})[pair.document] = (pair.grade, pair.weight)
        self._good_paths = {
            query: {
                training_set.documents[document].path
                for document, (grade, _) in graded.items()
                if grade >= GOOD and training_set.documents[document].path
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
        query_lots = _filled(_even_lots(queries, self._lots))
        document_lots = _filled(_even_lots(documents, self._lots))
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
        rows = [query for lot in query_lots for query in lot]
        columns = [document for lot in document_lots for document in lot]
        return TrainingBatch(
            len(pairs),
            self._padded(self._queries, query_lots, own_ids),
            self._padded(self._documents, document_lots, own_ids),
            _filled_up(own_ids),
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
        lots: list[list[int | None]],
        own_ids: NDArray[np.int32],
    ) -> tuple[PaddedTexts, ...]:
        """Return the lots, all of one shape: lanes of unlike shapes wait for each other."""
        nothing = TokenizedText((), 0, ())
        chosen = [[nothing if place is None else texts[place] for place in lot] for lot in lots]
        length = max(1, *(len(text.ids) for lot in chosen for text in lot))
        length = min(_rounded(length, _LENGTH_STEP), max(len(text.ids) for text in texts))
        return tuple(self._padded_lot(lot, length, own_ids) for lot in chosen)

    def _padded_lot(
        self, lot: list[TokenizedText], length: int, own_ids: NDArray[np.int32]
    ) -> PaddedTexts:
        tokens = np.full((len(lot), length), self._pad, np.int32)
        seen = np.zeros((len(lot), length), np.bool_)
        kept = np.zeros((len(lot), length), np.bool_)
        for row, text in enumerate(lot):
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


def _even_lots(places: list[int], lots: int) -> list[list[int]]:
    return [lot for start in range(lots) if (lot := places[start::lots])]


def _filled(lots: list[list[int]]) -> list[list[int | None]]:
    """Fill lots up with texts that are none, all to one size."""
    size = _rounded(max(map(len, lots), default=0), _COUNT_STEP)
    return [[*lot, *[None] * (size - len(lot))] for lot in lots]


def _filled_up(ids: NDArray[np.int32]) -> NDArray[np.int32]:
    filled = np.full(_rounded(len(ids), _VOCABULARY_STEP), ids[0], np.int32)
    filled[: len(ids)] = ids
    return filled


def _rounded(number: int, step: int) -> int:
    return -(-number // step) * step
