"""A scored file into temporary tables: plain lines by the database, the others one by one.

The database reads the whole file and marks each line that is not plainly right. Those are read
again by ``read_pair_line``, whose word is final, and come back through a second, small file. The
number of a row, from 0, tells the line, and which of two lines is the later one.

The file of an import on disk: what may be wrong with it as a whole, and its lines by number.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from array import array
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.store.database import DATABASE_NAME
from core.store.sql import literal
from labels.pairs.reading import (
    OTHER_TEXT_KEYS,
    SCORE_IS_ZERO,
    TEXT_KEYS,
    VALUE_KEYS,
    LineError,
    PairLine,
    adds_up_sql,
    plain_distribution_sql,
    plain_score_sql,
    read_pair_line,
    reported_failure_sql,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from core.store.database import Store


#: The longest line that is read, in bytes. DuckDB's own buffer ends a little above it.
LONGEST_LINE: Final = (1 << 25) - (1 << 12)
#: How files of gzip, Zstandard, xz, bzip2 and zip begin.
_PACKED: Final = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"BZh", b"PK\x03\x04")
_LONGEST_SIGN: Final = max(map(len, _PACKED))
_STAND_IN: Final = b"{}\n"
_MEGABYTE: Final = 1 << 20
#: What the database would look for other files with.
_PATTERN: Final = re.compile(r"[*?\[]")


def check_file(store: Store, path: Path) -> None:
    """Look whether the file can be read at all.

    Raises:
        InputError: it is missing, a folder, unreadable, compressed, or the store's own database.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError(
                "this is a folder, not a file", where=str(path), todo="Give a JSON Lines file."
            )
        # Closing the database file here would drop the lock that keeps other processes out.
        own = store.folder / DATABASE_NAME
        if own.exists() and path.samefile(own):
            raise InputError("this is the workspace's own database", where=str(path))
        packed = False
        if stat.S_ISREG(status.st_mode):
            with path.open("rb") as file:
                packed = file.read(_LONGEST_SIGN).startswith(_PACKED)
    except OSError as error:
        raise InputError(
            f"the file cannot be read: {error.strerror}",
            where=str(path),
            todo="Check the name and that you may read it.",
        ) from error
    if packed:
        # A few bytes may unpack to more than any disk holds: that is for the person to see.
        raise InputError(
            "the file is compressed", where=str(path), todo="Unpack it, then import what was in it."
        )


@contextmanager
def readable_file(store: Store, path: Path) -> Iterator[Path]:
    """Give a path under which the database may read the file.

    That is the file itself if the store was opened for it and no character of its path stands for
    others, else a hard link to it in the workspace, else a copy; both are gone afterwards.
    """
    allowed = store.read("SELECT current_setting('allowed_paths')")[0][0]
    whole = path.resolve()
    if str(whole) in allowed and not _PATTERN.search(str(whole)):
        yield whole
        return
    with spilled_file(store, "import-read.jsonl") as stand_in:
        try:
            os.link(whole, stand_in)
        except OSError:
            shutil.copyfile(whole, stand_in)
        yield stand_in


@contextmanager
def spilled_file(store: Store, name: str) -> Iterator[Path]:
    """Give the path of a temporary file that the database may read; it is gone afterwards."""
    folder = store.folder.resolve() / "spill"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{os.getpid()}-{name}"
    path.unlink(missing_ok=True)
    try:
        yield path
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def copy_without_long_lines(source: Path, target: Path) -> dict[int, str]:
    """Copy a file line by line; a line longer than ``LONGEST_LINE`` becomes an empty object.

    Line numbers stay the same. No more of a line than ``LONGEST_LINE`` is ever in memory.

    Returns:
        For the number of each such line what is wrong with it.
    """
    too_long = {}
    with source.open("rb") as lines, target.open("wb") as copy:
        number = 0
        while line := lines.readline(LONGEST_LINE):
            number += 1
            if len(line) < LONGEST_LINE or line.endswith(b"\n"):
                copy.write(line)
                continue
            megabytes = (len(line) + _pass_over(lines.readline)) >> 20
            too_long[number] = (
                f"the line is too long: {megabytes} MB, and {LONGEST_LINE >> 20} MB can be read"
            )
            copy.write(_STAND_IN)
    return too_long


