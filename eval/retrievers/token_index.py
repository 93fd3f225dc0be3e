"""Token vectors of documents on disk, for one encoder checkpoint.

An index is a folder of numbered segments. A segment is two files: ``000001.vectors.npy``, the
token vectors of its documents end to end, float16 of shape (tokens, dimensions), and
``000001.texts.npy``, each document's text hash and number of tokens. Both are written under
another name and renamed, the vectors first, so that a segment is there when its texts are, whole.
Segments are never changed. A document is known by the SHA-256 of its text: a changed file adds
only what changed, and equal texts are kept once.

Exact MaxSim over many documents, in blocks.

The score of a document is the sum, over the query's tokens, of the best similarity that any of
the document's tokens has with it (Khattab and Zaharia, ColBERT, SIGIR 2020). All queries of a
batch meet a block of documents in one matrix product, so that each document is turned from
float16 to float32 once a batch; the documents lie end to end without padding; and the largest
array is one block's similarities.

Encode what a token index lacks; what is finished stays when the work is stopped or killed.
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
_FEWEST_TOKENS: Final = 256


@dataclass(frozen=True, slots=True)
class TokenRun:
    """Documents whose token vectors lie end to end.

    ``vectors`` has the shape (tokens, dimensions), float16 or float32, and may be memory-mapped.
    ``lengths`` holds each document's number of tokens, at least 1; ``columns`` where in the scores
    it goes.
    """

    vectors: NDArray[np.floating]
    lengths: NDArray[np.int64]
    columns: NDArray[np.int64]


def maxsim(queries: Sequence[Float32], runs: Iterable[TokenRun], documents: int) -> Float32:
    """Return the scores, of shape (queries, documents); minus infinity where no run has one.

    Args:
        queries: token vectors, (tokens, dimensions) each, at least one token each.
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


def _starts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    import numpy as np

    return np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)


def _blocks(run: TokenRun, query_tokens: int) -> Iterable[TokenRun]:
    """Cut a run into pieces whose similarities fit; a document is never cut."""
    import numpy as np

    size = max(_FEWEST_TOKENS, BLOCK_CELLS // query_tokens)
    ends = np.cumsum(run.lengths)
    first, done = 0, 0
    while first < len(ends):
        last = max(first + 1, int(np.searchsorted(ends, done + size, side="right")))
        end = int(ends[last - 1])
        yield TokenRun(run.vectors[done:end], run.lengths[first:last], run.columns[first:last])
        first, done = last, end


PAGE_SIZE: Final = 128
#: A segment is written after so many seconds, so that a kill loses no more work than that, or as
#: soon as it has so many numbers.
SEGMENT_SECONDS: Final = 5.0
SEGMENT_NUMBERS: Final = 1 << 24
_one_at_a_time: Final = threading.Lock()


def fill_index(
    index: TokenIndex,
    texts: Sequence[str],
    load: Callable[[Sequence[str]], Mapping[str, str]],
    encode: Callable[[list[str]], Sequence[NDArray[np.float32]]],
    job: Job,
) -> int:
    """Encode the texts that the index lacks and return how many that were.

    Args:
        index: gets segments.
        texts: hashes of the texts that are wanted, in the order to encode them.
        load: returns the texts with these hashes.
        encode: returns the token vectors of each text; it gets pages, to batch as it likes.
        job: told the texts done; asked before each page.

    Raises:
        CancelledError: the job was cancelled; what was encoded is on disk.
    """
    with _one_at_a_time:
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
    """The documents encoded since the last segment was written."""

    def __init__(self, index: TokenIndex) -> None:
        self._index = index
        self._begin()

    def _begin(self) -> None:
        self._texts: list[str] = []
        self._vectors: list[NDArray[np.float32]] = []
        self._numbers = 0
        self._began = time.monotonic()

    def add(self, texts: Sequence[str], vectors: Sequence[NDArray[np.float32]]) -> None:
        """Take in a page; write the segment when it is due."""
        self._texts += texts
        self._vectors += vectors
        self._numbers += sum(each.size for each in vectors)
        late = time.monotonic() - self._began >= SEGMENT_SECONDS
        if late or self._numbers >= SEGMENT_NUMBERS:
            self.write()

    def write(self) -> None:
        """Append what there is to the index."""
        self._index.append(self._texts, self._vectors)
        self._begin()


def _pages(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), PAGE_SIZE):
        yield texts[start : start + PAGE_SIZE]


