"""Every kind of work on a full disk: it says so, keeps what it acknowledged, and goes on later."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.core.encoder.fixture_encoders import skip_without_mlx
from tests.faults.full_disk import FullDisk, full_disk_run, may_mount, own_file_system
from tests.faults.kills.kill_run import HOUSE, KINDS

if TYPE_CHECKING:
    from pathlib import Path

skip_without_mlx()

MOUNT: Final = may_mount()
#: The work of a tiny encoder writes files that are all small, so that a limit stops none of it.
LIMITED: Final = ("labelling", "judging")


@pytest.mark.slow
@pytest.mark.own_file
@pytest.mark.skipif(not MOUNT, reason="no file system can be mounted here")
@pytest.mark.parametrize("kind", KINDS)
def test_no_space_left(kind: str, tmp_path: Path) -> None:
    found = full_disk_run(kind, tmp_path, "tmpfs")
    said = ("the disk is full", "No space left", "cannot write to the run's folder")
    assert any(words in found.refusal for words in said), found
    assert_kept(found)


@pytest.mark.slow
@pytest.mark.own_file
@pytest.mark.parametrize("kind", LIMITED)
def test_no_file_may_grow(kind: str, tmp_path: Path) -> None:
    found = full_disk_run(kind, tmp_path, "limit")
    assert "a limit of this system" in found.refusal or "File too large" in found.refusal, found
    assert found.acknowledged > 0
    assert_kept(found)


def assert_kept(found: FullDisk) -> None:
    assert (found.lost, found.doubled) == ([], []), found


READ_ONLY: Final = """
import subprocess, sys
from pathlib import Path
from core.store.database import Store
from core.store.opening import open_store
from tests.building import add_scored, new_workspace, numbered
from tests.faults.full_disk import mount
from tui.cli.main import main
folder = Path(sys.argv[1])
mount(folder)
with open_store(new_workspace(folder).folder) as store:
    add_scored(store, numbered(3))
mount(folder, "remount,ro")
for words in ("status", "next", "label 1 4", "judge --judge lexical", "calibrate", "init"):
    assert main(["--workspace", str(folder), *words.split()]) == 2, words
"""


@pytest.mark.own_file
@pytest.mark.skipif(not MOUNT, reason="no file system can be mounted here")
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        own_file_system([sys.executable, "-c", READ_ONLY, str(tmp_path)]),
        cwd=HOUSE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 2 * 6, done.stderr
    for what, todo in zip(lines[::2], lines[1::2], strict=True):
        assert what.startswith("rejudge: the database cannot be written (")
        assert (
            todo == "  Make the folder writable for you, or use another one with --workspace DIR."
        )
