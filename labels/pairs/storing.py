"""From the temporary view ``lines`` into the base tables, except for what they already hold.

Ids, those of ``core.ids``, are computed once for each different text instead of once a line, and
rows are inserted in the order of their ids. Both make a million lines a matter of seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.ids import content_id_sql
from core.store.tables import add_judge, make_judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from uuid import UUID

    from duckdb import DuckDBPyConnection

    from core.records import Document, JudgeKind


Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class StoredCounts:
    """New pairs, known pairs that got another judgment, and failed judgments in the file."""

    pairs: int
    judged_again: int
    failed: int


def unnamed_places(cursor: DuckDBPyConnection) -> list[Place]:
    """Return the places, path and symbol, of the lines that bring no code."""
    rows = cursor.execute("SELECT DISTINCT path, symbol FROM lines WHERE code IS NULL ORDER BY ALL")
    return rows.fetchall()


def resolve_places(
    cursor: DuckDBPyConnection, documents: Mapping[Place, Document]
) -> list[tuple[int, str, str]]:
    """Find the documents of lines without code, and remove the lines that have none.

    Returns:
        Row, path and symbol of each removed line.
    """
    places = list(documents)
    cursor.execute(
        "CREATE TEMP TABLE named AS SELECT unnest(CAST($1 AS VARCHAR[])) AS path,"
        " unnest(CAST($2 AS VARCHAR[])) AS symbol, unnest(CAST($3 AS UUID[])) AS id",
        [
            [path for path, _ in places],
            [symbol for _, symbol in places],
            [documents[place].id for place in places],
        ],
    )
    unknown = "code IS NULL AND (path, symbol) NOT IN (SELECT (path, symbol) FROM named)"
    rows = cursor.execute(
        f"SELECT line, path, symbol FROM lines WHERE {unknown} ORDER BY line"
    ).fetchall()
    cursor.execute(f"DELETE FROM staged WHERE plain AND {unknown}")
    return rows


def store_lines(
    cursor: DuckDBPyConnection,
    *,
    judge_name: str,
    judge_kind: JudgeKind,
    now: datetime,
    begin: Callable[[str], None],
) -> StoredCounts:
    """Store the documents, queries, pairs and judgments of ``lines``.

    Args:
        cursor: of the transaction that made ``lines`` and ``named``.
        judge_name: the judge of lines that name none.
        judge_kind: the kind of judges that the store does not know yet.
        now: the time of the import; the later of two lines on one pair is the later judgment.
        begin: called with the name of each step before it begins.
    """
    begin("documents")
    _number_documents(cursor)
    _insert_documents(cursor, now)
    begin("queries")
    _number_queries(cursor)
    _insert_queries(cursor, now)
    begin("pairs")
    _number_judges(cursor, judge_name, judge_kind)
    _number_pairs(cursor)
    all_new = not _count(cursor, "SELECT count(*) FROM db.pairs")
    pairs = _insert_pairs(cursor, now)
    begin("judgments")
    _number_rulings(cursor)
    judged_again = 0 if all_new else _count_known(cursor)
    _insert_judgments(cursor, now)
    failed = _count(cursor, "SELECT count(*) FROM lines WHERE failure IS NOT NULL")
    return StoredCounts(pairs, judged_again, failed)


@dataclass(frozen=True, slots=True)
class ScoreConflict:
    """Two rows in which a judge gave one pair different scores; the later row counts."""

    row: int
    score: int
    earlier_row: int
    earlier_score: int


def score_conflicts(cursor: DuckDBPyConnection) -> list[ScoreConflict]:
    """Return the rows whose score differs from the one before, by the same judge on the same pair.

    To be called after ``store_lines``.
    """
    rows = cursor.execute(
        "SELECT line, score, lag(line) OVER before, lag(score) OVER before"
        " FROM lines JOIN line_pairs USING (line) JOIN line_judges USING (judge)"
        f" WHERE score IS NOT NULL AND {_OFTEN}"
        " WINDOW before AS (PARTITION BY pair_id, id ORDER BY line)"
        " QUALIFY score <> lag(score) OVER before ORDER BY line"
    ).fetchall()
    return [ScoreConflict(*row) for row in rows]


def _number_documents(cursor: DuckDBPyConnection) -> None:
    """Make ``new_documents``: each different place and code, with its lines."""
    cursor.execute(
        "CREATE TEMP TABLE new_documents AS SELECT *, sha256(CAST(id AS VARCHAR)) AS digest FROM"
        f" (SELECT {content_id_sql('path', 'symbol', 'code')} AS id, min(line) AS first,"
        "  list(line) AS lines FROM lines WHERE code IS NOT NULL GROUP BY path, symbol, code"
        "  UNION ALL SELECT any_value(named.id), min(line), list(line)"
        "  FROM lines JOIN named USING (path, symbol) WHERE code IS NULL GROUP BY path, symbol)"
    )


def _insert_documents(cursor: DuckDBPyConnection, now: datetime) -> None:
    cursor.execute(
        "INSERT INTO db.documents"
        " (id, path, symbol, kind, language, start_line, end_line, text, in_corpus, added)"
        " SELECT fresh.id, path, symbol, CASE WHEN symbol = '' THEN 'snippet' ELSE 'function' END,"
        " language, NULL, NULL, code, false, CAST($1 AS TIMESTAMP)"
        " FROM new_documents AS fresh JOIN lines ON lines.line = fresh.first"
        " WHERE code IS NOT NULL AND fresh.id NOT IN (SELECT id FROM db.documents)",
        [now],
    )


def _number_queries(cursor: DuckDBPyConnection) -> None:
    """Make ``new_queries``: each different query, with its lines."""
    cursor.execute(
        "CREATE TEMP TABLE new_queries AS SELECT *, sha256(CAST(id AS VARCHAR)) AS digest FROM"
        f" (SELECT query, {content_id_sql('query')} AS id, min(line) AS first,"
        "  list(line) AS lines, arg_min(kind, line) AS kind,"
        "  arg_min(variation_of, line) AS variation_of FROM lines GROUP BY query)"
    )


def _insert_queries(cursor: DuckDBPyConnection, now: datetime) -> None:
    cursor.execute(
        "UPDATE db.queries SET kind = fresh.kind FROM new_queries AS fresh"
        " WHERE queries.id = fresh.id AND queries.kind IS NULL AND fresh.kind IS NOT NULL"
    )
    cursor.execute(
        "INSERT INTO db.queries (id, text, kind, variation_of, origin, added)"
        " SELECT id, query, kind, variation_of, 'import', CAST($1 AS TIMESTAMP)"
        " FROM new_queries WHERE id NOT IN (SELECT id FROM db.queries)",
        [now],
    )


def _number_judges(cursor: DuckDBPyConnection, judge_name: str, judge_kind: JudgeKind) -> None:
    """Make ``line_judges``. A name that exactly one stored judge has means that judge."""
    rows = cursor.execute(
        "SELECT DISTINCT judge FROM lines WHERE score IS NOT NULL OR failure IS NOT NULL"
    ).fetchall()
    known: dict[str, list[UUID]] = {}
    for name, identifier in cursor.execute("SELECT name, id FROM db.judges").fetchall():
        known.setdefault(name, []).append(identifier)
    chosen: dict[str, UUID] = {}
    for (written,) in rows:
        name = written or judge_name
        judge = make_judge(name, judge_kind)
        named = known.get(name, [])
        if len(named) == 1:
            chosen[written] = named[0]
            continue
        add_judge(cursor, judge)
        chosen[written] = judge.id
    cursor.execute(
        "CREATE TEMP TABLE line_judges AS SELECT unnest(CAST($1 AS VARCHAR[])) AS judge,"
        " unnest(CAST($2 AS UUID[])) AS id",
        [list(chosen), list(chosen.values())],
    )


def _number_pairs(cursor: DuckDBPyConnection) -> None:
    """Make ``line_pairs``, the pair of each line, and ``new_pairs``, the pairs the store lacks."""
    # Several threads join a table of all lines; the unnesting of a smaller table runs in one.
    for table in ("new_queries", "new_documents"):
        cursor.execute(
            f"CREATE TEMP TABLE lines_of_{table} AS"
            f" SELECT unnest(lines) AS line, first FROM {table}"
        )
    pair = "CAST(left(sha256(of_query.digest || of_document.digest), 32) AS UUID)"
    cursor.execute(
        "CREATE TEMP TABLE line_pairs AS SELECT queried.line, of_query.id AS query_id,"
        f" of_document.id AS document_id, {pair} AS pair_id"
        " FROM lines_of_new_queries AS queried"
        " JOIN lines_of_new_documents AS placed USING (line)"
        " JOIN new_queries AS of_query ON of_query.first = queried.first"
        " JOIN new_documents AS of_document ON of_document.first = placed.first"
    )
    cursor.execute(
        "CREATE TEMP TABLE new_pairs AS SELECT pair_id, any_value(query_id) AS query_id,"
        " any_value(document_id) AS document_id FROM line_pairs GROUP BY pair_id"
        " HAVING pair_id NOT IN (SELECT id FROM db.pairs)"
    )


def _insert_pairs(cursor: DuckDBPyConnection, now: datetime) -> int:
    return _count(
        cursor,
        "INSERT INTO db.pairs (id, query_id, document_id, origin, inclusion_probability, added)"
        " SELECT pair_id, query_id, document_id, 'import', NULL, CAST($1 AS TIMESTAMP)"
        " FROM new_pairs ORDER BY pair_id",
        now,
    )


def judgment_id_sql() -> str:
    """Return the SQL for a judgment's id, from ``judge_id``, ``pair_id`` and columns of ``lines``.

    It is a hash of the whole judgment, so that importing a file again adds nothing. The hashed text
    begins with two ids of fixed length and includes the length of the failure: no two different
    judgments have the same text. A distribution counts to the millionth.
    """
    millionths = "[CAST(floor(part * 1e6 + 0.5) AS BIGINT) FOR part IN parts]"
    parts = f"CASE WHEN parts IS NULL THEN '' ELSE array_to_string({millionths}, ',') END"
    said = f"score, ' ', {parts}, ' ', coalesce(length(failure), 0), ' ', failure, rationale"
    return f"CAST(left(sha256(concat(judge_id, pair_id, {said})), 32) AS UUID)"


#: The pair occurs more than once in the file.
_OFTEN: Final = "pair_id IN (SELECT pair_id FROM line_pairs GROUP BY pair_id HAVING count(*) > 1)"
#: The lines with a ruling; the two conditions choose among lines and among their judgments.
_RULED: Final = f"""
    SELECT *, {judgment_id_sql()} AS id FROM (
        SELECT lines.*, pair_id, line_judges.id AS judge_id FROM lines
        JOIN line_pairs ON line_pairs.line = lines.line
        JOIN line_judges ON line_judges.judge = lines.judge
        WHERE (score IS NOT NULL OR failure IS NOT NULL) AND {{}}) AS ruled
    WHERE {{}}
