"""A workspace with runs of recorded events, and the app on its train screen."""

from __future__ import annotations

import fcntl
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from core.jobs import Job
from core.store.opening import open_store
from eval.corpus import load_corpus
from eval.evaluating import evaluate
from eval.specs import load_spec
from tests.eval.eval_building import FixedRetriever
from tests.train.run_building import CONFIG, START, make_run, steps, whole_run
from tests.tui.driving import NARROW, Visit, settled, until
from tests.tui.train_building import SPEC, trainable_workspace
from train.config import Tuning
from train.runs.events import Checkpointed, Ended, EndStatus, Evaluated
from train.runs.store import RunEval, Side, WorkspaceRuns, link_eval
from tui.app import RejudgeApp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from core.store.database import Store
    from core.workspace import Workspace
    from train.runs.folder import RunFolder
    from tui.screens.train.screen import TrainScreen

FINISHED = "20300503-120000-contrastive-0001"
FAILED = "20300504-101500-margin-ff00"
STOPPED = "20300504-131500-mse-kl-a0b1"
REASON = "the loss is not a number at step [7]\x1b[31m"


def workspace_with_runs(folder: Path) -> Workspace:
    """Make a workspace with a run that finished and is evaluated, one that failed, one stopped."""
    workspace = trainable_workspace(folder)
    make_run(workspace.folder, FINISHED, whole_run(), log="loading the encoder\n")
    failed = Ended(EndStatus.FAILED, 7, 9.0, REASON, "Lower --rate.")
    make_run(
        workspace.folder,
        FAILED,
        [START, *steps(1, 7), failed],
        replace(CONFIG, losses=(("margin", 1.0),)),
        log="one\x1b[31m\n",
    )
    make_run(
        workspace.folder,
        STOPPED,
        [
            START,
            *steps(1, 15),
            Evaluated(15, "nDCG@10", 0.55, best=True),
            Checkpointed(15, "step-000015"),
            *steps(16, 17),
            Ended(EndStatus.STOPPED, 17, 50.0, "it was told to stop"),
        ],
        replace(
            CONFIG,
            base="google/xtr-base-en",
            tuning=Tuning.LORA,
            losses=(("mse", 1.0), ("kl", 0.5)),
        ),
    )
    with open_store(workspace.folder) as store:
        link_outcome(store, workspace, FINISHED)
    return workspace


def link_outcome(store: Store, workspace: Workspace, name: str) -> None:
    """Evaluate a run with fixed results: one query is fixed, one is broken."""
    spec, corpus = load_spec(store, SPEC.name), load_corpus(store)
    (record,) = (
        each for each in WorkspaceRuns(workspace.folder).read(store).records if each.id == name
    )
    found = {
        Side.BEFORE: {"violin": ["pkg/violin1.py"]},
        Side.AFTER: {"who keeps an eye on kettles": ["pkg/violin0.py", "pkg/kettle0.py"]},
    }
    for side, results in found.items():
        retriever = FixedRetriever(results, name="encoder")
        done = evaluate(store, spec, corpus, retriever, Job())
        link_eval(store, name, RunEval(spec.name, side, done.summary.id, record.position))


@contextmanager
def at_work(folder: RunFolder) -> Iterator[None]:
    """Hold a run's lock as its worker does."""
    with folder.lock.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Training(Visit):
    """An app at its train screen."""

    @property
    def screen(self) -> TrainScreen:
        return cast("TrainScreen", self.app.screen)

    @property
    def said(self) -> str:
        return self.screen.message.plain

    @property
    def notices(self) -> str:
        return "\n".join(notice.message for notice in self.app._notifications)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is under way but evals, which are waited for by name."""
        if self.app.context.runs.job is None:
            await settled(self.pilot)
        else:
            await self.pilot.pause()

    async def reached(self, text: str) -> None:
        """Wait until a text is on the screen, looking at the runs meanwhile."""

        def looked() -> bool:
            self.app.context.runs.refresh(self.app.store)
            return text in self.text

        await until(self.pilot, looked)


@asynccontextmanager
async def train(workspace: Workspace, size: tuple[int, int] = NARROW) -> AsyncIterator[Training]:
    """Run the app and go to its train screen, once the runs have been looked at."""
    app = RejudgeApp(workspace)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.store is not None)
        await pilot.press("t")
        await until(
            pilot, lambda: app.current_mode == "train" and app.context.runs.last is not None
        )
        training = Training(app, pilot)
        await training.settle()
        yield training
