from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.errors import WorkspaceError
from core.workspace import (
    ANNOTATOR_VARIABLE,
    STORE_VARIABLE,
    Settings,
    Workspace,
    find_workspace,
    given_path,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_the_nearest_workspace_above_is_found(tmp_path: Path) -> None:
    Workspace(tmp_path).create()
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert find_workspace(inner) == Workspace(tmp_path)
    Workspace(inner).create()
    assert find_workspace(inner) == Workspace(inner)


def test_making_it_twice_keeps_what_the_person_wrote(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert workspace.create()
    settings = workspace.folder / "settings.toml"
    settings.write_text('annotator = "ada"\n[keys]\n"audit.skip" = "x"\n')
    assert not workspace.create()
    assert workspace.settings() == Settings(annotator="ada", keys={"audit.skip": "x"})


def test_the_template_is_valid_and_sets_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.create()
    assert workspace.settings() == Settings()
    assert "irrelevant" in workspace.guidelines()


@pytest.mark.parametrize("text", ["annotator = ", "annotator = 3", "colour = 'x'", "[keys]\na = 1"])
def test_settings_that_mean_nothing_are_named(tmp_path: Path, text: str) -> None:
    workspace = Workspace(tmp_path)
    workspace.create()
    (workspace.folder / "settings.toml").write_text(text)
    with pytest.raises(WorkspaceError) as caught:
        workspace.settings()
    assert "settings.toml" in caught.value.where
    assert caught.value.todo


def test_the_store_is_known_whatever_else_the_settings_get_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(STORE_VARIABLE, raising=False)
    workspace = Workspace(tmp_path)
    workspace.create()
    settings = workspace.folder / "settings.toml"
    settings.write_text("theme = 3")
    assert workspace.store_url() == ""
    settings.write_text('theme = 3\nstore = "postgres:dbname=team"')
    assert workspace.store_url() == "postgres:dbname=team"
    for unclear in ("store = 3", 'store = "postgres:dbname=team'):
        settings.write_text(unclear)
        with pytest.raises(WorkspaceError):
            workspace.store_url()
        assert Workspace(tmp_path, "file").store_url() == ""


def test_who_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path)
    workspace.create()
    monkeypatch.delenv(ANNOTATOR_VARIABLE, raising=False)
    (workspace.folder / "settings.toml").write_text('annotator = "ada"')
    assert workspace.annotator() == "ada"
    monkeypatch.setenv(ANNOTATOR_VARIABLE, "bob")
    assert workspace.annotator() == "bob"
    assert workspace.annotator("eve") == "eve"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="could not be created"):
        Workspace(tmp_path / "file").create()


def test_a_workspace_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError) as caught:
        Workspace(tmp_path).require()
    assert "rejudge init" in caught.value.todo


def test_a_tilde_is_a_home_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert given_path("~/a") == tmp_path / "a"
    assert str(given_path("~no-such-user-here/a")) == "~no-such-user-here/a"


def test_a_setting_is_remembered_in_its_own_line(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.create()
    path = workspace.folder / "settings.toml"
    path.write_text(
        '# mine\ntheme = "nord"  # dark\njudge = "gpt"\n\n[keys]\n"a.b" = "x"\n', "utf-8"
    )
    workspace.remember("theme", 'a "b" \\ c')
    assert workspace.settings().theme == 'a "b" \\ c'
    assert path.read_text("utf-8").startswith("# mine\ntheme = ")
    workspace.remember("annotator", "ada")
    assert (workspace.settings().annotator, workspace.settings().keys) == ("ada", {"a.b": "x"})
    path.write_text("theme = \n", "utf-8")
    with pytest.raises(WorkspaceError, match="could not be changed"):
        workspace.remember("judge", "gpt")
    assert path.read_text("utf-8") == "theme = \n"
