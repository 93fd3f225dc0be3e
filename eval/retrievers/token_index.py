"""Token vectors of documents on disk, for one encoder checkpoint, and exact MaxSim over them.

An index is a folder of numbered segments. A segment is two files: ``000001.vectors.npy``, the
token vectors of its documents end to end, float16 of shape (tokens, dimensions), and
``000001.texts.npy``, the text hash and number of tokens of every document. Both are written aside
and renamed, the vectors first, so a segment with texts is complete. Segments never change. The
SHA-256 of its text identifies a document: a changed file adds only what changed, and equal texts
are stored once. Finished segments survive a cancelled or killed job.

A document's MaxSim score is the sum, over the query's tokens, of the best similarity with any of
the document's tokens (Khattab and Zaharia, ColBERT, SIGIR 2020). A batch of queries meets a block
of documents in one matrix product: every document is converted to float32 once per batch, there is
no padding, and the largest array is one block's similarities.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.files import UNFINISHED, replacing
from core.store.errors import explained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from core.jobs import Job

    Float32 = NDArray[np.float32]

    Vectors = NDArray[np.floating]

#: Similarities held at once: 16 MiB of float32.
BLOCK_CELLS: Final = 1 << 22
_MIN_BLOCK_TOKENS: Final = 256


PAGE_SIZE: Final = 128
#: A segment is written after so many seconds, which is what a kill can lose, or numbers.
SEGMENT_SECONDS: Final = 5.0
SEGMENT_NUMBERS: Final = 1 << 24
_filling: Final = threading.Lock()
INDEXES_NAME: Final = "indexes"
_FORMAT: Final = 1
_VECTORS: Final = ".vectors.npy"
_TEXTS: Final = ".texts.npy"
_TABLE_TYPE: Final = [("text", "u1", (32,)), ("tokens", "<i4")]
#: Scattered documents are copied together up to this many tokens.
_GATHERED_TOKENS: Final = 8192


@dataclass(frozen=True, slots=True)
class TokenRun:
    """Documents with their token vectors end to end.

    Attributes:
        vectors: shape (tokens, dimensions), float16 or float32, perhaps memory-mapped.
        lengths: number of tokens of every document, at least 1.
        columns: the document's column in the scores.
    """

    vectors: NDArray[np.floating]
    lengths: NDArray[np.int64]
    columns: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Place:
    segment: int
    start: int
    tokens: int


def text_hash(text: str) -> str:
    """Return the hex SHA-256 of a text, as ``sha256`` does in SQL."""
    return hashlib.sha256(text.encode()).hexdigest()


def index_folder(store_folder: Path, checkpoint: str) -> Path:
    """Return the folder of a checkpoint's index; ``store_folder`` is the ``.rejudge`` folder."""
    name = hashlib.sha256(f"{_FORMAT} {checkpoint}".encode()).hexdigest()[:32]
    return store_folder / INDEXES_NAME / name


