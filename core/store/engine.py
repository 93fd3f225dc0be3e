"""DuckDB, without its API for data frames.

``import duckdb`` brings a relational API in Python, 10,000 lines that take as long to import as a
third of Textual, and rejudge speaks SQL only. The compiled module beside it is all that is needed:
the same ``connect``, the same errors. Where a release of DuckDB has no such module, the package
itself stands in.
"""

from __future__ import annotations

try:
    import _duckdb as engine
except ImportError:
    import duckdb as engine  # type: ignore[no-redef]


__all__ = ["engine"]
