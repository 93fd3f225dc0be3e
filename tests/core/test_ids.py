from __future__ import annotations

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from core.ids import content_id, content_id_sql, event_id, pair_id, query_id

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_the_database_computes_the_same_content_id(parts: list[str]) -> None:
    names = [f"CAST(${number} AS VARCHAR)" for number in range(1, len(parts) + 1)]
    row = duckdb.execute(f"SELECT {content_id_sql(*names)}", parts).fetchone()
    assert row is not None
    assert row[0] == content_id(*parts)


def test_the_database_computes_the_same_pair_id() -> None:
    query, document = query_id("a"), content_id("b")
    row = duckdb.execute(
        f"SELECT {content_id_sql('CAST($1 AS VARCHAR)', 'CAST($2 AS VARCHAR)')}", [query, document]
    ).fetchone()
    assert row is not None
    assert row[0] == pair_id(query, document)


@given(TEXT, TEXT)
def test_moving_a_border_between_parts_changes_the_id(left: str, right: str) -> None:
    assert content_id(left + right, "") != content_id(left, right) or not right


def test_event_ids_are_version_7_and_only_grow() -> None:
    made = [event_id() for _ in range(5000)]
    assert made == sorted(set(made))
    assert {identifier.version for identifier in made[:1]} == {7}
