"""Documents per second with the weights of all-MiniLM-L6-v2, beside PyTorch on the same texts.

    python -m benchmarks.encoding --torch-python /path/to/python

PyTorch runs in a child, with an interpreter that has torch, transformers and
sentence-transformers: the one named, else that of ``REJUDGE_TORCH_PYTHON``, else this one.

``padded``: texts cut to 180 tokens each, in batches of 16, through transformers' BertModel.
``real``: functions of this Python's standard library of every length, through
sentence-transformers' own ``encode``. Both sides split the texts into tokens themselves. The
figures per CPU second say how much work is done where other programs take the cores away.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from benchmarks.beside_pytorch import asked_child, run_alone, torch_python
from benchmarks.library_functions import library_functions
from benchmarks.measuring import Figure
from core.encoder import load_encoder, offline_encoder_folder
from core.encoder.blas import load_blas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from core.encoder.encoder import Encoder

TOKENS: Final = 180
BATCH: Final = 16
PADDED: Final = 32
REAL: Final = 120
REPEATS: Final = 5
SAME: Final = 1e-4
PADDED_TARGET: Final = 0.7
REAL_TARGET: Final = 1.0


def measure(pairs: int) -> list[Figure]:  # noqa: ARG001 - the texts are the issue's
    """Measure both workloads with the interpreter of the environment."""
    return compare(torch_python())


def compare(python: str) -> list[Figure]:
    """Measure both workloads, ours and PyTorch's in turn.

    Raises:
        UnavailableError: no PyTorch, no MLX, or no offline encoder here.
    """
    folder = offline_encoder_folder()
    blas = load_blas()
    functions = [text for _, text in library_functions()]
    padded = load_encoder(folder, document_length=TOKENS)
    real = load_encoder(folder)
    long_ones = [
        text for text in functions if len(padded.tokenizer.documents([text])[0].ids) == TOKENS
    ][:PADDED]
    spread = functions[:: max(1, len(functions) // REAL)][:REAL]
    with _pytorch(python, folder) as ask:
        return [
            *_figures(
                f"{len(long_ones)} texts of {TOKENS} tokens, batch {BATCH}",
                lambda: _ours(padded, long_ones, BATCH),
                lambda: ask("padded", long_ones),
                f"transformers BertModel; ours on {blas.name}",
                PADDED_TARGET,
            ),
            *_figures(
                f"{len(spread)} functions of the standard library",
                lambda: _ours(real, spread, 64),
                lambda: ask("real", spread),
                f"sentence-transformers encode; ours on {blas.name}",
                REAL_TARGET,
            ),
        ]


class Timed(NamedTuple):
    """Seconds, CPU seconds, and the vectors, one a row."""

    wall: float
    cpu: float
    vectors: NDArray[np.float32]


def _figures(
    name: str,
    ours: Callable[[], Timed],
    reference: Callable[[], Timed],
    against: str,
    target: float,
) -> list[Figure]:
    """Return documents per second and per CPU second; the first calls warm both up."""
    mine, theirs = ours(), reference()
    apart = float(np.abs(mine.vectors - theirs.vectors).max())
    if apart > SAME:
        raise RuntimeError(f"the vectors differ from PyTorch's by {apart}")
    texts = len(mine.vectors)
    timed: list[tuple[Timed, Timed]] = []
    for repeat in range(REPEATS):
        if repeat % 2:
            second = reference()
            timed.append((ours(), second))
        else:
            first = ours()
            timed.append((first, reference()))
    return [
        Figure(
            name=f"{name}{what}",
            unit=unit,
            ours=tuple(texts / spent(mine) for mine, _ in timed),
            reference=tuple(texts / spent(theirs) for _, theirs in timed),
            against=against,
            at_least=bound,
        )
        for spent, what, unit, bound in (
            (_wall, "", "/s", target),
            (_cpu, ", CPU", "/CPU s", None),
        )
    ]


def _wall(timed: Timed) -> float:
    return timed.wall


def _cpu(timed: Timed) -> float:
    return timed.cpu


def _ours(encoder: Encoder, texts: list[str], batch: int) -> Timed:
    wall, cpu = time.perf_counter(), time.process_time()
    matrices = encoder.encode_documents(texts, batch_size=batch)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Timed(wall, cpu, np.concatenate(matrices))


@contextmanager
def _pytorch(python: str, folder: Path) -> Iterator[Callable[[str, list[str]], Timed]]:
    """Start the child and give the function that has it encode."""
    with asked_child(python, "benchmarks/encoding_pytorch.py", folder, TOKENS, BATCH) as ask:

        def encode(kind: str, texts: list[str]) -> Timed:
            answer = ask({"kind": kind, "texts": texts})
            return Timed(answer["wall"], answer["cpu"], np.array(answer["vectors"], np.float32))

        yield encode


if __name__ == "__main__":
    sys.exit(run_alone("encoding", compare))
