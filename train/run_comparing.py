"""Two runs side by side: in what they differ, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from train.run_words import setting_text

if TYPE_CHECKING:
    from train.run_config import RunConfig


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