"""
#: The store already has an equal judgment, under any id.
_KNOWN: Final = """
    EXISTS (SELECT 1 FROM db.judgments AS kept
        WHERE kept.pair_id = ruled.pair_id AND kept.judge_id = ruled.judge_id
        AND kept.score IS NOT DISTINCT FROM ruled.score
        AND kept.failure IS NOT DISTINCT FROM ruled.failure
        AND kept.rationale = ruled.rationale
        AND kept.p1 IS NOT DISTINCT FROM ruled.parts[1]
        AND kept.p2 IS NOT DISTINCT FROM ruled.parts[2]
        AND kept.p3 IS NOT DISTINCT FROM ruled.parts[3]
        AND kept.p4 IS NOT DISTINCT FROM ruled.parts[4]
        AND kept.p5 IS NOT DISTINCT FROM ruled.parts[5])
"""


def _number_rulings(cursor: DuckDBPyConnection) -> None:
    """Make ``new_rulings``: the lines whose judgments the store lacks, the last one of equal ones.

    In a store without judgments that is a view, which saves a second copy of a million lines. Only
    lines whose pair occurs more than once in the file are compared: usually few.
    """
    cursor.execute(
        f"CREATE TEMP TABLE repeated AS SELECT line FROM ({_RULED.format(_OFTEN, 'true')})"
        " QUALIFY row_number() OVER (PARTITION BY id ORDER BY line DESC) > 1"
    )
    last = "lines.line NOT IN (SELECT line FROM repeated)"
    if not _count(cursor, "SELECT count(*) FROM db.judgments"):
        cursor.execute(f"CREATE TEMP VIEW new_rulings AS {_RULED.format(last, 'true')}")
        return
    cursor.execute(
        f"CREATE TEMP TABLE new_rulings AS SELECT * FROM ({_RULED.format(last, f'NOT {_KNOWN}')})"
        " WHERE id NOT IN (SELECT id FROM db.judgments)"
    )


def _count_known(cursor: DuckDBPyConnection) -> int:
    """Count the pairs that the store had before and that get another judgment."""
    return _count(
        cursor,
        "SELECT count(DISTINCT pair_id) FROM new_rulings"
        " WHERE pair_id NOT IN (SELECT pair_id FROM new_pairs)",
    )


def _insert_judgments(cursor: DuckDBPyConnection, now: datetime) -> None:
    cursor.execute(
        "INSERT INTO db.judgments (id, pair_id, judge_id, judged, score, failure,"
        " p1, p2, p3, p4, p5, rationale, prompt_tokens, completion_tokens, seconds)"
        " SELECT id, pair_id, judge_id, CAST($1 AS TIMESTAMP) + to_microseconds(line), score,"
        " failure, parts[1], parts[2], parts[3], parts[4], parts[5], rationale, 0, 0, 0"
        " FROM new_rulings ORDER BY id",
        [now],
    )


def _count(cursor: DuckDBPyConnection, sql: str, *parameters: object) -> int:
    row = cursor.execute(sql, list(parameters)).fetchone()
    return int(row[0]) if row else 0
