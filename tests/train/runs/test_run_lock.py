"""One worker for a run at a time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from core.errors import InputError
from train.runs.folder import RunFolder
from train.runs.process import RunLock, RunLockedError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_second_worker_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with RunLock(folder):
        assert folder.lock.read_text() == f"{os.getpid()}\n"
        with pytest.raises(RunLockedError, match=f"process {os.getpid()}"), RunLock(folder):
            pass
    with RunLock(folder):
        pass


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"), RunLock(RunFolder(tmp_path / "none")):
        pass
