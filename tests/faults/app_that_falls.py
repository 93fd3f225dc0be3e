"""The app with a mistake in it, which shows while a judge is asked.

``python -m tests.faults.app_that_falls HOW ROOT URL``: the mistake is in a ``handler`` of the
screen, which ends the app, or in the ``thread`` that judges, which does not. With ``command`` it
is in ``rejudge judge``; with ``task`` in a task of it that nobody waits for.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from core.workspace import Workspace
from labels.judges.judge import Ruling
from tests.faults.hostile_workspace import PAYLOAD
from tests.faults.pseudo_terminal import own_terminal
from tests.tui.driving import until
from tui.app import RejudgeApp
from tui.cli import main as command_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

    from tui.screens.workshop import WorkshopScreen


def mistake(*_: object, **__: object) -> None:
    """Raise, with the key and text of the corpus in variables and in the message."""
    key, code = os.environ["REJUDGE_API_KEY"], PAYLOAD
    headers = {"Authorization": f"Bearer {key}", "X-Code": code}
    raise ZeroDivisionError(f"{code} {headers['Authorization']}")


def _mistake_while_judging(screen: WorkshopScreen) -> None:
    if screen.job is not None and screen.job.progress is not None and screen.job.progress.done:
        mistake(screen.trial)


async def _lost_task(*_: object, **__: object) -> Ruling:
    async def task() -> None:
        mistake()

    lost = asyncio.ensure_future(task())
    _ = await asyncio.wait([lost])
    del lost
    gc.collect()
    return Ruling(failure="a task was lost")


def _put(name: str, mistaken: Callable[..., object]) -> None:
    pytest.MonkeyPatch().setattr(name, mistaken)


def _show(how: str, root: str, url: str) -> int:
    """Try a rubric in the prompt workshop, with a mistake there."""
    if how == "handler":
        _put("tui.screens.workshop.WorkshopScreen.show_status", _mistake_while_judging)
    else:
        _put("labels.judges.llm.read_ruling", mistake)

    async def drive(told: Pilot[object]) -> None:
        pilot = cast("Pilot[None]", told)
        await until(pilot, lambda: app.store is not None)
        await app.switch_mode("workshop")
        screen = cast("WorkshopScreen", app.screen)
        await until(pilot, lambda: bool(screen.rubric.text))
        await pilot.press("ctrl+r")
        await pilot.pause()
        await pilot.press("end", "ctrl+u", *f"m as:strict at:{url}", "enter")
        await until(pilot, lambda: screen.trial is not None)
        await pilot.press("enter")
        await until(pilot, lambda: app._exception is not None or told_of_it())
        if app._exception is None:
            app.exit()

    def told_of_it() -> bool:
        return any("mistake" in one.message for one in app._notifications)

    app = RejudgeApp(Workspace(Path(root)))
    app.run(auto_pilot=drive)
    return app.return_code or 0


def _judge(how: str, root: str, url: str) -> int:
    """Judge by the command line, with a mistake there."""
    if how == "command":
        _put("labels.judges.llm.read_ruling", mistake)
    else:
        _put("labels.judges.llm.LlmJudge.rule", _lost_task)
    words = ["--workspace", root, "judge", "--base-url", url, "--model", "m", "--limit", "1"]
    sys.argv = ["rejudge", *words]
    return command_line.program()


if __name__ == "__main__":
    own_terminal()
    act = _show if sys.argv[1] in {"handler", "thread"} else _judge
    sys.exit(act(*sys.argv[1:]))
