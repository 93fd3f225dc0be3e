"""Training pairs per second with the weights of all-MiniLM-L6-v2, beside PyTorch's same steps.

    python -m benchmarks.training --torch-python /path/to/python

Each side runs in a child process and is given the same batches of texts: full fine-tuning and LoRA
(r = 16 on query and value), AdamW, ``contrastive``, float32. PyTorch runs with an interpreter that
has torch and transformers: the one named, else that of ``REJUDGE_TORCH_PYTHON``, else this one. Its
side is written plainly, in ``training_pytorch.py``.

``padded``: batches of 16 pairs, queries of 32 and documents of 180 tokens. ``real``: functions of
this Python's standard library under their own names, up to 180 tokens, batches of like length. Both
sides split the texts into tokens themselves and must come to the same losses. The figures per CPU
second say how much work is done where other programs take the cores away. Memory is the peak of
the child so far.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from benchmarks.beside_pytorch import asked_child, run_alone, torch_python
from benchmarks.library_functions import library_functions
from benchmarks.measuring import Figure
from core.encoder import offline_encoder_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BATCH: Final = 16
QUERY_TOKENS: Final = 32
DOCUMENT_TOKENS: Final = 180
REPEATS: Final = 9
PADDED_STEPS: Final = 2
REAL_STEPS: Final = 6
TARGETS: Final = {"full": 0.75, "lora": 0.8}
#: How far the losses may lie apart: AdamW's first steps are as long for a gradient that is noise.
SAME: Final = 0.02
_LONG_CHARACTERS: Final = 1500
_MEGABYTE: Final = 1e6


class Batch(NamedTuple):
    """As many queries as documents; each query wants the document of its place and no other."""

    queries: tuple[str, ...]
    documents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trained:
    """What some steps took: seconds, CPU seconds, the loss of each, the peak of memory in bytes."""

    wall: float
    cpu: float
    losses: tuple[float, ...]
    memory: int


def measure(pairs: int) -> list[Figure]:  # noqa: ARG001 - the texts are the issue's
    """Measure with the interpreter of the environment."""
    return compare(torch_python())


def compare(python: str) -> list[Figure]:
    """Measure both ways of tuning on both workloads, ours and PyTorch's in turn.

    Raises:
        UnavailableError: no PyTorch, no MLX, or no offline encoder here.
    """
    folder = offline_encoder_folder()
    padded, real = _padded_batches(), _real_batches()
    figures = []
    for tuning, target in TARGETS.items():
        with ExitStack() as stack:
            ours = stack.enter_context(_trainer(sys.executable, "training_mlx", folder, tuning))
            theirs = stack.enter_context(_trainer(python, "training_pytorch", folder, tuning))
            for name, batches, bound in (
                (f"{BATCH} x ({QUERY_TOKENS} + {DOCUMENT_TOKENS}) tokens", padded, target),
                ("functions of the standard library", real, None),
            ):
                figures += _figures(f"{tuning}: {name}", batches, ours, theirs, bound)
    return figures


def _figures(
    name: str,
    batches: list[Batch],
    ours: Callable[[list[Batch]], Trained],
    theirs: Callable[[list[Batch]], Trained],
    target: float | None,
) -> list[Figure]:
    """Return pairs per second and the peaks; the first calls warm both up and are compared."""
    mine, reference = ours(batches), theirs(batches)
    apart = max(abs(a - b) for a, b in zip(mine.losses, reference.losses, strict=True))
    if apart > SAME:
        raise RuntimeError(f"the losses differ from PyTorch's by {apart}")
    timed = []
    for repeat in range(REPEATS):
        if repeat % 2:
            second = theirs(batches)
            timed.append((ours(batches), second))
        else:
            first = ours(batches)
            timed.append((first, theirs(batches)))
    pairs = sum(len(batch.queries) for batch in batches)
    return [
        Figure(
            name=name,
            unit="/s",
            ours=tuple(pairs / mine.wall for mine, _ in timed),
            reference=tuple(pairs / reference.wall for _, reference in timed),
            against="PyTorch, the same loss",
            at_least=target,
        ),
        Figure(
            name=f"{name}, CPU",
            unit="/CPU s",
            ours=tuple(pairs / mine.cpu for mine, _ in timed),
            reference=tuple(pairs / reference.cpu for _, reference in timed),
            against="PyTorch, the same loss",
        ),
        Figure(
            name=f"{name}, memory",
            unit="MB",
            ours=(max(mine.memory for mine, _ in timed) / _MEGABYTE,),
            reference=(max(reference.memory for _, reference in timed) / _MEGABYTE,),
            against="PyTorch, the same loss",
        ),
    ]


def _padded_batches() -> list[Batch]:
    long_ones = [code for _, code in library_functions() if len(code) > _LONG_CHARACTERS]
    return [
        # A text this long fills a query's 32 tokens too; its head is not that of its document.
        Batch(
            tuple(code[::-1][:_LONG_CHARACTERS] for code in long_ones[start : start + BATCH]),
            tuple(long_ones[start : start + BATCH]),
        )
        for start in range(0, PADDED_STEPS * BATCH, BATCH)
    ]


def _real_batches() -> list[Batch]:
    functions = {name.replace("_", " "): code for name, code in library_functions()}
    pairs = sorted(functions.items(), key=lambda pair: len(pair[1]))
    spread = pairs[:: max(1, len(pairs) // (REAL_STEPS * BATCH))][: REAL_STEPS * BATCH]
    return [
        Batch(*zip(*spread[start : start + BATCH], strict=True))
        for start in range(0, len(spread), BATCH)
    ]


@contextmanager
def _trainer(
    python: str, script: str, folder: Path, tuning: str
) -> Iterator[Callable[[list[Batch]], Trained]]:
    """Start a child and give the function that has it train."""
    with asked_child(
        python, f"benchmarks/{script}.py", folder, tuning, QUERY_TOKENS, DOCUMENT_TOKENS
    ) as ask:

        def train(batches: list[Batch]) -> Trained:
            answer = ask(batches)
            losses = tuple(answer["losses"])
            return Trained(answer["wall"], answer["cpu"], losses, answer["memory"])

        yield train


if __name__ == "__main__":
    sys.exit(run_alone("training", compare))
