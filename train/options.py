"""The options of ``rejudge train``, made from the declarations of the settings, and back.

``train_options()`` lists all that a command-line library has to declare: each ``Option`` becomes a
parameter ``name`` with the option ``flag``. The values go to ``config_from`` and ``plan_from`` by
these names, None (False for a switch) where an option was not given. ``command_line`` turns a run's
settings back into the command that starts it again.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from core.errors import InputError
from train.config import LoraConfig, RunConfig, Tuning, config_problems, lora_of_rank
from train.dataset.records import TrainingSetPlan
from train.settings import problems_of, settings_of
from train.step.losses import LOSSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from train.settings import Setting

_HELP: Final = "See: rejudge train --help"
_LORA: Final = "lora_"


@dataclass(frozen=True, slots=True)
class Option:
    """One option of the command.

    Args:
        name: of its value: a Python identifier.
        flag: as it is typed: ``--rate``.
        kind: the type of its value; a ``bool`` option is a switch, False unless given.
        help: one line, the default at its end.
        group: its heading in the help.
        metavar: the placeholder of its value in the help.
        choices: the only values it takes; empty: any.
        repeated: whether it may be given several times, its value then a list.
    """

    name: str
    flag: str
    kind: type[int | float | str | bool]
    help: str
    group: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    repeated: bool = False


def train_options() -> tuple[Option, ...]:
    """Return every option that sets something of a run, group by group."""
    full = Option("full", "--full", bool, "learn all weights (the default)", "LoRA")
    return (
        *_options(RunConfig, "Run"),
        full,
        *_options(LoraConfig, "LoRA", _LORA),
        *_options(TrainingSetPlan, "Training set"),
    )


def _options(record: type, group: str, prefix: str = "") -> Iterable[Option]:
    for each in settings_of(record).values():
        if each.flag:
            yield Option(
                prefix + each.name,
                each.flag,
                str if each.reads or (each.choices and each.kind is not bool) else each.kind,
                _help(each),
                group,
                "" if each.kind is bool else each.metavar,
                () if each.kind is bool else each.choices,
                repeated=each.name == "specs",
            )


def _help(each: Setting) -> str:
    """Return the help of a setting with its default, but where the help says that itself."""
    if each.name == "specs":
        return f"{each.help}; may be repeated (all specs; none: on none)"
    if each.name in {"rank", "alpha"} or each.default in {None, ""}:
        return each.help
    if each.kind is bool:
        return f"do not {each.help}" if each.default else each.help
    said = each.help
    if each.name == "losses":
        known = (f"{name}: {loss.description}" for name, loss in LOSSES.items())
        said = f"{said}. {'; '.join(known)}"
    return f"{said} ({each.text(each.default)})"


def config_from(values: Mapping[str, Any], specs: Sequence[str]) -> RunConfig:
    """Return the run's settings that options give.

    Args:
        values: the value of each option by its name; None or False: not given.
        specs: the names of the specs to evaluate on.

    Raises:
        InputError: a value is out of its bounds; the message names its option.
    """
    given = _given(values, RunConfig) | {"specs": tuple(specs)}
    lora = _given(values, LoraConfig, _LORA)
    if "rank" in lora:
        if values.get("full"):
            raise InputError("--lora and --full exclude each other", todo=_HELP)
        given |= {"tuning": Tuning.LORA, "lora": replace(lora_of_rank(lora["rank"]), **lora)}
    elif lora:
        raise InputError("--lora-... goes with --lora RANK only", todo=_HELP)
    config = RunConfig(**given)
    check_config(config)
    return config


def plan_from(values: Mapping[str, Any]) -> TrainingSetPlan:
    """Return the plan of the training set that options give; naming a judge asks for its scores.

    Raises:
        InputError: a value is out of its bounds; the message names its option.
    """
    given = _given(values, TrainingSetPlan)
    if values.get("seed") is not None:
        given["seed"] = values["seed"]
    if given.get("judge_name"):
        given["judge_scores"] = True
    plan = TrainingSetPlan(**given)
    check_plan(plan)
    return plan


def check_config(config: RunConfig) -> None:
    """Raise InputError, naming the option, for a setting of a run that is out of its bounds."""
    for name, problem in config_problems(config).items():
        raise InputError(f"{_flag(name)} {problem}", todo=_HELP)


def check_plan(plan: TrainingSetPlan) -> None:
    """Raise InputError, naming the option, for a setting of the plan that is out of its bounds."""
    settings = settings_of(TrainingSetPlan)
    for name, problem in problems_of(plan).items():
        raise InputError(f"{settings[name].flag or name} {problem}", todo=_HELP)


def command_line(config: RunConfig, plan: TrainingSetPlan) -> str:
    """Return the command that starts the same run again; what is as by default is left out."""
    words = ["rejudge", "train", *_changed(replace(config, specs=()), RunConfig())]
    if config.tuning is Tuning.LORA:
        lora = config.lora
        usual = lora_of_rank(lora.rank)
        words += ["--lora", str(lora.rank), *_changed(lora, usual)]
    words += _changed(replace(plan, seed=0), TrainingSetPlan())
    for name in config.specs or ("none",):
        words += ["--spec", name]
    return shlex.join(words)


def _given(values: Mapping[str, Any], record: type, prefix: str = "") -> dict[str, Any]:
    """Return the fields of a record that options give, parsed."""
    found: dict[str, Any] = {}
    for each in settings_of(record).values():
        value = values.get(prefix + each.name) if each.flag else None
        if value is None or value is False or each.name == "specs":
            continue
        if each.kind is bool:
            found[each.name] = not each.default
        else:
            found[each.name] = each.parse(value) if isinstance(value, str) else value
    return found


def _changed(record: Any, usual: object) -> list[str]:
    """Return the options that make ``record`` of ``usual``."""
    words = []
    for each in settings_of(record.__class__).values():
        value = getattr(record, each.name)
        if each.flag and value != getattr(usual, each.name):
            words += [each.flag] if each.kind is bool else [each.flag, each.text(value)]
    return words


def _flag(name: str) -> str:
    """Return the option of a field; ``lora.alpha`` is alpha of LoRA."""
    record, _, own = name.rpartition(".")
    settings = settings_of(LoraConfig if record else RunConfig)
    return settings[own].flag or name
