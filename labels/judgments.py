"""Judges and their judgments in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.identity import content_id, prompt_version
from core.records import Judge, JudgeKind, Judgment
from core.rows import insert_missing
from core.store import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable

    from duckdb import DuckDBPyConnection

    from core.store import Row, Store

JUDGE_COLUMNS: Final = "id, name, kind, model, prompt_version, prompt, parameters"
JUDGMENT_COLUMNS: Final = (
    "id, pair_id, judge_id, judged, score, failure, p1, p2, p3, p4, p5, rationale,"
    " prompt_tokens, completion_tokens, seconds"
)

_JUDGE_TYPES: Final = {
    "id": "UUID",
    "name": "VARCHAR",
    "kind": "VARCHAR",
    "model": "VARCHAR",
    "prompt_version": "VARCHAR",
    "prompt": "VARCHAR",
    "parameters": "VARCHAR",
    "added": "TIMESTAMP",
}

_JUDGMENT_TYPES: Final = {
    "id": "UUID",
    "pair_id": "UUID",
    "judge_id": "UUID",
    "judged": "TIMESTAMP",
    "score": "SMALLINT",
    "failure": "VARCHAR",
    "p1": "DOUBLE",
    "p2": "DOUBLE",
    "p3": "DOUBLE",
    "p4": "DOUBLE",
    "p5": "DOUBLE",
    "rationale": "VARCHAR",
    "prompt_tokens": "INTEGER",
    "completion_tokens": "INTEGER",
    "seconds": "DOUBLE",
}

_NO_DISTRIBUTION: Final = (None, None, None, None, None)


def make_judge(
    name: str, kind: JudgeKind, *, model: str = "", prompt: str = "", parameters: str = "{}"
) -> Judge:
    """Return a judge with its id: the same model, prompt and parameters are the same judge."""
    identifier = content_id(name, kind.value, model, prompt, parameters)
    return Judge(identifier, name, kind, model, prompt_version(prompt), prompt, parameters)


def add_judge(cursor: DuckDBPyConnection, judge: Judge) -> None:
    """Insert a judge unless the store has it."""
    row = (
        judge.id,
        judge.name,
        judge.kind.value,
        judge.model,
        judge.prompt_version,
        judge.prompt,
        judge.parameters,
        utc_now(),
    )
    insert_missing(cursor, "judges", _JUDGE_TYPES, [row])


def judge_of_row(row: Row) -> Judge:
    """Return the judge of a row selected as ``JUDGE_COLUMNS``."""
    identifier, name, kind, model, version, prompt, parameters = row
    return Judge(identifier, name, JudgeKind(kind), model, version, prompt, parameters)


def all_judges(store: Store) -> list[Judge]:
    """Return every judge, the oldest first."""
    rows = store.read(f"SELECT {JUDGE_COLUMNS} FROM db.judges ORDER BY added, name, id")
    return [judge_of_row(row) for row in rows]


def add_judgments(cursor: DuckDBPyConnection, judgments: Iterable[Judgment]) -> int:
    """Insert the judgments that the store lacks and return how many that were."""
    rows = (
        (
            judgment.id,
            judgment.pair_id,
            judgment.judge_id,
            judgment.judged,
            judgment.score,
            judgment.failure,
            *(judgment.distribution or _NO_DISTRIBUTION),
            judgment.rationale,
            judgment.prompt_tokens,
            judgment.completion_tokens,
            judgment.seconds,
        )
        for judgment in judgments
    )
    return insert_missing(cursor, "judgments", _JUDGMENT_TYPES, rows)


def judgment_of_row(row: Row) -> Judgment:
    """Return the judgment of a row selected as ``JUDGMENT_COLUMNS``."""
    identifier, pair, judge, judged, score, failure, p1, p2, p3, p4, p5, *rest = row
    distribution = None if p1 is None else (p1, p2, p3, p4, p5)
    return Judgment(identifier, pair, judge, judged, score, failure, distribution, *rest)
