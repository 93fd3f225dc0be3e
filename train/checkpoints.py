"""What a run leaves: checkpoints, ``model/`` (the whole encoder) and ``adapter/`` (LoRA's part).

``checkpoints/step-000100/`` holds ``weights.safetensors`` (what is learned),
``optimizer.safetensors`` (its moments) and ``state.json``. It is written under another name,
brought to the disk and renamed, so it is whole or not there. The latest few and the best are kept.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Final, cast

import mlx.core as mx
import numpy as np

from core.encoder.folder import write_lengths
from core.encoder.json_files import read_object
from core.encoder.models.module import named_parameters
from core.encoder.weights import TABLE_NAMES, checkpoint_name
from core.errors import InputError
from core.files import UNFINISHED, replacing, write_atomically
from train.base import base_folder, load_base
from train.config import OFFLINE, RunConfig, Tuning
from train.step.lora import adapted_layers, merged, peft_names
from train.step.optimizer import HEAD, Moments

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from train.runs.folder import RunFolder
    from train.step.trainee import Trainee


_STEP: Final = "step-"
_WEIGHTS: Final = "weights.safetensors"
_OPTIMIZER: Final = "optimizer.safetensors"
_STATE: Final = "state.json"


@dataclass(frozen=True, slots=True)
class RunState:
    """Where a run is. The place in the data follows from the step.

    Args:
        step: optimizer steps taken.
        best: the best nDCG of a held-out evaluation so far; None before the first.
        evaluations_since_best: held-out evaluations after the best one.
        fingerprint: of the settings and the training set that it belongs to.
        evaluated: the step of the last held-out evaluation; -1 before the first.
        base: the content hash of the base model; empty in runs that did not keep it.
    """

    step: int = 0
    best: float | None = None
    evaluations_since_best: int = 0
    fingerprint: str = ""
    evaluated: int = -1
    base: str = ""


def save_checkpoint(folder: RunFolder, trainee: Trainee, state: RunState) -> str:
    """Write a checkpoint and return its name.

    Raises:
        OSError: the disk is full, most likely; earlier checkpoints are as they were.
    """
    name = f"{_STEP}{state.step:06d}"
    rows = trainee.rows.tensors() if trainee.rows else {}
    kept = {key: mx.array(value) for key, value in rows.items()}
    moments = {f"first.{key}": value for key, value in trainee.moments.first.items()}
    moments |= {f"second.{key}": value for key, value in trainee.moments.second.items()}
    of_rows = {key for key in kept if key in {"rows.first", "rows.second"}}
    learned = trainee.weights | {key: kept[key] for key in kept if key not in of_rows}
    folder.checkpoints.mkdir(parents=True, exist_ok=True)
    with replacing(folder.checkpoints / name, remove_folder=True) as unfinished:
        unfinished.mkdir()
        write_tensors(unfinished / _WEIGHTS, learned)
        write_tensors(unfinished / _OPTIMIZER, moments | {key: kept[key] for key in of_rows})
        (unfinished / _STATE).write_text(json.dumps(asdict(state)), encoding="utf-8")
    return name


def checkpoint_names(folder: RunFolder) -> list[str]:
    """Return the names of the whole checkpoints, the earliest first."""
    if not folder.checkpoints.is_dir():
        return []
    return sorted(
        path.name
        for path in folder.checkpoints.iterdir()
        if path.name.startswith(_STEP) and (path / _STATE).is_file()
    )


def load_checkpoint(folder: RunFolder, name: str, trainee: Trainee) -> RunState:
    """Put a checkpoint's weights and moments into the trainee and return where the run was.

    Raises:
        InputError: a file is missing, damaged, or of another encoder.
    """
    path = folder.checkpoints / name
    weights, moments = checkpoint_weights(folder, name), _tensors(path / _OPTIMIZER)
    try:
        trainee.weights = {key: weights[key] for key in trainee.weights}
        trainee.moments = Moments(
            {key: moments[f"first.{key}"] for key in trainee.weights},
            {key: moments[f"second.{key}"] for key in trainee.weights},
        )
        if trainee.rows is not None:
            kept = {key: value for key, value in (weights | moments).items() if "rows." in key}
            trainee.rows.restore({key: np.array(value) for key, value in kept.items()})
    except (KeyError, ValueError) as error:
        raise InputError(
            f"this checkpoint is of another encoder or training set: {error}", where=str(path)
        ) from error
    return read_state(folder, name)


def read_state(folder: RunFolder, name: str) -> RunState:
    """Return where the run was at a checkpoint.

    Raises:
        InputError: its state cannot be read.
    """
    path = folder.checkpoints / name / _STATE
    values = dict(read_object(path))
    if "looks_since_best" in values:  # as earlier versions wrote it
        values |= {"evaluations_since_best": values["looks_since_best"], "base": ""}
        values["evaluated"] = values.get("step")
    try:
        known = {field.name: values[field.name] for field in fields(RunState)}
        return RunState(**known)  # type: ignore[arg-type]
    except KeyError as error:
        raise InputError(f"{error} is missing", where=str(path)) from error


def checkpoint_weights(folder: RunFolder, name: str) -> dict[str, mx.array]:
    """Return what was learned at a checkpoint.

    Raises:
        InputError: it cannot be read.
    """
    return _tensors(folder.checkpoints / name / _WEIGHTS)


def set_best(folder: RunFolder, name: str, metric: str, value: float) -> None:
    """Name the best checkpoint.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps({"folder": name, "metric": metric, "value": value})
    write_atomically(folder.best, text)


