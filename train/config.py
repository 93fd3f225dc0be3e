"""What a run is to do: everything that decides its outcome but the training set itself.

Which grades make a document a good one, and which a negative.

A run's settings in words, for the command line, the form and the lists.

Two runs side by side: in what they differ, and what came of it.

What is wrong with a run's settings, field by field: for the file, the form and the command.

A run's settings as JSON: ``config.json`` in its folder.
"""

from __future__ import annotations

import json
import math
import types
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from core.encoder.spec import read_object
from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path


#: The lowest grade of a document that is no negative.
DOUBTFUL: Final = 3.0


class LossName(StrEnum):
    """The losses; ``train.step.losses`` documents each."""

    MSE = "mse"
    ORDINAL = "ordinal"
    MARGIN = "margin"
    KL = "kl"
    CONTRASTIVE = "contrastive"


class Tuning(StrEnum):
    """Which weights are learned: low-rank additions to some, or all."""

    LORA = "lora"
    FULL = "full"


class Precision(StrEnum):
    """The type that activations are computed in; the weights learned are always float32."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685): W + alpha / rank * B A.

    ``modules`` are last parts of parameter names, such as ``query`` and ``value``, or ``q`` and
    ``v`` in T5; ``auto`` stands for the query and value projections of whatever family it is.
    """

    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.0
    modules: tuple[str, ...] = ("auto",)


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One run.

    Args:
        base: the encoder it starts from: a folder, a hub id, or ``offline``.
        losses: (name, weight) of each loss in the sum, weights above 0.
        temperature: divides scores in ``kl`` and ``contrastive``.
        margin: score difference that one grade of difference should make, for ``margin``.
        epochs: passes over the training pairs.
        batch_size: pairs in one forward pass.
        pairs_per_query: the most pairs of a query in one epoch, drawn anew in each, one of the best
            grades always among them; 0: all.
        group_size: the most pairs that a query brings into one batch; more grades to compare for
            ``margin`` and ``kl``, or more queries and so more negatives for ``contrastive``.
        extra_documents: documents of the set, drawn for each batch, that join it as negatives of
            all its queries, for ``contrastive``.
        accumulation: forward passes whose gradients are averaged into one step.
        learning_rate: at its highest.
        warmup: share of the steps in which the rate rises from 0; it then falls as a cosine.
        weight_decay: of AdamW.
        clip_norm: the longest gradient; 0: not clipped.
        tuning: which weights are learned.
        lora: how, when it is LoRA.
        precision: of the activations.
        query_length: tokens kept of a query; None: as the base says.
        document_length: tokens kept of a document; None: as the base says.
        bucketing: whether documents of like length share a batch.
        evaluate_every: steps between looks at the held-out queries; 0: once each epoch.
        patience: looks without a better nDCG after which the run ends; 0: it never ends early.
        checkpoint_every: steps between checkpoints; 0: with each look.
        checkpoints_kept: the latest ones kept, beside the best.
        seed: of everything random.
        specs: names of the specs to evaluate on, before and after.
    """

    base: str
    losses: tuple[tuple[LossName, float], ...] = ((LossName.CONTRASTIVE, 1.0),)
    temperature: float = 0.05
    margin: float = 0.1
    epochs: float = 3.0
    batch_size: int = 16
    pairs_per_query: int = 0
    group_size: int = 4
    extra_documents: int = 0
    accumulation: int = 1
    learning_rate: float = 2e-5
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    tuning: Tuning = Tuning.FULL
    lora: LoraConfig = field(default_factory=LoraConfig)
    precision: Precision = Precision.FLOAT32
    query_length: int | None = None
    document_length: int | None = None
    bucketing: bool = True
    evaluate_every: int = 0
    patience: int = 0
    checkpoint_every: int = 0
    checkpoints_kept: int = 2
    seed: int = 0
    specs: tuple[str, ...] = ()


LOSSES_FORM: Final = "a loss, or several with their weights: contrastive=1,kl=0.5"
_AS_BASE: Final = "as the base"


def losses_text(losses: Iterable[tuple[LossName, float]]) -> str:
    """Return losses as ``parse_losses`` reads them; a single one of weight 1 by its name alone."""
    named = list(losses)
    if len(named) == 1 and named[0][1] == 1:
        return named[0][0].value
    return ",".join(f"{name.value}={number_text(weight)}" for name, weight in named)


def number_text(value: float) -> str:
    """Return a number as briefly as it can be read back."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def parse_losses(text: str) -> tuple[tuple[LossName, float], ...]:
    """Read losses such as ``contrastive`` or ``contrastive=1,kl=0.5``.

    Raises:
        InputError: a name is no loss, or a weight no number.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    known = {name.value: name for name in LossName}
    found = []
    for part in parts:
        name, _, weight = (piece.strip() for piece in part.partition("="))
        if name not in known:
            raise InputError(
                f"{name or part} is no loss",
                todo=f"Losses are {', '.join(known)}; give {LOSSES_FORM}.",
            )
        found.append((known[name], parse_number(weight, "the weight of a loss") if weight else 1.0))
    if not found:
        raise InputError("no loss is named", todo=f"Give {LOSSES_FORM}.")
    return tuple(found)


def tuning_text(config: RunConfig) -> str:
    """Return ``full``, or ``lora`` with its rank: what ``parse_tuning`` reads."""
    return f"lora {config.lora.rank}" if config.tuning is Tuning.LORA else Tuning.FULL.value


def parse_tuning(text: str) -> tuple[Tuning, LoraConfig]:
    """Read ``full``, ``lora`` or ``lora RANK``; alpha is twice the rank, as in most recipes.

    Raises:
        InputError: it is none of these.
    """
    words = text.lower().split()
    if words == [Tuning.FULL.value]:
        return Tuning.FULL, LoraConfig()
    if words == [Tuning.LORA.value]:
        return Tuning.LORA, LoraConfig()
    if len(words) == 2 and words[0] == Tuning.LORA.value and words[1].isdecimal():  # noqa: PLR2004
        return Tuning.LORA, lora_of_rank(int(words[1]))
    raise InputError(
        f"{text.strip() or 'nothing'} is no way to tune", todo="Give full, lora, or lora RANK."
    )


def lora_of_rank(rank: int) -> LoraConfig:
    """Return LoRA of a rank, with an alpha of twice the rank."""
    return LoraConfig(rank=rank, alpha=2.0 * rank)


def parse_number(text: str, what: str) -> float:
    """Read a number.

    Raises:
        InputError: it is none.
    """
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"{what} takes a number, not {text.strip() or 'nothing'}") from error


def setting_text(config: RunConfig, name: str) -> str:
    """Return one setting as text."""
    match name:
        case "losses":
            return losses_text(config.losses)
        case "lora":
            lora = config.lora
            return (
                f"rank {lora.rank}, alpha {lora.alpha:g}, dropout {lora.dropout:g},"
                f" on {', '.join(lora.modules)}"
            )
        case "specs":
            return ", ".join(config.specs) or "none"
    value: object = getattr(config, name)
    if value is None:
        return _AS_BASE
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number_text(value) if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class SettingDifference:
    """A setting that differs, as text on both sides."""

    name: str
    one: str
    other: str


def config_differences(one: RunConfig, other: RunConfig) -> tuple[SettingDifference, ...]:
    """Return the settings that differ, in the order of ``RunConfig``."""
    names = [field.name for field in fields(one)]
    texts = ((name, setting_text(one, name), setting_text(other, name)) for name in names)
    return tuple(SettingDifference(*each) for each in texts if each[1] != each[2])


#: The encoder's special tokens and one of the text's own.
_SHORTEST: Final = 4


@dataclass(frozen=True, slots=True)
class _Bound:
    """What a number has to be: in words and as a test."""

    low: float
    high: float = math.inf
    above_low: bool = False
    below_high: bool = False

    def holds(self, value: float) -> bool:
        if not math.isfinite(value) or value < self.low or value > self.high:
            return False
        return not (
            (self.above_low and value == self.low) or (self.below_high and value == self.high)
        )

    @property
    def words(self) -> str:
        low = f"{'more than' if self.above_low else 'at least'} {self.low:g}"
        if math.isinf(self.high):
            return low
        return f"{low} and {'less than' if self.below_high else 'at most'} {self.high:g}"


_BOUNDS: Final = {
    "temperature": _Bound(0, above_low=True),
    "margin": _Bound(0, 2, above_low=True),
    "epochs": _Bound(0, above_low=True),
    "batch_size": _Bound(2),
    "pairs_per_query": _Bound(0),
    "group_size": _Bound(1),
    "extra_documents": _Bound(0),
    "accumulation": _Bound(1),
    "learning_rate": _Bound(0, 1, above_low=True),
    "warmup": _Bound(0, 1),
    "weight_decay": _Bound(0, 1),
    "clip_norm": _Bound(0),
    "query_length": _Bound(_SHORTEST),
    "document_length": _Bound(_SHORTEST),
    "evaluate_every": _Bound(0),
    "patience": _Bound(0),
    "checkpoint_every": _Bound(0),
    "checkpoints_kept": _Bound(1),
    "seed": _Bound(0, 2**32, below_high=True),
}
_LORA_BOUNDS: Final = {
    "rank": _Bound(1),
    "alpha": _Bound(0, above_low=True),
    "dropout": _Bound(0, 1, below_high=True),
}


def config_problems(config: RunConfig) -> dict[str, str]:
    """Return what is wrong with each field that is: its name -> a clause, such as
    ``should be at least 1, not 0``. Fields of LoRA are named ``lora.rank`` and so on.
    """  # noqa: D205 - the first sentence needs two lines
    found = _out_of_bounds(config, _BOUNDS, "")
    if not config.base.strip():
        found["base"] = "should name the encoder that the run starts from"
    names = [name for name, _ in config.losses]
    if not names:
        found["losses"] = "should name at least one loss"
    elif len(set(names)) < len(names):
        found["losses"] = "should name each loss once"
    elif not all(math.isfinite(weight) and weight > 0 for _, weight in config.losses):
        found["losses"] = "should have weights above 0"
    found |= _out_of_bounds(config.lora, _LORA_BOUNDS, "lora.")
    if not config.lora.modules or not all(config.lora.modules):
        found["lora.modules"] = "should name at least one module, or auto"
    return found


def _out_of_bounds(
    config: RunConfig | LoraConfig, bounds: dict[str, _Bound], prefix: str
) -> dict[str, str]:
    values = {name: getattr(config, name) for name in bounds}
    return {
        prefix + name: f"should be {bound.words}, not {values[name]:g}"
        for name, bound in bounds.items()
        if values[name] is not None and not bound.holds(values[name])
    }


T = TypeVar("T", RunConfig, LoraConfig)
_WORDS: Final[dict[object, str]] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
}


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
    """Return the settings of a file. A field that it lacks has its default; ``base`` it must have.

    Raises:
        InputError: the file is absent or no JSON object, or a field is unknown, of another type or
            out of its bounds; the message names the file and the field.
    """
    if not path.is_file():
        raise InputError("there is no such file of settings", where=str(path))
    config = parse_config(read_object(path), path)
    problems = config_problems(config)
    if problems:
        field, problem = next(iter(problems.items()))
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise InputError(f"{field} {problem}{more}", where=str(path))
    return config


def parse_config(values: Mapping[str, object], path: Path) -> RunConfig:
    """Return the settings of a JSON object, their types checked and not yet their bounds.

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


