r"""Where the ``.rejudge`` folder lies when DuckDB cannot open a database in its own place.

DuckDB takes what follows a ``?`` in a path for options of an address and puts the name of its log
before it, turns each ``\`` into a ``/``, and refuses names that are not UTF-8. It also follows
every link before it does so, which leaves one way: the folder lies elsewhere, and ``.rejudge`` is
a link to it.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Final

_UNFIT: Final = re.compile(r"[?\\\ud800-\udfff]")
_PLAIN: Final = re.compile(r"[^A-Za-z0-9_-]+")


def fits(path: Path) -> bool:
    """Return whether DuckDB can open a database at ``path``, once every link is followed."""
    return not _UNFIT.search(str(path.resolve()))


def make_folder(folder: Path) -> None:
    """Make the folder for a database, or a link to one in the person's data folder.

    Raises:
        OSError: neither can be made.
    """
    if fits(folder) or folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    base = _data_folder()
    base.mkdir(parents=True, exist_ok=True)
    name = _PLAIN.sub("-", folder.parent.name).strip("-")[:40]
    place = Path(tempfile.mkdtemp(prefix=f"{name or 'workspace'}-", dir=base))
    try:
        folder.symlink_to(place, target_is_directory=True)
    except OSError:
        place.rmdir()
        raise


def _data_folder() -> Path:
    given = os.environ.get("XDG_DATA_HOME", "")
    base = Path(given) if given.startswith("/") else Path.home() / ".local" / "share"
    return base / "rejudge"