INDEXES_NAME: Final = "indexes"
_FORMAT: Final = 1
_VECTORS: Final = ".vectors.npy"
_TEXTS: Final = ".texts.npy"
_TABLE_TYPE: Final = [("text", "u1", (32,)), ("tokens", "<i4")]
#: Pieces between which other documents lie are copied together up to this many tokens.
_GATHERED_TOKENS: Final = 8192


@dataclass(frozen=True, slots=True)
class _Place:
    segment: int
    start: int
    tokens: int


def text_hash(text: str) -> str:
    """Return the key of a text: the hex digits of its SHA-256, as ``sha256`` gives in SQL."""
    return hashlib.sha256(text.encode()).hexdigest()


def index_folder(store_folder: Path, checkpoint: str) -> Path:
    """Return where the index of a checkpoint lies. ``store_folder`` is the ``.rejudge`` folder."""
    name = hashlib.sha256(f"{_FORMAT} {checkpoint}".encode()).hexdigest()[:32]
    return store_folder / INDEXES_NAME / name


class TokenIndex:
    """An open index. Reading it needs no closing; vectors stay on disk until they are used.

    Args:
        folder: made if it is absent; whatever an interrupted writer left is cleared away.
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
        """Return how many texts are indexed."""
        return len(self._places)

    def __contains__(self, text: str) -> bool:
        """Whether the text with this hash is indexed."""
        return text in self._places

    @property
    def dimensions(self) -> int | None:
        """How long a vector is; None while the index is empty."""
        return next((int(each.shape[1]) for each in self._segments.values()), None)

    def append(self, texts: Sequence[str], vectors: Sequence[Vectors]) -> None:
        """Add documents as one segment, on disk when this returns.

        Args:
            texts: text hashes, none of them indexed yet and none twice.
            vectors: of shape (tokens, dimensions) each, at most 1 in size; no tokens is allowed.

        Raises:
            InputError: a vector holds what is no number, or has another length than the rest.
            StoreError: the disk is full or cannot be written.
        """
        import numpy as np

        if not texts:
            return
        self._check(vectors)
        table = np.zeros(len(texts), dtype=_TABLE_TYPE)
        table["text"] = [np.frombuffer(bytes.fromhex(text), dtype=np.uint8) for text in texts]
        table["tokens"] = [len(each) for each in vectors]
        number = max(self._segments, default=0) + 1
        with explained(self.folder):
            self._write(f"{number:06d}{_VECTORS}", np.concatenate(vectors).astype(np.float16))
            self._write(f"{number:06d}{_TEXTS}", table)
            self._open_segment(number)

    def runs(self, texts: Sequence[str]) -> Iterator[TokenRun]:
        """Yield the documents with these text hashes; ``columns`` are places in ``texts``.

        Those that are not indexed or have no tokens are left out.
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
        for each in vectors:
            expected = expected or int(each.shape[1])
            if each.shape[1] != expected:
                raise InputError(
                    f"the encoder gave vectors of {each.shape[1]} numbers and of {expected}",
                    todo="Check the checkpoint's folder.",
                )
            if not np.isfinite(each).all():
                raise InputError(
                    "the encoder gave vectors that hold NaN or infinity",
                    todo="The checkpoint's weights are damaged; take an earlier one.",
                )

    def _write(self, name: str, array: NDArray[np.generic]) -> None:
        import numpy as np

        with replacing(self.folder / name) as unfinished, unfinished.open("wb") as file:
            # Not np.save: of a full disk it says no more than how many bytes it wrote.
            header = np.lib.format.header_data_from_array_1_0(array)
            np.lib.format.write_array_header_1_0(file, header)
            file.write(np.ascontiguousarray(array).view(np.uint8).data)

    def _complete_segments(self) -> list[int]:
        """Return the numbers of the whole segments; remove the files of no segment."""
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
        """Take a segment in. A damaged one is removed: its texts will be encoded again."""
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
    """Yield what lies end to end as it lies; copy small pieces together.

    Args:
        vectors: of one segment.
        entries: first token, number of tokens and column of each document, in their order.
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
        np.asarray(each, dtype=np.int64) for each in zip(*entries, strict=True)
    )
    cuts = np.flatnonzero(starts[1:] != starts[:-1] + lengths[:-1]) + 1
    pieces = [
        vectors[int(piece[0]) : int(piece[-1] + length)]
        for piece, length in zip(
            np.split(starts, cuts), [each[-1] for each in np.split(lengths, cuts)], strict=True
        )
    ]
    rows = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    return TokenRun(rows, lengths, columns)
