"""What the corpus's tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.store.opening import open_store
from tests.building import new_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.store.database import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give an empty store in a folder beside that of the code."""
    with open_store(new_workspace(tmp_path / "work").folder) as opened:
        yield opened
