"""A run's settings in words, for the command line, the form and the lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.errors import InputError
from train.run_config import LoraConfig, LossName, RunConfig, Tuning

if TYPE_CHECKING:
    from collections.abc import Iterable

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
