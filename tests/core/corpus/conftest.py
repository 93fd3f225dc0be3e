"""What the corpus's tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.store.database import Store
from tests.building import new_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give an empty store in a folder beside that of the code."""
    with Store.open(new_workspace(tmp_path / "work").folder) as opened:
        yield opened
