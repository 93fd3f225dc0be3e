"""The text of the misses screen: evals, queries, documents, and aligned tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from core.text import displayable_line
from eval.evals import retriever_name
from tui.widgets.lists import CellKind
from tui.words import DIM, STRONG, counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.records import Progress
    from eval.evals import EvalSummary, GoalFigure
    from eval.explaining import Alignment
    from eval.queries import Candidate, QueryDetail, QueryFilter, QueryRow
    from tui.widgets.lists import Cell
    from tui.words import Part


EVAL_LINES: Final = 3
NOTHING: Final = "-"
_TOKEN: Final = 16
#: A difference of similarities from here on is worth a mark; shares of one cosine are as much
#: smaller as there are tokens.
_PULL: Final = 0.05


def eval_cells(
    summary: EvalSummary, figures: Sequence[GoalFigure], line: int, width: int, *, compared: bool
) -> list[Cell]:
    """Return a line of an eval: its name, or a metric beside its goal."""
    if line == 0:
        name = displayable_line(f"{retriever_name(summary)} · {summary.spec_name}")
        when = " compared" if compared else f" {summary.started:%m-%d %H:%M}"
        room = max(1, width - len(when))
        return [
            (cut(name, room).ljust(room), CellKind.STRONG),
            (when, CellKind.ACCENT if compared else CellKind.DIM),
        ]
    if line > len(figures):
        return []
    figure = figures[line - 1]
    cells: list[Cell] = [
        (f"  {figure.kind or 'all':<8} {figure.metric} ", CellKind.DIM),
        (f"{figure.value:.3f}", CellKind.STRONG),
    ]
    if figure.goal is not None:
        sign, kind = ("✓ reaches", CellKind.GOOD) if figure.met else ("✗ below", CellKind.BAD)
        cells.append((f" {sign} {figure.goal:.2f}", kind))
    return cells


def query_cells(row: QueryRow, width: int, *, compared: bool) -> list[Cell]:
    """Return the line of a query: found or not, rank before and now, its text."""
    sign, kind = ("✗", CellKind.BAD) if row.missed else ("✓", CellKind.GOOD)
    if row.problem:
        sign, kind = "!", CellKind.ACCENT
    ranks = f"{rank_text(row.rank):>4}"
    cells: list[Cell] = [(f"{sign}", kind)]
    if compared:
        before = rank_text(row.before) if row.compared else ""
        cells.append((f"{before:>4} {'→' if row.compared else ' '}", CellKind.DIM))
    cells += [(f"{ranks} ", CellKind.STRONG), (displayable_line(row.text)[:width], CellKind.PLAIN)]
    return cells


def rank_text(rank: int | None) -> str:
    """Return a rank, or ``-`` for none."""
    return str(rank) if rank else NOTHING


def listed_text(wanted: QueryFilter | None, shown: int, total: int) -> tuple[Content, Content]:
    """Return which queries are listed and how many."""
    if wanted is None:
        return Content(), Content()
    parts: list[Part] = [(f" {wanted.shown.value}", STRONG)]
    if wanted.kind is not None:
        parts.append((f"  {wanted.kind.value}", "$text-accent"))
    if wanted.text:
        parts.append((f"  {displayable_line(wanted.text)}", "$text-accent"))
    return Content.assemble(*parts), Content.assemble((f"{shown:,} of {total:,} ", DIM))


def missed_text(missed: int, queries: int) -> Content:
    """Return how many queries were missed."""
    return Content.assemble(
        (f"{missed:,} missed", "bold"), (f" of {counted(queries, 'query')} ", DIM)
    )


def head_text(row: QueryRow) -> tuple[Content, Content]:
    """Return the query, and the rank of its first expected document."""
    query = Content.assemble((displayable_line(row.text), STRONG))
    if row.problem:
        return query, Content.assemble(
            (f"not scored: {displayable_line(row.problem)}", "$text-warning")
        )
    place = f"rank {row.rank}" if row.rank else "not found"
    parts: list[Part] = [
        (f"{row.kind or 'no kind'} · ", DIM),
        (f"✗ {place}, a miss", "bold $text-error")
        if row.missed
        else (f"✓ {place}", "bold $text-success"),
    ]
    if row.compared and row.change is not None:
        parts.append((f" · was {rank_text(row.before)}: {row.change.value}", DIM))
    return query, Content.assemble(*parts)


def wanted_title(each: Candidate, number: int, total: int) -> Content:
    """Return the title of an expected document."""
    place = f"rank {each.rank}" if each.rank else "not found"
    count = f" {number} of {total}" if total > 1 else ""
    return Content.assemble(
        ("EXPECTED", "bold $text-success"), (f"{count} {place}  ", DIM), _named(each)
    )


def above_title(each: Candidate, total: int) -> Content:
    """Return the title of a document ranked above."""
    grade = f" grade {each.grade}" if each.grade is not None else ""
    return Content.assemble(
        ("ABOVE", "bold $text-error"), (f" rank {each.rank} of {total}{grade}  ", DIM), _named(each)
    )


def _named(each: Candidate) -> Content:
    document = each.document
    lines = ""
    if document is not None and document.start_line:
        lines = f":{document.start_line}"
    symbol = displayable_line(document.symbol) if document is not None else ""
    return Content.assemble(
        (displayable_line(each.path) + lines, "bold"), (f"  {symbol}" if symbol else "", DIM)
    )


def overlap_text(each: Candidate) -> Content:
    """Return which words of the query the document contains."""
    if each.document is None:
        return Content.assemble(("the corpus has no such path now", "$text-warning"))
    shared, absent = each.overlap.shared, each.overlap.absent
    parts: list[Part] = [
        (f"{len(shared)} of {counted(len(shared) + len(absent), 'query word')}", "bold"),
        (": " if shared else "", DIM),
        (displayable_line(" ".join(shared)), "$text-accent"),
    ]
    if absent:
        parts.append((f"  missing: {displayable_line(' '.join(absent))}", DIM))
    return Content.assemble(*parts)


def nothing_above_text(detail: QueryDetail) -> Content:
    """Return why no document is ranked above."""
    if detail.rank == 1:
        return Content.assemble(("the first result is an expected document", DIM))
    return Content.assemble(("the retriever returned nothing", DIM))


def token_cells(found: Sequence[Alignment], line: int) -> list[Cell]:
    """Return a line of the alignment: a query token, and its nearest token in each document."""
    summed = found[0].summed
    if line == 0:
        names = ("expected", "above")[: len(found)]
        heads = "".join(f"{name:<{_TOKEN + 8}}" for name in names)
        return [(f"{'query':<{_TOKEN}}{heads}", CellKind.DIM)]
    if line > len(found[0].matches):
        scores = [each.score for each in found]
        sums = "".join(f"{'':<{_TOKEN}}{score:6.3f}  " for score in scores)
        cells: list[Cell] = [(f"{'cosine' if summed else 'sum':<{_TOKEN}}{sums}", CellKind.STRONG)]
        return [*cells, *_pull_cells(scores, 0)]
    matches = [each.matches[line - 1] for each in found]
    cells = [(_fixed(matches[0].token), CellKind.STRONG)]
    for match in matches:
        cells += [
            (_fixed(match.answer), CellKind.PLAIN),
            (f"{match.similarity:6.3f}  ", CellKind.DIM),
        ]
    worth = _PULL / len(found[0].matches) if summed else _PULL
    return [*cells, *_pull_cells([match.similarity for match in matches], worth)]


def _pull_cells(values: Sequence[float], worth: float) -> list[Cell]:
    """Return by how much the document above is ahead, where the difference matters."""
    if len(values) < 2:  # noqa: PLR2004 - the wanted one and the one above
        return []
    pull = values[1] - values[0]
    if pull > 0 and pull >= worth:
        return [(f"▲ {pull:+.3f} favours above", CellKind.BAD)]
    return [(f"▼ {pull:+.3f}", CellKind.GOOD)] if pull < 0 and -pull >= worth else []


def tokens_text(found: Sequence[Alignment]) -> Content:
    """Return what the numbers of the alignment mean."""
    if not found[0].summed:
        return Content.assemble(("the nearest token of each document, and the similarity", DIM))
    return Content.assemble(("share of each query token in the cosine, and its nearest token", DIM))


_LIST_STEPS: Final = (
    ("misses.shown", "regressions, fixed"),
    ("misses.pane", "evaluations"),
    ("misses.again", "run again"),
    ("misses.export", "export"),
)
_QUERY_STEPS: Final = (
    ("misses.tokens", "token alignment"),
    ("misses.pairs", "training pairs"),
    ("misses.above", "next above"),
)


def hint_text(key: Callable[[str], str], *, lists: bool, query: bool) -> Content:
    """Return useful keys that the line of keys leaves out.

    Args:
        key: returns the key of a command, as text.
        lists: whether evals and queries are in sight.
        query: whether a query's documents are in sight.
    """
    steps = (*(_QUERY_STEPS if query else ()), *(_LIST_STEPS if lists else ()))
    parts: list[Part] = []
    for command, does in steps:
        gap = "   " if parts else ""
        parts += [(f"{gap}{key(command).split()[0]}", "$text-accent"), (f" {does}", DIM)]
    return Content.assemble(*parts)


def _fixed(token: str) -> str:
    shown = displayable_line(token) or NOTHING
    return cut(shown, _TOKEN - 1).ljust(_TOKEN)


def cut(text: str, width: int) -> str:
    """Return a text of at most ``width`` characters, with an ellipsis where it was cut."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def progress_text(progress: Progress, seconds: float) -> str:
    """Return the progress of a job, its rate, and the time left."""
    note = displayable_line(progress.note)
    if not progress.total:
        return f"{progress.done:,} {note}"
    share = f"{progress.done:,} of {progress.total:,} {note}"
    if not progress.done or seconds <= 0:
        return share
    rate = progress.done / seconds
    left = (progress.total - progress.done) / rate
    return f"{share} · {rate:,.0f}/s · {left:,.0f} s left"


def no_evals_text(start_key: str) -> Content:
    """Return what to do when there is no eval yet."""
    return Content.assemble(
        ("No evaluation yet.\n\n", STRONG),
        ("An evaluation runs every query of a spec (queries with the paths to find)\n", DIM),
        ("and shows which ones were missed.\n\n", DIM),
        ("press ", DIM),
        (start_key, "bold $text-accent"),
        (" to start one here, or run ", DIM),
        ("rejudge eval SPEC --retriever lexical", STRONG),
    )
