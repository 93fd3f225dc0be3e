"""A path as a person gives it."""

from __future__ import annotations

import os
from pathlib import Path


def given_path(text: str) -> Path:
    """Return the path that ``text`` names; ``~`` and ``~name`` at its beginning are home folders.

    Where there is no such home it is a name like any other, as in a shell.
    """
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser raises in that case
