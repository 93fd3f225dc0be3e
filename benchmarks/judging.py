"""Judging against a local server: the rate beside the ideal rate, and beside a bare client's.

The ideal is concurrency / answer time. The bare client sends the same requests over as many
sockets, reads the same answers, and does nothing else: what it loses is the server's and the
machine's. Answers take 500 ms, as those of a fast model do.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.measuring import Figure
from core.records import Document, DocumentKind, Origin, Pair, Query
from core.store.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.store.database import Store

CONCURRENCY: Final = 64
#: Seconds that the server takes to answer.
ANSWER_TIME: Final = 0.5
LENGTH: Final = 5.0
LEAST: Final = 0.75
REPEATS: Final = 3
CODE: Final = "def watch(folder):\n    for change in changes(folder):\n        yield change\n" * 20


def measure(pairs: int) -> list[Figure]:  # noqa: ARG001 - the rate does not depend on it
    """Measure the bare client and rejudge in turn."""
    ideal = CONCURRENCY / ANSWER_TIME
    calls = int(ideal * LENGTH)
    bare, ours, cpu = [], [], []
    with _server(ANSWER_TIME) as port:
        for _ in range(REPEATS):
            bare.append(asyncio.run(_bare_rate(port, calls)))
            rate, milliseconds = _judging_rate(port, calls)
            ours.append(rate)
            cpu.append(milliseconds)
    name = f"judge {CONCURRENCY} at a time, answers in {1000 * ANSWER_TIME:.0f} ms"
    return [
        Figure(name, "/s", tuple(ours), (ideal,), "the ideal rate", at_least=LEAST),
        Figure(name, "/s", tuple(ours), tuple(bare), "a bare client of sockets", at_least=LEAST),
        Figure(f"{name}: CPU a call", "ms", tuple(cpu), (1000 / ideal,), "one core, all of it"),
    ]


@contextmanager
def _server(seconds: float) -> Iterator[int]:
    path = Path(__file__).with_name("judging_server.py")
    words = [sys.executable, str(path), str(seconds)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin
        assert server.stdout
        try:
            yield int(server.stdout.readline())
        finally:
            server.stdin.close()


async def _bare_rate(port: int, calls: int) -> float:
    """Return the rate of a client that does nothing but write and read."""
    from labels.judges.llm import RULING_SHAPE
    from labels.judges.prompt import opening_messages
    from labels.judges.request_form import RequestForm

    query, document, _ = _pair(0)
    messages = opening_messages(query, document, 9999)
    asked = RequestForm().request("m", messages, RULING_SHAPE, max_tokens=2048, temperature=0)
    body = json.dumps(asked)
    request = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    left = calls

    async def one() -> None:
        nonlocal left
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while left > 0:
            left -= 1
            writer.write((request + body).encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            json.loads(await reader.readexactly(int(length)))
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(CONCURRENCY)))
    return calls / (time.perf_counter() - began)


def _judging_rate(port: int, calls: int) -> tuple[float, float]:
    """Return the rate of ``judge_pairs`` from its start to the last commit, and the CPU a call."""
    from labels.judges.judging import JudgingPlan, judge_pairs
    from labels.judges.llm import JudgeParameters, LlmJudge, LlmSettings, llm_judge_record
    from labels.judges.server import Server

    parameters = JudgeParameters()
    judge = llm_judge_record("m", parameters)
    server = Server(f"http://127.0.0.1:{port}/v1", "none")
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder)) as store:
        _fill(store, calls)
        # The first call pays for the imports and the connections' set-up; a run of hours does not.
        asyncio.run(_warm_up(LlmJudge(LlmSettings(server, judge, parameters))))
        busy, began = time.process_time(), time.perf_counter()
        report = judge_pairs(
            store,
            lambda: LlmJudge(LlmSettings(server, judge, parameters, concurrency=CONCURRENCY)),
            JudgingPlan(concurrency=CONCURRENCY),
        )
        passed, busy = time.perf_counter() - began, time.process_time() - busy
        assert (report.judged, report.failed) == (calls, 0)
    return calls / passed, 1000 * busy / calls


async def _warm_up(judge: object) -> None:
    from labels.judges.llm import LlmJudge

    assert isinstance(judge, LlmJudge)
    query, document, _ = _pair(0)
    await judge.rule(query, document)
    await judge.aclose()


def _fill(store: Store, count: int) -> None:
    from core.store.tables import add_documents, add_pairs, add_queries

    items = [_pair(number) for number in range(count)]
    with store.transaction() as cursor:
        add_queries(cursor, (query for query, _, _ in items), Origin.IMPORT)
        add_documents(cursor, (document for _, document, _ in items), in_corpus=False)
        add_pairs(cursor, (pair for _, _, pair in items))


def _pair(number: int) -> tuple[Query, Document, Pair]:
    from core.ids import document_id, pair_id, query_id

    text, code = f"tell what changes in folder {number}", f"{CODE}# {number}\n"
    query = Query(query_id(text), text)
    identifier = document_id("a.py", "watch", code)
    document = Document(identifier, "a.py", "watch", DocumentKind.FUNCTION, "python", 1, 60, code)
    pair = Pair(pair_id(query.id, identifier), query.id, identifier, Origin.IMPORT)
    return query, document, pair
