from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError, StoreConflictError, StoreError, StoreUnreachableError
from core.store.errors import explain_server, is_lost
from core.store.server_url import is_server_url, server_url


def test_a_url_is_told_as_it_was_given_and_waits_for_no_dead_server() -> None:
    url = server_url("postgres:host=db.example  dbname='the team' user=ada")
    assert url.shown == "postgres:host=db.example dbname=the team user=ada"
    assert "dbname='the team'" in url.connection
    assert "connect_timeout='5'" in url.connection
    assert "connect_timeout='60'" in server_url("postgres:host=a connect_timeout=60").connection


def test_a_uri_means_the_same() -> None:
    url = server_url("postgresql://ada@db.example:5433/team?sslmode=require")
    assert url == server_url(
        "postgres:host=db.example port=5433 user=ada dbname=team sslmode=require"
    )


@pytest.mark.parametrize(
    "text",
    [
        "postgres:host=a password=hunter2",
        "postgres:host=a PASSWORD = 'hunter2'",
        "postgres://ada:hunter2@db.example/team",
        "postgresql://db.example/team?password=hunter2",
        "mysql://ada:hunter2@db.example/team",
        "postgres:hunter2",
        "postgres:host='hunter2",
        "postgres://ada:hunter2@db.example:port/team",
    ],
)
def test_a_password_or_anything_else_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InputError) as caught:
        server_url(text)
    assert "hunter2" not in str(caught.value)
    assert caught.value.todo


@given(
    st.dictionaries(st.sampled_from(["host", "dbname", "user"]), st.text(min_size=1), min_size=1)
)
def test_any_value_reaches_the_server_as_it_is(values: dict[str, str]) -> None:
    quoted = {
        name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in values.items()
    }
    text = "postgres:" + " ".join(f"{name}='{value}'" for name, value in quoted.items())
    connection = server_url(text).connection
    assert all(f"{name}='{value}'" in connection for name, value in quoted.items())


def test_what_is_a_url() -> None:
    assert is_server_url("postgres:host=a")
    assert is_server_url("postgresql://a/b")
    assert not is_server_url("/home/postgres:x")
    assert not is_server_url("file")


@pytest.mark.parametrize(
    ("said", "kind", "lost"),
    [
        (
            "IO Error: Unable to connect to Postgres: Connection refused",
            StoreUnreachableError,
            True,
        ),
        ("server closed the connection unexpectedly", StoreUnreachableError, True),
        ("FATAL:  the database system is starting up", StoreUnreachableError, True),
        ('Unable to connect: FATAL:  role "x" does not exist', StoreError, False),
        ('Unable to connect: FATAL:  database "x" does not exist', StoreError, False),
        ("Unable to connect: password authentication failed", StoreError, False),
        ("ERROR:  permission denied for table pairs", StoreError, False),
        ("ERROR:  duplicate key value violates unique constraint", StoreConflictError, False),
        ("could not serialize access due to concurrent update", StoreConflictError, False),
    ],
)
def test_what_the_server_says_is_explained(said: str, kind: type[StoreError], lost: bool) -> None:
    error = explain_server(said, "postgres:host=a")
    assert type(error) is kind
    assert error.todo
    assert is_lost(said) is lost
