from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import content_id
from labels.pairs.lines import Ruling, read_distribution, read_ruling
from labels.pairs.storing import judgment_id_sql
from tests.labels.pairs.judgment_ids import judgment_id

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def value_of(database: duckdb.DuckDBPyConnection, sql: str, *parameters: object) -> object:
    row = database.execute(sql, list(parameters)).fetchone()
    assert row
    return row[0]


@pytest.mark.parametrize("score", [1, 5, 3.0, "4", " 4.0 ", "+2", "05", "1.", "\t3\n"])
def test_whole_numbers_from_1_to_5_are_scores_however_they_are_written(score: object) -> None:
    ruling = read_ruling(score, "fine")
    assert ruling.score == int(float(str(score)))
    assert (ruling.failure, ruling.odd) == (None, False)


@pytest.mark.parametrize(
    "score",
    [
        6,
        -1,
        2.5,
        "3.5",
        math.nan,
        math.inf,
        -math.inf,
        True,
        False,
        "",
        "good",
        "4/5",
        "nan",
        [],
        [4],
        {"score": 4},
        10**400,
        "1e0",
        chr(0xFF14),
        "0x4",
        "9" * 5000,
    ],
)
def test_anything_else_is_a_failure_that_says_why_and_has_no_score(score: object) -> None:
    ruling = read_ruling(score, "fine")
    assert ruling.score is None
    assert ruling.odd
    assert (ruling.failure or "").startswith("llm_score is not")
    assert len(ruling.failure or "") < 100


@pytest.mark.parametrize("score", [3, 0, 5, None, "4", "nonsense"])
@pytest.mark.parametrize("reasoning", ["parse_error", " parse_error\n", "error: 429", "\terror:"])
def test_what_the_scorer_could_not_do_is_never_a_score(score: object, reasoning: str) -> None:
    assert read_ruling(score, reasoning) == Ruling(failure=reasoning.strip())


def test_zero_is_a_failure_and_no_score_at_all_is_no_judgment() -> None:
    assert read_ruling(0, "weak") == Ruling(failure="llm_score is 0")
    assert read_ruling("0.0", None) == Ruling(failure="llm_score is 0")
    assert read_ruling(None, "said nothing") == Ruling()


@given(st.one_of(st.integers(-2, 8), st.floats(), st.text(max_size=6), st.booleans(), st.none()))
def test_a_score_is_a_grade_or_absent(score: object) -> None:
    ruling = read_ruling(score, "fine")
    assert ruling.score in {None, 1, 2, 3, 4, 5}
    assert ruling.score is None or ruling.failure is None
    assert (ruling == Ruling()) == (score is None)


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ([0.1, 0.2, 0.4, 0.2, 0.1], True),
        ([0, 0, 1, 0, 0], True),
        ([1e-7, 0, 1, 0, 0], True),
        ([0.995, 0, 0, 0, 0], True),
        ([0.9, 0, 0, 0, 0], False),
        ([0.2] * 4, False),
        ([-0.2, 0.3, 0.3, 0.3, 0.3], False),
        ([0.2, 0.2, 0.2, 0.2, "0.2"], False),
        ([False, False, True, False, False], False),
        ({"3": 1}, True),
        ({"3": 0.5, "6": 0.5}, False),
        ({"a": 1}, False),
        ({}, False),
        ([0, 0, 20, 70, 10], True),
        ([0, 0, 20, 70, 20], False),
        ([10**400, 0, 0, 0, 0], False),
        ("[0,0,1,0,0]", True),
        ("[0,0,1", False),
        ([math.nan, 0, 1, 0, 0], False),
    ],
)
def test_a_distribution_is_five_numbers_that_add_up(value: object, good: bool) -> None:
    if good:
        given = json.loads(value if isinstance(value, str) else json.dumps(value))
        parts = [given.get(str(n), 0) for n in range(1, 6)] if isinstance(given, dict) else given
        assert read_distribution(value) == tuple(part / round(sum(parts)) for part in parts)
    else:
        with pytest.raises(ValueError, match="distribution"):
            read_distribution(value)


@given(
    score=st.sampled_from([None, 1, 5]),
    parts=st.none() | st.lists(st.floats(0, 1), min_size=5, max_size=5),
    failure=st.none() | st.text(st.characters(exclude_characters="\0", codec="utf-8")),
    rationale=st.text(st.characters(exclude_characters="\0", codec="utf-8")),
)
def test_the_database_makes_the_same_ids(
    database: duckdb.DuckDBPyConnection,
    score: int | None,
    parts: list[float] | None,
    failure: str | None,
    rationale: str,
) -> None:
    judge, pair = content_id("judge"), content_id("pair")
    found = value_of(
        database,
        f"SELECT {judgment_id_sql()} FROM (SELECT CAST($1 AS UUID) AS judge_id,"
        " CAST($2 AS UUID) AS pair_id, CAST($3 AS SMALLINT) AS score, CAST($4 AS DOUBLE[]) AS"
        " parts, CAST($5 AS VARCHAR) AS failure, CAST($6 AS VARCHAR) AS rationale)",
        judge,
        pair,
        score,
        parts,
        failure,
        rationale,
    )
    assert found == judgment_id(judge, pair, Ruling(score, failure), parts, rationale)


def test_ids_tell_a_failure_from_a_rationale() -> None:
    judge, pair = content_id("judge"), content_id("pair")
    one = judgment_id(judge, pair, Ruling(failure="ab"), None, "c")
    assert one != judgment_id(judge, pair, Ruling(failure="a"), None, "bc")
