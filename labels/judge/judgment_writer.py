"""Judgments into the store as they come, by one writer."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from labels.judgments import add_judgments

if TYPE_CHECKING:
    from core.records import Judgment
    from core.store import Store

#: A commit is followed by a pause of so many times what it took: at a low rate each judgment is
#: committed at once, at a high one committing takes a tenth of the time at most.
_PAUSE: Final = 9.0
_LONGEST_PAUSE: Final = 0.5


class JudgmentWriter:
    """Commits what ``put`` was given, at once or together with what came during the last commit."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[Judgment] = []
        self._arrived = asyncio.Event()
        self._closing = asyncio.Event()

    def put(self, judgment: Judgment) -> None:
        """Take a judgment; it is on disk within half a second or so."""
        self._waiting.append(judgment)
        self._arrived.set()

    async def run(self) -> None:
        """Commit until ``close`` was called and nothing is left.

        Raises:
            StoreError: the store cannot be written; what was not committed is lost.
        """
        while not self._closing.is_set() or self._waiting:
            await self._arrived.wait()
            self._arrived.clear()
            batch, self._waiting = self._waiting, []
            if not batch:
                continue
            began = time.monotonic()
            await asyncio.to_thread(self._commit, batch)
            pause = min((time.monotonic() - began) * _PAUSE, _LONGEST_PAUSE)
            await self._pause(pause)

    def close(self) -> None:
        """Let ``run`` end when everything is committed."""
        self._closing.set()
        self._arrived.set()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return

    def _commit(self, batch: list[Judgment]) -> None:
        with self._store.transaction() as cursor:
            add_judgments(cursor, batch)
