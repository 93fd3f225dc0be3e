"""The form of a new run: the settings it shows, as text, read and checked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from core.errors import InputError
from train.config import RunConfig, parse_tuning, tuning_text
from train.dataset.records import TrainingSetPlan
from train.options import check_config, check_plan
from train.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.store.database import Store
    from train.settings import Setting

NONE: Final = "none"
_SETTINGS: Final = settings_of(TrainingSetPlan) | settings_of(RunConfig)
#: The settings of the form, in its order; a run started by command can set the others too.
FIELDS: Final = tuple(
    _SETTINGS[name]
    for name in (
        "base",
        "losses",
        "epochs",
        "learning_rate",
        "tuning",
        "batch_size",
        "keyword_share",
        "judge_scores",
        "held_out_share",
        "patience",
        "specs",
        "seed",
    )
)


@dataclass(frozen=True, slots=True)
class RunForm:
    """A form that can always be started: a value out of its bounds is refused.

    ``known_specs`` are the names that the field of specs may hold.
    """

    config: RunConfig = field(default_factory=RunConfig)
    plan: TrainingSetPlan = field(default_factory=TrainingSetPlan)
    known_specs: tuple[str, ...] = ()

    def text(self, name: str) -> str:
        """Return a field as it is typed."""
        if name == "tuning":
            return tuning_text(self.config)
        record = self.config if hasattr(self.config, name) else self.plan
        return _SETTINGS[name].text(getattr(record, name))

    def put(self, name: str, text: str) -> RunForm:
        """Return the form with another text in a field.

        Raises:
            InputError: the field cannot hold it; the message says what it can hold.
        """
        values = self._parsed(_SETTINGS[name], text.strip())
        made = replace(self, config=_with(self.config, values), plan=_with(self.plan, values))
        check_config(made.config)
        check_plan(made.plan)
        return made

    def next_choice(self, name: str) -> RunForm:
        """Return the form with the next choice of a field that has choices."""
        choices = _SETTINGS[name].choices
        return self.put(name, choices[(choices.index(self.text(name)) + 1) % len(choices)])

    def _parsed(self, setting: Setting, text: str) -> dict[str, Any]:
        if setting.name == "tuning":
            return dict(zip(("tuning", "lora"), parse_tuning(text), strict=True))
        if setting.name == "specs" and text == NONE:
            text = ""
        value = setting.parse(text)
        if setting.name == "specs":
            self._check_specs(value)
        return {setting.name: value}

    def _check_specs(self, names: Any) -> None:
        unknown = [name for name in names if name not in self.known_specs]
        if unknown:
            known = ", ".join(self.known_specs) or "none yet; rejudge import spec FILE brings one"
            raise InputError(f"there is no spec {unknown[0]}", todo=f"Specs: {known}.")


def _with(record: Any, values: dict[str, Any]) -> Any:
    """Return the record with those of the values that it has fields for."""
    return replace(
        record, **{name: value for name, value in values.items() if hasattr(record, name)}
    )


def all_specs(store: Store) -> tuple[str, ...]:
    """Return the names of the specs; of a spec and its amendments the newest only."""
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
