"""The misses of an eval as files: Markdown for people, JSON for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from core.errors import InputError
from eval.evaluating_store import load_eval
from eval.missed import misses
from eval.missed_markdown import misses_markdown, write_misses

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from core.store import Store
    from eval.evaluating_records import EvalSummary
    from eval.missed import Miss


def write_miss_files(store: Store, summary: EvalSummary, target: Path) -> tuple[Path, Path]:
    """Write ``target`` with the endings ``.md`` and ``.json`` and return both files.

    Raises:
        InputError: the name is empty, or a file cannot be written.
    """
    name = target.name.removesuffix(".md").removesuffix(".json")
    if not name or target.is_dir():
        raise InputError("no file is named", where=str(target), todo="Type a name.")
    missed = misses(store, load_eval(store, summary.id))
    page, data = (target.with_name(name + ending) for ending in (".md", ".json"))
    document = json.dumps(misses_document(summary, missed), indent=1, ensure_ascii=False)
    write_misses(page, misses_markdown(summary, missed))
    write_misses(data, document + "\n")
    return page, data


def misses_document(summary: EvalSummary, missed: Sequence[Miss]) -> dict[str, object]:
    """Return the misses as ``rejudge misses --json`` gives them."""
    return {
        "eval": str(summary.id),
        "k": summary.k,
        "queries": summary.by_kind[0].queries if summary.by_kind else 0,
        "misses": [_miss(miss) for miss in missed],
    }


def _miss(miss: Miss) -> dict[str, object]:
    result = miss.result
    return {
        "query": result.query.text,
        "kind": result.query.kind,
        "rank": result.rank,
        "relevant": [wanted.path for wanted in result.wanted],
        "grades": [wanted.grade for wanted in result.wanted],
        "ranks": [wanted.rank for wanted in result.wanted],
        "above": [
            {
                "path": found.path,
                "score": found.score,
                "document": str(found.document_id) if found.document_id else None,
            }
            for found in miss.above
        ],
    }
