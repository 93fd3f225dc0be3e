"""Two processes that share a run take the steps of one that accumulates their batches."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.core.encoder.fixture_encoders import skip_without_mlx
from tests.train.test_worker import PROGRAM, write_run
from tests.train.training_examples import example_config, example_set, losses_of, run_folder
from train.runs.events import Checkpointed, Ended, EndStatus, RunEvent, read_events

skip_without_mlx()

from train.training import train  # noqa: E402

HOUSE = Path(__file__).parents[2]
LAUNCHER = "from mlx._distributed_utils.launch import main; main()"


def two_free_ports() -> int:
    """Return a port of the loopback that is free, as is the next one."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


@pytest.mark.slow
@pytest.mark.usefixtures("uncompiled")
def test_two_processes_on_loopback(tmp_path: Path) -> None:
    config = example_config("colbert", epochs=2, evaluate_every=2, batch_size=4)
    shared = write_run(tmp_path / "shared", config)
    program = tmp_path / "worker.py"
    program.write_text(PROGRAM.format(before=""))
    done = subprocess.run(
        [
            *(sys.executable, "-c", LAUNCHER, "-n", "2", "-p", str(two_free_ports())),
            *("--python", sys.executable, "--env", f"PYTHONPATH={HOUSE}", "--"),
            *(str(program), str(shared.path)),
        ],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    events = [timed.event for timed in read_events(shared.events)]
    assert isinstance(events[-1], Ended), done.stderr
    assert events[-1].status is EndStatus.FINISHED
    assert sum(isinstance(event, Checkpointed) for event in events) == 3

    alone: list[RunEvent] = []
    folder = run_folder(tmp_path / "alone")
    train(replace(config, accumulation=2), example_set(), folder, alone.append)
    wanted, found = losses_of(alone), losses_of(events)
    assert found.keys() == wanted.keys()
    for step, loss in wanted.items():
        assert found[step] == pytest.approx(loss, abs=1e-4)
