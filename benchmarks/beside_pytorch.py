"""What the comparisons with PyTorch share: its interpreter, and a child that is asked."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.table import table_text
from core.errors import RejudgeError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.measuring import Figure

VARIABLE: Final = "REJUDGE_TORCH_PYTHON"
HOUSE: Final = Path(__file__).parents[1]


def torch_python(named: str = "") -> str:
    """Return the interpreter that has PyTorch: the one named, the environment's, else this one.

    Raises:
        UnavailableError: none of them is there.
    """
    found = named or os.environ.get(VARIABLE) or (sys.executable if find_spec("torch") else "")
    if not found:
        raise UnavailableError(f"no PyTorch to compare with; name its interpreter in {VARIABLE}")
    return found


@contextmanager
def asked_child(
    python: str, script: str, *words: object
) -> Iterator[Callable[[object], dict[str, Any]]]:
    """Start a script of the house and give the function that asks it: a line of JSON each way.

    Args:
        python: the interpreter.
        script: its place in the house, such as ``benchmarks/encoding_pytorch.py``.
        words: what it is started with.
    """
    path = HOUSE / script
    with subprocess.Popen(
        [python, str(path), *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HOUSE)},
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        questions, answers = child.stdin, child.stdout

        def ask(question: object) -> dict[str, Any]:
            print(json.dumps(question), file=questions, flush=True)
            line = answers.readline()
            if not line:
                raise UnavailableError(f"{python} cannot run {path.name}; see above")
            answer: dict[str, Any] = json.loads(line)
            return answer

        try:
            yield ask
        finally:
            questions.close()


def run_alone(module: str, compare: Callable[[str], Sequence[Figure]]) -> int:
    """Print a table; return 1 when a target was not met, 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{module}")
    parser.add_argument("--torch-python", default="", metavar="PYTHON")
    arguments = parser.parse_args()
    try:
        figures = compare(torch_python(arguments.torch_python))
    except RejudgeError as error:
        print(error, file=sys.stderr)
        return 2
    print(table_text(figures))
    return 0 if all(figure.met for figure in figures) else 1
