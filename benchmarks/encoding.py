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

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from benchmarks.library_functions import library_functions
from benchmarks.measuring import Figure
from benchmarks.table import table_text
from core.encoder import load_encoder, offline_encoder_folder
from core.encoder.blas import load_blas
from core.errors import RejudgeError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from core.encoder.encoder import Encoder

VARIABLE: Final = "REJUDGE_TORCH_PYTHON"
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
    return compare(os.environ.get(VARIABLE) or (sys.executable if find_spec("torch") else ""))


def compare(torch_python: str) -> list[Figure]:
    """Measure both workloads, ours and PyTorch's in turn.

    Raises:
        UnavailableError: no PyTorch, no MLX, or no offline encoder here.
    """
    if not torch_python:
        raise UnavailableError(f"no PyTorch to compare with; name its interpreter in {VARIABLE}")
    folder = offline_encoder_folder()
    blas = load_blas()
    functions = [text for _, text in library_functions()]
    padded = load_encoder(folder, document_length=TOKENS)
    real = load_encoder(folder)
    long_ones = [
        text for text in functions if len(padded.tokenizer.documents([text])[0].ids) == TOKENS
    ][:PADDED]
    spread = functions[:: max(1, len(functions) // REAL)][:REAL]
    with _pytorch(torch_python, folder) as ask:
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
    """Start the child and give the function that asks it: a line of JSON each way."""
    script = Path(__file__).with_name("encoding_pytorch.py")
    with subprocess.Popen(
        [python, str(script), str(folder), str(TOKENS), str(BATCH)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        questions, answers = child.stdin, child.stdout

        def ask(kind: str, texts: list[str]) -> Timed:
            print(json.dumps({"kind": kind, "texts": texts}), file=questions, flush=True)
            line = answers.readline()
            if not line:
                raise UnavailableError(f"{python} cannot run the PyTorch side; see above")
            answer = json.loads(line)
            return Timed(answer["wall"], answer["cpu"], np.array(answer["vectors"], np.float32))

        try:
            yield ask
        finally:
            questions.close()


def main() -> int:
    """Print the table; return 1 when a target was not met, 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.encoding")
    parser.add_argument("--torch-python", default=os.environ.get(VARIABLE, ""), metavar="PYTHON")
    arguments = parser.parse_args()
    try:
        figures = compare(arguments.torch_python or (sys.executable if find_spec("torch") else ""))
    except RejudgeError as error:
        print(error, file=sys.stderr)
        return 2
    print(table_text(figures))
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
