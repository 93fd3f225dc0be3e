"""What a run leaves: ``model/``, the whole encoder, and ``adapter/``, LoRA's part of it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from core.encoder.lengths import write_lengths
from core.encoder.module import named_parameters
from core.encoder.naming import TABLE_NAMES
from train.base_encoder import base_folder, load_base
from train.checkpoints import checkpoint_weights, write_synced, write_tensors
from train.lora import adapted_layers, merged, peft_names
from train.optimizer import HEAD
from train.run_config import RunConfig, Tuning

if TYPE_CHECKING:
    from pathlib import Path

    import mlx.core as mx

    from train.run_folder import RunFolder


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
        _write_adapter(folder.adapter, config, learned)
    else:
        table = TABLE_NAMES[encoder.spec.family]
        weights[table][learned.pop("rows.ids")] = learned.pop("rows.values")
        changed = learned
    encoder.module.load_weights(list((weights | changed).items()))
    written = folder.model.with_name(".model.written")
    shutil.rmtree(written, ignore_errors=True)
    try:
        encoder.save(written)
        write_lengths(written, encoder.spec)
    except RuntimeError as error:
        raise OSError(f"cannot write the model: {error}") from error
    _replace(folder.model, written)


def _write_adapter(target: Path, config: RunConfig, learned: dict[str, mx.array]) -> None:
    """Write LoRA's weights as PEFT does.

    The layers are named in full: by the last parts of their names PEFT would find more of them in
    a pooler or a decoder that the base has beside its encoder.
    """
    written = target.with_name(".adapter.written")
    shutil.rmtree(written, ignore_errors=True)
    written.mkdir()
    settings = {
        "peft_type": "LORA",
        "task_type": "FEATURE_EXTRACTION",
        "base_model_name_or_path": str(base_folder(config)),
        "r": config.lora.rank,
        "lora_alpha": config.lora.alpha,
        "lora_dropout": config.lora.dropout,
        "target_modules": adapted_layers(learned),
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
    }
    write_synced(written / "adapter_config.json", json.dumps(settings, indent=2).encode())
    write_tensors(written / "adapter_model.safetensors", peft_names(learned))
    _replace(target, written)


def _replace(target: Path, written: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    written.rename(target)
