"""The form of a new run: its fields, each explained, read and checked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from core.errors import InputError
from train.run_words import (
    LOSSES_FORM,
    losses_text,
    number_text,
    parse_losses,
    parse_number,
    parse_tuning,
    tuning_text,
)
from tui.train_options import DEFAULT_CONFIG, DEFAULT_PLAN, check_config
from tui.train_specs import NONE

if TYPE_CHECKING:
    from train.run_config import RunConfig
    from train.training_set.plan import TrainingSetPlan


@dataclass(frozen=True, slots=True)
class FormField:
    """One line of the form. ``choices`` are gone through by key instead of typed."""

    name: str
    label: str
    explanation: str
    choices: tuple[str, ...] = ()


FIELDS: Final = (
    FormField(
        "base",
        "base model",
        "the encoder to start from: a folder, a hub id owner/name, or offline (all-MiniLM-L6-v2)",
    ),
    FormField(
        "losses",
        "loss",
        f"mse, ordinal, margin, kl or contrastive: {LOSSES_FORM}",
    ),
    FormField("epochs", "epochs", "passes over the training pairs; more than 0, may be 0.5"),
    FormField(
        "learning_rate",
        "learning rate",
        "at its highest: around 2e-5 for all weights, 1e-4 to 5e-4 for LoRA",
    ),
    FormField(
        "tuning",
        "tuning",
        "full: learn all weights; lora RANK: small additions only, less memory, faster",
    ),
    FormField("batch_size", "batch", "pairs at a time; more is steadier and takes more memory"),
    FormField(
        "keyword_share",
        "keyword share",
        "share of name-to-code pairs mixed in, 0 to 0.9, so that keyword queries do not get worse",
    ),
    FormField(
        "judge_scores",
        "judge scores",
        "yes: a judge's raw score stands in where there is no label and no calibrated grade",
        ("no", "yes"),
    ),
    FormField(
        "held_out_share",
        "held out",
        "share of the graded queries that is only measured on, 0 to 0.9",
    ),
    FormField(
        "patience",
        "patience",
        "end early after so many looks at the held-out queries without a better nDCG; 0: never",
    ),
    FormField(
        "specs",
        "specs",
        "evaluated before and after, their queries kept out of training; comma between; or none",
    ),
    FormField("seed", "seed", "of everything random: the same seed gives the same run"),
)
_PLANNED: Final = {"keyword_share", "held_out_share"}


@dataclass(frozen=True, slots=True)
class RunForm:
    """A form that can always be started: a value that cannot be is never taken.

    ``known_specs`` are the names that the field of specs may hold.
    """

    config: RunConfig = DEFAULT_CONFIG
    plan: TrainingSetPlan = field(default_factory=lambda: DEFAULT_PLAN)
    known_specs: tuple[str, ...] = ()

    def text(self, name: str) -> str:
        """Return a field as it is typed."""
        match name:
            case "losses":
                return losses_text(self.config.losses)
            case "tuning":
                return tuning_text(self.config)
            case "specs":
                return ", ".join(self.config.specs) or NONE
            case "judge_scores":
                return "yes" if self.plan.judge_scores else "no"
        value: object = getattr(self.plan if name in _PLANNED else self.config, name)
        return number_text(value) if isinstance(value, float) else str(value)

    def put(self, name: str, text: str) -> RunForm:
        """Return the form with another text in a field.

        Raises:
            InputError: the field cannot hold it; the message says what it can.
        """
        made = self._put(name, text.strip())
        check_config(made.config)
        made.plan.check()
        return made

    def next_choice(self, name: str) -> RunForm:
        """Return the form with the next choice of a field that has choices."""
        choices = next(each.choices for each in FIELDS if each.name == name)
        return self.put(name, choices[(choices.index(self.text(name)) + 1) % len(choices)])

    def _put(self, name: str, text: str) -> RunForm:
        config: dict[str, Any] = {}
        plan: dict[str, Any] = {}
        label = next(each.label for each in FIELDS if each.name == name)
        match name:
            case "base":
                config[name] = text
            case "losses":
                config[name] = parse_losses(text)
            case "tuning":
                config["tuning"], config["lora"] = parse_tuning(text)
            case "specs":
                config[name] = self._specs(text)
            case "judge_scores":
                plan[name] = text == "yes"
            case "seed":
                config[name] = plan[name] = _whole(text, label)
            case "keyword_share" | "held_out_share":
                plan[name] = parse_number(text, label)
            case "batch_size" | "patience":
                config[name] = _whole(text, label)
            case _:
                config[name] = parse_number(text, label)
        return replace(self, config=replace(self.config, **config), plan=replace(self.plan, **plan))

    def _specs(self, text: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
        if names in {(), (NONE,)}:
            return ()
        unknown = [name for name in names if name not in self.known_specs]
        if unknown:
            known = ", ".join(self.known_specs) or "none yet; rejudge import spec FILE brings one"
            raise InputError(f"there is no spec {unknown[0]}", todo=f"Specs: {known}.")
        return names


def _whole(text: str, what: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise InputError(f"{what} takes a whole number, not {text or 'nothing'}") from error
