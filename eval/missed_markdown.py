"""Misses as a Markdown page, for an issue or a review."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from core.display import displayable_line
from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from eval.evaluating_records import EvalSummary
    from eval.missed import Miss

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~!&])")


def misses_markdown(summary: EvalSummary, missed: Sequence[Miss]) -> str:
    """Return the page. Text from outside stands in it as text, never as markup."""
    scored = summary.by_kind[0].queries if summary.by_kind else 0
    counts = f"{len(missed)} of {scored} queries have no wanted path in the top {summary.k}."
    lines = [
        f"# Misses of {_plain(summary.retriever)} on {_plain(summary.spec_name)}",
        "",
        f"{counts} Eval {summary.id}.",
    ]
    for miss in missed:
        lines += ["", *_section(miss)]
    return "\n".join(lines) + "\n"


def _section(miss: Miss) -> list[str]:
    query = miss.result.query
    kind = f" ({query.kind})" if query.kind else ""
    lines = [f"## {_plain(query.text)}{kind}", ""]
    for wanted in miss.result.wanted:
        place = f"rank {wanted.rank}" if wanted.rank else "not found"
        grade = f", grade {wanted.grade}" if wanted.grade else ""
        lines.append(f"- wanted: {_plain(wanted.path)} ({place}{grade})")
    if miss.above:
        lines += ["", "Above it:", ""]
    lines += [f"{rank}. {_plain(found.path)}" for rank, found in enumerate(miss.above, start=1)]
    return lines


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", displayable_line(text))


def write_misses(file: Path, page: str) -> None:
    """Write the page beside its place and rename it there.

    Raises:
        InputError: the file cannot be written; what was there before is as it was.
    """
    unfinished = file.with_name(file.name + ".unfinished")
    try:
        unfinished.write_text(page, encoding="utf-8")
        unfinished.replace(file)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise InputError(
            f"the misses cannot be written: {error.strerror}",
            where=str(file),
            todo="Name another file.",
        ) from error
