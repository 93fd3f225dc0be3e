"""The settings of a training run: their declaration, their checks, and ``config.json``."""

# ruff: noqa: RUF009 - ``setting`` makes a field, as ``dataclasses.field`` does

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar, cast, get_origin, get_type_hints

from core.encoder.json_files import read_object
from core.errors import InputError
from train.settings import (
    Bounds,
    number_text,
    parse_number,
    plain_type,
    problems_of,
    setting,
    settings_of,
)
from train.step.losses import LOSSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

#: The base that needs no download: all-MiniLM-L6-v2.
OFFLINE: Final = "offline"
#: The lowest grade of a document that is no negative.
DOUBTFUL: Final = 3.0
LOSSES_FORM: Final = "a loss, or several with their weights: contrastive=1,kl=0.5"
_COUNT: Final = Bounds(0)
_AT_LEAST_ONE: Final = Bounds(1)
_POSITIVE: Final = Bounds(0, above=True)
#: The encoder's special tokens and one of the text's own.
_LENGTH: Final = Bounds(4)


class Tuning(StrEnum):
    """Which weights are learned: low-rank additions to some, or all."""

    LORA = "lora"
    FULL = "full"


class Precision(StrEnum):
    """The type of the activations; the learned weights are always float32."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


#: Each loss of a run with its weight in the sum.
Losses = tuple[tuple[str, float], ...]


def losses_text(losses: Iterable[tuple[str, float]]) -> str:
    """Return losses as ``parse_losses`` reads them; a single loss of weight 1 by its name alone."""
    named = list(losses)
    if len(named) == 1 and named[0][1] == 1:
        return named[0][0]
    return ",".join(f"{name}={number_text(weight)}" for name, weight in named)


def parse_losses(text: str) -> Losses:
    """Read losses such as ``contrastive`` or ``contrastive=1,kl=0.5``.

    Raises:
        InputError: a name is no loss, or a weight no number.
    """
    found = []
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, weight = (piece.strip() for piece in part.partition("="))
        if name not in LOSSES:
            raise InputError(
                f"{name or part} is no loss",
                todo=f"Losses are {', '.join(LOSSES)}; give {LOSSES_FORM}.",
            )
        found.append((name, parse_number(weight, "the weight of a loss") if weight else 1.0))
    if not found:
        raise InputError("no loss is named", todo=f"Give {LOSSES_FORM}.")
    return tuple(found)


def _parse_names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685): W + alpha / rank * B A."""

    rank: int = setting(
        16,
        "learn low-rank additions of this rank instead of all weights",
        flag="--lora",
        metavar="RANK",
        bounds=_AT_LEAST_ONE,
    )
    alpha: float = setting(
        32.0, "scale of the additions (twice the rank)", flag="--lora-alpha", bounds=_POSITIVE
    )
    dropout: float = setting(
        0.0, "dropout before the additions", flag="--lora-dropout", bounds=Bounds(0, 1, below=True)
    )
    modules: tuple[str, ...] = setting(
        ("auto",),
        "layers to adapt, by the last part of their names; auto: the query and value projections",
        flag="--lora-modules",
        metavar="A,B",
        reads=_parse_names,
        shows=",".join,
    )


