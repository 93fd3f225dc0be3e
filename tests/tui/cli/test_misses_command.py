from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

from core.store.opening import open_store
from tests.tui.misses_driving import AFTER, workspace_with_evals
from tui.cli.main import main

if TYPE_CHECKING:
    import pytest


def test_misses_become_pairs_and_a_path_becomes_relevant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = workspace_with_evals(tmp_path, AFTER)
    words = ["misses", "--workspace", str(tmp_path), "--json", "--pairs"]
    relevant = ["--relevant", "changes on disk", "src/file_watcher.rs"]
    assert main([*words, *relevant]) == 0
    document = cast("dict[str, object]", json.loads(capsys.readouterr().out))
    assert document["pairs_added"] == 6
    assert str(document["spec"]).startswith("searches+")
    assert Path(str(document["spec_file"])).parent == workspace.folder / "specs"
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["pairs_added"] == 0
    assert main([*words, *relevant]) == 2
    assert "relevant already" in capsys.readouterr().err
    with open_store(workspace.folder) as store:
        assert store.read("SELECT DISTINCT origin FROM db.pairs") == [("miss",)]
