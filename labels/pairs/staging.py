"""A scored file into temporary tables: plain lines by the database, all others by the rules.

The database reads the whole file and marks the lines on which no rule of ``labels.pairs.lines``
has anything to say. ``read_pair_line`` reads the others again; its results come back through a
second, small file. Both ways must agree on plain lines, and a property test holds them equal. In
the tables a line goes by its row, from 0, which also says which of two lines is the later one.
"""

from __future__ import annotations

import json
from array import array
from typing import TYPE_CHECKING, Final

from core.records import GRADES
from core.store.sql import literal
from labels.pairs.columns import OTHER_TEXT_KEYS, TEXT_KEYS, VALUE_KEYS
from labels.pairs.files import numbered_rows
from labels.pairs.lines import (
    ERROR_PREFIX,
    PARSE_ERROR,
    TOLERANCE,
    LineError,
    PairLine,
    read_pair_line,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from duckdb import DuckDBPyConnection


#: The columns of ``lines``: what an import keeps of a line. ``line`` is its row in the file.
LINE_COLUMNS: Final = {
    "line": "BIGINT",
    "query": "VARCHAR",
    "code": "VARCHAR",
    "language": "VARCHAR",
    "path": "VARCHAR",
    "symbol": "VARCHAR",
    "kind": "VARCHAR",
    "variation_of": "VARCHAR",
    "judge": "VARCHAR",
    "score": "SMALLINT",
    "failure": "VARCHAR",
    "rationale": "VARCHAR",
    "parts": "DOUBLE[]",
}
_KEPT: Final = ", ".join(name for name in LINE_COLUMNS if name != "line")
_FETCHED: Final = 100_000
_LONGEST_WORD: Final = 10


class LineTooLongError(Exception):
    """The database cannot read the file as it is: a line is longer than its buffer."""


def stage_lines(
    cursor: DuckDBPyConnection,
    source: Path,
    reread: Path,
    names: Mapping[str, str],
    *,
    skip: Callable[[int, str], None],
    note: Callable[[int, str], None],
) -> int:
    """Make the temporary view ``lines`` of a file's good lines; return the file's number of lines.

    Args:
        cursor: of a transaction that has not written anything yet.
        source: a JSON Lines file that the database may read.
        reread: where to put the results for lines that were not plain.
        names: for each of our keys that the file has, the file's own name of it.
        skip: called with the number of each line that is left out, and the reason.
        note: called with the number of a line and each repair made in it.

    Raises:
        LineTooLongError: a line is longer than the database can read.
    """
    _read_all(cursor, source, names)
    # Rows are numbered from 0 only once they are committed. So far only a temporary table, which
    # is gone with the cursor, has been written.
    cursor.execute("COMMIT")
    cursor.execute("BEGIN")
    counted = cursor.execute("SELECT count(*) FROM staged").fetchone()
    longest = 0
    with reread.open("w", encoding="utf-8") as file:
        for row, number, line in numbered_rows(source, _rows_not_plain(cursor)):
            try:
                found = read_pair_line(line, names)
            except LineError as error:
                skip(number, str(error))
                continue
            for reason in found.notes:
                note(number, reason)
            text = _result(row, found)
            longest = max(longest, len(text.encode()))
            file.write(text)
    _add_reread(cursor, reread, longest)
    return int(counted[0]) if counted else 0


def _read_all(cursor: DuckDBPyConnection, source: Path, names: Mapping[str, str]) -> None:
    import duckdb

    types = dict.fromkeys(TEXT_KEYS, "VARCHAR") | dict.fromkeys(VALUE_KEYS, "JSON")
    columns = ", ".join(f"{literal(name)}: '{types[key]}'" for key, name in names.items())
    keys = ", ".join(
        f"{_quoted(names[key]) if key in names else f'CAST(NULL AS {kind})'} AS {key}"
        for key, kind in types.items()
    )
    try:
        cursor.execute(
            f"CREATE TEMP TABLE staged AS SELECT CAST(NULL AS BIGINT) AS given,"
            f" {_kept_sql()}, {_plain_sql()} AS plain"
            f" FROM (SELECT *, {_derived_sql()} FROM (SELECT {keys}"
            f" FROM read_json({literal(str(source))},"
            " compression = 'uncompressed', format = 'newline_delimited', ignore_errors = true,"
            f" columns = {{{columns}}})))"
        )
    except duckdb.InvalidInputException as error:
        if "maximum_object_size" not in str(error):
            raise
        raise LineTooLongError from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _rows_not_plain(cursor: DuckDBPyConnection) -> array[int]:
    found = array("q")
    rows = cursor.execute("SELECT rowid FROM staged WHERE NOT plain ORDER BY rowid")
    while part := rows.fetchmany(_FETCHED):
        found.extend(row for (row,) in part)
    return found


def _result(row: int, line: PairLine) -> str:
    values = (
        row,
        line.query,
        line.code,
        line.language,
        line.path,
        line.symbol,
        line.kind,
        line.variation_of,
        line.judge,
        line.ruling.score,
        line.ruling.failure,
        line.rationale,
        line.distribution,
    )
    return json.dumps(dict(zip(LINE_COLUMNS, values, strict=True)), ensure_ascii=False) + "\n"


def _add_reread(cursor: DuckDBPyConnection, reread: Path, longest: int) -> None:
    """Put the results of the rules beside the plain lines, under their own rows."""
    columns = ", ".join(f"{name}: {literal(kind)}" for name, kind in LINE_COLUMNS.items())
    cursor.execute(
        f"INSERT INTO staged (given, {_KEPT}, plain) SELECT line, {_KEPT}, true"
        f" FROM read_json({literal(str(reread))}, compression = 'uncompressed',"
        f" format = 'newline_delimited', columns = {{{columns}}},"
        f" maximum_object_size = {max(longest, 1 << 24)})"
    )
    cursor.execute(
        f"CREATE TEMP VIEW lines AS SELECT coalesce(given, rowid) AS line, {_KEPT}"
        " FROM staged WHERE plain"
    )


def _derived_sql() -> str:
    """Return what is derived from a line's keys, under names of its own."""
    score = "CAST(CASE WHEN grade_source IS NULL THEN llm_score ELSE judge_score END AS VARCHAR)"
    spelt = " ".join(f"WHEN {literal(text)} THEN {grade}" for text, grade in _spelt_grades())
    number = r"[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
    five = literal(r"\[" + ",".join([number] * 5) + r"\]")
    return (
        "coalesce(positive, code) AS the_code,"
        " coalesce(file_path, path, '') AS the_path,"
        " coalesce(func_name, symbol, '') AS the_symbol,"
        f" {score} AS the_score, CAST(CASE {score} {spelt} END AS SMALLINT) AS score,"
        f" TRY_CAST(CASE WHEN regexp_full_match(CAST(distribution AS VARCHAR), {five})"
        " THEN CAST(distribution AS VARCHAR) END AS DOUBLE[]) AS parts"
    )


def _spelt_grades() -> list[tuple[str, int]]:
    """Return how files usually spell the grades in JSON."""
    spellings = ("{}", "{}.0", '"{}"', '"{}.0"')
    return [(spelling.format(grade), grade) for spelling in spellings for grade in GRADES]


def _kept_sql() -> str:
    """Return the columns of ``LINE_COLUMNS`` after the first, for a plain line."""
    return (
        "query, the_code AS code, coalesce(language, '') AS language, the_path AS path,"
        " the_symbol AS symbol, query_kind AS kind,"
        " CASE WHEN original_query <> query AND original_query <> ''"
        " AND is_variation IS DISTINCT FROM 'false' THEN original_query END AS variation_of,"
        " coalesce(judge, '') AS judge, score, CAST(NULL AS VARCHAR) AS failure,"
        " coalesce(score_reasoning, '') AS rationale,"
        " CASE WHEN score IS NOT NULL THEN parts END AS parts"
    )


def _plain_sql() -> str:
    """Return the condition under which a line means what ``_kept_sql`` takes from it."""
    total = " + ".join(f"parts[{place}]" for place in range(1, len(GRADES) + 1))
    least, most = 1 - TOLERANCE, 1 + TOLERANCE
    conditions = [
        "query IS NOT NULL",
        _not_blank_sql("query"),
        f"CASE WHEN the_code IS NULL THEN the_path <> '' ELSE {_not_blank_sql('the_code')} END",
        "(the_score IS NULL OR score IS NOT NULL)",
        f"(score_reasoning IS NULL OR NOT {_may_report_failure_sql('score_reasoning')})",
        "(query_kind IS NULL OR query_kind IN ('semantic', 'keyword'))",
        "(is_variation IS NULL OR is_variation IN ('true', 'false'))",
        f"(distribution IS NULL OR coalesce({total} BETWEEN {least} AND {most}, false))",
    ]
    texts = ["query", "the_code", "the_path", "the_symbol", *OTHER_TEXT_KEYS]
    conditions += [f"({text} IS NULL OR NOT {_doubtful_text_sql(text)})" for text in texts]
    return f"coalesce({' AND '.join(conditions)}, false)"


def _may_report_failure_sql(reasoning: str) -> str:
    return (
        f"({reasoning} < '!' OR starts_with({reasoning}, '{PARSE_ERROR}')"
        f" OR starts_with({reasoning}, '{ERROR_PREFIX}'))"
    )


def _not_blank_sql(text: str) -> str:
    """Return the condition that a text has more than spaces and control characters."""
    return f"CASE WHEN {text} >= '!' THEN true ELSE regexp_matches({text}, '[^\\x00-\\x20]') END"


def _doubtful_text_sql(text: str) -> str:
    """Return the condition that a text was perhaps a number, a boolean, a list or an object.

    The database converts those to text where text is wanted. Texts with NUL are doubtful too.
    Comparing with a first character is cheap, and spares the CASE the expensive tests.
    """
    number = literal("[-+.0-9eE]+")
    word = literal("(?i)true|false|-?nan|-?inf|-?infinity")
    return (
        f"(CASE WHEN {text} >= '-' AND {text} < ':' THEN regexp_full_match({text}, {number})"
        f" WHEN {text} >= '[' AND {text} < chr(92) THEN json_valid({text})"
        f" WHEN {text} >= '{{' AND {text} < '|' THEN json_valid({text})"
        f" WHEN strlen({text}) < {_LONGEST_WORD} THEN regexp_full_match({text}, {word})"
        f" ELSE false END OR contains({text}, chr(0)))"
    )