@dataclass(frozen=True, slots=True)
class RunConfig:
    """The settings of one run: everything that decides its outcome, but for the training set.

    A length of None is the base's own. Each query brings up to ``pairs_per_query`` pairs into an
    epoch, drawn anew, one of its best grades always among them.
    """

    base: str = setting(
        OFFLINE,
        "encoder to start from: a folder, a hub id owner/name, or offline: all-MiniLM-L6-v2",
        label="base model",
        metavar="MODEL",
    )
    losses: Losses = setting(
        (("contrastive", 1.0),),
        f"{', '.join(LOSSES)}: {LOSSES_FORM}",
        flag="--loss",
        label="loss",
        metavar="LOSS",
        reads=parse_losses,
        shows=losses_text,
    )
    temperature: float = setting(0.05, "divides the scores in kl and contrastive", bounds=_POSITIVE)
    margin: float = setting(
        0.1,
        "difference of scores that one grade should make, for margin",
        bounds=Bounds(0, 2, above=True),
    )
    epochs: float = setting(3.0, "passes over the training pairs; may be 0.5", bounds=_POSITIVE)
    batch_size: int = setting(
        16,
        "pairs in one forward pass; more is steadier and takes more memory",
        flag="--batch",
        label="batch",
        bounds=Bounds(2),
    )
    pairs_per_query: int = setting(
        0, "most pairs of a query in one epoch; 0: all", flag="--per-query", bounds=_COUNT
    )
    group_size: int = setting(
        4,
        "most pairs of a query in one batch: more grades to compare, fewer queries",
        bounds=_AT_LEAST_ONE,
    )
    extra_documents: int = setting(
        0,
        "documents drawn into each batch as negatives of all its queries, for contrastive",
        bounds=_COUNT,
    )
    accumulation: int = setting(
        1, "forward passes whose gradients are averaged into one step", bounds=_AT_LEAST_ONE
    )
    learning_rate: float = setting(
        2e-5,
        "highest learning rate: around 2e-5 for all weights, 1e-4 to 5e-4 for LoRA",
        flag="--rate",
        bounds=Bounds(0, 1, above=True),
    )
    warmup: float = setting(
        0.1,
        "share of the steps in which the learning rate rises; then it falls as a cosine",
        bounds=Bounds(0, 1),
    )
    weight_decay: float = setting(0.01, "weight decay of AdamW", bounds=Bounds(0, 1))
    clip_norm: float = setting(
        1.0, "longest gradient; 0: not clipped", flag="--clip", bounds=_COUNT
    )
    tuning: Tuning = setting(
        Tuning.FULL,
        "full: learn all weights; lora RANK: only small additions, with less memory and time",
        flag="",
    )
    lora: LoraConfig = field(default_factory=LoraConfig)
    precision: Precision = setting(Precision.FLOAT32, "type of the activations", metavar="TYPE")
    query_length: int | None = setting(None, "tokens kept of a query (as the base)", bounds=_LENGTH)
    document_length: int | None = setting(
        None, "tokens kept of a document (as the base)", bounds=_LENGTH
    )
    bucketing: bool = setting(
        True, "batch documents of like length together", flag="--no-bucketing"
    )
    evaluate_every: int = setting(
        0, "steps between held-out evaluations; 0: once an epoch", bounds=_COUNT
    )
    patience: int = setting(
        0,
        "end early after this many held-out evaluations without a better nDCG; 0: never",
        bounds=_COUNT,
    )
    checkpoint_every: int = setting(
        0, "steps between checkpoints; 0: with each held-out evaluation", bounds=_COUNT
    )
    checkpoints_kept: int = setting(
        2, "latest checkpoints kept, beside the best", flag="--keep", bounds=_AT_LEAST_ONE
    )
    seed: int = setting(
        0,
        "seed of everything random: the same seed gives the same run",
        bounds=Bounds(0, 2**32, below=True),
    )
    specs: tuple[str, ...] = setting(
        (),
        "specs to evaluate on before and after, their queries kept out of training",
        flag="--spec",
        metavar="SPEC",
        reads=_parse_names,
        shows=lambda names: ", ".join(names) or "none",
    )


def tuning_text(config: RunConfig) -> str:
    """Return ``full``, or ``lora`` with its rank: what ``parse_tuning`` reads."""
    return f"lora {config.lora.rank}" if config.tuning is Tuning.LORA else Tuning.FULL.value


def parse_tuning(text: str) -> tuple[Tuning, LoraConfig]:
    """Read ``full``, ``lora`` or ``lora RANK``.

    Raises:
        InputError: it is none of these.
    """
    match text.lower().split():
        case [Tuning.FULL.value]:
            return Tuning.FULL, LoraConfig()
        case [Tuning.LORA.value]:
            return Tuning.LORA, LoraConfig()
        case [Tuning.LORA.value, rank] if rank.isdecimal():
            return Tuning.LORA, lora_of_rank(int(rank))
    raise InputError(
        f"{text.strip() or 'nothing'} is no way to tune", todo="Give full, lora, or lora RANK."
    )


def lora_of_rank(rank: int) -> LoraConfig:
    """Return LoRA of a rank, with an alpha of twice the rank, as in most recipes."""
    return LoraConfig(rank=rank, alpha=2.0 * rank)


def setting_text(config: RunConfig, name: str) -> str:
    """Return one setting as text, for a list of all settings."""
    if name == "lora":
        lora = config.lora
        return (
            f"rank {lora.rank}, alpha {lora.alpha:g}, dropout {lora.dropout:g},"
            f" on {', '.join(lora.modules)}"
        )
    value: object = getattr(config, name)
    return "as the base" if value is None else settings_of(RunConfig)[name].text(value)


@dataclass(frozen=True, slots=True)
class SettingDifference:
    """A setting that differs between two runs, as text of both."""

    name: str
    one: str
    other: str


def config_differences(one: RunConfig, other: RunConfig) -> tuple[SettingDifference, ...]:
    """Return the settings that differ, in the order of ``RunConfig``."""
    names = [each.name for each in fields(RunConfig)]
    texts = ((name, setting_text(one, name), setting_text(other, name)) for name in names)
    return tuple(SettingDifference(*text) for text in texts if text[1] != text[2])


