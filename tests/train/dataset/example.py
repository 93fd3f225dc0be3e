"""A small workspace to build training sets from."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from core.ids import content_id, query_id, utc_now
from core.records import Action, Origin, Query, QueryKind
from core.store.tables import add_queries
from labels.audit.recording import LabelRecorder
from tests.building import Scored, add_scored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.store.database import Store


def question(number: int) -> str:
    """Return a query that shares two words of five with any other."""
    first, second = divmod(number, 26)
    code = chr(ord("a") + first) + chr(ord("a") + second)
    return f"how meets {code}lum its own {code}rok near {code}vop"


def graded_rows(queries: int, scores: Sequence[int | None] = (5, 3, 1)) -> list[Scored]:
    """Return pairs of so many queries, with these scores for each."""
    return [
        Scored(
            question(number),
            f"def solve_{number}_{place}(value):\n    return value + {number * 10 + place}\n",
            score,
            path=f"pkg/m{number}.py",
            symbol=f"solve_{number}_{place}",
        )
        for number in range(queries)
        for place, score in enumerate(scores)
    ]


def fill(store: Store, queries: int = 80, scores: Sequence[int | None] = (5, 3, 1)) -> list[Scored]:
    rows = graded_rows(queries, scores)
    add_scored(store, rows)
    return rows


def label(store: Store, row: Scored, grade: int, annotator: str = "ada") -> None:
    LabelRecorder(store, annotator).grade(UUID(row.pair_id), grade, None)


def flag(store: Store, row: Scored) -> None:
    LabelRecorder(store, "ada").mark(UUID(row.pair_id), Action.FLAG)


def add_spec(
    store: Store, *texts: str, name: str = "main", variation_of: str | None = None
) -> None:
    queries = [Query(query_id(text), text, QueryKind.SEMANTIC, variation_of) for text in texts]
    with store.transaction() as cursor:
        add_queries(cursor, queries, Origin.SPEC)
        spec = content_id(name)
        cursor.execute("INSERT INTO db.specs VALUES ($1, $2, 'c', $3)", [spec, name, utc_now()])
        for place, query in enumerate(queries):
            cursor.execute(
                "INSERT INTO db.spec_queries VALUES ($1, $2, $3, '', NULL)",
                [spec, place, query.id],
            )


def calibrate(store: Store, grades: dict[str, tuple[float, float, float, float, float]]) -> None:
    """Put down what a calibration says of these pairs."""
    with store.transaction() as cursor:
        calibration = content_id("calibration")
        cursor.execute(
            "INSERT INTO db.calibrations VALUES"
            " ($1, $2, 'identity', 1, 1, 1, '[]', '{}', 0, 0, '{}', $3)",
            [calibration, utc_now(), len(grades)],
        )
        for pair, p in grades.items():
            expected = sum(grade * part for grade, part in enumerate(p, start=1))
            cursor.execute(
                "INSERT INTO db.calibrated_grades VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, 5)",
                [calibration, UUID(pair), *p, expected],
            )
