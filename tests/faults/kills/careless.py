"""Work that loses and doubles: it says what is still in a buffer, and begins a step back."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

STEPS = 20_000


def prepare(root: Path) -> None:
    root.mkdir()


def beside() -> AbstractContextManager[str]:
    return nullcontext("")


def run(root: Path, _: str, say: Callable[[str], None]) -> None:
    done = len(kept(root))
    with (root / "steps").open("a", encoding="utf-8") as file:
        for step in range(max(0, done - 1), STEPS):
            file.write(f"{step:07d}\n")
            say(f"{step:07d}")


def kept(root: Path) -> list[str]:
    steps = root / "steps"
    return steps.read_text(encoding="utf-8").split() if steps.exists() else []


def check_whole(root: Path, _: Path) -> None:
    assert len(kept(root)) >= STEPS
