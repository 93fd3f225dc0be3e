"""Evaluations started on the misses screen, one at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from textual.content import Content

from core.errors import CancelledError, RejudgeError
from core.text import displayable_line
from tui.shown import evals as misses_text
from tui.words import DIM

if TYPE_CHECKING:
    from collections.abc import Callable

    from eval.evals import Eval, EvalSummary
    from eval.evaluating import EvalRequest
    from tui.context import Context
    from tui.jobs import Running
    from tui.widgets.board import Board

_HINT: Final = "SPEC lexical | encoder [MODEL] | hybrid [MODEL]."


class EvalRunner:
    """Asks for an eval, runs it, and shows how far it is.

    Args:
        context: the app's context.
        board: asks the person.
        say: shows a message in the status line; without a message, what is under way.
        done: takes the finished eval.

    Attributes:
        job: the eval under way; None: there is none.
        amended: the spec made from a document marked as relevant; the next eval is run on it.
    """

    def __init__(
        self,
        context: Context,
        board: Board,
        say: Callable[..., None],
        done: Callable[[Eval], None],
    ) -> None:
        self._context = context
        self._board = board
        self._say = say
        self._done = done
        self.job: Running | None = None
        self.amended = ""

    def ask(self, summary: EvalSummary | None) -> None:
        """Ask which eval to start; the names of the specs are read meanwhile."""
        store, board = self._context.store, self._board
        if store is None or self._busy():
            return
        spec = self.amended or (summary.spec_name if summary else "")
        board.ask("evaluate", _lexical_on(spec), _HINT, self._start, self._say)
        question = board.prompt.question

        def names() -> list[str]:
            from eval.specs import specs

            return [spec.name for spec in specs(store)]

        def read(names: list[str]) -> None:
            if board.prompt.question is question:
                known = ", ".join(names) or "none yet; add one: rejudge import spec FILE"
                board.prompt.show_hint(displayable_line(f"{_HINT} Specs: {known}"))
                board.prompt.put(_lexical_on(names[0] if names else ""))

        self._context.background.start(names, read)

    def run_again(self, summary: EvalSummary) -> None:
        """Run an eval again, on the amended spec if there is one."""
        from eval.requests import again

        if self._busy():
            return
        try:
            request = again(summary)
        except RejudgeError as error:
            self._failed(error)
            return
        self._run(replace(request, spec=self.amended) if self.amended else request)

    def stop(self) -> bool:
        """Stop the eval under way; return False if there is none."""
        if self.job is not None:
            self.job.stop()
        return self.job is not None

    def status(self) -> Content | None:
        """Return how far the eval under way is; None if there is none."""
        job = self.job
        if job is None:
            return None
        if job.stopping:
            return Content.assemble(("stopping …", DIM))
        progress = job.progress
        words = misses_text.progress_text(progress, job.seconds) if progress else "starting …"
        return Content.assemble((words, "bold"), ("  esc stops", DIM))

    def _start(self, text: str) -> None:
        from eval.requests import parse_request

        self._run(parse_request(text))

    def _busy(self) -> bool:
        if self.job is not None:
            self._say(("an evaluation is running; ", "bold"), "escape stops it")
        return self.job is not None

    def _run(self, request: EvalRequest) -> None:
        store = self._context.store
        if store is None:
            return

        def run(running: Running) -> Eval:
            from eval.evaluating import run_request

            return run_request(store, request, running.job)

        def done(found: Eval) -> None:
            self.job, self.amended = None, ""
            self._done(found)

        def failed(error: RejudgeError) -> None:
            self.job = None
            if isinstance(error, CancelledError):
                self._say(("stopped; nothing was saved", "bold"))
            else:
                self._failed(error)

        self.job = self._context.background.run(run, done, failed)
        self._say()

    def _failed(self, error: RejudgeError) -> None:
        self._say(("not done: ", "bold $text-error"), displayable_line(error.what))
        self._context.show_error(error)


def _lexical_on(spec: str) -> str:
    quoted = f"'{spec}'" if " " in spec else spec
    return displayable_line(f"{quoted} lexical") if spec else ""