def _pass_over(read_some: Callable[[int], bytes]) -> int:
    size = 0
    while part := read_some(_MEGABYTE):
        size += len(part)
        if part.endswith(b"\n"):
            break
    return size


def numbered_rows(path: Path, rows: Iterable[int]) -> Iterator[tuple[int, int, bytes]]:
    """Give the row, the line number (from 1) and the bytes of the given rows of a file.

    Args:
        path: the file.
        rows: ascending. Rows count from 0 and leave out blank lines, as the database does.
    """
    wanted = iter(rows)
    row = next(wanted, None)
    if row is None:
        return
    with path.open("rb") as lines:
        at = -1
        for number, line in enumerate(lines, start=1):
            if line.isspace():
                continue
            at += 1
            if at == row:
                yield row, number, line
                row = next(wanted, None)
                if row is None:
                    return


#: The columns of ``lines``: what an import keeps of each line. ``line`` is its row in the file.
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
_FETCHED: Final = 100_000
_LONGEST_WORD: Final = 10


class LineTooLongError(Exception):
    """The database cannot read the file as it is: a line is longer than its buffer."""


def stage_lines(
    cursor: DuckDBPyConnection,
    source: Path,
    second_look: Path,
    *,
    skip: Callable[[int, str], None],
    note: Callable[[int, str], None],
) -> int:
    """Make the temporary view ``lines`` of a file's good lines; return how many lines it has.

    Args:
        cursor: of a transaction that has not written anything yet.
        source: the file, where the database may read it.
        second_look: where the lines that were read one by one are put on the way.
        skip: called with the number and the reason for each line that is left out.
        note: called with the number and a reason for each thing that was repaired in a line.

    Raises:
        LineTooLongError: a line is longer than the database can read.
    """
    _read_all(cursor, source)
    _number_rows(cursor)
    counted = cursor.execute("SELECT count(*) FROM first_look").fetchone()
    doubtful = array("q")
    rows = cursor.execute("SELECT rowid FROM first_look WHERE NOT plain ORDER BY rowid")
    while part := rows.fetchmany(_FETCHED):
        doubtful.extend(row for (row,) in part)
    longest = 0
    with second_look.open("w", encoding="utf-8") as file:
        for row, number, line in numbered_rows(source, doubtful):
            try:
                found = read_pair_line(line)
            except LineError as error:
                skip(number, str(error))
                continue
            for reason in found.notes:
                note(number, reason)
            staged = _staged(row, found)
            longest = max(longest, len(staged.encode()))
            file.write(staged)
    _read_second_look(cursor, second_look, longest)
    return int(counted[0]) if counted else 0


def _read_all(cursor: DuckDBPyConnection, source: Path) -> None:
    import duckdb

    columns = ", ".join(
        [f"{key}: 'VARCHAR'" for key in TEXT_KEYS] + [f"{key}: 'JSON'" for key in VALUE_KEYS]
    )
    try:
        cursor.execute(
            f"CREATE TEMP TABLE first_look AS SELECT CAST(NULL AS BIGINT) AS given,"
            f" {_kept_sql()}, {_plain_sql()} AS plain"
            f" FROM (SELECT *, {_read_sql()} FROM read_json({literal(str(source))},"
            " compression = 'uncompressed', format = 'newline_delimited', ignore_errors = true,"
            f" columns = {{{columns}}}))"
        )
    except duckdb.InvalidInputException as error:
        if "maximum_object_size" not in str(error):
            raise
        raise LineTooLongError from error


def _number_rows(cursor: DuckDBPyConnection) -> None:
    """Begin a new transaction: only once they are committed do rows have numbers from 0 up.

    Nothing but a temporary table, which is gone with the cursor, has been written until here.
    """
    cursor.execute("COMMIT")
    cursor.execute("BEGIN")


