"""Exact MaxSim of 100 queries over 20,000 documents, beside the same formula written plainly.

The plain forms get one padded float32 array, a mask for the padding and a query at a time; the
documents come in slices, since all scores at once would take 46 GB. Slow forms answer fewer
queries, or search fewer documents; all are told in queries a second over all documents.
"""

from __future__ import annotations

import tempfile
import time
import tracemalloc
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.measuring import Figure
from eval.retrievers.token_index import TokenRun, maxsim

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]
    Plain = Callable[[Float32, Float32, NDArray[np.bool_]], Float32]

QUERIES: Final = 100
QUERY_TOKENS: Final = 32
DOCUMENTS: Final = 20_000
DIMENSIONS: Final = 128
SHORTEST: Final = 40
LONGEST: Final = 180
SLICE: Final = 1_000
REPEATS: Final = 3
FASTER: Final = 2.0
MOST_MEMORY: Final = 64.0
CLOSE: Final = 2e-3


@dataclass(frozen=True)
class Corpus:
    """Unit vectors: end to end in float16 on disk for ours, padded in float32 for the others."""

    run: TokenRun
    padded: Float32
    padding: NDArray[np.bool_]
    queries: list[Float32]


def measure(pairs: int) -> list[Figure]:  # noqa: ARG001 - the size is the issue's
    """Measure ours and each plain form in turn."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = _corpus(Path(folder))
        forms: dict[str, tuple[Plain, int, int]] = {
            "numpy.einsum": (_einsum, 1, SLICE),
            "numpy.einsum on BLAS": (_einsum_blas, 2, DOCUMENTS),
        }
        if find_spec("torch") is not None:
            forms["torch.einsum"] = (_torch, 4, DOCUMENTS)
        ours: list[float] = []
        others: dict[str, list[float]] = {name: [] for name in forms}
        for _ in range(REPEATS):
            rate, scores = _ours(corpus)
            ours.append(rate)
            for name, (form, queries, documents) in forms.items():
                others[name].append(_plainly(form, corpus, scores, queries, documents))
        return [
            *(
                Figure(
                    name=f"MaxSim, {QUERIES} queries, {DOCUMENTS:,} documents",
                    unit="/s",
                    ours=tuple(ours),
                    reference=tuple(rates),
                    against=name,
                    at_least=FASTER,
                )
                for name, rates in others.items()
            ),
            _memory(corpus),
        ]


def _corpus(folder: Path) -> Corpus:
    chance = np.random.default_rng(20)
    lengths = chance.integers(SHORTEST, LONGEST + 1, DOCUMENTS)
    padding = np.arange(LONGEST) >= lengths[:, None]
    padded = chance.standard_normal((DOCUMENTS, LONGEST, DIMENSIONS), dtype=np.float32)
    padded /= np.linalg.norm(padded, axis=2, keepdims=True)
    padded[padding] = 0
    padded[:] = padded.astype(np.float16)
    file = folder / "vectors.npy"
    np.save(file, padded[~padding].astype(np.float16))
    vectors = np.load(file, mmap_mode="r")
    run = TokenRun(vectors, lengths, np.arange(DOCUMENTS))
    queries = chance.standard_normal((QUERIES, QUERY_TOKENS, DIMENSIONS), dtype=np.float32)
    queries /= np.linalg.norm(queries, axis=2, keepdims=True)
    return Corpus(run, padded, padding, list(queries))


def _ours(corpus: Corpus) -> tuple[float, Float32]:
    began = time.perf_counter()
    scores = maxsim(corpus.queries, [corpus.run], DOCUMENTS)
    return QUERIES / (time.perf_counter() - began), scores


def _plainly(form: Plain, corpus: Corpus, expected: Float32, queries: int, documents: int) -> float:
    """Return the queries a second over all documents, and check the scores on the way."""
    began = time.perf_counter()
    found = [
        [
            form(query, corpus.padded[start : start + SLICE], corpus.padding[start : start + SLICE])
            for start in range(0, documents, SLICE)
        ]
        for query in corpus.queries[:queries]
    ]
    seconds = time.perf_counter() - began
    scores = np.asarray([np.concatenate(each) for each in found])
    if not np.allclose(scores, expected[:queries, :documents], atol=CLOSE):
        raise RuntimeError("MaxSim and its plain form give different scores")
    return queries * documents / DOCUMENTS / seconds


def _einsum(query: Float32, documents: Float32, padding: NDArray[np.bool_]) -> Float32:
    return _summed(np.einsum("id,njd->inj", query, documents), padding)


def _einsum_blas(query: Float32, documents: Float32, padding: NDArray[np.bool_]) -> Float32:
    return _summed(np.einsum("id,njd->inj", query, documents, optimize=True), padding)


def _summed(similarities: Float32, padding: NDArray[np.bool_]) -> Float32:
    similarities[:, padding] = -np.inf
    best: Float32 = similarities.max(axis=2).sum(axis=0)
    return best


def _torch(query: Float32, documents: Float32, padding: NDArray[np.bool_]) -> Float32:
    torch = import_module("torch")
    similarities = torch.einsum("id,njd->inj", torch.from_numpy(query), torch.from_numpy(documents))
    similarities.masked_fill_(torch.from_numpy(padding), float("-inf"))
    best: Float32 = similarities.amax(dim=2).sum(dim=0).numpy()
    return best


def _memory(corpus: Corpus) -> Figure:
    """Return the most memory that arrays took, beside that of all similarities at once."""
    tracemalloc.start()
    maxsim(corpus.queries, [corpus.run], DOCUMENTS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    tokens: int = int(corpus.run.lengths.sum())
    whole = QUERIES * QUERY_TOKENS * tokens * np.dtype(np.float32).itemsize
    return Figure(
        name="MaxSim, memory held",
        unit="MB",
        ours=(peak / 1e6,),
        reference=(whole / 1e6,),
        against="all similarities at once",
        ceiling=MOST_MEMORY,
    )
