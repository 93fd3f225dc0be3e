"""The loop: each pair once, what came is kept, what failed has no score."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from core.errors import JudgeError
from core.records import JudgeKind, QueryKind
from core.store.tables import make_judge
from labels.judges.judge import Ruling
from labels.judges.judging import JudgingPlan, judge_pairs
from labels.judges.llm import JudgeParameters, LlmJudge, LlmSettings, llm_judge_record
from labels.judges.server import Server
from tests.labels.judges.playing_server import (
    Answer,
    PlayingServer,
    asked_query,
    completion,
    error,
    ruling,
)
from tests.labels.judges.stored_rulings import add_unjudged, rulings

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.records import Document, Query
    from core.store.database import Store
    from labels.judges.judge import JudgingProgress

PARAMETERS = JudgeParameters()
JUDGE = llm_judge_record("m", PARAMETERS)


class Scripted:
    """A judge that does what a function says."""

    notices: tuple[str, ...] = ()

    def __init__(self, play: Callable[[str], Ruling], seconds: float = 0.0) -> None:
        self.judge = make_judge("scripted", JudgeKind.LLM, model="s")
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0
        self._play = play
        self._seconds = seconds

    async def rule(self, query: Query, document: Document) -> Ruling:
        assert document.text
        self.asked.append(query.text)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self._seconds)
            return self._play(query.text)
        finally:
            self.at_once -= 1

    async def aclose(self) -> None:
        return


@pytest.fixture
def store(store: Store) -> Store:
    add_unjudged(store, numbered(40))
    return store


def numbered(count: int) -> list[tuple[str, str, bool]]:
    return [(f"query {n}", f"def f{n}(): pass", n % 4 == 0) for n in range(count)]


def four(_: str) -> Ruling:
    return Ruling(score=4, rationale="fine", prompt_tokens=3, completion_tokens=2)


def test_every_pair_is_asked_about_once_and_never_again(store: Store) -> None:
    seen: list[JudgingProgress] = []
    judge = Scripted(four)
    report = judge_pairs(store, lambda: judge, JudgingPlan(), progress=seen.append)
    assert (report.judged, report.failed, report.skipped) == (40, 0, 0)
    assert (report.prompt_tokens, report.completion_tokens) == (120, 80)
    assert Counter(judge.asked) == {f"query {number}": 1 for number in range(40)}
    assert len(rulings(store)) == 40
    assert (seen[-1].done, seen[-1].total, seen[-1].seconds_left) == (40, 40, 0)
    again = judge_pairs(store, lambda: judge, JudgingPlan())
    assert (again.judged, again.skipped, len(judge.asked)) == (0, 40, 40)


def test_no_more_than_the_concurrency_are_asked_at_once(store: Store) -> None:
    judge = Scripted(four, 0.005)
    judge_pairs(store, lambda: judge, JudgingPlan(concurrency=3))
    assert judge.most_at_once == 3


def test_limit_and_kind_choose_the_pairs(store: Store) -> None:
    judge = Scripted(four)
    report = judge_pairs(store, lambda: judge, JudgingPlan(kind=QueryKind.KEYWORD, limit=6))
    assert report.judged == 6
    report = judge_pairs(store, lambda: judge, JudgingPlan(kind=QueryKind.KEYWORD))
    assert (report.judged, report.skipped) == (4, 6)
    assert all(int(text.split()[1]) % 4 == 0 for text in judge.asked)


def test_many_more_pairs_than_a_page(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labels.judges.pending.ID_PAGE", 7)
    monkeypatch.setattr("labels.judges.pending.TEXT_PAGE", 3)
    judge = Scripted(four)
    assert judge_pairs(store, lambda: judge, JudgingPlan(limit=17)).judged == 17
    assert judge_pairs(store, lambda: judge, JudgingPlan()).judged == 23
    assert max(Counter(judge.asked).values()) == 1


def test_failures_have_no_score_and_are_asked_again_only_when_told(store: Store) -> None:
    def some_fail(text: str) -> Ruling:
        return Ruling(failure="garbage") if text.endswith("5") else four(text)

    judge = Scripted(some_fail)
    report = judge_pairs(store, lambda: judge, JudgingPlan())
    assert (report.judged, report.failed) == (36, 4)
    assert [row for row in rulings(store) if row[2]] == [
        row for row in rulings(store) if row[1] is None
    ]
    assert judge_pairs(store, lambda: judge, JudgingPlan()).skipped == 40
    again = Scripted(four)
    report = judge_pairs(store, lambda: again, JudgingPlan(retry_failed=True))
    assert (report.judged, report.skipped) == (4, 36)
    assert all(text.endswith("5") for text in again.asked)
    assert not store.read("SELECT * FROM open_failures")


def test_too_many_failures_in_a_row_stop_it(store: Store) -> None:
    judge = Scripted(lambda _: Ruling(failure="the server answered 500"))
    with pytest.raises(JudgeError, match=r"5 judgments failed in a row.*500"):
        judge_pairs(store, lambda: judge, JudgingPlan(failures_in_a_row=5, concurrency=2))
    assert 5 <= len(rulings(store)) <= 7


def test_an_error_of_the_judge_keeps_what_was_finished(store: Store) -> None:
    def breaks(text: str) -> Ruling:
        if len(judge.asked) > 20:
            raise JudgeError("the key was withdrawn")
        return four(text)

    judge = Scripted(breaks, 0.001)
    with pytest.raises(JudgeError, match="withdrawn"):
        judge_pairs(store, lambda: judge, JudgingPlan(concurrency=4))
    assert 17 <= len(rulings(store)) <= 20


def test_cancelling_keeps_what_was_finished(store: Store) -> None:
    stop = threading.Event()

    def stops(text: str) -> Ruling:
        if len(judge.asked) == 10:
            stop.set()
        return four(text)

    judge = Scripted(stops, 0.05)
    report = judge_pairs(store, lambda: judge, JudgingPlan(concurrency=2), cancelled=stop.is_set)
    assert report.cancelled
    assert report.judged == len(rulings(store)) < 40
    rest = Scripted(four)
    assert judge_pairs(store, lambda: rest, JudgingPlan()).judged == 40 - report.judged


def test_a_judgment_is_committed_while_others_are_in_flight(store: Store) -> None:
    committed: list[int] = []

    def slow(text: str) -> Ruling:
        committed.append(len(rulings(store)))
        return four(text)

    judge = Scripted(slow, 0.03)
    judge_pairs(store, lambda: judge, JudgingPlan(concurrency=1, limit=12))
    behind = [number - count for number, count in enumerate(committed)]
    assert min(behind[1:]) <= 1


def test_with_a_server_only_what_is_missing_is_asked_for(store: Store) -> None:
    def play(body: dict[str, Any], _: int) -> Answer:
        number = int(asked_query(body).split()[1])
        repair = len(body["messages"]) > 2
        if number == 3:
            return completion("garbage")
        if number == 4:
            return ruling(2) if repair else ruling(9)
        if number == 5:
            return error(500, "down")
        return ruling(1 + number % 5)

    with PlayingServer(play) as server:
        where = Server(server.url, "planted-key", 5, 2)

        def backend() -> LlmJudge:
            return LlmJudge(LlmSettings(where, JUDGE, PARAMETERS))

        report = judge_pairs(store, backend, JudgingPlan())
        assert (report.judged, report.failed) == (38, 2)
        assert len(server.requests) == 40 + 1 + 1 + 1
        scores = {text: score for text, score, _ in rulings(store)}
        expected = {f"query {number}": 1 + number % 5 for number in range(40)}
        assert scores == expected | {"query 3": None, "query 4": 2, "query 5": None}
        judge_pairs(store, backend, JudgingPlan())
        assert len(server.requests) == 43
        judge_pairs(store, backend, JudgingPlan(retry_failed=True))
        assert len(server.requests) == 47
