"""The file formats that ``rejudge import pairs`` reads.

``READERS`` has the formats. Every reader turns a file into JSON Lines, which ``staging`` reads, so
that there is one set of rules for the content of a line. A new format is a function and an entry
there, and a row in docs/formats.md.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TextIO

from core.errors import InputError, StoreError
from core.store.sql import literal
from labels.pairs.files import PLAIN_LINES, first_bytes, readable_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from core.store.database import Store


class _CsvReader(Protocol):
    """What ``csv.reader`` returns, whose type has no public name."""

    @property
    def line_num(self) -> int:
        """The number of lines read so far."""

    def __next__(self) -> list[str]:
        """Return the next row."""


#: The longest line that is read, in bytes. DuckDB's own buffer ends a little above it.
LONGEST_LINE: Final = (1 << 25) - (1 << 12)
#: The largest JSON object that is read into memory; a list of any size is not.
_LARGEST_OBJECT: Final = 1 << 28
_MEGABYTE: Final = 1 << 20
#: What DuckDB says of our copy of a file in an error message.
_IN_FILE: Final = re.compile(r" (in|of) file [\"'][^\"']*[\"']")


@dataclass(frozen=True, slots=True)
class Reader:
    """A format of ``rejudge import pairs``.

    Attributes:
        name: what the command line calls it.
        description: what a file of this format holds, for help and documentation.
        reads: returns whether a file is of this format, given its name in lower case and its first
            bytes. The first reader of ``READERS`` that says so is taken.
        function: writes the rows of a file as JSON Lines, given the store, the file and the target.
            A row stands on the line that it has in the file, after blank lines if need be; where
            the file has no lines, on the line of its own number. Returns the reason for each line
            that could not be read, which has an empty object instead.
    """

    name: str
    description: str
    reads: Callable[[str, bytes], bool]
    function: Callable[[Store, Path, Path], Mapping[int, str]]


def choose_reader(name: str, beginning: bytes, form: str = "") -> Reader:
    """Return the reader of a file.

    Args:
        name: the file's name.
        beginning: its first bytes.
        form: the format that a person named; empty: recognise it.

    Raises:
        InputError: there is no such format.
    """
    if form and form not in READERS:
        raise InputError(
            f"there is no import format {form}", todo=f"Formats: {', '.join(READERS)}."
        )
    if form:
        return READERS[form]
    lowered = name.lower()
    found = (reader for reader in READERS.values() if reader.reads(lowered, beginning))
    return next(found, READERS["jsonl"])


def format_rows() -> list[tuple[str, str]]:
    """Return the name and the description of each format, for ``rejudge import --list``."""
    return [(reader.name, reader.description) for reader in READERS.values()]


def _is_json_lines(name: str, _beginning: bytes) -> bool:
    return name.endswith((".jsonl", ".ndjson"))


def copy_json_lines(_store: Store, source: Path, target: Path) -> dict[int, str]:
    """Copy a JSON Lines file; a line longer than ``LONGEST_LINE`` becomes an empty object.

    Line numbers stay the same. No more of a line than ``LONGEST_LINE`` is ever in memory.

    Returns:
        What is wrong with each line that is too long, by its number.
    """
    too_long = {}
    with source.open("rb") as lines, target.open("wb") as copy:
        number = 0
        while line := lines.readline(LONGEST_LINE):
            number += 1
            if len(line) < LONGEST_LINE or line.endswith(b"\n"):
                copy.write(line)
                continue
            megabytes = (len(line) + _skip_line(lines.readline)) >> 20
            too_long[number] = (
                f"the line is too long: {megabytes} MB, and {LONGEST_LINE >> 20} MB can be read"
            )
            copy.write(b"{}\n")
    return too_long


def _skip_line(read_some: Callable[[int], bytes]) -> int:
    """Read to the end of the line and return how many bytes that were."""
    size = 0
    while part := read_some(_MEGABYTE):
        size += len(part)
        if part.endswith(b"\n"):
            break
    return size


def _is_json(name: str, beginning: bytes) -> bool:
    """Return whether a file is one JSON document, not a line for each object."""
    text = beginning.lstrip()
    if text.startswith(b"["):
        return text[1:].lstrip()[:1] in {b"{", b"]", b""}
    if not name.endswith(".json"):
        return False
    first, _, rest = text.partition(b"\n")
    try:
        value = json.loads(first)
    except ValueError:
        return text.startswith(b"{")
    return isinstance(value, dict) and not rest.strip() and bool(_longest_list(value))


def _read_json(store: Store, source: Path, target: Path) -> dict[int, str]:
    """Write the objects of a list, or of the longest list in an object, one a line."""
    if first_bytes(source, _MEGABYTE).lstrip().startswith(b"["):
        with readable_file(store, source) as readable:
            _convert(
                store,
                "SELECT CAST(json_extract(json, '$') AS VARCHAR) FROM read_json_objects("
                f"{literal(str(readable))}, format = 'array', compression = 'uncompressed',"
                f" maximum_object_size = {LONGEST_LINE})",
                target,
                PLAIN_LINES,
            )
        return {}
    if source.stat().st_size > _LARGEST_OBJECT:
        raise InputError(
            f"a JSON object of over {_LARGEST_OBJECT >> 20} MB cannot be read",
            todo="Write its rows as JSON Lines, one object a line.",
        )
    try:
        document = json.loads(source.read_text(encoding="utf-8", errors="surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"the file is not JSON: {error}",
            todo="If it has one object a line, add: --format jsonl",
        ) from error
    rows = _longest_list(document) or [document]
    target.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="ascii")
    return {}


def _longest_list(value: object, depth: int = 3) -> list[object]:
    """Return the longest list of objects in an object, empty if there is none."""
    if not isinstance(value, dict) or depth == 0:
        return []
    lists = [
        part
        for part in value.values()
        if isinstance(part, list) and part and all(isinstance(row, dict) for row in part)
    ]
    lists += [_longest_list(part, depth - 1) for part in value.values()]
    return max(lists, key=len, default=[])


def _is_parquet(name: str, beginning: bytes) -> bool:
    return name.endswith(".parquet") or beginning.startswith(b"PAR1")


def _read_parquet(store: Store, source: Path, target: Path) -> dict[int, str]:
    with readable_file(store, source) as readable:
        rows = f"SELECT * FROM read_parquet({literal(str(readable))})"
        _convert(store, rows, target, "FORMAT json")
    return {}


def _convert(store: Store, rows: str, target: Path, options: str) -> None:
    """Have the database write the rows of a file to the target."""
    import duckdb

    try:
        store.read(f"COPY ({rows}) TO {literal(str(target))} ({options})")
    except (duckdb.Error, StoreError) as error:  # what is wrong is the file, not the store
        cause = error.__cause__ if isinstance(error, StoreError) else error
        reason = str(cause).splitlines()[0]
        raise InputError(
            f"the file cannot be read: {_IN_FILE.sub('', reason)}",
            todo="Check that it is whole, or name its format with --format.",
        ) from error


def _is_csv(name: str, _beginning: bytes) -> bool:
    return name.endswith(".csv")


def _is_tsv(name: str, _beginning: bytes) -> bool:
    return name.endswith((".tsv", ".tab"))


def _read_csv(_store: Store, source: Path, target: Path) -> dict[int, str]:
    with source.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        header = file.readline(LONGEST_LINE)
    return _read_separated(source, target, max(",;\t|", key=header.count))


def _read_tsv(_store: Store, source: Path, target: Path) -> dict[int, str]:
    return _read_separated(source, target, "\t")


def _read_separated(source: Path, target: Path, delimiter: str) -> dict[int, str]:
    """Convert a table with a header. Empty cells become null."""
    wrong: dict[int, str] = {}
    written = 0
    csv.field_size_limit(LONGEST_LINE)
    with (
        source.open(encoding="utf-8", errors="surrogateescape", newline="") as file,
        target.open("w", encoding="ascii") as lines,
    ):
        rows = _numbered_rows(csv.reader(_short_lines(file), delimiter=delimiter, strict=True))
        _, header = next(rows, (0, []))
        names = [] if isinstance(header, str) else [name.strip() for name in header]
        for number, row in rows:
            values: dict[str, str | None] = {}
            if isinstance(row, str):
                wrong[number] = row
            elif len(row) != len(names):
                wrong[number] = f"{len(row)} cells, and the header has {len(names)}"
            else:
                values = {name: cell or None for name, cell in zip(names, row, strict=True)}
            lines.write("\n" * (number - 1 - written) + json.dumps(values) + "\n")
            written = number
    return wrong


def _short_lines(file: TextIO) -> Iterator[str]:
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and not line.endswith("\n"):
            raise InputError(
                f"a line of the table is longer than {LONGEST_LINE >> 20} MB",
                todo="Check that the file is a table, or name its format with --format.",
            )
        yield line


def _numbered_rows(reader: _CsvReader) -> Iterator[tuple[int, list[str] | str]]:
    """Yield the line on which each row begins, and its cells or what is wrong with it."""
    while True:
        first = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield first, f"not a row of the table: {error}"
            continue
        if row:
            yield first, row


READERS: Final[dict[str, Reader]] = {
    reader.name: reader
    for reader in (
        Reader("jsonl", "JSON Lines, one object a line", _is_json_lines, copy_json_lines),
        Reader("json", "a list of objects, or an object that has one", _is_json, _read_json),
        Reader("csv", "a table with a header, separated by , ; | or tabs", _is_csv, _read_csv),
        Reader("tsv", "a table with a header, separated by tabs", _is_tsv, _read_tsv),
        Reader("parquet", "a table of Parquet", _is_parquet, _read_parquet),
    )
}
