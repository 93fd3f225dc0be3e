"""Sending pairs to a server's Batch API.

A batch is stored with its pairs before it is started, and started under the id it was stored with.
If the program dies in between, the next ``collect_batches`` finds out whether the server has the
batch, and no pair is asked about twice.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.ids import event_id, utc_now
from core.records import Progress
from labels.judges.batches.lines import request_line
from labels.judges.batches.store import Batch, BatchState, reserve_pairs, update_batch
from labels.judges.judging import JudgingPlan, judge_pairs
from labels.judges.llm import LlmJudge
from labels.judges.pending import count_pairs, pending_pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from core.records import Judge
    from core.store.database import Store
    from labels.judges.batches.client import BatchClient
    from labels.judges.judge import FailureCount
    from labels.judges.llm import LlmSettings
    from labels.judges.pending import PendingPair

#: The API's limits are 50,000 requests and 200 MB in one file.
REQUEST_LIMIT: Final = 50_000
BYTES_LIMIT: Final = 190_000_000
#: Requests in a batch. Token probabilities make answers long, so it is well below the limit.
REQUESTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class SubmitPlan:
    """Which pairs to send, and how many requests and bytes go into a batch at most."""

    judging: JudgingPlan
    requests: int = REQUESTS
    bytes_limit: int = BYTES_LIMIT


@dataclass(frozen=True, slots=True)
class SubmitReport:
    """What sending did.

    ``probed`` pairs were judged at once, to find out what the server takes; ``failures`` are
    theirs. ``skipped`` pairs were judged or sent before.
    """

    judge: Judge
    batches: tuple[Batch, ...]
    probed: int
    skipped: int
    cancelled: bool = False
    notices: tuple[str, ...] = ()
    failures: tuple[FailureCount, ...] = ()

    @property
    def sent(self) -> int:
        """How many pairs are at the server now."""
        return sum(batch.pairs for batch in self.batches)


def submit_batches(
    store: Store,
    settings: LlmSettings,
    client: BatchClient,
    plan: SubmitPlan,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> SubmitReport:
    """Send a judge's pending pairs in as many batches as they need.

    The first pair is judged at once, in the ordinary way. That shows whether the key and the model
    are good, and which form of request the server takes, before thousands are sent.

    Args:
        store: pairs are read from it, batches are added.
        settings: the judge.
        client: the Batch API of its server.
        plan: which pairs.
        progress: called after each batch, with counts of pairs.
        cancelled: polled before each batch; batches that were sent stay sent.

    Raises:
        JudgeError: the judge or the Batch API cannot be used; earlier batches stay sent.
        InputError: the plan's numbers are out of range.
    """
    samples = settings.parameters.samples
    if not samples <= plan.requests <= REQUEST_LIMIT:
        raise InputError(
            f"a batch takes {samples:,} to {REQUEST_LIMIT:,} requests", where=f"{plan.requests:,}"
        )
    made: list[LlmJudge] = []

    def make() -> LlmJudge:
        made.append(LlmJudge(settings))
        return made[0]

    judging = plan.judging
    first = 1 if judging.limit is None else min(judging.limit, 1)
    probe = judge_pairs(store, make, replace(judging, limit=first), cancelled=cancelled)
    probed = probe.judged + probe.failed
    limit = None if judging.limit is None else judging.limit - probed
    sender = _Sender(store, made[0], settings, client, plan)
    batches, stopped = sender.send_all(limit, progress, cancelled)
    return SubmitReport(
        probe.judge,
        batches,
        probed,
        probe.skipped,
        stopped or probe.cancelled,
        probe.notices,
        probe.failures,
    )


class _Sender:
    def __init__(
        self,
        store: Store,
        judge: LlmJudge,
        settings: LlmSettings,
        client: BatchClient,
        plan: SubmitPlan,
    ) -> None:
        self._store = store
        self._judge = judge
        self._parameters = settings.parameters
        self._client = client
        self._plan = plan

    def send_all(
        self,
        limit: int | None,
        progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> tuple[tuple[Batch, ...], bool]:
        """Send the pending pairs; return the batches, and whether it was cancelled.

        Pairs that were sent are no longer pending, so each batch reads the pending pairs anew.
        """
        choice = self._plan.judging.choice(self._judge.judge.id)
        pending = count_pairs(self._store, choice)[0]
        left = pending if limit is None else min(limit, pending)
        total, done = left, 0
        batches: list[Batch] = []
        while left > 0:
            if cancelled():
                return tuple(batches), True
            batch = self._send(pending_pages(self._store, choice, left))
            if batch is None:
                break
            batches.append(batch)
            done += batch.pairs
            left -= batch.pairs
            progress(Progress(done, total, "pairs sent"))
        return tuple(batches), False

    def _send(self, pages: Iterator[list[PendingPair]]) -> Batch | None:
        with tempfile.TemporaryDirectory(prefix="rejudge-") as folder:
            file = Path(folder) / "requests.jsonl"
            pairs = self._write(file, pages)
            if not pairs:
                return None
            batch = Batch(
                id=event_id(),
                judge_id=self._judge.judge.id,
                server=self._client.server.shown,
                remote_id=None,
                state=BatchState.PREPARING,
                remote_status="",
                plain=not self._judge.form.schema,
                samples=self._parameters.samples,
                max_tokens=self._parameters.max_tokens,
                pairs=len(pairs),
                made=utc_now(),
            )
            file_id = self._client.upload(file)
            reserve_pairs(self._store, batch, pairs)
        remote = self._client.create(file_id, batch.id)
        batch = replace(
            batch, remote_id=remote.id, state=BatchState.WAITING, remote_status=remote.status
        )
        update_batch(self._store, batch)
        return batch

    def _write(self, file: Path, pages: Iterator[list[PendingPair]]) -> list[UUID]:
        """Write as many pairs as a batch takes, a pair's samples together; return them."""
        pairs: list[UUID] = []
        size = 0
        samples = self._parameters.samples
        with file.open("wb") as out:
            for page in pages:
                for pair in page:
                    body = self._judge.batch_body(pair.query, pair.document)
                    lines = b"".join(
                        request_line(pair.pair_id, sample, body) for sample in range(samples)
                    )
                    full = (len(pairs) + 1) * samples > self._plan.requests
                    if pairs and (full or size + len(lines) > self._plan.bytes_limit):
                        return pairs
                    out.write(lines)
                    size += len(lines)
                    pairs.append(pair.pair_id)
        return pairs