class TokenIndex:
    """An open index. It needs no closing; vectors stay on disk until they are used.

    Args:
        folder: created if absent; leftovers of an interrupted writer are removed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._segments: dict[int, Vectors] = {}
        self._places: dict[str, _Place] = {}
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for number in self._complete_segments():
                self._open_segment(number)

    def __len__(self) -> int:
        """Return the number of indexed texts."""
        return len(self._places)

    def __contains__(self, text: str) -> bool:
        """Tell whether the text with this hash is indexed."""
        return text in self._places

    @property
    def dimensions(self) -> int | None:
        """The length of a vector; None while the index is empty."""
        return next((int(vectors.shape[1]) for vectors in self._segments.values()), None)

    def append(self, texts: Sequence[str], vectors: Sequence[Vectors]) -> None:
        """Add documents as one segment, which is on disk on return.

        Args:
            texts: text hashes without duplicates, not indexed yet.
            vectors: of shape (tokens, dimensions), values within -1 to 1; zero tokens are allowed.

        Raises:
            InputError: a value is not finite, or vectors differ in length.
            StoreError: the disk is full or cannot be written.
        """
        import numpy as np

        if not texts:
            return
        self._check(vectors)
        table = np.zeros(len(texts), dtype=_TABLE_TYPE)
        table["text"] = [np.frombuffer(bytes.fromhex(text), dtype=np.uint8) for text in texts]
        table["tokens"] = [len(document) for document in vectors]
        number = max(self._segments, default=0) + 1
        with explained(self.folder):
            self._write(f"{number:06d}{_VECTORS}", np.concatenate(vectors).astype(np.float16))
            self._write(f"{number:06d}{_TEXTS}", table)
            self._open_segment(number)

    def runs(self, texts: Sequence[str]) -> Iterator[TokenRun]:
        """Yield the documents with these text hashes; ``columns`` are indices into ``texts``.

        Documents that are not indexed or have no tokens are left out.
        """
        by_segment: dict[int, list[tuple[int, int, int]]] = {}
        for column, text in enumerate(texts):
            place = self._places.get(text)
            if place is not None and place.tokens:
                entry = (place.start, place.tokens, column)
                by_segment.setdefault(place.segment, []).append(entry)
        for segment, entries in sorted(by_segment.items()):
            yield from _runs(self._segments[segment], sorted(entries))

    def _check(self, vectors: Iterable[Vectors]) -> None:
        import numpy as np

        expected = self.dimensions
        for document in vectors:
            expected = expected or int(document.shape[1])
            if document.shape[1] != expected:
                raise InputError(
                    f"the encoder gave vectors of {document.shape[1]} numbers and of {expected}",
                    todo="Check the checkpoint's folder.",
                )
            if not np.isfinite(document).all():
                raise InputError(
                    "the encoder gave vectors with NaN or infinity",
                    todo="The checkpoint's weights are damaged; use an earlier checkpoint.",
                )

    def _write(self, name: str, array: NDArray[np.generic]) -> None:
        import numpy as np

        with replacing(self.folder / name) as unfinished, unfinished.open("wb") as file:
            # Not np.save: its error about a full disk says only how many bytes it wrote.
            header = np.lib.format.header_data_from_array_1_0(array)
            np.lib.format.write_array_header_1_0(file, header)
            file.write(np.ascontiguousarray(array).view(np.uint8).data)

    def _complete_segments(self) -> list[int]:
        """Return the numbers of the complete segments; remove other files."""
        names = {entry.name for entry in os.scandir(self.folder)}
        complete = []
        for name in sorted(names):
            number, _, rest = name.partition(".")
            whole = {f"{number}{_VECTORS}", f"{number}{_TEXTS}"} <= names
            if rest.endswith(UNFINISHED) or (number.isdigit() and not whole):
                (self.folder / name).unlink()
            elif number.isdigit() and name.endswith(_TEXTS):
                complete.append(int(number))
        return complete

    def _open_segment(self, number: int) -> None:
        """Open a segment. A damaged one is removed; its texts will be encoded again."""
        import numpy as np

        files = [self.folder / f"{number:06d}{suffix}" for suffix in (_TEXTS, _VECTORS)]
        try:
            table = np.load(files[0], allow_pickle=False)
            vectors: Vectors = np.load(files[1], mmap_mode="r", allow_pickle=False)
            sound = table.dtype == np.dtype(_TABLE_TYPE) and vectors.ndim == 2  # noqa: PLR2004 - a matrix
            sound = sound and len(vectors) == int(table["tokens"].sum())
        except (ValueError, EOFError):
            sound = False
        if not sound:
            for file in files:
                file.unlink()
            return
        self._segments[number] = vectors
        start = 0
        for key, tokens in zip(table["text"], table["tokens"].tolist(), strict=True):
            self._places.setdefault(key.tobytes().hex(), _Place(number, start, tokens))
            start += tokens


def _runs(vectors: Vectors, entries: Sequence[tuple[int, int, int]]) -> Iterator[TokenRun]:
    """Yield adjacent documents as views; copy scattered documents together.

    Args:
        vectors: of one segment.
        entries: first token, number of tokens and column of every document, sorted.
    """
    gathered: list[tuple[int, int, int]] = []
    tokens = 0
    for entry in entries:
        adjacent = gathered and gathered[-1][0] + gathered[-1][1] == entry[0]
        if gathered and not adjacent and tokens >= _GATHERED_TOKENS:
            yield _run(vectors, gathered)
            gathered, tokens = [], 0
        gathered.append(entry)
        tokens += entry[1]
    if gathered:
        yield _run(vectors, gathered)


def _run(vectors: Vectors, entries: Sequence[tuple[int, int, int]]) -> TokenRun:
    import numpy as np

    starts, lengths, columns = (
        np.asarray(column, dtype=np.int64) for column in zip(*entries, strict=True)
    )
    cuts = np.flatnonzero(starts[1:] != starts[:-1] + lengths[:-1]) + 1
    pieces = [
        vectors[int(piece[0]) : int(piece[-1] + length)]
        for piece, length in zip(
            np.split(starts, cuts), [part[-1] for part in np.split(lengths, cuts)], strict=True
        )
    ]
    rows = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    return TokenRun(rows, lengths, columns)


def fill_index(
    index: TokenIndex,
    texts: Sequence[str],
    load: Callable[[Sequence[str]], Mapping[str, str]],
    encode: Callable[[list[str]], Sequence[NDArray[np.float32]]],
    job: Job,
) -> int:
    """Encode the texts that the index lacks; return how many.

    Args:
        index: gets segments.
        texts: hashes of the texts, in the order to encode them.
        load: returns texts by their hashes.
        encode: returns the token vectors of a page of texts; it makes the batches.
        job: receives progress; its cancellation is polled before every page.

    Raises:
        CancelledError: the job was cancelled; what was encoded is on disk.
    """
    with _filling:
        missing = [text for text in dict.fromkeys(texts) if text not in index]
        segment = _Segment(index)
        done = 0
        try:
            for page in _pages(missing):
                job.step(done, len(missing), "documents encoded")
                loaded = load(page)
                segment.add(page, encode([loaded[text] for text in page]))
                done += len(page)
        finally:
            segment.write()
        job.step(done, len(missing), "documents encoded")
        return done


class _Segment:
    """The documents encoded since the last segment."""

    def __init__(self, index: TokenIndex) -> None:
        self._index = index
        self._begin()

    def _begin(self) -> None:
        self._texts: list[str] = []
        self._vectors: list[NDArray[np.float32]] = []
        self._numbers = 0
        self._began = time.monotonic()

    def add(self, texts: Sequence[str], vectors: Sequence[NDArray[np.float32]]) -> None:
        """Add a page; write the segment if it is due."""
        self._texts += texts
        self._vectors += vectors
        self._numbers += sum(document.size for document in vectors)
        due = time.monotonic() - self._began >= SEGMENT_SECONDS
        if due or self._numbers >= SEGMENT_NUMBERS:
            self.write()

    def write(self) -> None:
        """Append the documents to the index."""
        self._index.append(self._texts, self._vectors)
        self._begin()


def _pages(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), PAGE_SIZE):
        yield texts[start : start + PAGE_SIZE]


def maxsim(queries: Sequence[Float32], runs: Iterable[TokenRun], documents: int) -> Float32:
    """Return MaxSim scores, shape (queries, documents); minus infinity for documents in no run.

    Args:
        queries: token vectors of shape (tokens, dimensions), at least one token.
        runs: the documents.
        documents: the number of columns.
    """
    import numpy as np

    scores = np.full((len(queries), documents), -np.inf, dtype=np.float32)
    if not queries:
        return scores
    stacked = np.ascontiguousarray(np.concatenate(queries), dtype=np.float32)
    starts = _starts(np.asarray([len(query) for query in queries]))
    for run in runs:
        for block in _blocks(run, len(stacked)):
            tokens = np.asarray(block.vectors, dtype=np.float32)
            best = np.maximum.reduceat(stacked @ tokens.T, _starts(block.lengths), axis=1)
            scores[:, block.columns] = np.add.reduceat(best, starts, axis=0)
    return scores


def maxsim_in_memory(query: Float32, documents: Sequence[Vectors]) -> Float32:
    """Return the scores of documents for a query; minus infinity for one without tokens.

    Args:
        query: (tokens, dimensions), at least one token.
        documents: (tokens, dimensions) each.
    """
    import numpy as np

    columns = np.asarray([column for column, document in enumerate(documents) if len(document)])
    if not len(columns):
        return np.full(len(documents), -np.inf, dtype=np.float32)
    lengths = np.asarray([len(documents[column]) for column in columns])
    run = TokenRun(np.concatenate([documents[column] for column in columns]), lengths, columns)
    scores: Float32 = maxsim([query], [run], len(documents))[0]
    return scores


def _starts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    import numpy as np

    return np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)


def _blocks(run: TokenRun, query_tokens: int) -> Iterable[TokenRun]:
    """Cut a run between documents into blocks whose similarities fit in memory."""
    import numpy as np

    size = max(_MIN_BLOCK_TOKENS, BLOCK_CELLS // query_tokens)
    ends = np.cumsum(run.lengths)
    first, done = 0, 0
    while first < len(ends):
        last = max(first + 1, int(np.searchsorted(ends, done + size, side="right")))
        end = int(ends[last - 1])
        yield TokenRun(run.vectors[done:end], run.lengths[first:last], run.columns[first:last])
        first, done = last, end
