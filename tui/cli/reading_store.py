"""The store of a command that changes nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from core.store.read_only import open_for_reading
from core.text import displayable_line

if TYPE_CHECKING:
    from core.store.database import Store
    from core.workspace import Workspace


def reading_store(workspace: Workspace) -> Store:
    """Open the store to read from it; say on stderr when it is a copy of an earlier state.

    Raises:
        StoreError: it cannot be opened; or another process has it, and there is no backup yet.
    """
    store = open_for_reading(workspace)
    if store.read_only_copy is not None:
        print(f"rejudge: {displayable_line(store.read_only_copy.notice)}", file=sys.stderr)
    return store
