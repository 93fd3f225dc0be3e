"""The commands, their keys, and what is made from them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.workspace import Workspace
from tests.building import new_workspace
from tui.app import RejudgeApp
from tui.cli.main import main
from tui.commands import FOOTER_LIMIT, SCREENS, everywhere, footer_groups, sections
from tui.keys import key_table, keys_page, shown_key

ROOT = Path(__file__).parents[2]


def test_documentation_is_made_from_the_commands() -> None:
    assert (ROOT / "docs" / "keys.md").read_text("utf-8") == keys_page()


def test_ids_are_unique_and_default_keys_do_not_clash() -> None:
    identifiers = [command.id for section in sections() for command in section.commands]
    assert len(set(identifiers)) == len(identifiers)
    table = key_table({})
    for name, section in SCREENS.items():
        commands = (*section.commands, *everywhere().commands)
        keys = [key for command in commands for key in table.keys[command.id]]
        assert len(set(keys)) == len(keys), name


def test_no_footer_names_more_than_eight_keys() -> None:
    for section in SCREENS.values():
        assert len(footer_groups((*section.commands, *everywhere().commands))) <= FOOTER_LIMIT


def test_every_command_has_its_action(tmp_path: Path) -> None:
    app = RejudgeApp(Workspace(tmp_path))
    for name, section in SCREENS.items():
        for command in (*section.commands, *everywhere().commands):
            action = command.action.partition("(")[0]
            owner = app if action.startswith("app.") else app._make(name)
            assert hasattr(owner, f"action_{action.removeprefix('app.')}"), command.id


def test_override_changes_a_key() -> None:
    table = key_table({"audit.skip": "x, ctrl+n"})
    assert table.keys["audit.skip"] == ("x", "ctrl+n")
    assert table.changed == {"audit.skip": "x,ctrl+n"}
    assert table.problems == ()


def test_keys_can_be_swapped() -> None:
    table = key_table({"audit.skip": "f", "audit.flag": "s"})
    assert table.problems == ()
    assert (table.keys["audit.skip"], table.keys["audit.flag"]) == (("f",), ("s",))


@pytest.mark.parametrize(
    ("identifier", "keys", "said"),
    [
        ("audit.dance", "x", "no command audit.dance"),
        ("audit.skip", "u", "u is already the key of audit.undo"),
        ("audit.skip", "q", "q is already the key of app.quit"),
        ("app.quit", "f", "f is already the key of audit.flag"),
        ("audit.skip", "hyperspace", "is not a key"),
        ("audit.skip", "", "is not a key"),
    ],
)
def test_override_that_cannot_be_followed_keeps_the_default(
    identifier: str, keys: str, said: str
) -> None:
    table = key_table({identifier: keys})
    assert table.keys == key_table({}).keys
    assert table.changed == {}
    assert any(said in problem for problem in table.problems)


def test_keys_are_shown_as_people_write_them() -> None:
    shown = [
        shown_key(key) for key in ("question_mark", "enter", "ctrl+p", "right", "pagedown", "s")
    ]
    assert shown == ["?", "enter", "ctrl+p", "→", "pgdn", "s"]


def test_keys_command_answers_with_one_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = new_workspace(tmp_path)
    settings = '[keys]\n"audit.skip" = "x"\n"audit.dance" = "y"\n'
    (workspace.folder / "settings.toml").write_text(settings, encoding="utf-8")
    assert main(["keys", "--json", "--workspace", str(tmp_path)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert {"id": "audit.skip", "keys": ["x"]}.items() <= next(
        entry for entry in answer["keys"] if entry["id"] == "audit.skip"
    ).items()
    assert len(answer["problems"]) == 1


def test_keys_command_prints_a_list_and_the_documentation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "--workspace", str(tmp_path)]) == 0
    assert "[audit.undo]" in capsys.readouterr().out
    assert main(["keys", "--markdown"]) == 0
    assert capsys.readouterr().out == keys_page()
