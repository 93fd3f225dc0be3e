"""Whole runs: the real worker, tiny encoders, from the training set to what it changed."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from core.encoder import load_encoder
from tests.core.encoder.fixture_encoders import skip_without_mlx
from tests.tui.driving import until
from tests.tui.train_building import BASE, trainable_workspace
from tests.tui.train_driving import train
from train.runs.folder import RUNS_NAME, RunFolder
from train.runs.process import worker_pid
from tui.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

skip_without_mlx()

pytestmark = pytest.mark.slow
OPTIONS = ("--base", str(BASE), "--use-judge-scores", "--held-out-share", "0.4", "--batch", "8")


def told(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert main([*words, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_run_is_trained_evaluated_and_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    trainable_workspace(tmp_path)
    events = told(capsys, "train", *OPTIONS, "--lora", "4", "--epochs", "1", "--rate", "0.001")
    assert events[-2]["event"] == "evaluating"
    assert events[-2]["done"] <= events[-2]["total"]
    events = [each for each in events if each["event"] not in {"preparing", "evaluating"}]
    kinds = [event["event"] for event in events]
    assert kinds[:2] == ["prepared", "start"]
    assert kinds[-2:] == ["end", "compared"]
    assert {"step", "eval", "checkpoint"} <= set(kinds)
    assert events[-2]["status"] == "finished"
    compared = events[-1]
    (outcome,) = compared["outcomes"]
    assert outcome["spec"] == "searches"
    assert outcome["before"]["eval"] != outcome["after"]["eval"]
    assert {"value", "low", "high"} == set(outcome["after"]["by_kind"]["semantic"]["R@10"])
    assert load_encoder(compared["model"]).encode_queries(["a query"])[0].size
    (one,) = told(capsys, "runs", events[0]["run"])
    assert (one["status"], one["step"]) == ("finished", one["steps"])
    assert one["metric_curve"]
    assert one["outcomes"] == compared["outcomes"]
    # Evaluated is evaluated: asked again, it only tells.
    *_, again = told(capsys, "train", "--evaluate", "latest")
    assert again["outcomes"] == compared["outcomes"]
    (status,) = told(capsys, "status")
    assert (status["runs"], status["evals"]) == (1, 2)


async def test_a_run_goes_on_without_the_app_and_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The worker's first step would wait for the compiler, for a minute where nothing is made yet.
    monkeypatch.setenv("MLX_DISABLE_COMPILE", "1")
    workspace = trainable_workspace(tmp_path)
    async with train(workspace) as training:
        await training.press("n", "enter")
        await training.type(str(BASE))
        await training.press(*["down"] * 2, "enter")
        await training.type("100000")
        await training.press(*["down"] * 5, "enter", "down", "enter")
        await training.type("0.4")
        await training.press("g")
        await until(training.pilot, lambda: bool(training.screen.chosen))
        await training.reached("pairs/s")
        name = training.screen.chosen
    folder = RunFolder(workspace.folder / RUNS_NAME / name)
    pid = worker_pid(folder)
    assert pid is not None
    try:
        async with train(workspace) as training:
            assert "▶ running" in training.text
            os.kill(pid, signal.SIGKILL)
            await training.reached("✗ died")
            assert "died" in training.notices
            await training.press("r")
            await training.reached("▶ running")
            # One that has not begun would just end; what it told before its death is no sign.
            await until(training.pilot, lambda: bool(worker_pid(folder)))
            await training.press("s")
            await training.reached("■ stopped")
    finally:
        left = worker_pid(folder)
        if left is not None:
            os.kill(left, signal.SIGKILL)
    assert list(folder.checkpoints.glob("step-*"))
