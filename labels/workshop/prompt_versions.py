"""Prompt versions under names, in the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.identity import event_id
from core.store import utc_now
from labels.judge.judge_prompt import JudgePrompt, checked_rubric
from labels.judge.rubric import DEFAULT_PROMPT, RUBRIC
from labels.workshop.example_choice import choose_examples, load_examples

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from core.store import Store

#: What the prompt that comes with the program is called.
DEFAULT_NAME: Final = "default"
_NAME_LIMIT: Final = 60


@dataclass(frozen=True, slots=True)
class SavedPrompt:
    """A saved version: its name, its rubric, how many examples it has, and when it was saved."""

    id: UUID
    name: str
    rubric: str
    examples: int
    seed: int
    saved: datetime


def saved_prompts(store: Store) -> tuple[SavedPrompt, ...]:
    """Return the version that counts for each name, the latest saved first."""
    rows = store.read(
        """
        SELECT prompt.id, name, rubric,
            (SELECT count(*) FROM db.prompt_examples AS one WHERE one.prompt_id = prompt.id),
            seed, saved
        FROM db.prompts AS prompt
        QUALIFY row_number() OVER (PARTITION BY name ORDER BY saved DESC, prompt.id DESC) = 1
        ORDER BY saved DESC, prompt.id DESC
        """
    )
    return tuple(SavedPrompt(*row) for row in rows)


def load_prompt(store: Store, name: str) -> JudgePrompt:
    """Return the version with this name; ``default`` is the one that comes with the program.

    Raises:
        InputError: there is none.
    """
    if name == DEFAULT_NAME:
        return DEFAULT_PROMPT
    found = next((one for one in saved_prompts(store) if one.name == name), None)
    if found is None:
        known = ", ".join([DEFAULT_NAME, *sorted(one.name for one in saved_prompts(store))])
        raise InputError(f"there is no prompt {name}", todo=f"Prompts of this workspace: {known}.")
    graded = store.read(
        "SELECT pair_id, grade FROM db.prompt_examples WHERE prompt_id = $1 ORDER BY position",
        [found.id],
    )
    return JudgePrompt(found.rubric, load_examples(store, graded), found.name)


def save_prompt(
    store: Store, name: str, rubric: str, *, examples: int = 0, seed: int = 0
) -> JudgePrompt:
    """Save a version under a name and return it; the earlier ones with the name stay in the store.

    Saving what the name stands for already changes nothing, so that its examples stay the same
    when more pairs have been audited.

    Args:
        store: the store.
        name: short, without blanks at its ends.
        rubric: what the scores mean.
        examples: how many audited pairs to show the judge.
        seed: of their draw.

    Raises:
        InputError: the name or the rubric cannot be used, or there are no pairs for examples.
    """
    name = checked_name(name)
    rubric = checked_rubric(rubric)
    known = next((one for one in saved_prompts(store) if one.name == name), None)
    if known and (known.rubric, known.seed) == (rubric, seed) and known.examples == examples:
        return load_prompt(store, name)
    chosen = choose_examples(store, examples, seed)
    identifier = event_id()
    with store.transaction() as cursor:
        cursor.execute(
            "INSERT INTO db.prompts VALUES ($1, $2, $3, $4, $5)",
            [identifier, name, rubric, seed, utc_now()],
        )
        for position, example in enumerate(chosen):
            cursor.execute(
                "INSERT INTO db.prompt_examples VALUES ($1, $2, $3, $4)",
                [identifier, position, example.pair_id, example.grade],
            )
    return JudgePrompt(rubric, chosen, name)


def unsaved_prompt(rubric: str, name: str = "") -> JudgePrompt:
    """Return a prompt that is not in the store; the rubric that comes with the program is itself.

    Raises:
        InputError: the rubric cannot be used.
    """
    checked = checked_rubric(rubric)
    return DEFAULT_PROMPT if checked == RUBRIC else JudgePrompt(checked, name=name)


def checked_name(name: str) -> str:
    """Return a prompt's name without blanks around it.

    Raises:
        InputError: it cannot be one.
    """
    name = name.strip()
    if not name or len(name) > _NAME_LIMIT or not name.isprintable() or "@" in name:
        raise InputError(
            "that is no name for a prompt",
            where=name[:_NAME_LIMIT],
            todo=f"Take 1 to {_NAME_LIMIT} printable characters without @.",
        )
    if name == DEFAULT_NAME:
        raise InputError(
            f"{DEFAULT_NAME} is the prompt that comes with the program",
            todo="Save yours under another name.",
        )
    return name
