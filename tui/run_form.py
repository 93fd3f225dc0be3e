"""The form of a new run: its fields, each explained, read and checked.

A run's settings as options of ``rejudge train``, there and back.

Which specs a run is evaluated on.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from core.errors import InputError
from train.config import (
    LOSSES_FORM,
    LoraConfig,
    Precision,
    RunConfig,
    Tuning,
    config_problems,
    lora_of_rank,
    losses_text,
    number_text,
    parse_losses,
    parse_number,
    parse_tuning,
    tuning_text,
)
from train.dataset.records import TrainingSetPlan

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from core.store.database import Store


DEFAULT_CONFIG: Final = RunConfig(base="offline")
DEFAULT_PLAN: Final = TrainingSetPlan()


@dataclass(frozen=True, slots=True)
class Option:
    """A setting with an option of its own: its field's name, what it takes, and what it means."""

    flag: str
    field: str
    kind: type[int | float | str]
    metavar: str
    help: str


RUN_OPTIONS: Final = (
    Option("--epochs", "epochs", float, "N", "passes over the training pairs"),
    Option("--rate", "learning_rate", float, "R", "learning rate at its highest"),
    Option("--batch", "batch_size", int, "N", "pairs in one forward pass"),
    Option("--per-query", "pairs_per_query", int, "N", "pairs of a query in one epoch; 0: all"),
    Option("--accumulation", "accumulation", int, "N", "forward passes of one step"),
    Option("--extra-documents", "extra_documents", int, "N", "negatives drawn for each batch"),
    Option("--warmup", "warmup", float, "S", "share of the steps in which the rate rises"),
    Option("--weight-decay", "weight_decay", float, "D", "of AdamW"),
    Option("--clip", "clip_norm", float, "L", "the longest gradient; 0: any"),
    Option("--temperature", "temperature", float, "T", "divides scores in kl and contrastive"),
    Option("--margin", "margin", float, "M", "score difference of one grade, for margin"),
    Option("--query-length", "query_length", int, "N", "tokens kept of a query"),
    Option("--document-length", "document_length", int, "N", "tokens kept of a document"),
    Option("--evaluate-every", "evaluate_every", int, "N", "steps between looks; 0: each epoch"),
    Option("--patience", "patience", int, "N", "looks without a better nDCG until it ends; 0: all"),
    Option("--checkpoint-every", "checkpoint_every", int, "N", "steps between checkpoints"),
    Option("--keep", "checkpoints_kept", int, "N", "latest checkpoints kept, beside the best"),
    Option("--seed", "seed", int, "N", "of all that is random, the training set's split too"),
)
LORA_OPTIONS: Final = (
    Option("--lora-alpha", "alpha", float, "A", "scale of LoRA (twice its rank)"),
    Option("--lora-dropout", "dropout", float, "D", "dropout of LoRA"),
)
PLAN_OPTIONS: Final = (
    Option("--keyword-share", "keyword_share", float, "S", "share of keyword pairs, 0 to 0.9"),
    Option("--keyword-weight", "keyword_weight", float, "W", "how much each of them counts"),
    Option(
        "--docstring-share", "docstring_share", float, "S", "of them, those that put docstrings"
    ),
    Option("--judge", "judge_name", str, "NAME", "whose raw scores are used (the audited judge)"),
    Option("--judge-weight", "judge_weight", float, "W", "how much a raw score counts"),
    Option("--least-weight", "least_weight", float, "W", "leave out grades less certain than this"),
    Option("--held-out-share", "held_out_share", float, "S", "queries only measured on"),
    Option("--low-graded", "low_graded_per_query", int, "N", "hard negatives of a query; 0: all"),
    Option("--pool", "pool_documents", int, "N", "documents of the corpus among the negatives"),
)


def add_train_options(parser: argparse.ArgumentParser) -> None:
    """Declare an option for each setting."""
    parser.add_argument("--base", metavar="M", help="encoder to start from: folder or hub id")
    parser.add_argument("--loss", metavar="L", help=f"{LOSSES_FORM} (contrastive)")
    tuning = parser.add_mutually_exclusive_group()
    tuning.add_argument("--lora", type=int, metavar="RANK", help="learn low-rank additions")
    tuning.add_argument("--full", action="store_true", help="learn all weights (the default)")
    parser.add_argument("--lora-modules", metavar="A,B", help="names of the modules (auto)")
    parser.add_argument("--precision", choices=list(Precision), help="of activations (float32)")
    parser.add_argument("--no-bucketing", action="store_true", help="batches of mixed lengths")
    parser.add_argument(
        "--use-judge-scores", action="store_true", help="raw scores where there is no other grade"
    )
    defaults = {option.flag: getattr(DEFAULT_CONFIG, option.field) for option in RUN_OPTIONS}
    defaults |= {option.flag: getattr(DEFAULT_PLAN, option.field) for option in PLAN_OPTIONS}
    for option in (*RUN_OPTIONS, *LORA_OPTIONS, *PLAN_OPTIONS):
        default = defaults.get(option.flag)
        shown = f" ({default})" if default not in {None, ""} else ""
        parser.add_argument(
            option.flag, type=option.kind, metavar=option.metavar, help=option.help + shown
        )
    parser.add_argument(
        "--spec",
        action="append",
        metavar="SPEC",
        help="evaluate on it before and after; may be repeated (all specs; none: on none)",
    )


