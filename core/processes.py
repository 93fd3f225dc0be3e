"""Child processes that run a module of rejudge, and whether a process runs.

A child is started through ``rejudge.py``, which loads rejudge's packages from its own folder. So
the child never imports a ``core/`` or ``train.py`` of the user's, whatever its working folder and
``PYTHONPATH`` contain.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

DOOR: Final = Path(__file__).resolve().parents[1] / "rejudge.py"


def module_command(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command line that runs a module of rejudge as ``__main__``."""
    return (sys.executable, "-P", str(DOOR), "--module", module, *arguments)


def is_running(process: int) -> bool:
    """Return whether a process with this id runs on this machine, whoever started it."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
