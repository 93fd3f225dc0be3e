"""The terminal is closed, or has one cell, while a person labels: no label is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.store.journal import LabelJournal
from core.store.opening import open_store
from tests.building import numbered
from tests.faults.pseudo_terminal import PATIENCE, PseudoTerminal
from tests.tui.driving import painted, settled, until, workspace_with
from tui.app import RejudgeApp
from tui.commands import SCREENS

if TYPE_CHECKING:
    from pathlib import Path

    from core.workspace import Workspace

PROGRAM = "tests.faults.app_in_terminal"


@pytest.fixture(name="workspace")
def _workspace(tmp_path: Path) -> Workspace:
    return workspace_with(tmp_path, numbered(12), "blind_share = 0\nrepeat_share = 0\n")


class Labelling:
    """A person at a pseudo-terminal, whose labels are counted in the journal."""

    def __init__(self, terminal: PseudoTerminal, workspace: Workspace) -> None:
        self._terminal = terminal
        self._journal = LabelJournal(workspace.folder)
        self.grades: list[int | None] = []

    def begin(self) -> None:
        self._terminal.read_until(lambda: b"query number" in self._terminal.written)

    def grade(self, grade: int) -> None:
        """Press the key of a grade and wait until it is recorded."""
        self.grades.append(grade)
        self._terminal.press(str(grade))
        self._terminal.read_until(lambda: len(self.recorded()) >= len(self.grades))

    def recorded(self) -> list[int | None]:
        return [event.grade for event in self._journal.events()]


def in_database(workspace: Workspace) -> list[int]:
    with open_store(workspace.folder) as store:
        return [
            grade
            for (grade,) in store.read("SELECT grade FROM db.label_events ORDER BY happened, id")
        ]


@pytest.mark.slow
@pytest.mark.own_file
@pytest.mark.parametrize("deaf", ["", "deaf"])
def test_a_closed_terminal_ends_the_app_and_keeps_the_labels(
    workspace: Workspace, deaf: str
) -> None:
    with PseudoTerminal(PROGRAM, str(workspace.root), deaf) as terminal:
        person = Labelling(terminal, workspace)
        person.begin()
        for grade in (4, 2, 5):
            person.grade(grade)
        terminal.close()
        terminal.program.wait(PATIENCE)
    assert in_database(workspace) == person.recorded() == person.grades == [4, 2, 5]


@pytest.mark.slow
@pytest.mark.own_file
def test_a_terminal_of_one_cell_and_back(workspace: Workspace) -> None:
    with PseudoTerminal(PROGRAM, str(workspace.root)) as terminal:
        person = Labelling(terminal, workspace)
        person.begin()
        person.grade(4)
        terminal.resize(1, 1)
        person.grade(2)
        terminal.resize(100, 30)
        terminal.written = b""
        terminal.read_until(lambda: b"query number" in terminal.written)
        person.grade(5)
        terminal.press("q")
        assert terminal.read_to_end() == 0
    assert in_database(workspace) == person.grades == [4, 2, 5]
    assert b"Traceback" not in terminal.written


async def test_every_screen_bears_one_cell(workspace: Workspace) -> None:
    app = RejudgeApp(workspace)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: app.store is not None)
        for mode in SCREENS:
            await app.switch_mode(mode)
            await settled(pilot)
            before = painted(pilot)
            for size in ((1, 1), (2, 1), (1, 40), (300, 1), (80, 24)):
                await pilot.resize_terminal(*size)
                await settled(pilot)
            assert painted(pilot) == before, mode
