from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.records import QueryKind
from eval.specs import import_spec, load_spec, read_spec, specs
from tests.building import Scored, add_scored
from tests.json_values import json_values

if TYPE_CHECKING:
    from pathlib import Path

    from core.store.database import Store

GOOD = {
    "corpus": "crates",
    "queries": [
        {"query": "detecting when files change on disk", "relevant": ["watcher.rs"]},
        {"query": "open  socket", "relevant": {"a/server.rs": 5, "b.rs": 2}, "kind": "keyword"},
        {"query": "third", "relevant": ["./x.rs"], "id": "s3", "kind": "semantic"},
    ],
}


def written(folder: Path, document: object, name: str = "crates.json") -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_a_spec_comes_back_from_the_store_as_it_was_read(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    report = import_spec(store, path)
    assert (report.read, report.added, report.skipped, report.problems) == (3, 3, 0, ())
    spec = load_spec(store, "crates")
    assert spec == read_spec(path).spec
    assert spec.queries[1].query.text == "open socket"
    assert spec.queries[1].relevant == (("a/server.rs", 5), ("b.rs", 2))
    assert spec.queries[1].query.kind is QueryKind.KEYWORD
    assert [asked.key for asked in spec.queries] == ["q1", "q2", "s3"]
    assert spec.queries[2].relevant == (("x.rs", None),)


def test_the_same_file_twice_adds_nothing_and_a_changed_one_counts(
    store: Store, tmp_path: Path
) -> None:
    path = written(tmp_path, GOOD)
    import_spec(store, path)
    assert import_spec(store, path).unchanged == 3
    changed = {**GOOD, "queries": GOOD["queries"][:1]}
    import_spec(store, written(tmp_path, changed))
    assert [len(spec.queries) for spec in specs(store)] == [1]
    import_spec(store, written(tmp_path, GOOD))
    assert [len(spec.queries) for spec in specs(store)] == [3]
    assert store.read("SELECT count(*) FROM db.specs") == [(2,)]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("text", "not an object"),
        ({"query": " ", "relevant": ["a"]}, "empty"),
        ({"relevant": ["a"]}, "empty"),
        ({"query": 3, "relevant": ["a"]}, "empty"),
        ({"query": "q"}, "no list"),
        ({"query": "q", "relevant": []}, "no path"),
        ({"query": "q", "relevant": [""]}, "not a path within"),
        ({"query": "q", "relevant": ["../../etc/passwd"]}, "not a path within"),
        ({"query": "q", "relevant": ["/etc/passwd"]}, "not a path within"),
        ({"query": "q", "relevant": [3]}, "not text"),
        ({"query": "q", "relevant": {"a": 9}}, "not one of 1 to 5"),
        ({"query": "q", "relevant": {"a": True}}, "not one of 1 to 5"),
        ({"query": "q", "relevant": ["a"], "kind": "odd"}, "neither semantic nor keyword"),
        ({"query": "q", "relevant": ["a"], "id": []}, "not a name"),
        ({"query": "third", "relevant": ["a"]}, "stands above"),
    ],
)
def test_one_wrong_query_is_named_and_leaves_the_others(
    store: Store, tmp_path: Path, query: object, reason: str
) -> None:
    path = written(tmp_path, {**GOOD, "queries": [*GOOD["queries"], query]})
    report = import_spec(store, path)
    assert (report.read, report.added, report.skipped) == (4, 3, 1)
    (problem,) = report.problems
    assert (problem.file, problem.line) == (str(path), 4)
    assert reason in problem.reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "not JSON"),
        ('{"queries": [\n{"query": "a",\n', "not JSON"),
        ("[]", "not a spec"),
        ('{"queries": {}}', "not a spec"),
        ('{"queries": []}', "no queries"),
        ('{"queries": [{"query": ""}]}', "no query of the spec"),
        ("[" * 100_000, "nested too deeply"),
        ('{"queries": ' + "9" * 5000 + "}", "too long"),
    ],
)
def test_a_file_that_is_no_spec_leaves_nothing(
    store: Store, tmp_path: Path, content: str, reason: str
) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        import_spec(store, written(tmp_path, content))
    assert "crates.json" in caught.value.where
    assert caught.value.todo
    assert specs(store) == ()


def test_halves_of_surrogate_pairs_and_nul_are_replaced(store: Store, tmp_path: Path) -> None:
    query = {"query": "a\ud800 b\0", "relevant": ["x\udfff.py"], "id": "\ud800"}
    import_spec(store, written(tmp_path, {"corpus": "\ud800", "queries": [query]}))
    (asked,) = load_spec(store, "crates").queries
    assert (asked.query.text, asked.key, asked.relevant) == (
        "a\ufffd b\ufffd",
        "\ufffd",
        (("x\ufffd.py", None),),
    )


def test_the_line_of_broken_json_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_spec(written(tmp_path, '{\n"queries": [\n{"query" "a"}]}'))
    assert caught.value.where.endswith("crates.json:3")


def test_missing_folder_and_not_utf8(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.json", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_spec(path)
    (tmp_path / "latin.json").write_bytes(b'{"queries": ["\xe9"]}')
    with pytest.raises(InputError, match="not UTF-8"):
        read_spec(tmp_path / "latin.json")


def test_paths_that_the_corpus_lacks_are_named(store: Store, tmp_path: Path) -> None:
    add_scored(store, [Scored("q", "code", path="crates/watch/src/watcher.rs")])
    add_scored(store, [Scored("q", "code", path="file_server.rs")])
    report = import_spec(store, written(tmp_path, GOOD))
    assert report.added == 3
    absent = [problem.reason.rpartition(" ")[2] for problem in report.problems]
    assert absent == ["a/server.rs", "b.rs", "x.rs"]


def test_no_spec_of_that_name(store: Store) -> None:
    with pytest.raises(InputError, match="no spec x"):
        load_spec(store, "x")


JSON = json_values(
    st.sampled_from(["queries", "query", "relevant", "kind", "id", "corpus"]),
    st.text(max_size=5),
    leaves=12,
)


@given(JSON)
def test_any_json_is_a_spec_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, document: object
) -> None:
    path = written(tmp_path_factory.getbasetemp(), document, "any.json")
    try:
        reading = read_spec(path)
    except InputError:
        return
    assert reading.spec.queries


def test_the_specs_own_kind_of_a_query_counts(store: Store, tmp_path: Path) -> None:
    add_scored(store, [Scored("third", "code", kind=QueryKind.KEYWORD)])
    import_spec(store, written(tmp_path, GOOD))
    assert load_spec(store, "crates").queries[2].query.kind is QueryKind.SEMANTIC