def config_of(arguments: argparse.Namespace, specs: Sequence[str]) -> RunConfig:
    """Return the run's settings that the options give.

    Args:
        arguments: the parsed options.
        specs: the names of the specs to evaluate on.

    Raises:
        InputError: a setting cannot be; the message names its option.
    """
    config = replace(
        DEFAULT_CONFIG,
        **_given(arguments, RUN_OPTIONS),
        bucketing=not arguments.no_bucketing,
        specs=tuple(specs),
    )
    if arguments.base:
        config = replace(config, base=arguments.base)
    if arguments.loss:
        config = replace(config, losses=parse_losses(arguments.loss))
    if arguments.precision:
        config = replace(config, precision=Precision(arguments.precision))
    config = _tuned(config, arguments)
    check_config(config)
    return config


def plan_of(arguments: argparse.Namespace) -> TrainingSetPlan:
    """Return the plan of the training set that the options give.

    Raises:
        InputError: a value cannot be.
    """
    seed = DEFAULT_PLAN.seed if arguments.seed is None else arguments.seed
    plan = replace(
        DEFAULT_PLAN,
        **_given(arguments, PLAN_OPTIONS),
        judge_scores=arguments.use_judge_scores or bool(arguments.judge),
        seed=seed,
    )
    plan.check()
    return plan


def check_config(config: RunConfig) -> None:
    """Raise InputError, naming the option, for a setting that cannot be."""
    for name, problem in config_problems(config).items():
        raise InputError(f"{flag_of(name)} {problem}", todo="See: rejudge train --help")


def flag_of(field: str) -> str:
    """Return the option of a field; ``lora.alpha`` is alpha of LoRA."""
    other = {"base": "--base", "losses": "--loss", "lora.rank": "--lora", "specs": "--spec"}
    flags = {option.field: option.flag for option in RUN_OPTIONS}
    flags |= {f"lora.{option.field}": option.flag for option in LORA_OPTIONS}
    return (other | flags).get(field, "--" + field.replace("_", "-").replace(".", "-"))


def command_line(config: RunConfig, plan: TrainingSetPlan) -> str:
    """Return the command that starts the same run again; what is as by default is left out."""
    words = ["rejudge", "train"]
    if config.base != DEFAULT_CONFIG.base:
        words += ["--base", config.base]
    if config.losses != DEFAULT_CONFIG.losses:
        words += ["--loss", losses_text(config.losses)]
    if config.tuning is Tuning.LORA:
        words += _lora_words(config.lora)
    elif DEFAULT_CONFIG.tuning is Tuning.LORA:
        words += ["--full"]
    if config.precision is not DEFAULT_CONFIG.precision:
        words += ["--precision", config.precision.value]
    if not config.bucketing:
        words += ["--no-bucketing"]
    words += _changed(config, DEFAULT_CONFIG, RUN_OPTIONS)
    if plan.judge_scores:
        words += ["--use-judge-scores"]
    words += _changed(plan, DEFAULT_PLAN, PLAN_OPTIONS)
    for name in config.specs or ("none",):
        words += ["--spec", name]
    return shlex.join(words)


def _tuned(config: RunConfig, arguments: argparse.Namespace) -> RunConfig:
    given = _given(arguments, LORA_OPTIONS)
    if arguments.lora_modules:
        given["modules"] = tuple(filter(None, arguments.lora_modules.split(",")))
    if arguments.lora is not None:
        lora = lora_of_rank(arguments.lora)
        return replace(config, tuning=Tuning.LORA, lora=replace(lora, **given))
    if arguments.full:
        config = replace(config, tuning=Tuning.FULL)
    if given and config.tuning is not Tuning.LORA:
        raise InputError("--lora-… goes with --lora RANK only", todo="See: rejudge train --help")
    return replace(config, lora=replace(config.lora, **given))


def _given(arguments: argparse.Namespace, options: Sequence[Option]) -> dict[str, Any]:
    """Return the fields that were given; the parser has given each value its type."""
    values = {each.field: getattr(arguments, _destination(each.flag)) for each in options}
    return {field: value for field, value in values.items() if value is not None}


def _destination(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_")


def _lora_words(lora: LoraConfig) -> list[str]:
    usual = lora_of_rank(lora.rank)
    words = ["--lora", str(lora.rank), *_changed(lora, usual, LORA_OPTIONS)]
    if lora.modules != usual.modules:
        words += ["--lora-modules", ",".join(lora.modules)]
    return words


def _changed(record: object, usual: object, options: Sequence[Option]) -> list[str]:
    words = []
    for option in options:
        value = getattr(record, option.field)
        if value != getattr(usual, option.field):
            words += [option.flag, number_text(value) if isinstance(value, float) else str(value)]
    return words


NONE: Final = "none"


def all_specs(store: Store) -> tuple[str, ...]:
    """Return the names of the specs, of one and what it was amended to the newest only."""
    from eval.misses import family_name
    from eval.specs import specs

    newest: dict[str, str] = {}
    for spec in specs(store):  # by name, so an amended one comes after the one it amends
        newest[family_name(spec.name)] = spec.name
    return tuple(newest.values())


def chosen_specs(store: Store, named: Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of the specs that a person named; a file is imported on the way.

    Args:
        store: has the specs.
        named: names or files; None: all specs; ``none`` alone: no spec.

    Raises:
        InputError: there is no such spec.
    """
    from eval.specs import chosen_spec

    if named is None:
        return all_specs(store)
    if list(named) == [NONE]:
        return ()
    return tuple(dict.fromkeys(chosen_spec(store, name)[0].name for name in named))


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
