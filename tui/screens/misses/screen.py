"""Misses: what an eval did not find, why, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from core.errors import CancelledError, InputError, RejudgeError
from core.text import displayable_line
from tui.commands import MISSES, bindings_of
from tui.screens.misses.query import QueryScreen
from tui.shown import evals as misses_text
from tui.words import DIM, counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from core.records import QueryKind
    from eval.evals import Eval
    from eval.evaluating import EvalRequest
    from eval.explaining import Alignment, EncoderCache
    from eval.misses import Amended
    from labels.pairs.mining import MissPairs
    from tui.jobs import EvalJob
    from tui.widgets.bars import Prompt
    from tui.widgets.lists import Cell


_FILTER_HINT = (
    "is:misses is:regressions is:fixed is:all kind:semantic kind:keyword; other words are looked"
    " for in the query."
)
_LOOK_AGAIN = 0.2


class MissesScreen(QueryScreen):
    """What the keys do about the evals and the queries."""

    BINDINGS = bindings_of(MISSES)

    def __init__(self) -> None:
        super().__init__()
        self.job: EvalJob | None = None
        self._alignments: tuple[Alignment, ...] = ()
        self._encoders: EncoderCache | None = None
        self._amended = ""

    def on_mount(self) -> None:
        """Look at a running eval now and then."""
        super().on_mount()
        self._clock = self.set_interval(_LOOK_AGAIN, self.show_status, pause=True)

    def action_filter(self) -> None:
        """Ask which queries to list."""
        from eval.queries import query_filter_text
        from tui.widgets.bars import Prompt

        if self.evals.wanted is not None:
            text = displayable_line(query_filter_text(self.evals.wanted))
            self.board.ask(Prompt("filter", text, _FILTER_HINT))

    def action_next_shown(self) -> None:
        """List misses, then regressions, then fixed ones, then all."""
        if self.evals.wanted is not None:
            self.take(self.evals.filtered(self.evals.wanted.next_shown()))

    def action_next_kind(self) -> None:
        """List both kinds of queries, then one, then the other."""
        from dataclasses import replace

        from core.records import QueryKind

        wanted = self.evals.wanted
        if wanted is not None:
            kinds: list[QueryKind | None] = [None, *QueryKind]
            kind = kinds[(kinds.index(wanted.kind) + 1) % len(kinds)]
            self.take(self.evals.filtered(replace(wanted, kind=kind)))

    def action_compare(self) -> None:
        """Compare with the next of the other evals, after the last with none."""
        if self.evals.summary is None:
            return
        if not self.evals.others():
            self.say(("nothing to compare with: ", "bold"), "this spec has no other eval")
            return
        self.swap(lambda store, evals: evals.compare(store, evals.next_compared()))

    async def action_leave(self) -> None:
        """Stop a running eval; else go back to the lists, then home."""
        if self.job is not None:
            self.job.stop()
            self.show_status()
        elif not self.back():
            await self.desk.action_show_home()

    def action_audit(self) -> None:
        """Audit this query's documents before all other pairs."""
        self._with_pairs(self._audit)

    async def _to_audit(self, made: MissPairs) -> None:
        from tui.screens.audit.pair import PairScreen

        await self.desk.action_show_audit()
        screen = self.desk.screen
        if isinstance(screen, PairScreen):
            screen.put_first(made.ids)

    def _audit(self, made: MissPairs) -> None:
        self.call_later(self._to_audit, made)

    def action_make_pairs(self) -> None:
        """Make pairs of this query's documents."""
        self._with_pairs(self._made)

    def _made(self, made: MissPairs) -> None:
        known = len(made.ids) - made.added
        self.say(
            (f"{counted(made.added, 'pair')} made", "bold $text-success"),
            (f", {known} known; they wait for a judge and for labels  ", DIM),
            (self.key_of("misses.audit"), "bold $text-accent"),
            (" audits them", DIM),
        )

    def _with_pairs(self, then: Callable[[MissPairs], None]) -> None:
        store, row, evals = self.desk.store, self.row, self.evals
        if store is None or row is None:
            self.say(("no documents to pair: ", "bold $text-warning"), "no query is listed")
            return

        def make() -> MissPairs:
            from labels.pairs.mining import add_miss_pairs

            detail = evals.detail(store, row.position)
            if not detail.documents:
                raise InputError(
                    "the corpus has no document of this query",
                    where=detail.query.text,
                    todo="Import the corpus that its spec is about.",
                )
            return add_miss_pairs(store, detail.query.id, detail.documents)

        self.desk.background.start(make, then)

    def action_mark_relevant(self) -> None:
        """Take the document above as relevant: a new spec beside the old one."""
        store, summary, detail = self.desk.store, self.evals.summary, self.detail
        above = self.above_candidate
        if detail is None and self.row is not None:
            self.say(("look at it first: ", "bold $text-warning"), "enter opens the query")
            return
        if store is None or summary is None or detail is None or above is None:
            self.say(("nothing to mark: ", "bold $text-warning"), "no document stands above")
            return
        annotator = self.desk.workspace.annotator

        def mark() -> Amended:
            from eval.misses import mark_relevant

            return mark_relevant(store, summary, detail.query.id, above.path, annotator=annotator())

        self.desk.background.start(mark, self._marked)

    def _marked(self, made: Amended) -> None:
        self._amended = made.spec.name
        self.say(
            ("relevant after all: ", "bold $text-success"),
            f"spec {displayable_line(made.spec.name)}  ",
            (self.key_of("misses.again"), "bold $text-accent"),
            (" runs the eval on it", DIM),
        )

    def action_export(self) -> None:
        """Ask where to write the misses."""
        from tui.widgets.bars import Prompt

        summary = self.evals.summary
        if summary is not None:
            name = f"misses-{misses_text.short_id(summary)}"
            self.board.ask(Prompt("export", name, "writes NAME.md and NAME.json; enter writes"))

    def _export(self, name: str) -> None:
        store, summary = self.desk.store, self.evals.summary
        if store is None or summary is None:
            return
        target = self.desk.workspace.root / name

        def write() -> tuple[Path, Path]:
            from eval.misses import write_miss_files

            return write_miss_files(store, summary, target)

        def written(files: tuple[Path, Path]) -> None:
            names = " and ".join(displayable_line(file.name) for file in files)
            folder = displayable_line(str(files[0].parent))
            self.say(("written: ", "bold $text-success"), names, (f" in {folder}", DIM))

        self.board.stop_asking()
        self.desk.background.start(write, written)

    def action_tokens(self) -> None:
        """Show for each token of the query what answers it in both documents."""
        store, summary, detail = self.desk.store, self.evals.summary, self.detail
        if self.back_from_tokens() or store is None or summary is None or detail is None:
            return
        pair = (self.wanted_candidate, self.above_candidate)
        texts = [each.document.text for each in pair if each and each.document]
        if not texts or pair[0] is None or pair[0].document is None:
            self.say(("nothing to align: ", "bold $text-warning"), "no wanted document is known")
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
                self._alignments = found
                self.board.add_class("-aligned")
                self.board.tokens.show(len(found[0].matches) + 2)

        self.desk.background.start(align, done, self._not_done)

    def back_from_tokens(self) -> bool:
        """Go from the tokens to the documents; return whether they were in sight."""
        return self.board.has_class("-aligned") and self.back()

    def token_cells(self, index: int, line: int, width: int) -> Sequence[Cell]:
        """Return a line of the alignment."""
        del line, width
        return misses_text.token_cells(self._alignments, index) if self._alignments else ()

    def _not_done(self, error: RejudgeError) -> None:
        self.say(("not done: ", "bold $text-error"), displayable_line(error.what))
        self.desk.show_error(error)

    def action_start_eval(self) -> None:
        """Ask which eval to start."""
        store = self.desk.store
        if store is None or self._busy():
            return

        def names() -> list[str]:
            from eval.specs import specs

            return [spec.name for spec in specs(store)]

        self.desk.background.start(names, self._ask_eval)

    def _ask_eval(self, names: list[str]) -> None:
        from tui.widgets.bars import Prompt

        summary = self.evals.summary
        spec = self._amended or (summary.spec_name if summary else names[0] if names else "")
        known = displayable_line(", ".join(names)) or "none; rejudge import spec FILE brings one"
        hint = f"SPEC lexical | encoder [MODEL] | hybrid [MODEL]. Specs: {known}"
        quoted = f"'{spec}'" if " " in spec else spec
        self.board.ask(Prompt("eval", displayable_line(f"{quoted} lexical"), hint))

    def action_run_again(self) -> None:
        """Run the chosen eval again, on the amended spec if there is one of now."""
        from dataclasses import replace

        from eval.requests import again

        summary = self.evals.summary
        if summary is None or self._busy():
            return
        try:
            request = again(summary)
        except RejudgeError as error:
            self._not_done(error)
            return
        self._run(replace(request, spec=self._amended) if self._amended else request)

    def _busy(self) -> bool:
        if self.job is not None:
            self.say(("an eval runs already; ", "bold"), "escape stops it")
        return self.job is not None

    def _run(self, request: EvalRequest) -> None:
        from tui.jobs import EvalJob

        store = self.desk.store
        if store is None:
            return
        background = self.desk.background
        job = self.job = EvalJob(request, lambda: background.closing)
        self._clock.resume()
        self.show_status()
        background.start(lambda: job.run(store), self._evaluated, self._not_evaluated)

    def _evaluated(self, done: Eval) -> None:
        self._end_job()
        self._amended = ""
        self.say((f"done: eval {misses_text.short_id(done.summary)}", "bold $text-success"))
        self.read_evals()

    def _not_evaluated(self, error: RejudgeError) -> None:
        self._end_job()
        if isinstance(error, CancelledError):
            self.say(("stopped; no eval is kept", "bold"))
        else:
            self._not_done(error)

    def _end_job(self) -> None:
        self.job = None
        self._clock.pause()

    def show_status(self) -> None:
        """Show how far a running eval is, before what the last key did."""
        job = self.job
        if job is None:
            super().show_status()
        elif job.stopping:
            self.board.say(Content.assemble(("stopping …", DIM)), self.message)
        else:
            progress = job.progress
            words = misses_text.progress_text(progress, job.seconds) if progress else "starting …"
            self.board.say(Content.assemble((words, "bold"), ("  esc stops", DIM)), self.message)

    def on_prompt_left(self) -> None:
        """Go on without what was asked."""
        self.board.stop_asking()
        self.say()

    def on_prompt_given(self, event: Prompt.Given) -> None:
        """Use what was typed."""
        try:
            self._use(str(event.prompt.name), event.text)
        except RejudgeError as error:
            self.board.refuse(displayable_line(f"{error.headline}. {error.todo}"))

    def _use(self, asked: str, text: str) -> None:
        if asked == "export":
            self._export(text.strip())
            return
        if asked == "filter":
            from eval.queries import parse_query_filter

            self.take(self.evals.filtered(parse_query_filter(text)))
        else:
            from eval.requests import parse_request

            self._run(parse_request(text))
        self.board.stop_asking()
