"""A folder that can no longer be written under an open app: it says so, lives, and goes on."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.faults.full_disk import may_mount, own_file_system
from tests.faults.pseudo_terminal import HOUSE

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = "tests.faults.folder_under_app"


@pytest.mark.slow
@pytest.mark.own_file
@pytest.mark.skipif(not may_mount(), reason="no file system can be mounted here")
@pytest.mark.parametrize("how", ["read-only", "full"])
def test_the_app_says_so_and_goes_on_later(how: str, tmp_path: Path) -> None:
    done = subprocess.run(
        own_file_system([sys.executable, "-m", PROGRAM, how, str(tmp_path)]),
        cwd=HOUSE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
