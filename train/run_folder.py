"""A run's folder: everything about one run, for the worker, the screen and the next resume.

| path | written by | holds |
|---|---|---|
| ``config.json`` | who starts the run | the ``RunConfig`` |
| ``training_set/`` | who starts the run | ``{queries,documents,pairs}.parquet``, ``summary.json`` |
| ``launch.json`` | who starts the worker | its process id and when, see ``train.run_launch`` |
| ``events.jsonl`` | the worker | one event a line, see ``train.run_events`` |
| ``log.txt`` | the worker | whatever it and its libraries print |
| ``worker.lock`` | the worker | its process id; locked as long as it runs |
| ``checkpoints/step-000100/`` | the worker | weights learned, optimizer, place in the data |
| ``checkpoints/best.json`` | the worker | the name of the best checkpoint and its nDCG |
| ``model/`` | the worker | the encoder as trained, in the layout of its base |
| ``adapter/`` | the worker | LoRA's own weights, when it was LoRA |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

RUNS_NAME: Final = "runs"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where each part of a run lies."""

    path: Path

    @property
    def config(self) -> Path:
        """The run's settings."""
        return self.path / "config.json"

    @property
    def training_set(self) -> Path:
        """The snapshot of what it trains on."""
        return self.path / "training_set"

    @property
    def launch(self) -> Path:
        """The last start of the worker."""
        return self.path / "launch.json"

    @property
    def events(self) -> Path:
        """What happened, a line each."""
        return self.path / "events.jsonl"

    @property
    def log(self) -> Path:
        """What the worker and its libraries printed."""
        return self.path / "log.txt"

    @property
    def lock(self) -> Path:
        """Locked by the worker as long as it lives."""
        return self.path / "worker.lock"

    @property
    def checkpoints(self) -> Path:
        """The folder of all checkpoints."""
        return self.path / "checkpoints"

    @property
    def best(self) -> Path:
        """Names the best checkpoint."""
        return self.checkpoints / "best.json"

    @property
    def model(self) -> Path:
        """The trained encoder."""
        return self.path / "model"

    @property
    def adapter(self) -> Path:
        """LoRA's own weights."""
        return self.path / "adapter"
