"""Fetching the results of a server's Batch API."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from core.ids import content_id
from core.records import Progress
from labels.judges.batches.client import BatchUnknownError
from labels.judges.batches.lines import EXPIRED, read_answer
from labels.judges.batches.store import (
    Batch,
    BatchState,
    batch_pairs,
    open_batches,
    update_batch,
)
from labels.judges.distribution import pooled
from labels.judges.json_reply import ReplyError
from labels.judges.judge import Ruling, count_failures
from labels.judges.judging import judgment_of
from labels.judges.reply import read_ruling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    from core.errors import JudgeError
    from core.records import Judgment
    from core.store.database import Store
    from labels.judges.batches.client import BatchClient, RemoteBatch
    from labels.judges.batches.lines import BatchAnswer
    from labels.judges.judge import FailureCount


_NO_ANSWER: Final = "the server's batch has no answer to this request"


@dataclass(frozen=True, slots=True)
class CollectReport:
    """What fetching did.

    ``batches`` are those that were open, as they stand now. ``judged`` and ``failed`` count new
    judgments, ``released`` pairs that the server never judged and that are pending again.
    """

    batches: tuple[Batch, ...] = ()
    judged: int = 0
    failed: int = 0
    released: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    notices: tuple[str, ...] = ()
    failures: tuple[FailureCount, ...] = ()

    @property
    def waiting(self) -> int:
        """How many batches are not finished."""
        return sum(
            batch.state in {BatchState.WAITING, BatchState.PREPARING} for batch in self.batches
        )


def collect_batches(
    store: Store,
    clients: Callable[[Batch], BatchClient],
    *,
    cancel: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> CollectReport:
    """Turn the open batches that are finished into judgments.

    A batch's judgments and its new state are one transaction: each pair is judged once, even if the
    program dies or fetches twice. A request on which the server failed, which it did not reach
    before the batch expired, or whose reply cannot be used becomes a failed judgment. Pairs of a
    batch that the server refused as a whole or that was cancelled before them are pending again.

    Args:
        store: has the batches, gets the judgments.
        clients: returns the client for a batch's server.
        cancel: have the server stop the batches first.
        progress: called after each batch.
        cancelled: polled before each batch.

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
    """Fetches one batch."""

    def __init__(self, store: Store, client: BatchClient, batch: Batch) -> None:
        self._store = store
        self._client = client
        self._batch = batch

    def collect(self, *, cancel: bool) -> _Collected:
        """Ask the server for the batch, and store its judgments if it is finished."""
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
        """Keep a batch that the server does not know: with another key or address it may.

        Cancelling gives it up.
        """
        if cancel:
            return self._released("the server does not know it")
        name = self._batch.remote_id or self._batch.id
        notice = f"batch {name}: {error.headline}; give it up with: rejudge judge --batch-cancel"
        return _Collected(self._batch, notice=notice)

    def _released(self, why: str) -> _Collected:
        batch = replace(self._batch, state=BatchState.RELEASED, note=why)
        update_batch(self._store, batch)
        notice = f"batch {batch.remote_id or batch.id}: {why}; its pairs are pending again"
        return _Collected(batch, released=batch.pairs, notice=notice)

    def _fetched(self, remote: RemoteBatch) -> _Collected:
        pairs = batch_pairs(self._store, self._batch)
        rulings = self._rulings(set(pairs), remote)
        self._add_line_errors(rulings, pairs, remote)
        missing = [pair for pair in pairs if pair not in rulings]
        released = remote.status in {"cancelled", "failed"}
        if not released:
            reason = EXPIRED if remote.status == "expired" else _NO_ANSWER
            rulings |= {pair: Ruling(failure=reason) for pair in missing}
        if not rulings:
            messages = "; ".join(message for _, message in remote.line_errors[:3])
            why = f"the server says {remote.status}" + (f": {messages}" if messages else "")
            return self._released(self._client.server.safe_line(why))
        note = f"{len(missing):,} pairs were not judged" if released and missing else ""
        batch = replace(self._batch, state=BatchState.DONE, note=note)
        update_batch(self._store, batch, [self._judgment(*found) for found in rulings.items()])
        notice = f"batch {batch.remote_id}: {remote.status}; {note}" if note else ""
        return _Collected(batch, list(rulings.values()), len(missing) if released else 0, notice)

    def _rulings(self, pairs: set[UUID], remote: RemoteBatch) -> dict[UUID, Ruling]:
        """Return the rulings in the result files on the batch's own pairs.

        Of a repeated line the first counts. Of a pair with several samples, those that did not come
        count as failed.
        """
        samples: dict[UUID, dict[int, Ruling]] = defaultdict(dict)
        for answer in self._answers(remote):
            known = samples[answer.pair_id] if answer.pair_id in pairs else None
            if known is None or answer.unasked or answer.sample in known:
                continue
            if 0 <= answer.sample < self._batch.samples:
                known[answer.sample] = self._ruling(answer)
        return {pair: self._whole(list(found.values())) for pair, found in samples.items() if found}

    def _whole(self, samples: list[Ruling]) -> Ruling:
        if self._batch.samples == 1:
            return samples[0]
        lost = Ruling(failure=_NO_ANSWER)
        return pooled([*samples, *[lost] * (self._batch.samples - len(samples))])

    def _answers(self, remote: RemoteBatch) -> Iterator[BatchAnswer]:
        for file in (remote.output_file, remote.error_file):
            for line in self._client.lines(file) if file else ():
                answer = read_answer(line) if line else None
                if answer is not None:
                    yield answer

    def _ruling(self, answer: BatchAnswer) -> Ruling:
        server = self._client.server
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
        """Make the complaints of a refused batch about single lines failures of their pairs."""
        for line, message in remote.line_errors:
            place = None if line is None else (line - 1) // self._batch.samples
            if place is not None and 0 <= place < len(pairs):
                reason = self._client.server.safe_line(f"the server refuses the request: {message}")
                rulings.setdefault(pairs[place], Ruling(failure=reason))

    def _judgment(self, pair: UUID, ruling: Ruling) -> Judgment:
        """Return the record of a ruling, with the same id whenever the batch is fetched."""
        identifier = content_id("batch", str(self._batch.id), str(pair))
        return judgment_of(ruling, pair, self._batch.judge_id, identifier)


def _added(report: CollectReport, collected: _Collected) -> CollectReport:
    rulings = collected.rulings
    return CollectReport(
        (*report.batches, collected.batch),
        report.judged + sum(ruling.score is not None for ruling in rulings),
        report.failed + sum(ruling.score is None for ruling in rulings),
        report.released + collected.released,
        report.prompt_tokens + sum(ruling.prompt_tokens for ruling in rulings),
        report.completion_tokens + sum(ruling.completion_tokens for ruling in rulings),
        (*report.notices, collected.notice) if collected.notice else report.notices,
        count_failures((ruling.failure for ruling in rulings if ruling.failure), report.failures),
    )
