from __future__ import annotations

import pytest

from core.errors import InputError
from core.ids import event_id, query_id, utc_now
from core.records import Query
from eval.comparing import Change, compare
from eval.evals import Eval, EvalSummary, QueryResult, WantedPath


def made(ranks: dict[str, int | None], *, corpus: str = "c", k: int = 10) -> Eval:
    results = tuple(
        QueryResult(
            place,
            Query(query_id(text), text),
            (WantedPath("a.rs", None, rank),),
            rank,
            "the corpus has no a.rs" if text.startswith("unscored") else "",
        )
        for place, (text, rank) in enumerate(ranks.items())
    )
    now = utc_now()
    summary = EvalSummary(event_id(), event_id(), "spec", "r", "{}", "", corpus, 1, k, now, now)
    return Eval(summary, results)


def test_newly_broken_queries_come_first() -> None:
    before = made({"same": 3, "fixed": None, "worse": 1, "better": 4, "broken": 2, "lost": 1})
    after = made({"same": 3, "fixed": 1, "worse": 2, "better": 3, "broken": 11, "lost": None})
    found = compare(before, after)
    assert [(each.query.text, each.change) for each in found.queries] == [
        ("lost", Change.BROKEN),
        ("broken", Change.BROKEN),
        ("worse", Change.WORSE),
        ("same", Change.SAME),
        ("better", Change.BETTER),
        ("fixed", Change.FIXED),
    ]
    assert [each.query.text for each in found.changed(Change.FIXED)] == ["fixed"]


def test_the_figures_are_of_the_paired_differences() -> None:
    before = made({"a": 1, "b": None, "c": 2, "d": 1})
    after = made({"a": 1, "b": 1, "c": 1, "d": 1})
    found = {each.metric: each for each in compare(before, after).metrics}
    mrr = found["MRR"]
    assert (mrr.before, mrr.after) == (0.625, 1.0)
    assert mrr.difference.value == 0.375
    assert (mrr.wins, mrr.losses, mrr.ties) == (2, 0, 2)
    assert mrr.p_value == 0.5
    assert found["R@10"].wins == 1


def test_an_eval_compared_with_itself_has_no_difference() -> None:
    one = made({"a": 1, "b": None})
    found = compare(one, one)
    assert all(each.p_value == 1.0 and each.ties == 2 for each in found.metrics)
    assert {each.change for each in found.queries} == {Change.SAME}
    assert found.notices == ()


def test_what_cannot_be_compared_is_said() -> None:
    before = made({"a": 1, "only before": 1, "unscored": None}, corpus="old", k=5)
    after = made({"a": 1, "unscored": None})
    notices = "\n".join(compare(before, after).notices)
    assert "1 queries were scored in the first eval only" in notices
    assert "second" not in notices.split("\n")[0]
    assert "the corpus changed" in notices
    assert "cut-off of both is taken as 10" in notices


def test_nothing_in_common_is_refused() -> None:
    with pytest.raises(InputError, match="in common"):
        compare(made({"a": 1}), made({"b": 1}))
