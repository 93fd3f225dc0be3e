from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from core.files import UNFINISHED, is_locked, lock, replacing, write_atomically

if TYPE_CHECKING:
    from pathlib import Path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    write_atomically(target, "é")
    assert target.read_bytes() == "é".encode()
    write_atomically(target, b"\0")
    assert target.read_bytes() == b"\0"
    assert names(tmp_path) == ["a.json"]


def test_an_error_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")
    with pytest.raises(OSError, match="full"), replacing(target) as beside:
        beside.write_text("half")
        raise OSError("full")
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.json"]


def test_a_folder_appears_at_once(tmp_path: Path) -> None:
    with replacing(tmp_path / "model") as beside:
        (beside / "inner").mkdir(parents=True)
        (beside / "inner" / "weights").write_bytes(b"w")
        assert not (tmp_path / "model").exists()
    assert (tmp_path / "model" / "inner" / "weights").read_bytes() == b"w"


def test_a_folder_is_removed_only_on_request(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(OSError, match=str(tmp_path)), replacing(target) as beside:
        beside.mkdir()
    assert names(target) == ["old"]
    with replacing(target, remove_folder=True) as beside:
        beside.mkdir()
    assert names(target) == []


def test_what_a_killed_process_left_is_removed_and_what_others_write_stays(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    ended, alive = (
        tmp_path / f".a.json.{pid}-0123abcd{UNFINISHED}" for pid in (gone.pid, os.getpid())
    )
    ended.mkdir()
    alive.write_text("half")
    write_atomically(tmp_path / "a.json", "whole")
    assert names(tmp_path) == [alive.name, "a.json"]


def test_a_name_of_the_longest_kind_can_be_written(tmp_path: Path) -> None:
    write_atomically(tmp_path / ("é" * 127), "x")


def test_one_process_at_a_time_has_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_locked(path)
    with path.open("w") as first, path.open("w") as second:
        assert lock(first.fileno())
        assert is_locked(path)
        assert not lock(second.fileno(), wait=False)
        first.close()
        assert lock(second.fileno(), wait=False)
    assert not is_locked(path)
