"""A scored file read in, beside DuckDB's own read of the same file into one bare table.

Each repeat runs both in processes of their own, from nothing to a closed database file. The file
is made once: real-looking code of 200 to 2,000 characters, ten lines to a document.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.measuring import Figure, Usage, child_usage
from benchmarks.scored_pairs import write_scored_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

REPEATS: Final = 5
MOST: Final = 2
#: The database's own limit while it imports is 2 GB; the process has some more around it.
MOST_MEMORY: Final = 2_500
_MEGABYTE: Final = 1_000_000
_ROOT: Final = Path(__file__).parents[1]

BARE: Final = """
import sys, duckdb
connection = duckdb.connect()
connection.execute(f"ATTACH '{sys.argv[2]}/bare.duckdb' AS db")
connection.execute("CREATE TABLE db.bare AS SELECT * FROM"
                   f" read_json('{sys.argv[1]}', format='newline_delimited')")
connection.close()
"""
OURS: Final = """
import sys
from pathlib import Path
from core.store.database import Store
from core.store.opening import open_store
from labels.pairs.importing import import_pairs
source = Path(sys.argv[1])
with open_store(Path(sys.argv[2]), allowed_files=[source]) as store:
    report = import_pairs(store, source)
sys.exit(report.skipped or report.read != int(sys.argv[3]))
"""


def measure(pairs: int) -> list[Figure]:
    """Import a file of so many pairs: wall time, CPU time and memory beside the bare read's."""
    with _scored_file(pairs) as source:
        bare, fresh, again = [], [], []
        for _ in range(REPEATS):
            bare.append(_run(BARE, source, pairs))
            fresh.append(_run(OURS, source, pairs))
            again.append(_run(OURS, source, pairs, known=True))
    name, against = f"import of {pairs:,} scored pairs", "DuckDB's read into one bare table"
    bare_walls = tuple(usage.wall for usage in bare)
    return [
        Figure(name, "s", _walls(fresh), bare_walls, against, at_most=MOST),
        Figure(f"{name}: CPU", "s", _cpus(fresh), _cpus(bare), against),
        Figure(f"{name}, again", "s", _walls(again), bare_walls, against, at_most=MOST),
        Figure(
            f"{name}: memory", "MB", _memory(fresh), _memory(bare), against, ceiling=MOST_MEMORY
        ),
    ]


@contextmanager
def _scored_file(pairs: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rejudge-bench-") as name:
        source = Path(name) / "pairs.jsonl"
        write_scored_pairs(source, pairs)
        yield source


def _run(program: str, source: Path, pairs: int, *, known: bool = False) -> Usage:
    """Run a program on the file, in an empty folder or where the one before it left off."""
    folder = source.parent / "database"
    if not known:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    words = [sys.executable, "-c", program, str(source), str(folder), str(pairs)]
    return child_usage(words, folder=_ROOT)


def _walls(usages: list[Usage]) -> tuple[float, ...]:
    return tuple(usage.wall for usage in usages)


def _cpus(usages: list[Usage]) -> tuple[float, ...]:
    return tuple(usage.cpu for usage in usages)


def _memory(usages: list[Usage]) -> tuple[float, ...]:
    return tuple(usage.memory / _MEGABYTE for usage in usages)
