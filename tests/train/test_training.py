"""Runs on tiny encoders: they learn, resume, stop, fail in the open, and leave what they should."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from core.encoder import load_encoder
from core.errors import CancelledError, InputError
from tests.core.encoder.fixture_encoders import skip_without_mlx
from tests.train.training_examples import (
    LORA,
    WORDS,
    example_config,
    example_set,
    losses_of,
    run_folder,
)
from train.config import Precision, RunConfig, Tuning
from train.memory import TrainingError
from train.runs.events import Checkpointed, Ended, EndStatus, Evaluated, RunEvent, Started, Stepped
from train.step.losses import LOSSES

skip_without_mlx()

import mlx.core as mx  # noqa: E402

from train.checkpoints import best_checkpoint, checkpoint_names, read_state  # noqa: E402
from train.held_out import HeldOut  # noqa: E402
from train.step.trainee import Trainee  # noqa: E402
from train.training import _fingerprint, train  # noqa: E402

if TYPE_CHECKING:
    from train.dataset.records import TrainingSet

pytestmark = pytest.mark.usefixtures("uncompiled")
FAMILIES = ("pylate", "sentence", "colbert", "t5_merged", "t5_projected")
EVERY_LOSS = tuple((name, 1.0) for name in LOSSES)


def trained(
    path: Path,
    config: RunConfig,
    training_set: TrainingSet | None = None,
    stop_at: int | None = None,
) -> list[RunEvent]:
    """Train, and ask to stop once a step is taken."""
    events: list[RunEvent] = []

    def stopped() -> bool:
        return stop_at is not None and stop_at in losses_of(events)

    train(config, training_set or example_set(), run_folder(path), events.append, stopped)
    return events


@pytest.mark.parametrize(
    ("name", "tuning"),
    [("pylate", {}), ("sentence", {}), ("colbert", LORA), ("t5_projected", LORA)],
)
def test_a_run_learns_its_training_pairs(tmp_path: Path, name: str, tuning: dict[str, Any]) -> None:
    rate = 2e-2 if tuning else 3e-3
    config = replace(example_config(name, epochs=6, learning_rate=rate), **tuning)
    config = replace(config, lora=replace(config.lora, dropout=0))
    losses = list(losses_of(trained(tmp_path, config, example_set(held_out=0))).values())
    assert np.mean(losses[-4:]) < 0.8 * np.mean(losses[:4])


def test_the_events_of_a_run(tmp_path: Path) -> None:
    events = trained(tmp_path, example_config(evaluate_every=2))
    start, look, *others = events
    assert isinstance(start, Started)
    assert (start.step, start.steps, start.queries, start.pairs) == (0, 6, 6, 24)
    assert (start.held_out_queries, start.documents) == (2, len(WORDS))
    assert start.parameters > start.trainable > 0
    assert look == Evaluated(0, "nDCG@10", look.value, best=False)  # type: ignore[union-attr]
    assert [type(event) for event in others[:4]] == [Stepped, Stepped, Evaluated, Checkpointed]
    steps = [event for event in others if isinstance(event, Stepped)]
    assert [event.step for event in steps] == [1, 2, 3, 4, 5, 6]
    assert steps[-1].epoch == 2
    assert steps[-1].seconds_left == 0
    assert steps[0].pairs_per_second > 0
    assert steps[0].memory > 1 << 20
    assert steps[0].losses == {"contrastive": pytest.approx(steps[0].loss)}
    assert others[-1] == Ended(EndStatus.FINISHED, 6, others[-1].seconds)  # type: ignore[union-attr]


def test_a_run_can_be_repeated(tmp_path: Path) -> None:
    config = example_config(**LORA)
    first, second = (losses_of(trained(tmp_path / name, config)) for name in "ab")
    assert first == second
    assert losses_of(trained(tmp_path / "c", replace(config, seed=8))) != first


@pytest.mark.parametrize("tuning", [{}, LORA], ids=["full", "lora"])
def test_a_resumed_run_has_the_losses_of_an_unbroken_one(
    tmp_path: Path, tuning: dict[str, Any]
) -> None:
    config = example_config(losses=EVERY_LOSS, accumulation=2, extra_documents=2, epochs=3)
    config = replace(config, **tuning)
    unbroken = losses_of(trained(tmp_path / "unbroken", config))
    first = trained(tmp_path / "broken", config, stop_at=2)
    assert isinstance(first[-1], Ended)
    assert (first[-1].status, first[-1].step) == (EndStatus.STOPPED, 2)
    second = trained(tmp_path / "broken", config)
    assert isinstance(second[0], Started)
    assert second[0].step == 2
    together = losses_of(first) | losses_of(second)
    assert together.keys() == unbroken.keys()
    for step, loss in unbroken.items():
        assert together[step] == pytest.approx(loss, abs=1e-5)


@pytest.mark.parametrize("tuning", [{}, LORA], ids=["full", "lora"])
@pytest.mark.parametrize("name", FAMILIES)
def test_the_model_is_the_encoder_as_trained(
    tmp_path: Path, name: str, tuning: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors: list[np.ndarray] = []

    def evaluate(self: HeldOut, encoder: object, _job: object) -> float:
        vectors[:] = encoder.encode_queries(["how to merge things"])  # type: ignore[attr-defined]
        return float(len(vectors))

    monkeypatch.setattr(HeldOut, "mean_ndcg", evaluate)
    config = replace(example_config(name, epochs=1), **tuning)
    trained(tmp_path, config)
    folder = run_folder(tmp_path)
    loaded = load_encoder(folder.model, query_length=16)
    np.testing.assert_allclose(
        loaded.encode_queries(["how to merge things"])[0], vectors[0], atol=2e-5
    )
    base = load_encoder(config.base, query_length=16)
    assert np.abs(base.encode_queries(["how to merge things"])[0] - vectors[0]).max() > 1e-3
    names = {path.relative_to(config.base) for path in base.spec.folder.rglob("*.json")}
    assert names == {path.relative_to(folder.model) for path in folder.model.rglob("*.json")}
    assert folder.adapter.exists() == bool(tuning)


def test_the_best_checkpoint_and_the_last_few_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter([0.5, 0.6, 0.9, 0.7, 0.6, 0.5, 0.4])
    monkeypatch.setattr("train.held_out.HeldOut.mean_ndcg", lambda *_: next(values))
    trained(tmp_path, example_config(evaluate_every=1))
    folder = run_folder(tmp_path)
    assert checkpoint_names(folder) == ["step-000002", "step-000005", "step-000006"]
    assert best_checkpoint(folder) == "step-000002"
    assert json.loads(folder.best.read_text())["value"] == 0.9


def test_a_run_without_progress_ends_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = iter([0.5, 0.6, 0.6, 0.6, 0.9])
    monkeypatch.setattr("train.held_out.HeldOut.mean_ndcg", lambda *_: next(values))
    events = trained(tmp_path, example_config(evaluate_every=1, patience=2))
    assert events[-1] == Ended(EndStatus.FINISHED, 3, events[-1].seconds)  # type: ignore[union-attr]


def test_accumulated_batches_count_as_one(tmp_path: Path) -> None:
    config = example_config(losses=(("mse", 1.0),), epochs=1, bucketing=False)
    whole = trained(tmp_path / "whole", replace(config, batch_size=24))
    parts = trained(tmp_path / "parts", replace(config, batch_size=8, accumulation=3))
    assert losses_of(whole).keys() == losses_of(parts).keys() == {1}
    assert losses_of(parts)[1] == pytest.approx(losses_of(whole)[1], rel=0.1)


def test_a_run_without_held_out_queries_keeps_its_last_checkpoint(tmp_path: Path) -> None:
    events = trained(tmp_path, example_config(epochs=1), example_set(held_out=0))
    assert not any(isinstance(event, Evaluated) for event in events)
    assert best_checkpoint(run_folder(tmp_path)) is None
    assert run_folder(tmp_path).model.is_dir()


def test_half_precision(tmp_path: Path) -> None:
    config = example_config("sentence", epochs=1)
    exact = losses_of(trained(tmp_path / "exact", config))
    half = losses_of(trained(tmp_path / "half", replace(config, precision=Precision.BFLOAT16)))
    assert half[1] == pytest.approx(exact[1], rel=0.1)
    assert half != exact


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_checkpoint(
    tmp_path: Path,
) -> None:
    config = example_config(learning_rate=1.0, clip_norm=0.0, epochs=9, evaluate_every=1)
    config = replace(config, losses=(("mse", 1e30),), weight_decay=0.0)
    trained(tmp_path, replace(config, losses=(("mse", 1.0),)), stop_at=1)
    assert checkpoint_names(run_folder(tmp_path)) == ["step-000001"]
    events: list[RunEvent] = []
    folder = run_folder(tmp_path / "other")
    with pytest.raises(TrainingError, match="of step 1 is not a number") as caught:
        train(config, example_set(), folder, events.append)
    assert "learning_rate" in caught.value.todo
    assert checkpoint_names(folder) == []


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_a_run_that_diverges_later_keeps_its_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    taken = count(1)
    gradients, update = Trainee.gradients, Trainee.update

    def diverging(self: Trainee, *given: Any) -> Any:
        loss, parts, own = gradients(self, *given)
        if next(taken) == 3 and what == "loss":
            return float("nan"), parts, own
        return loss, parts, own

    def exploding(self: Trainee, own: Any, number: int, share: float) -> float:
        if number == 3 and what == "gradient":
            own = {name: value * float("inf") for name, value in own.items()}
        return update(self, own, number, share)

    monkeypatch.setattr(Trainee, "gradients", diverging)
    monkeypatch.setattr(Trainee, "update", exploding)
    events: list[RunEvent] = []
    config, folder = example_config(checkpoint_every=1), run_folder(tmp_path)
    with pytest.raises(TrainingError, match=f"the {what} of step 3 is not a number") as caught:
        train(config, example_set(), folder, events.append)
    assert caught.value.todo.startswith("step-000002 is the last good checkpoint.")
    assert list(losses_of(events)) == [1, 2]
    assert checkpoint_names(folder)[-1] == "step-000002"
    for name in ("weights", "optimizer"):
        kept = load_file(folder.checkpoints / "step-000002" / f"{name}.safetensors")
        assert all(np.isfinite(value).all() for value in kept.values())


def test_a_disk_that_is_full_at_the_model_keeps_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_folder(tmp_path)
    trained(tmp_path, example_config(**LORA), stop_at=1)
    before = (folder.model / "model.safetensors").read_bytes()

    save = mx.save_safetensors

    def full(path: str, *arguments: Any, **named: Any) -> None:
        if "model" not in Path(path).parent.name:
            save(path, *arguments, **named)
            return
        raise RuntimeError("[save_safetensors] failed to write to the file")

    monkeypatch.setattr(mx, "save_safetensors", full)
    with pytest.raises(TrainingError, match="cannot write the model") as caught:
        trained(tmp_path, example_config(**LORA))
    assert "resume" in caught.value.todo
    assert (folder.model / "model.safetensors").read_bytes() == before


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    trained(tmp_path, example_config(), stop_at=1)
    monkeypatch.setattr("core.files.sync", full)
    with pytest.raises(TrainingError, match="No space left") as caught:
        trained(tmp_path, example_config())
    assert "resume" in caught.value.todo
    assert checkpoint_names(run_folder(tmp_path)) == ["step-000001"]


def test_too_little_memory_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("[malloc] Unable to allocate 123 bytes.")

    monkeypatch.setattr("train.step.trainee.Trainee.gradients", full)
    with pytest.raises(TrainingError, match="memory") as caught:
        trained(tmp_path, example_config())
    assert "batch_size" in caught.value.todo


def test_too_little_memory_for_the_encoder_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("train.training.load_base", full)
    with pytest.raises(TrainingError, match="memory"):
        trained(tmp_path, example_config())


def test_other_settings_are_not_mixed_with_a_checkpoint(tmp_path: Path) -> None:
    config = example_config()
    trained(tmp_path, config, stop_at=1)
    with pytest.raises(InputError, match="not those of the last checkpoint"):
        trained(tmp_path, replace(config, learning_rate=1e-4))
    trained(tmp_path, replace(config, specs=("later",)))


def test_an_unfinished_checkpoint_is_none(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    trained(tmp_path, example_config(), stop_at=1)
    (folder.checkpoints / "step-000002").mkdir()
    (folder.checkpoints / ".step-000003.unfinished").mkdir()
    events = trained(tmp_path, example_config())
    assert isinstance(events[0], Started)
    assert events[0].step == 1
    assert not (folder.checkpoints / ".step-000003.unfinished").exists()


def test_an_absent_base_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such encoder folder"):
        trained(tmp_path, example_config(base=str(tmp_path / "none")))


def test_a_set_with_nothing_to_learn_is_refused(tmp_path: Path) -> None:
    whole = example_set()
    bad = replace(whole, pairs=tuple(replace(pair, grade=2.0) for pair in whole.pairs))
    for name in LOSSES:
        with pytest.raises(InputError, match="learns nothing"):
            trained(tmp_path, example_config(losses=((name, 1.0),)), bad)
    with pytest.raises(InputError, match="24 training pairs, and one batch takes 99"):
        trained(tmp_path, example_config(batch_size=99))


def test_a_run_that_is_stopped_while_it_prepares_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(CancelledError):
        train(example_config(), example_set(), run_folder(tmp_path), print, lambda: True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", [0, 2, 6])
def test_a_run_that_is_stopped_during_an_evaluation_goes_on_with_it(
    tmp_path: Path, step: int
) -> None:
    config = example_config(evaluate_every=2)
    unbroken = trained(tmp_path / "unbroken", config)
    events: list[RunEvent] = []
    evaluating = False
    mean_ndcg = HeldOut.mean_ndcg

    def evaluate(self: HeldOut, encoder: Any, job: Any) -> float:
        nonlocal evaluating
        evaluating = max(losses_of(events), default=0) == step
        return mean_ndcg(self, encoder, job)

    folder = run_folder(tmp_path / "broken")
    with patch.object(HeldOut, "mean_ndcg", evaluate):
        train(config, example_set(), folder, events.append, lambda: evaluating)
    assert isinstance(events[-1], Ended)
    assert (events[-1].status, events[-1].step) == (EndStatus.STOPPED, step)
    assert checkpoint_names(folder)[-1] == f"step-{step:06d}"
    assert folder.model.is_dir()
    events += trained(folder.path, config)
    for kind in (Evaluated, Stepped):
        steps, wanted = ([e.step for e in run if isinstance(e, kind)] for run in (events, unbroken))
        assert steps == wanted
    assert read_state(folder, "step-000006").best == pytest.approx(
        read_state(run_folder(tmp_path / "unbroken"), "step-000006").best
    )


def test_fingerprints_are_those_of_earlier_versions() -> None:
    losses = (("contrastive", 1.0), ("kl", 0.5))
    config = RunConfig(base="offline", losses=losses, tuning=Tuning.LORA, query_length=8)
    assert _fingerprint(config, example_set()).startswith("996c86e4b89b8adc034704018b4ed894")


def test_a_run_is_not_resumed_with_another_base(tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(example_config().base, base)
    config = example_config(base=str(base))
    trained(tmp_path / "run", config, stop_at=1)
    weights = load_file(base / "model.safetensors")
    save_file({name: value + 1 for name, value in weights.items()}, base / "model.safetensors")
    with pytest.raises(InputError, match="the base model has changed"):
        trained(tmp_path / "run", config)


def test_a_checkpoint_of_an_earlier_version_is_resumed(tmp_path: Path) -> None:
    config, folder = example_config(), run_folder(tmp_path)
    trained(tmp_path, config, stop_at=1)
    path = folder.checkpoints / "step-000001" / "state.json"
    state = json.loads(path.read_text())
    del state["evaluated"], state["base"]
    state["looks_since_best"] = state.pop("evaluations_since_best")
    path.write_text(json.dumps(state))
    assert trained(tmp_path, config)[-1].step == 6  # type: ignore[union-attr]


def test_a_checkpoint_of_another_encoder_is_refused(tmp_path: Path) -> None:
    trained(tmp_path, example_config(**LORA), stop_at=1)
    with pytest.raises(InputError, match="of another encoder"):
        trained(tmp_path, example_config("sentence"))