def _record(
    kind: type[T], values: Mapping[str, object], parsed: dict[str, object], prefix: str, path: Path
) -> T:
    hints = get_type_hints(kind)
    unknown = [key for key in values if key not in {field.name for field in fields(kind)}]
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
    """Return the value as the type that the field has, or refuse it."""
    if get_origin(hint) in {Union, types.UnionType}:
        if value is None:
            return None
        hint = next(option for option in get_args(hint) if option is not type(None))
    if get_origin(hint) is tuple:
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise InputError(f"{name} should be a list of texts, not {value!r}", where=str(path))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        if value in list(hint):
            return hint(cast("str", value))
        raise InputError(
            f"{name} should be one of {_options(hint)}, not {value!r}", where=str(path)
        )
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and type(value) is hint:
        return value
    raise InputError(f"{name} should be {_WORDS[hint]}, not {value!r}", where=str(path))


def _losses(value: object, path: Path) -> tuple[tuple[LossName, float], ...]:
    if not isinstance(value, dict):
        raise InputError(
            f"losses should be an object of names and weights, not {value!r}", where=str(path)
        )
    unknown = [name for name in value if name not in list(LossName)]
    if unknown:
        raise InputError(
            f"losses should name some of {_options(LossName)}, not {unknown[0]!r}", where=str(path)
        )
    return tuple(
        (LossName(name), cast("float", _value(float, weight, f"losses.{name}", path)))
        for name, weight in value.items()
    )


def _options(kind: type[StrEnum]) -> str:
    return ", ".join(kind)