def config_problems(config: RunConfig) -> dict[str, str]:
    """Return what is wrong with the settings: the field's name -> a clause.

    A clause is such as ``should be at least 1, not 0``. Fields of LoRA are named ``lora.rank`` and
    so on.
    """
    found = problems_of(config)
    if not config.base.strip():
        found["base"] = "should name the encoder that the run starts from"
    names = [name for name, _ in config.losses]
    if not names:
        found["losses"] = "should name at least one loss"
    elif len(set(names)) < len(names):
        found["losses"] = "should name each loss once"
    elif not all(math.isfinite(weight) and weight > 0 for _, weight in config.losses):
        found["losses"] = "should have weights above 0"
    found |= {f"lora.{name}": problem for name, problem in problems_of(config.lora).items()}
    if not config.lora.modules or not all(config.lora.modules):
        found["lora.modules"] = "should name at least one module, or auto"
    return found


def config_text(config: RunConfig) -> str:
    """Return the settings as JSON, every field of them, to keep or to copy."""
    values = asdict(config) | {"losses": dict(config.losses)}
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def write_config(config: RunConfig, path: Path) -> None:
    """Write the settings to a file.

    Raises:
        InputError: it cannot be written.
    """
    try:
        path.write_text(config_text(config), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write this file: {error.strerror}", where=str(path)) from error


def read_config(path: Path) -> RunConfig:
    """Read the settings of a file. A missing field has its default; ``base`` has to be there.

    Raises:
        InputError: the file is absent or no JSON object, or a field is unknown, of another type or
            out of its bounds; the message names the file and the field.
    """
    if not path.is_file():
        raise InputError("there is no such file of settings", where=str(path))
    config = parse_config(read_object(path), path)
    problems = config_problems(config)
    if problems:
        name, problem = next(iter(problems.items()))
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise InputError(f"{name} {problem}{more}", where=str(path))
    return config


def parse_config(values: Mapping[str, object], path: Path) -> RunConfig:
    """Return the settings of a JSON object; their types are checked, their bounds are not.

    Raises:
        InputError: see ``read_config``.
    """
    values = dict(values)
    if "base" not in values:
        raise InputError("base is missing: the encoder that the run starts from", where=str(path))
    parsed: dict[str, object] = {}
    if "losses" in values:
        parsed["losses"] = _losses(values.pop("losses"), path)
    if "lora" in values:
        lora = values.pop("lora")
        if not isinstance(lora, dict):
            raise InputError(f"lora should be an object, not {lora!r}", where=str(path))
        parsed["lora"] = _record(LoraConfig, lora, {}, "lora.", path)
    return _record(RunConfig, values, parsed, "", path)


T = TypeVar("T", RunConfig, LoraConfig)
_WORDS: Final[dict[object, str]] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
}


def _record(
    kind: type[T], values: Mapping[str, object], parsed: dict[str, object], prefix: str, path: Path
) -> T:
    hints = get_type_hints(kind)
    unknown = [key for key in values if key not in hints]
    if unknown:
        raise InputError(
            f"{prefix}{unknown[0]} is no setting of a run",
            where=str(path),
            todo="Check its spelling, or take the field out.",
        )
    own = {key: _value(hints[key], value, prefix + key, path) for key, value in values.items()}
    make: Callable[..., T] = kind
    return make(**(parsed | own))


def _value(hint: object, value: object, name: str, path: Path) -> object:
    """Return a value as the type that its field has."""
    kind = plain_type(hint)
    if value is None and kind is not hint:
        return None
    if get_origin(kind) is tuple:
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise InputError(f"{name} should be a list of texts, not {value!r}", where=str(path))
    if issubclass(kind, StrEnum):
        if value in list(kind):
            return kind(cast("str", value))
        raise InputError(
            f"{name} should be one of {', '.join(kind)}, not {value!r}", where=str(path)
        )
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is kind:
        return value
    raise InputError(f"{name} should be {_WORDS[kind]}, not {value!r}", where=str(path))


def _losses(value: object, path: Path) -> Losses:
    if not isinstance(value, dict):
        raise InputError(
            f"losses should be an object of names and weights, not {value!r}", where=str(path)
        )
    unknown = [name for name in value if name not in LOSSES]
    if unknown:
        raise InputError(
            f"losses should name some of {', '.join(LOSSES)}, not {unknown[0]!r}",
            where=str(path),
        )
    return tuple(
        (name, cast("float", _value(float, weight, f"losses.{name}", path)))
        for name, weight in value.items()
    )
