"""Fetching what a server's Batch API has judged."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.ids import content_id, utc_now
from core.records import Judgment, Progress
from labels.judges.batches.client import EXPIRED, BatchUnknownError, answer_of_line
from labels.judges.batches.store import (
    Batch,
    BatchState,
    CollectReport,
    RemoteBatch,
    batch_pairs,
    open_batches,
    update_batch,
)
from labels.judges.distribution import pooled
from labels.judges.json_reply import ReplyError
from labels.judges.judge import Ruling, count_failures
from labels.judges.reply import read_ruling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    from core.errors import JudgeError
    from core.store.database import Store
    from labels.judges.batches.client import BatchAnswer, BatchClient
    from labels.judges.server import Server


def collect_batches(
    store: Store,
    clients: Callable[[Batch], BatchClient],
    *,
    cancel: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> CollectReport:
    """Ask how the open batches stand, and turn those that are finished into judgments.

    A batch's judgments and its end are one transaction: fetched twice or killed in the midst, each
    pair is judged once. A request that the server failed on, did not come to before the batch
    expired, or answered with something that is no ruling becomes a failed judgment. Pairs of a
    batch that the server refused as a whole, or of its part that was cancelled, were never judged
    and wait for a judge again.

    Args:
        store: has the batches, gets the judgments.
        clients: gives the client of a batch's server.
        cancel: have the server stop them first.
        progress: told after each batch.
        cancelled: asked before each batch.

    Raises:
        JudgeError: a server cannot be asked; batches fetched before stay fetched.
    """
    found = open_batches(store)
    report = CollectReport()
    for place, batch in enumerate(found):
        if cancelled():
            return replace(report, batches=(*report.batches, *found[place:]))
        report = _added(report, _Collector(store, clients(batch), batch).collect(cancel=cancel))
        progress(Progress(place + 1, len(found), "batches"))
    return report


@dataclass(frozen=True, slots=True)
class _Collected:
    batch: Batch
    rulings: Sequence[Ruling] = ()
    released: int = 0
    notice: str = ""


class _Collector:
    """One batch."""

    def __init__(self, store: Store, client: BatchClient, batch: Batch) -> None:
        self._store = store
        self._client = client
        self._batch = batch

    def collect(self, *, cancel: bool) -> _Collected:
        """Ask the server how it stands, and fetch it if it is finished."""
        try:
            remote = self._remote(cancel=cancel)
        except BatchUnknownError as error:
            return self._unknown(error, cancel=cancel)
        if remote is None:
            return self._released("it never reached the server")
        batch = replace(self._batch, remote_id=remote.id, remote_status=remote.status)
        if not remote.finished:
            batch = replace(batch, state=BatchState.WAITING)
            update_batch(self._store, batch)
            return _Collected(batch)
        self._batch = batch
        return self._fetched(remote)

    def _remote(self, *, cancel: bool) -> RemoteBatch | None:
        known = self._batch.remote_id
        remote = self._client.retrieve(known) if known else self._client.find(self._batch.id)
        if cancel and remote is not None and not remote.finished:
            return self._client.cancel(remote.id)
        return remote

    def _unknown(self, error: JudgeError, *, cancel: bool) -> _Collected:
        """Keep a batch that the server does not know, unless a person gave it up.

        Another key or address may know it.
        """
        if cancel:
            return self._released("the server does not know it")
        name = self._batch.remote_id or self._batch.id
        notice = f"batch {name}: {error.headline}; give it up with: rejudge judge --batch-cancel"
        return _Collected(self._batch, notice=notice)

    def _released(self, why: str) -> _Collected:
        batch = replace(self._batch, state=BatchState.RELEASED, note=why)
        update_batch(self._store, batch)
        notice = f"batch {batch.remote_id or batch.id}: {why}; its pairs wait for a judge again"
        return _Collected(batch, released=batch.pairs, notice=notice)

    def _fetched(self, remote: RemoteBatch) -> _Collected:
        server = self._client.server
        pairs = batch_pairs(self._store, self._batch)
        rulings = self._rulings(set(pairs), remote)
        self._add_line_errors(rulings, pairs, remote)
        missing = [pair for pair in pairs if pair not in rulings]
        released = remote.status in {"cancelled", "failed"}
        if not released:
            why = (
                EXPIRED
                if remote.status == "expired"
                else "the server's batch has no answer to this request"
            )
            rulings |= {pair: Ruling(failure=why) for pair in missing}
        if not rulings:
            reasons = "; ".join(message for _, message in remote.line_errors[:3])
            why = f"the server says {remote.status}" + (f": {reasons}" if reasons else "")
            return self._released(server.safe_line(why))
        note = f"{len(missing):,} pairs were not judged" if released and missing else ""
        batch = replace(self._batch, state=BatchState.DONE, note=note)
        judgments = [self._judgment(pair, ruling) for pair, ruling in rulings.items()]
        update_batch(self._store, batch, judgments)
        count = len(missing) if released else 0
        notice = f"batch {batch.remote_id}: {remote.status}; {note}" if note else ""
        return _Collected(batch, list(rulings.values()), count, notice)

    def _rulings(self, pairs: set[UUID], remote: RemoteBatch) -> dict[UUID, Ruling]:
        """Return what the result files say of the batch's own pairs; of a repeated line the first.

        A pair of several samples of which one came and another did not counts the missing one as
        failed.
        """
        samples: dict[UUID, dict[int, Ruling]] = defaultdict(dict)
        for answer in self._answers(remote):
            known = samples[answer.pair_id] if answer.pair_id in pairs else None
            if known is None or answer.unasked or answer.sample in known:
                continue
            if 0 <= answer.sample < self._batch.samples:
                known[answer.sample] = self._ruling(answer)
        return {pair: self._whole(list(told.values())) for pair, told in samples.items() if told}

    def _whole(self, told: list[Ruling]) -> Ruling:
        if self._batch.samples == 1:
            return told[0]
        lost = Ruling(failure="the server's batch has no answer to this request")
        return pooled([*told, *[lost] * (self._batch.samples - len(told))])

    def _answers(self, remote: RemoteBatch) -> Iterator[BatchAnswer]:
        for file in (remote.output_file, remote.error_file):
            for line in self._client.lines(file) if file else ():
                answer = answer_of_line(line) if line else None
                if answer is not None:
                    yield answer

    def _ruling(self, answer: BatchAnswer) -> Ruling:
        server: Server = self._client.server
        completion = answer.completion
        if completion is None:
            return Ruling(failure=server.safe_line(answer.failure))
        try:
            return read_ruling(replace(completion, limit=self._batch.max_tokens), server)
        except ReplyError as error:
            return Ruling(
                failure=server.safe_line(str(error)),
                prompt_tokens=completion.prompt_tokens,
                completion_tokens=completion.completion_tokens,
            )

    def _add_line_errors(
        self, rulings: dict[UUID, Ruling], pairs: Sequence[UUID], remote: RemoteBatch
    ) -> None:
        """Let what a refused batch says of single lines be failures of their pairs."""
        for line, message in remote.line_errors:
            place = None if line is None else (line - 1) // self._batch.samples
            if place is not None and 0 <= place < len(pairs):
                reason = self._client.server.safe_line(f"the server refuses the request: {message}")
                rulings.setdefault(pairs[place], Ruling(failure=reason))

    def _judgment(self, pair: UUID, ruling: Ruling) -> Judgment:
        return Judgment(
            content_id("batch", str(self._batch.id), str(pair)),
            pair,
            self._batch.judge_id,
            utc_now(),
            score=ruling.score,
            failure=ruling.failure,
            distribution=ruling.distribution,
            rationale=ruling.rationale,
            prompt_tokens=ruling.prompt_tokens,
            completion_tokens=ruling.completion_tokens,
        )


def _added(report: CollectReport, one: _Collected) -> CollectReport:
    rulings = one.rulings
    return CollectReport(
        (*report.batches, one.batch),
        report.judged + sum(ruling.score is not None for ruling in rulings),
        report.failed + sum(ruling.score is None for ruling in rulings),
        report.released + one.released,
        report.prompt_tokens + sum(ruling.prompt_tokens for ruling in rulings),
        report.completion_tokens + sum(ruling.completion_tokens for ruling in rulings),
        (*report.notices, one.notice) if one.notice else report.notices,
        count_failures((ruling.failure for ruling in rulings if ruling.failure), report.failures),
    )