def _read_sql() -> str:
    """Return what is derived from a line's keys, under names of its own."""
    score = "CASE WHEN grade_source IS NULL THEN llm_score ELSE judge_score END"
    return (
        "coalesce(positive, code) AS the_code,"
        " coalesce(file_path, path, '') AS the_path,"
        " coalesce(func_name, symbol, '') AS the_symbol,"
        f" CAST({score} AS VARCHAR) AS the_score,"
        f" {plain_score_sql(f'CAST({score} AS VARCHAR)')} AS plain_score,"
        f" {reported_failure_sql('score_reasoning')} AS reported,"
        f" {plain_distribution_sql('CAST(distribution AS VARCHAR)')} AS parts"
    )


def _kept_sql() -> str:
    """Return the columns of ``LINE_COLUMNS`` after the first, for a plain line."""
    return (
        "query, the_code AS code, coalesce(language, '') AS language, the_path AS path,"
        " the_symbol AS symbol, query_kind AS kind,"
        " CASE WHEN original_query <> query AND original_query <> ''"
        " AND is_variation IS DISTINCT FROM 'false' THEN original_query END AS variation_of,"
        " coalesce(judge, '') AS judge,"
        " CASE WHEN reported IS NULL AND plain_score > 0 THEN plain_score END AS score,"
        f" coalesce(reported, CASE WHEN plain_score = 0 THEN '{SCORE_IS_ZERO}' END) AS failure,"
        " CASE WHEN reported IS NULL THEN coalesce(score_reasoning, '') ELSE '' END AS rationale,"
        " CASE WHEN reported IS NULL AND plain_score > 0 THEN parts END AS parts"
    )


def _plain_sql() -> str:
    """Return the condition under which a line means what ``_kept_sql`` takes from it."""
    conditions = [
        "query IS NOT NULL",
        _not_blank_sql("query"),
        f"CASE WHEN the_code IS NULL THEN the_path <> '' ELSE {_not_blank_sql('the_code')} END",
        "(reported IS NOT NULL OR the_score IS NULL OR plain_score IS NOT NULL)",
        "(query_kind IS NULL OR query_kind IN ('semantic', 'keyword'))",
        "(is_variation IS NULL OR is_variation IN ('true', 'false'))",
        f"(distribution IS NULL OR coalesce({adds_up_sql('parts')}, false))",
    ]
    texts = ["query", "the_code", "the_path", "the_symbol", *OTHER_TEXT_KEYS]
    conditions += [f"({text} IS NULL OR NOT {_doubtful_text_sql(text)})" for text in texts]
    return f"coalesce({' AND '.join(conditions)}, false)"


def _not_blank_sql(text: str) -> str:
    """Return the condition that a text has more than spaces and control characters."""
    return f"CASE WHEN {text} >= '!' THEN true ELSE regexp_matches({text}, '[^\\x00-\\x20]') END"


def _doubtful_text_sql(text: str) -> str:
    """Return the condition that a text may have been a number, a truth value, a list or an object.

    The database reads those as text where text is wanted. It also finds NUL characters. Comparing
    with a first character is cheap, and a CASE looks into no text that it need not.
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


def _staged(row: int, line: PairLine) -> str:
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


def _read_second_look(cursor: DuckDBPyConnection, second_look: Path, longest: int) -> None:
    """Put the lines that were read one by one beside the plain ones, under their own rows."""
    columns = ", ".join(f"{name}: {literal(kind)}" for name, kind in LINE_COLUMNS.items())
    kept = ", ".join(name for name in LINE_COLUMNS if name != "line")
    cursor.execute(
        f"INSERT INTO first_look (given, {kept}, plain) SELECT line, {kept}, true"
        f" FROM read_json({literal(str(second_look))}, compression = 'uncompressed',"
        f" format = 'newline_delimited', columns = {{{columns}}},"
        f" maximum_object_size = {max(longest, 1 << 24)})"
    )
    cursor.execute(
        f"CREATE TEMP VIEW lines AS SELECT coalesce(given, rowid) AS line, {kept}"
        " FROM first_look WHERE plain"
    )
