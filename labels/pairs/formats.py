"""The file formats that ``rejudge import pairs`` reads.

``READERS`` has the formats. Every reader turns a file into JSON Lines, which ``staging`` reads, so
that there is one set of rules for the content of a line. A new format is a function and an entry
there, and a row in docs/formats.md.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from core.errors import InputError

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
_MEGABYTE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Reader:
    """A format of ``rejudge import pairs``.

    Attributes:
        name: what the command line calls it.
        description: what a file of this format holds, for help and documentation.
        reads: returns whether a file is of this format, given its name in lower case and its first
            bytes. The first reader of ``READERS`` that says so is taken.
        function: writes the rows of a file as JSON Lines, given the store, the file and the target.
            A row stands on the line that it has in the file, after blank lines if need be. Returns
            the reason for each line that could not be read, which has an empty object instead.
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


def _is_csv(name: str, _beginning: bytes) -> bool:
    return name.endswith(".csv")


def _is_tsv(name: str, _beginning: bytes) -> bool:
    return name.endswith((".tsv", ".tab"))


def _read_csv(_store: Store, source: Path, target: Path) -> dict[int, str]:
    with source.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        header = file.readline()
    return _read_separated(source, target, max(",;\t|", key=header.count))


def _read_tsv(_store: Store, source: Path, target: Path) -> dict[int, str]:
    return _read_separated(source, target, "\t")


def _read_separated(source: Path, target: Path, delimiter: str) -> dict[int, str]:
    """Convert a table with a header. Empty cells are left out, as if the key were absent."""
    wrong: dict[int, str] = {}
    written = 0
    csv.field_size_limit(LONGEST_LINE)
    with (
        source.open(encoding="utf-8", errors="surrogateescape", newline="") as file,
        target.open("w", encoding="ascii") as lines,
    ):
        rows = _numbered_rows(csv.reader(file, delimiter=delimiter, strict=True))
        _, header = next(rows, (0, []))
        names = [] if isinstance(header, str) else [name.strip() for name in header]
        for number, row in rows:
            values: dict[str, str] = {}
            if isinstance(row, str):
                wrong[number] = row
            elif len(row) != len(names):
                wrong[number] = f"{len(row)} cells, and the header has {len(names)}"
            else:
                values = {name: cell for name, cell in zip(names, row, strict=True) if cell}
            lines.write("\n" * (number - 1 - written) + json.dumps(values) + "\n")
            written = number
    return wrong


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
        Reader("csv", "a table with a header, separated by , ; | or tabs", _is_csv, _read_csv),
        Reader("tsv", "a table with a header, separated by tabs", _is_tsv, _read_tsv),
    )
}
