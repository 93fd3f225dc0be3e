"""DuckDB without its Python API for data frames.

``import duckdb`` loads 10,000 lines of Python, which takes a third of the time of importing
Textual, and rejudge uses SQL only. The compiled module has the same ``connect`` and the same
errors. If a release of DuckDB lacks that module, the package is used.
"""

from __future__ import annotations

try:
    import _duckdb as engine
except ImportError:
    import duckdb as engine  # type: ignore[no-redef]


__all__ = ["engine"]
