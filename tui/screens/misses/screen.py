"""The misses screen: which queries an eval missed, why, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from core.text import displayable_line
from eval.evals import retriever_name
from tui.commands import MISSES, bindings_of
from tui.screens.base import AuditPairs, CompareEvals, ShowScreen, WorkspaceScreen
from tui.screens.misses.board import MissesBoard
from tui.screens.misses.runner import EvalRunner
from tui.screens.misses.state import EvalState
from tui.shown import evals as misses_text
from tui.shown.eval_results import short_eval_id
from tui.widgets.code import CodeCache
from tui.widgets.text import SplitLine
from tui.words import BRAND, DIM, counted, error_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from textual.widget import Widget

    from core.errors import RejudgeError
    from core.records import QueryKind
    from core.store.database import Store
    from eval.evals import Eval
    from eval.explaining import Alignment, EncoderCache
    from eval.misses import Amended
    from eval.queries import QueryDetail, QueryRow
    from labels.pairs.mining import MissPairs
    from tui.context import Context
    from tui.widgets.code_text import CodeText
    from tui.widgets.lists import Cell, RowList


#: Queries that are read together, ahead of the cursor.
_AHEAD: Final = 16
_STATUS_PERIOD: Final = 0.2
_FILTER_HINT: Final = (
    "is:misses is:regressions is:fixed is:all kind:semantic kind:keyword; other words are searched"
    " in the query."
)


class MissesScreen(WorkspaceScreen):
    """Shows the evals, the queries of one, and the documents of a query."""

    SECTION = MISSES
    BINDINGS = bindings_of(MISSES)
    HORIZONTAL_BREAKPOINTS = [(110, "-wide"), (150, "-broad")]  # noqa: RUF012 - as Textual declares it

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.evals = EvalState()
        self._encoders: EncoderCache | None = None
        self._on_evals = False
        self._swaps = 0
        self._reading: int | None = None
        self.codes = CodeCache(context.background.submit)
        self.board = MissesBoard(self._eval_cells, self._query_cells, self.codes, self._lex_far)
        self.runner = EvalRunner(context, self.board, self.say, self._evaluated)

    def body(self) -> Iterable[Widget]:
        """Return the board."""
        yield self.board

    def begin(self) -> None:
        """Show that the workspace is being opened."""
        self.query_one("#top", SplitLine).show(Content.assemble(BRAND, "  misses"))
        self.board.say(Content.assemble(("opening the workspace …", DIM)), Content())
        self._clock = self.set_interval(_STATUS_PERIOD, self.show_status, pause=True)
        self._activate()

    def store_opened(self) -> None:
        """Read the evals."""
        if self.context.store is not None:
            self._read_evals()

    def requested(self, request: object) -> None:
        """Show the eval that another screen asked for, beside another."""
        if isinstance(request, CompareEvals):
            self._swap(lambda store, evals: evals.open(store, request.after, request.before))

    def _read_evals(self) -> None:
        self._swap(lambda store, evals: evals.read(store))

    def _swap(self, make: Callable[[Store, EvalState], EvalState]) -> None:
        """Read another state in a thread and show it, unless a later one was asked for."""
        store, evals = self.context.store, self.evals
        if store is None:
            return
        self._swaps += 1
        swap = self._swaps
        self.context.background.start(
            lambda: make(store, evals),
            lambda made: self._take(made) if swap == self._swaps else None,
            lambda error: self._end(error_text(error)),
        )

    def _take(self, evals: EvalState) -> None:
        """Show another state."""
        row = self.row
        same = self.evals.summary == evals.summary
        if not same or evals.known(row.position if row else -1) is None:
            self.board.query_pane.detail = None
        self.evals = evals
        if evals.summary is None:
            self._end(misses_text.no_evals_text(self.key_of("misses.start")))
            return
        self._show_evals()
        self._show_queries(evals.place_of(row.position) if row and same else 0)
        if not evals.complete:
            self._swap(lambda store, evals: evals.completed(store))

    def _end(self, content: Content) -> None:
        self.board.say(Content(), Content())
        self.board.show_end(content)

    def _show_evals(self) -> None:
        """Show the evals, which is chosen and which it is compared with."""
        evals, other, summary = self.evals, self.evals.compared, self.evals.summary
        beside = f"{retriever_name(other)} {short_eval_id(other)}" if other else ""
        text = Content.assemble(
            (displayable_line(f"compared with {beside} ") if other else "", DIM)
        )
        self.board.show_evals(len(evals.summaries), evals.chosen, text)
        if summary is None:
            return
        name = displayable_line(f"  {retriever_name(summary)} on {summary.spec_name}")
        missed = sum(row.missed for row in evals.all_rows)
        self.query_one("#top", SplitLine).show(
            Content.assemble(BRAND, "  misses", (name, DIM)),
            misses_text.missed_text(missed, len(evals.all_rows)) if evals.complete else Content(),
        )

    def _show_queries(self, cursor: int) -> None:
        """Show the queries that match the filter."""
        evals = self.evals
        texts = misses_text.listed_text(evals.wanted, len(evals.rows), len(evals.all_rows))
        self.board.show_queries(len(evals.rows), cursor, *texts)
        self._show_query()

    @property
    def row(self) -> QueryRow | None:
        """The query under the cursor."""
        rows = self.evals.rows
        place = self.board.queries.cursor
        return rows[place] if 0 <= place < len(rows) else None

    @property
    def detail(self) -> QueryDetail | None:
        """The documents of the query under the cursor; None before they are read."""
        return self.board.query_pane.detail

    def _show_query(self) -> None:
        """Show the query under the cursor, and its documents once they are read."""
        row = self.row
        self.board.query_pane.show_query(row)
        self.say()
        if row is None:
            self.board.query_pane.show_detail(None)
        else:
            self._show_known_or_read(row.position)

    def _show_known_or_read(self, position: int) -> None:
        known = self.evals.known(position)
        if known is not None:
            self.board.query_pane.show_detail(known)
            self._read_ahead()
        elif self.board.query_in_sight:
            self._read(position)

    def _read(self, position: int) -> None:
        """Read a query's documents; meanwhile other queries wait."""
        store, evals = self.context.store, self.evals
        if store is None or self._reading is not None:
            return
        self._reading = position

        def done(_: QueryDetail) -> None:
            self._reading = None
            if self.row is not None:
                self._show_known_or_read(self.row.position)

        def failed(error: RejudgeError) -> None:
            self._reading = None
            self.context.show_error(error)

        self.context.background.start(lambda: evals.detail(store, position), done, failed)

    def _read_ahead(self) -> None:
        """Read nearby queries in the background, in batches: a read costs as much as a key."""
        store, evals = self.context.store, self.evals
        place = self.board.queries.cursor
        near = self._positions(place + 1, place - 1)
        if store is None or not self.board.query_in_sight:
            return
        if any(evals.known(position) is None for position in near):
            near += self._positions(*range(place + 2, place + _AHEAD))
        self.context.background.submit(lambda: evals.read_ahead(store, near, self.codes))

    def _positions(self, *places: int) -> list[int]:
        """Return the positions of the queries in these rows, where there are any."""
        rows = self.evals.rows
        return [rows[place].position for place in places if 0 <= place < len(rows)]

    def _lex_far(self, code: CodeText, end: int) -> None:
        self.context.background.start(
            lambda: code.lex(end), lambda _: self.board.query_pane.lexed()
        )

    def _eval_cells(self, index: int, line: int, width: int) -> Sequence[Cell]:
        summary, compared = self.evals.summaries[index], self.evals.compared
        is_compared = compared is not None and compared.id == summary.id
        figures = self.evals.figures[index]
        return misses_text.eval_cells(summary, figures, line, width, compared=is_compared)

    def _query_cells(self, index: int, _: int, width: int) -> Sequence[Cell]:
        compared = self.evals.compared is not None
        return misses_text.query_cells(self.evals.rows[index], width, compared=compared)

    def action_open(self) -> None:
        """Go from the evals to the queries, from the queries to the documents."""
        if self._on_evals:
            self.action_pane()
        elif self.row is not None:
            self.board.add_class("-reading")
            self._activate()
            self._show_query()

    def action_pane(self) -> None:
        """Go to the other list, or to the other document."""
        if self.board.reading:
            self.board.query_pane.switch_side()
        else:
            self._on_evals = not self._on_evals
            self._activate()

    def _activate(self) -> None:
        reading = self.board.reading
        self.board.evals.activate(self._on_evals and not reading)
        self.board.queries.activate(not self._on_evals and not reading)

    def action_query(self, step: int) -> None:
        """Go to the next query or the previous."""
        self.board.queries.put(self.board.queries.cursor + step)
        self._show_query()

    def action_go(self, move: str) -> None:
        """Move the cursor, or scroll what is read."""
        pane = self.board.query_pane
        if pane.aligned or self.board.reading or move in {"left", "right"}:
            pane.move(move)
        elif self._on_evals:
            self.board.evals.move(move)
            self._choose_eval()
        else:
            self.board.queries.move(move)
            self._show_query()

    def _choose_eval(self) -> None:
        index = self.board.evals.cursor
        self._swap(lambda store, evals: evals.choose(store, index))

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        """Follow the mouse."""
        if event.rows is self.board.evals:
            self._on_evals = True
            self._choose_eval()
        elif event.rows is self.board.queries:
            self._on_evals = False
            self._show_query()
        self._activate()

    def on_resize(self) -> None:
        """Read what came into sight."""
        if self.evals.summary is not None:
            self._show_evals()
            self.show_status()
        if self.detail is None and self.row is not None and self.board.query_in_sight:
            self._read(self.row.position)

    def action_above(self, step: int) -> None:
        """Show another document ranked above."""
        self.board.query_pane.next_above(step)

    def action_wanted(self) -> None:
        """Show another expected document."""
        self.board.query_pane.next_expected()

    def action_leave(self) -> None:
        """Stop a running eval; else go back to the lists, then home."""
        if self.runner.stop():
            self.show_status()
        elif self.board.query_pane.aligned:
            self.board.query_pane.close_alignment()
            self.say()
        elif self.board.reading:
            self.board.remove_class("-reading")
            self._activate()
            self.say()
        else:
            self.post_message(ShowScreen("home"))

    def action_filter(self) -> None:
        """Ask which queries to list."""
        from eval.queries import parse_query_filter, query_filter_text

        if self.evals.wanted is not None:
            text = displayable_line(query_filter_text(self.evals.wanted))
            self.board.ask(
                "filter",
                text,
                _FILTER_HINT,
                lambda text: self._take(self.evals.filtered(parse_query_filter(text))),
                self.say,
            )

    def action_next_shown(self) -> None:
        """List misses, then regressions, then fixed queries, then all."""
        if self.evals.wanted is not None:
            self._take(self.evals.filtered(self.evals.wanted.next_shown()))

    def action_next_kind(self) -> None:
        """List both kinds of queries, then one, then the other."""
        from dataclasses import replace

        from core.records import QueryKind

        wanted = self.evals.wanted
        if wanted is not None:
            kinds: list[QueryKind | None] = [None, *QueryKind]
            kind = kinds[(kinds.index(wanted.kind) + 1) % len(kinds)]
            self._take(self.evals.filtered(replace(wanted, kind=kind)))

    def action_compare(self) -> None:
        """Compare with the next eval; after the last, with none."""
        if self.evals.summary is None:
            return
        if not self.evals.others():
            self.say(("nothing to compare with: ", "bold"), "this is the spec's only evaluation")
            return
        self._swap(lambda store, evals: evals.compare(store, evals.next_compared()))

    def action_audit(self) -> None:
        """Audit this query's documents before all other pairs."""
        self._with_pairs(
            lambda made: self.post_message(ShowScreen("audit", AuditPairs(tuple(made.ids))))
        )

    def action_make_pairs(self) -> None:
        """Make pairs of this query's documents."""
        self._with_pairs(self._made)

    def _made(self, made: MissPairs) -> None:
        known = len(made.ids) - made.added
        self.say(
            (f"{counted(made.added, 'pair')} made", "bold $text-success"),
            (f", {known} there before  ", DIM),
            (self.key_of("misses.audit"), "bold $text-accent"),
            (" audits them", DIM),
        )

    def _with_pairs(self, then: Callable[[MissPairs], object]) -> None:
        store, row, evals = self.context.store, self.row, self.evals
        if store is None or row is None:
            self.say(("no documents to pair: ", "bold $text-warning"), "no query is listed")
            return

        self.context.background.start(lambda: evals.make_pairs(store, row.position), then)

    def action_mark_relevant(self) -> None:
        """Take the document ranked above as relevant: a new spec beside the old one."""
        store, summary, detail = self.context.store, self.evals.summary, self.detail
        above = self.board.query_pane.above
        if detail is None and self.row is not None:
            key = self.key_of("misses.open")
            self.say(("not marked: ", "bold $text-warning"), f"{key} opens the query first")
            return
        if store is None or summary is None or detail is None or above is None:
            self.say(("nothing to mark: ", "bold $text-warning"), "no document is ranked above")
            return
        annotator = self.context.workspace.annotator

        def mark() -> Amended:
            from eval.misses import mark_relevant

            return mark_relevant(store, summary, detail.query.id, above.path, annotator=annotator())

        self.context.background.start(mark, self._marked)

    def _marked(self, made: Amended) -> None:
        self.runner.amended = made.spec.name
        self.say(
            ("marked as relevant: ", "bold $text-success"),
            f"new spec {displayable_line(made.spec.name)}  ",
            (self.key_of("misses.again"), "bold $text-accent"),
            (" evaluates on it", DIM),
        )

    def action_export(self) -> None:
        """Ask where to write the misses."""
        summary = self.evals.summary
        if summary is not None:
            name = f"misses-{short_eval_id(summary)}"
            hint = "enter writes NAME.md and NAME.json in the workspace folder, escape cancels"
            self.board.ask("export", name, hint, self._export, self.say)

    def _export(self, text: str) -> None:
        store, summary = self.context.store, self.evals.summary
        if store is None or summary is None:
            return
        target = self.context.workspace.root / text.strip()

        def write() -> tuple[Path, Path]:
            from eval.misses import write_miss_files

            return write_miss_files(store, summary, target)

        def written(files: tuple[Path, Path]) -> None:
            names = " and ".join(displayable_line(file.name) for file in files)
            folder = displayable_line(str(files[0].parent))
            self.say(("written: ", "bold $text-success"), names, (f" in {folder}", DIM))

        self.context.background.start(write, written)

    def action_tokens(self) -> None:
        """Show for each token of the query its nearest token in both documents."""
        store, summary, detail = self.context.store, self.evals.summary, self.detail
        pane = self.board.query_pane
        if pane.aligned:
            pane.close_alignment()
            self.say()
            return
        if store is None or summary is None or detail is None:
            return
        pair = (pane.expected, pane.above)
        texts = [each.document.text for each in pair if each and each.document]
        if not texts or pair[0] is None or pair[0].document is None:
            reason = "the expected document is not in the corpus"
            self.say(("nothing to align: ", "bold $text-warning"), reason)
            return
        self.say(("loading the encoder …", DIM))
        query = detail.query.text

        def align() -> tuple[Alignment, ...]:
            from eval.explaining import EncoderCache, alignments

            if self._encoders is None:
                self._encoders = EncoderCache()
            return alignments(self._encoders.get(summary), query, texts)

        def done(found: tuple[Alignment, ...]) -> None:
            if self.detail is detail:
                self.say(misses_text.tokens_text(found))
                pane.show_alignment(found)

        self.context.background.start(align, done, self._not_done)

    def _not_done(self, error: RejudgeError) -> None:
        self.say(("not done: ", "bold $text-error"), displayable_line(error.what))
        self.context.show_error(error)

    def action_start_eval(self) -> None:
        """Ask which eval to start."""
        self.runner.ask(self.evals.summary)

    def action_run_again(self) -> None:
        """Run the chosen eval again; on the amended spec, if there is a new one."""
        if self.evals.summary is not None:
            self.runner.run_again(self.evals.summary)

    def _evaluated(self, done: Eval) -> None:
        words = f"evaluation {short_eval_id(done.summary)} is done"
        self.say((words, "bold $text-success"))
        self._read_evals()

    def show_status(self) -> None:
        """Show a running eval, else what the last key did, else the keys that lead on."""
        running = self.runner.status()
        if running is not None:
            self._clock.resume()
            self.board.say(running, self.message)
            return
        self._clock.pause()
        self.board.say(self.message if self.message.plain else self._next_keys(), Content())

    def _next_keys(self) -> Content:
        if self.evals.summary is None:
            return Content()
        board = self.board
        return misses_text.hint_text(
            self.key_of, lists=board.lists_in_sight, query=board.query_in_sight
        )
