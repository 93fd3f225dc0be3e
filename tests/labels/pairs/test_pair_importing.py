"""A file through the database, held against each of its lines read alone."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.errors import CancelledError
from core.ids import document_id, pair_id, query_id, utc_now
from core.records import Document, DocumentKind, ImportReport, JudgeKind
from core.store.opening import open_store
from core.store.tables import add_documents, make_judge
from labels.pairs.importing import STEPS, import_pairs
from labels.pairs.lines import LineError, Ruling, read_pair_line
from tests.building import new_workspace
from tests.labels.pairs.judgment_ids import judgment_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from core.records import Progress
    from core.store.database import Store


def line(**values: object) -> bytes:
    return json.dumps({"query": "q", "positive": "code"} | values).encode()


def written(folder: Path, *lines: bytes, name: str = "gpt.jsonl") -> Path:
    path = folder / name
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def rows(store: Store, what: str) -> set[tuple[object, ...]]:
    return set(store.read(f"SELECT {what}"))


@dataclass
class Expected:
    """What the lines say, read one by one."""

    documents: set[tuple[object, ...]]
    queries: set[tuple[object, ...]]
    pairs: set[tuple[object, ...]]
    judgments: set[tuple[object, ...]]
    skipped: list[int]
    noted: int
    read: int
    failed: int
    scores: dict[tuple[UUID, UUID], int]


def expected_of(lines: Sequence[bytes], judge_name: str) -> Expected:
    found = Expected(set(), set(), set(), set(), [], 0, 0, 0, {})
    for number, raw in enumerate(lines, start=1):
        if not raw.strip():
            continue
        found.read += 1
        try:
            one = read_pair_line(raw)
        except LineError:
            found.skipped.append(number)
            continue
        found.noted += len(one.notes)
        if one.code is None:
            found.skipped.append(number)
            continue
        query, document = query_id(one.query), document_id(one.path, one.symbol, one.code)
        pair = pair_id(query, document)
        found.queries.add((query, one.query))
        found.documents.add((document, one.path, one.symbol, one.code))
        found.pairs.add((pair, query, document))
        if one.ruling == Ruling():
            continue
        found.failed += one.ruling.failure is not None
        judge = make_judge(one.judge or judge_name, JudgeKind.IMPORTED).id
        if one.ruling.score is not None:
            before = found.scores.setdefault((pair, judge), one.ruling.score)
            found.noted += before != one.ruling.score
            found.scores[pair, judge] = one.ruling.score
        ruling = Ruling(one.ruling.score, one.ruling.failure)
        identifier = judgment_id(judge, pair, ruling, one.distribution, one.rationale)
        parts = one.distribution or (None,) * 5
        found.judgments.add(
            (identifier, judge, pair, ruling.score, ruling.failure, *parts, one.rationale)
        )
    return found


def check_against_single_lines(folder: Path, lines: Sequence[bytes]) -> None:
    path = written(folder, *lines)
    expected = expected_of(path.read_bytes().split(b"\n"), "gpt")
    with open_store(new_workspace(folder).folder) as store:
        report = import_pairs(store, path)
        assert rows(store, "id, path, symbol, text FROM db.documents") == expected.documents
        assert rows(store, "id, text FROM db.queries") == expected.queries
        assert rows(store, "id, query_id, document_id FROM db.pairs") == expected.pairs
        columns = "id, judge_id, pair_id, score, failure, p1, p2, p3, p4, p5, rationale"
        assert rows(store, f"{columns} FROM db.judgments") == expected.judgments
        again = import_pairs(store, path)
    assert (report.read, report.skipped) == (expected.read, len(expected.skipped))
    assert report.failed_judgments == again.failed_judgments == expected.failed
    assert report.added == len(expected.pairs)
    assert report.added + report.unchanged + report.skipped == report.read
    assert report.problems_total == len(expected.skipped) + expected.noted
    assert set(expected.skipped) <= {problem.line for problem in report.problems}
    assert (again.added, again.updated) == (0, 0)
    assert again.problems == report.problems


TEXTS = st.one_of(
    st.sampled_from(
        [
            "a",
            "b",
            "  indented",
            "",
            " ",
            "5",
            "true",
            "NaN",
            "-inf",
            "[1]",
            "{",
            "[x",
            '{"a": 1}',
            "parse_error",
            "error: x",
            "\x00",
            "\ud800",
            "é\u202e",
            "\x1b[2J",
            "semantic",
            "12-3",
        ]
    ),
    st.text(max_size=5),
)
VALUES = st.one_of(
    TEXTS,
    TEXTS,
    st.sampled_from([None, True, False, 0, 1, 3, 4.0, 2.5, 7, -1, 1e300, [1], {"a": 1}]),
    st.sampled_from([float("nan"), float("inf"), " 4 ", "0", [0, 0, 1, 0, 0], [0.2] * 5, [1e-7]]),
)
KEYS = st.sampled_from(
    [
        "query",
        "positive",
        "code",
        "file_path",
        "path",
        "func_name",
        "symbol",
        "language",
        "score_reasoning",
        "original_query",
        "query_kind",
        "judge",
        "grade_source",
        "llm_score",
        "judge_score",
        "distribution",
        "is_variation",
        "other",
    ]
)
OBJECTS = st.tuples(
    st.dictionaries(st.sampled_from(["query", "positive"]), TEXTS, min_size=1),
    st.dictionaries(KEYS, VALUES, max_size=4),
    st.booleans(),
)
JUNK = st.sampled_from(
    [
        b"",
        b" \t\r",
        b"\x0b",
        b"{",
        b'{"query": "cut',
        b"[]",
        b"3",
        b'"x"',
        b"null",
        b"{}",
        b"\xff",
        b'{"query": "q", "positive": "c"} {"query": "r", "positive": "d"}',
        b"\xef\xbb\xbf{}",
        b'{"query": "raw\ttab", "positive": "c\x00"}',
        b'{"query": "bad\xff", "positive": "c"}',
        b'{"query": "1", "query": "2", "positive": "c", "llm_score": 1}\r',
        b"{'query': 1}",
    ]
)


def encoded(parts: tuple[Mapping[str, object], Mapping[str, object], bool]) -> bytes:
    first, second, ascii_only = parts
    text = json.dumps({**first, **second}, ensure_ascii=ascii_only)
    return text.encode("utf-8", "surrogatepass")


@settings(deadline=None, max_examples=5)
@given(
    st.lists(st.one_of(OBJECTS.map(encoded), OBJECTS.map(encoded), JUNK), min_size=40, max_size=100)
)
@example(
    [
        line(llm_score="0004"),
        line(llm_score=3),
        line(llm_score=3),
        b"",
        line(query=" "),
        line(positive="\n    def f(): pass", query="\u3000"),
        line(score_reasoning="[1, 2]"),
        line(llm_score=0, score_reasoning="llm_score is 0"),
        line(judge="other", llm_score=2),
        line(llm_score="\ud800"),
    ]
)
def test_the_database_keeps_what_the_lines_say_one_by_one(lines: list[bytes]) -> None:
    # The first line has the columns without which a file is refused as a whole.
    with tempfile.TemporaryDirectory() as folder:
        check_against_single_lines(Path(folder), [line(llm_score=3), *lines])


def test_a_plain_file_of_many_lines(tmp_path: Path) -> None:
    check_against_single_lines(
        tmp_path,
        [
            line(
                query=f"where is {number % 300}",
                positive=f"def f():\n    return {number % 70}é\n",
                file_path=f"{number % 7}.py",
                func_name="f",
                llm_score=number % 6,
                score_reasoning=f"because of {number % 5}",
                distribution=[0, 0, 0.25, 0.5, 0.25],
            )
            for number in range(2500)
        ],
    )


def test_a_changed_score_is_another_judgment_and_the_later_one_counts(
    store: Store, tmp_path: Path
) -> None:
    import_pairs(store, written(tmp_path, line(llm_score=2), line(query="r", llm_score=1)))
    report = import_pairs(store, written(tmp_path, line(llm_score=5), line(query="r", llm_score=1)))
    assert (report.added, report.updated, report.unchanged) == (0, 1, 1)
    assert rows(store, "score FROM db.judgments") == {(2,), (5,), (1,)}
    assert rows(store, "score FROM current_judgments") == {(5,), (1,)}


def test_of_two_scores_in_one_file_the_later_line_counts(store: Store, tmp_path: Path) -> None:
    scores = [1, 5, 2, 4, 3]
    lines = [
        line(query=str(n), llm_score=(score + n) % 5 + 1) for score in scores for n in range(9)
    ]
    import_pairs(store, written(tmp_path, *lines))
    assert rows(
        store,
        "query.text, score FROM current_judgments AS ruled"
        " JOIN db.pairs AS pair ON pair.id = ruled.pair_id"
        " JOIN db.queries AS query ON query.id = pair.query_id",
    ) == {(str(n), (3 + n) % 5 + 1) for n in range(9)}


def test_a_score_that_comes_back_later_in_the_file_counts_again(
    store: Store, tmp_path: Path
) -> None:
    import_pairs(store, written(tmp_path, *(line(llm_score=score) for score in (1, 5, 1))))
    assert sorted(rows(store, "score FROM db.judgments")) == [(1,), (5,)]
    assert rows(store, "score FROM current_judgments") == {(1,)}


def test_a_distribution_that_differs_by_less_than_a_millionth_is_the_same(
    store: Store, tmp_path: Path
) -> None:
    nearly = [[0, 0, 0.5, 0.5, 0], [0, 0, 0.5, 0.5 + 1e-9, 0]]
    first, second = (line(llm_score=3, distribution=parts) for parts in nearly)
    import_pairs(store, written(tmp_path, first, second))
    import_pairs(store, written(tmp_path, second, name="again.jsonl"), judge_name="gpt")
    assert rows(store, "count(*) FROM db.judgments") == {(1,)}


def test_judgments_are_of_the_time_of_the_import_in_the_order_of_lines(
    store: Store, tmp_path: Path
) -> None:
    began = utc_now()
    lines = [line(query=str(n), llm_score=3 if n % 2 else "+3") for n in range(50)]
    import_pairs(store, written(tmp_path, *lines))
    found = store.read(
        "SELECT query.text, judged FROM db.judgments AS ruled"
        " JOIN db.pairs AS pair ON pair.id = ruled.pair_id"
        " JOIN db.queries AS query ON query.id = pair.query_id ORDER BY judged"
    )
    assert [text for text, _ in found] == [str(n) for n in range(50)]
    assert began <= found[0][1] <= found[-1][1] <= utc_now()


def test_a_failure_after_a_score_leaves_the_score(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, line(llm_score=4), line(llm_score=3, score_reasoning="parse_error"))
    report = import_pairs(store, path)
    assert report.failed_judgments == 1
    assert rows(store, "score FROM current_judgments") == {(4,)}


def test_judges_go_by_name(store: Store, tmp_path: Path) -> None:
    with store.transaction() as cursor:
        from core.store.tables import add_judge

        known = make_judge("known", JudgeKind.LLM, model="m")
        add_judge(cursor, known)
    path = written(tmp_path, line(judge="known", llm_score=1), line(llm_score=2))
    import_pairs(store, path, judge_name="mine")
    import_pairs(store, path)
    assert rows(store, "name, kind FROM db.judges") == {
        ("known", "llm"),
        ("mine", "imported"),
        ("gpt", "imported"),
    }
    assert rows(store, f"score FROM db.judgments WHERE judge_id = '{known.id}'") == {(1,)}


def test_pairs_without_a_score_make_no_judge(store: Store, tmp_path: Path) -> None:
    report = import_pairs(store, written(tmp_path, line(), line(query="other")))
    assert report.added == 2
    assert rows(store, "count(*) FROM db.judges") == {(0,)}


def test_the_kind_of_a_query_is_filled_in_and_kept(store: Store, tmp_path: Path) -> None:
    import_pairs(store, written(tmp_path, line(), line(query="r", query_kind="keyword")))
    path = written(tmp_path, line(query_kind="semantic"), line(query="r", query_kind="semantic"))
    import_pairs(store, path)
    assert rows(store, "text, kind, origin FROM db.queries") == {
        ("q", "semantic", "import"),
        ("r", "keyword", "import"),
    }


def corpus_document(path: str, symbol: str, text: str) -> Document:
    identifier = document_id(path, symbol, text)
    return Document(identifier, path, symbol, DocumentKind.METHOD, "python", 3, 4, text)


def test_code_of_the_corpus_is_not_doubled_and_may_be_named_by_its_place(
    store: Store, tmp_path: Path
) -> None:
    document = corpus_document("a/b.py", "Watcher.run", "def run(): ...")
    with store.transaction() as cursor:
        add_documents(cursor, [document], in_corpus=True)
    named = b'{"query": "q", "file_path": "a/b.py", "func_name": "%s", "llm_score": %d}'
    whole = line(positive=document.text, file_path="a/b.py", func_name="Watcher.run", llm_score=4)
    lines = (named % (b"run", 2), b"", named % (b"gone", 5), named % (b"Watcher.run", 3), whole)
    report = import_pairs(store, written(tmp_path, *lines))
    assert (report.read, report.added, report.skipped, report.unchanged) == (4, 1, 1, 2)
    assert [(problem.line, problem.reason) for problem in report.problems] == [
        (3, "no code, and the corpus has no a/b.py#gone"),
        (4, "the same pair has the score 2 on line 1; this later score, 3, counts"),
        (5, "the same pair has the score 3 on line 4; this later score, 4, counts"),
    ]
    assert rows(store, "id, kind, start_line, in_corpus FROM db.documents") == {
        (document.id, "method", 3, True)
    }
    assert rows(store, "score FROM current_judgments") == {(4,)}


def test_the_steps_are_told_and_each_can_be_the_last(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, line(llm_score=3), b"not JSON")
    told: list[Progress] = []

    def stop_after(count: int) -> Callable[[], bool]:
        return lambda: len(told) == count

    for count in range(len(STEPS)):
        told.clear()
        with pytest.raises(CancelledError):
            import_pairs(store, path, progress=told.append, cancelled=stop_after(count))
        assert [step.note for step in told] == list(STEPS[:count])
        assert rows(store, "count(*) FROM db.pairs") == {(0,)}
    assert import_pairs(store, path).added == 1
    assert not list((store.folder / "spill").iterdir())


def test_a_file_that_the_store_was_not_opened_for_is_read_and_left_as_it_is(
    store: Store, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    path = written(elsewhere, line(llm_score=3), name="o'brien.jsonl")
    before = (path.read_bytes(), path.stat().st_ino)
    assert import_pairs(store, path).added == 1
    assert (path.read_bytes(), path.stat().st_ino) == before
    assert rows(store, "name FROM db.judges") == {("o'brien",)}


def test_the_memory_limit_is_given_back(store: Store, tmp_path: Path) -> None:
    before = rows(store, "current_setting('memory_limit')")
    import_pairs(store, written(tmp_path, line(llm_score=3)))
    with pytest.raises(CancelledError):
        import_pairs(store, written(tmp_path, line()), cancelled=lambda: True)
    assert rows(store, "current_setting('memory_limit')") == before


def test_labels_hold_on_to_their_judgments_when_a_file_is_read_into_a_new_store(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, line(llm_score=3, score_reasoning="why"))
    found: list[set[tuple[object, ...]]] = []
    for name in ("one", "two"):
        with open_store(new_workspace(tmp_path / name).folder) as store:
            import_pairs(store, path)
            found.append(rows(store, "id, pair_id FROM db.judgments"))
    assert found[0] == found[1]


def test_the_report_counts_each_line_once(store: Store, tmp_path: Path) -> None:
    report = import_pairs(store, written(tmp_path, line(), line(), b"{", line(query="r")))
    assert report == ImportReport(
        read=4, added=2, unchanged=1, skipped=1, problems=report.problems, problems_total=1
    )
