"""What the train screen does off its thread: counting a training set, preparing a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import InputError
from tui.screens.eval_job import Clocked

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.store import Store
    from train.run_config import RunConfig
    from train.run_folder import RunFolder
    from train.training_set.plan import TrainingSetPlan
    from train.training_set.summary import TrainingSetSummary


@dataclass(frozen=True, slots=True)
class Counted:
    """A training set in figures; ``problem`` says why it will not do, empty when it will."""

    summary: TrainingSetSummary
    problem: str


class Counting(Clocked):
    """Counts what a plan would train on."""

    def __init__(self, plan: TrainingSetPlan, closing: Callable[[], bool]) -> None:
        super().__init__(closing)
        self._plan = plan

    def run(self, store: Store) -> Counted:
        """Count in this thread.

        Raises:
            InputError: the plan cannot be.
            CancelledError: it was stopped.
        """
        from train.training_set.building import build_training_set
        from train.training_set.enough import require_enough
        from train.training_set.watching import Watch

        _, summary = build_training_set(store, self._plan, Watch(self.tell, self.stopped))
        try:
            require_enough(summary)
        except InputError as error:
            return Counted(summary, str(error))
        return Counted(summary, "")


class Preparing(Clocked):
    """Makes a run's folder and starts its worker."""

    def __init__(
        self, config: RunConfig, plan: TrainingSetPlan, closing: Callable[[], bool]
    ) -> None:
        super().__init__(closing)
        self._config = config
        self._plan = plan

    def run(self, store: Store) -> RunFolder:
        """Make it in this thread.

        Raises:
            RejudgeError: it cannot be made or started, or it was stopped.
        """
        from train.run_launch import launch
        from train.run_making import make_run
        from train.training_set.watching import Watch

        folder, _ = make_run(store, self._config, self._plan, Watch(self.tell, self.stopped))
        launch(folder)
        return folder
