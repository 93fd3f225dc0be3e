"""The commands of the misses screen."""

from __future__ import annotations

from typing import Final

from tui.commands.command import Command, Section

MISSES: Final = Section(
    "misses",
    "Misses",
    (
        Command(
            "misses.open",
            "enter",
            "open",
            "Look into the query",
            "from the evals to the queries, from the queries to the documents",
            "open",
            1,
        ),
        Command(
            "misses.audit",
            "a",
            "audit",
            "Audit this query's pairs",
            "audit what should be found and what stands above, before all other pairs",
            "audit",
            2,
        ),
        Command(
            "misses.relevant",
            "r",
            "mark_relevant",
            "Relevant after all",
            "the document above is relevant after all: writes a new spec beside the old one",
            "relevant",
            3,
        ),
        Command(
            "misses.filter",
            "/",
            "filter",
            "Filter",
            "choose queries: is:misses is:regressions is:fixed is:all kind:semantic words",
            "filter",
            4,
        ),
        Command(
            "misses.compare",
            "c",
            "compare",
            "Compare",
            "compare with the next of the other evals, in the end with none",
            "compare",
            5,
        ),
        Command(
            "misses.start",
            "s",
            "start_eval",
            "Start an eval",
            "start an eval: SPEC lexical, SPEC encoder [MODEL], SPEC hybrid [MODEL]",
            "start eval",
            6,
        ),
        Command("misses.again", "g", "run_again", "Run again", "run this eval again"),
        Command(
            "misses.shown",
            "f",
            "next_shown",
            "Misses, regressions, fixed, all",
            "list misses, then regressions, then fixed ones, then all",
        ),
        Command("misses.kind", "v", "next_kind", "Kind", "list both kinds, or one of them"),
        Command(
            "misses.tokens",
            "w",
            "tokens",
            "Words of an encoder",
            "for each token of the query its nearest token in both documents",
        ),
        Command(
            "misses.pairs",
            "t",
            "make_pairs",
            "Make training pairs",
            "make pairs of this query's documents, to be judged or labelled",
        ),
        Command("misses.export", "x", "export", "Export", "write the misses as Markdown and JSON"),
        Command(
            "misses.above", "n", "above(1)", "Next above", "the next document that stands above"
        ),
        Command("misses.above_back", "p", "above(-1)", "Previous above", "the one before"),
        Command("misses.wanted", "e", "wanted", "Next wanted", "the next document to be found"),
        Command("misses.next", "right,]", "query(1)", "Next query", "next query"),
        Command("misses.previous", "left,[", "query(-1)", "Previous query", "previous query"),
        Command(
            "misses.pane", "tab", "pane", "Other side", "to the other list, or to the other code"
        ),
        Command("misses.down", "j,down", "go('down')", "Down", "one row or line down"),
        Command("misses.up", "k,up", "go('up')", "Up", "one row or line up"),
        Command("misses.page_down", "pagedown,space", "go('page_down')", "Page down", "page down"),
        Command("misses.page_up", "pageup", "go('page_up')", "Page up", "page up"),
        Command("misses.top", "home", "go('top')", "Top", "to the first row or line"),
        Command("misses.bottom", "end", "go('bottom')", "End", "to the last row or line"),
        Command("misses.right", "l,shift+right", "go('right')", "Code: right", "code to the right"),
        Command("misses.left", "h,shift+left", "go('left')", "Code: left", "code to the left"),
        Command(
            "misses.leave",
            "escape",
            "leave",
            "Back",
            "stop a running eval; else back: to the lists, then home",
        ),
    ),
)
