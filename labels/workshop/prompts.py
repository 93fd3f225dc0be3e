"""Named prompt versions in the store, and the audited pairs that they show as examples."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.ids import event_id, utc_now
from core.records import GRADES
from core.store.tables import documents_by_id, pairs_by_id, queries_by_id
from labels.judges.prompt import DEFAULT_PROMPT, RUBRIC, Example, JudgePrompt, checked_rubric

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from core.store.database import Store


MOST_EXAMPLES: Final = 20
#: The prompt that comes with rejudge.
DEFAULT_NAME: Final = "default"
_NAME_LIMIT: Final = 60


@dataclass(frozen=True, slots=True)
class SavedPrompt:
    """A saved version; ``examples`` is how many it has, drawn with ``seed``."""

    id: UUID
    name: str
    rubric: str
    examples: int
    seed: int
    saved: datetime


def saved_prompts(store: Store) -> tuple[SavedPrompt, ...]:
    """Return the current version of each name, the latest saved first."""
    rows = store.read(
        """
        SELECT prompt.id, name, rubric,
            (SELECT count(*) FROM db.prompt_examples AS own WHERE own.prompt_id = prompt.id),
            seed, saved
        FROM db.prompts AS prompt
        QUALIFY row_number() OVER (PARTITION BY name ORDER BY saved DESC, prompt.id DESC) = 1
        ORDER BY saved DESC, prompt.id DESC
        """
    )
    return tuple(SavedPrompt(*row) for row in rows)


def load_prompt(store: Store, name: str) -> JudgePrompt:
    """Return the current version of a name; ``default`` is the prompt that comes with rejudge.

    Raises:
        InputError: there is no prompt of this name.
    """
    if name == DEFAULT_NAME:
        return DEFAULT_PROMPT
    found = next((prompt for prompt in saved_prompts(store) if prompt.name == name), None)
    if found is None:
        known = ", ".join([DEFAULT_NAME, *sorted(prompt.name for prompt in saved_prompts(store))])
        raise InputError(f"there is no prompt {name}", todo=f"Prompts of this workspace: {known}.")
    graded = store.read(
        "SELECT pair_id, grade FROM db.prompt_examples WHERE prompt_id = $1 ORDER BY position",
        [found.id],
    )
    return JudgePrompt(found.rubric, load_examples(store, graded), found.name)


def save_prompt(
    store: Store, name: str, rubric: str, *, examples: int = 0, seed: int = 0
) -> JudgePrompt:
    """Save a version under a name and return it; earlier versions stay in the store.

    Saving the current version again changes nothing: its examples stay the same when more pairs
    have been audited since.

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
    known = next((prompt for prompt in saved_prompts(store) if prompt.name == name), None)
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
    """Return a prompt that is not stored; for the default rubric, the default prompt.

    Raises:
        InputError: the rubric cannot be used.
    """
    checked = checked_rubric(rubric)
    return DEFAULT_PROMPT if checked == RUBRIC else JudgePrompt(checked, name=name)


def choose_examples(store: Store, count: int, seed: int = 0) -> tuple[Example, ...]:
    """Return audited pairs to show a judge, in the order of their grades.

    They are drawn at random from each grade in turn, at most one per query: a judge never sees a
    pair of the query that it judges, and so misses one of them at most. Flagged pairs, and pairs on
    which people differ without an adjudication, are left out.

    Raises:
        InputError: ``count`` is out of range, or there are no audited pairs.
    """
    if not 0 <= count <= MOST_EXAMPLES:
        raise InputError(f"examples takes a number from 0 to {MOST_EXAMPLES}")
    if not count:
        return ()
    chosen = _drawn(_audited(store), count, seed)
    if not chosen:
        raise InputError(
            "there are no audited pairs to take examples from",
            where=str(store.folder.parent),
            todo="Grade some first: rejudge, then a.",
        )
    return load_examples(store, [(pair, grade) for pair, _, grade in chosen])


def load_examples(store: Store, graded: Sequence[tuple[UUID, int]]) -> tuple[Example, ...]:
    """Return the examples of these pairs; pairs that no longer exist are left out."""
    pairs = pairs_by_id(store, [pair for pair, _ in graded])
    queries = queries_by_id(store, [pair.query_id for pair in pairs.values()])
    documents = documents_by_id(store, [pair.document_id for pair in pairs.values()])
    return tuple(
        Example(pair.id, queries[pair.query_id], documents[pair.document_id], grade)
        for identifier, grade in graded
        if (pair := pairs.get(identifier))
    )


def checked_name(name: str) -> str:
    """Return a prompt's name without blanks around it.

    Raises:
        InputError: it cannot be used as a name.
    """
    name = name.strip()
    if not name or len(name) > _NAME_LIMIT or not name.isprintable() or "@" in name:
        raise InputError(
            "the prompt's name cannot be used",
            where=name[:_NAME_LIMIT],
            todo=f"Use 1 to {_NAME_LIMIT} printable characters without @.",
        )
    if name == DEFAULT_NAME:
        raise InputError(
            f"{DEFAULT_NAME} is the prompt that comes with rejudge",
            todo="Save yours under another name.",
        )
    return name


def _audited(store: Store) -> list[tuple[UUID, UUID, int]]:
    rows = store.read(
        """
        SELECT label.pair_id, any_value(pair.query_id), any_value(label.grade)
        FROM deciding_labels AS label JOIN db.pairs AS pair ON pair.id = label.pair_id
        WHERE label.pair_id NOT IN (SELECT pair_id FROM standing_events WHERE action = 'flag')
        GROUP BY label.pair_id HAVING min(label.grade) = max(label.grade)
        ORDER BY label.pair_id
        """
    )
    return [(pair, query, int(grade)) for pair, query, grade in rows]


def _drawn(
    audited: Sequence[tuple[UUID, UUID, int]], count: int, seed: int
) -> list[tuple[UUID, UUID, int]]:
    chance = random.Random(seed)  # noqa: S311 - a draw, not a secret
    by_grade = {grade: [pair for pair in audited if pair[2] == grade] for grade in GRADES}
    for pairs in by_grade.values():
        chance.shuffle(pairs)
    drawn: list[tuple[UUID, UUID, int]] = []
    queries: set[UUID] = set()
    while len(drawn) < count and any(by_grade.values()):
        # The ends of the scale first: they say most about it.
        for grade in (1, 5, 3, 2, 4):
            pairs = by_grade[grade]
            while pairs and pairs[-1][1] in queries:
                pairs.pop()
            if pairs and len(drawn) < count:
                drawn.append(pairs.pop())
                queries.add(drawn[-1][1])
    return sorted(drawn, key=lambda pair: pair[2])