def best_checkpoint(folder: RunFolder) -> str | None:
    """Return the name of the best checkpoint, None when no evaluation was made."""
    named = read_object(folder.best).get("folder")
    return named if isinstance(named, str) and named in checkpoint_names(folder) else None


def remove_old(folder: RunFolder, kept: int) -> None:
    """Remove all checkpoints but the latest few and the best, and what was left unfinished."""
    old = checkpoint_names(folder)[:-kept]
    for name in [*_unfinished(folder), *(name for name in old if name != best_checkpoint(folder))]:
        shutil.rmtree(folder.checkpoints / name, ignore_errors=True)


def write_tensors(path: Path, tensors: dict[str, mx.array]) -> None:
    """Write a safetensors file.

    Raises:
        OSError: it cannot be written.
    """
    try:
        mx.save_safetensors(str(path), tensors, metadata={"format": "mlx"})
    except RuntimeError as error:
        # MLX says of a full disk no more than that it could not write.
        raise OSError(f"cannot write {path}: {error}") from error


def _tensors(path: Path) -> dict[str, mx.array]:
    try:
        return cast("dict[str, mx.array]", mx.load(str(path)))
    except (RuntimeError, OSError, ValueError) as error:
        raise InputError(f"cannot read this checkpoint: {error}", where=str(path)) from error


def _unfinished(folder: RunFolder) -> Iterator[str]:
    return (path.name for path in folder.checkpoints.iterdir() if path.name.endswith(UNFINISHED))


def write_model(folder: RunFolder, config: RunConfig, checkpoint: str) -> None:
    """Write the encoder of a checkpoint in the layout of its base, in place of an earlier one.

    Raises:
        InputError: the base or the checkpoint cannot be read.
        OSError: the disk is full, most likely; an earlier model is as it was.
    """
    encoder = load_base(config)
    learned = checkpoint_weights(folder, checkpoint)
    learned = {name: value for name, value in learned.items() if not name.startswith(HEAD)}
    weights = named_parameters(encoder.module)
    if config.tuning is Tuning.LORA:
        changed = merged(weights, learned, config.lora)
        family = encoder.spec.family
        adapter = {checkpoint_name(name, family): value for name, value in learned.items()}
        _write_adapter(folder.adapter, config, adapter)
    else:
        table = TABLE_NAMES[encoder.spec.family]
        weights[table][learned.pop("rows.ids")] = learned.pop("rows.values")
        changed = learned
    encoder.module.load_weights(list((weights | changed).items()))
    try:
        with replacing(folder.model, remove_folder=True) as written:
            encoder.save(written)
            write_lengths(written, encoder.spec)
    except RuntimeError as error:
        raise OSError(f"cannot write the model: {error}") from error


def _write_adapter(target: Path, config: RunConfig, learned: dict[str, mx.array]) -> None:
    """Write LoRA's weights as PEFT does.

    The layers are named in full: by the last parts of their names PEFT would find more of them in
    a pooler or a decoder that the base has beside its encoder.
    """
    base = str(base_folder(OFFLINE)) if config.base == OFFLINE else config.base
    settings = {
        "peft_type": "LORA",
        "task_type": "FEATURE_EXTRACTION",
        "base_model_name_or_path": base,
        "r": config.lora.rank,
        "lora_alpha": config.lora.alpha,
        "lora_dropout": config.lora.dropout,
        "target_modules": adapted_layers(learned),
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
    }
    with replacing(target, remove_folder=True) as written:
        written.mkdir()
        (written / "adapter_config.json").write_text(json.dumps(settings, indent=2), "utf-8")
        write_tensors(written / "adapter_model.safetensors", peft_names(learned))
