"""``rejudge judge``: have the pairs scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

import typer

from core.errors import InputError
from core.records import Progress, QueryKind
from core.store.opening import open_workspace_store
from core.text import displayable_line
from labels.judges.choosing import find_judge
from labels.judges.judging import JudgingPlan, judge_pairs
from labels.judges.llm import JudgeParameters, LlmSettings, llm_judge_record
from labels.judges.prompt import DEFAULT_PROMPT, RUBRIC
from labels.judges.registry import JUDGES, JudgeOptions
from labels.pairs.choosing import require_pairs
from labels.workshop.cost import judging_cost
from labels.workshop.prompts import load_prompt, save_prompt, unsaved_prompt
from tui.cli.batches import BatchOptions, send_batches, tend_batches
from tui.cli.groups import Command, command, new_app
from tui.cli.model import ModelOptions
from tui.cli.options import Choice, Range
from tui.cli.output import EXIT_INTERRUPTED, Call, notice, progress_bar, run_interruptible
from tui.cli.prompts import ExamplesOption, RubricOption, SeedOption, read_rubric
from tui.shown.agreement import cost_document, cost_lines
from tui.shown.failures import failure_lines, failures_document

if TYPE_CHECKING:
    from uuid import UUID

    from core.records import Judge
    from core.store.database import Store
    from labels.judges.judge import JudgingProgress, JudgingReport
    from labels.judges.prompt import JudgePrompt

_SAMPLE_FLAG: Final = "--only-audited"

app = new_app()


@dataclass(frozen=True, slots=True)
class PairOptions:
    """Which pairs are judged."""

    panel: ClassVar = "Which pairs"

    limit: Annotated[
        int | None, typer.Option(metavar="N", help="Judge N pairs at most. Default: all."), Range(0)
    ] = None
    kind: Annotated[QueryKind | None, typer.Option(help="Only pairs of queries of this kind.")] = (
        None
    )
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ask again about pairs whose judgment failed.")
    ] = False
    only_audited: Annotated[
        int | None,
        typer.Option(
            metavar="[N]", help="Only pairs that people graded: all of them, or a sample of N."
        ),
        Range(0),
    ] = None
    compare: Annotated[
        str,
        typer.Option(
            metavar="JUDGE",
            help="Then compare with this judge, on the pairs that people graded: NAME, or"
            " NAME@VERSION. With --only-audited, only pairs that it scored are judged.",
        ),
    ] = ""

    def pairs(self, store: Store, against: Judge | None) -> tuple[UUID, ...] | None:
        """Return the pairs to choose from; None: all."""
        from labels.workshop.trials import trial_pairs

        if self.only_audited is None:
            return None
        return trial_pairs(store, against, self.only_audited or None)

    def plan(self, concurrency: int, pairs: tuple[UUID, ...] | None) -> JudgingPlan:
        """Return which pairs are judged, and how many at the same time."""
        return JudgingPlan(
            concurrency=concurrency,
            limit=self.limit,
            kind=self.kind,
            retry_failed=self.retry_failed,
            pairs=pairs,
        )


@dataclass(frozen=True, slots=True)
class PromptOptions:
    """What an LLM judge is told, and how its replies are drawn."""

    panel: ClassVar = "Prompt and replies"

    prompt: Annotated[
        str, typer.Option(metavar="NAME", help="A saved prompt, see rejudge prompts.")
    ] = ""
    rubric: RubricOption = None
    examples: ExamplesOption = 0
    seed: SeedOption = 0
    save: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Save the rubric and the examples as a prompt of this name."
        ),
    ] = ""
    samples: Annotated[
        int,
        typer.Option(
            metavar="N", help="Ask N times about each pair; the scores become a distribution."
        ),
        Range(1, 100),
    ] = 1
    temperature: Annotated[
        float | None,
        typer.Option(
            metavar="T", help="Sampling temperature. Default: 0, or 1 with several samples."
        ),
        Range(0, 2),
    ] = None
    no_logprobs: Annotated[
        bool,
        typer.Option(
            "--no-logprobs",
            help="Do not ask for token probabilities, from which the distribution comes.",
        ),
    ] = False

    def check(self) -> None:
        """Raise InputError for options that exclude each other."""
        if self.samples > 1 and self.temperature == 0:
            raise InputError(
                "at temperature 0 every sample is the same",
                todo="Leave --temperature out, or give one above 0.",
            )
        if self.prompt and (self.rubric or self.save or self.examples):
            raise InputError(
                "a saved prompt has its rubric and its examples",
                todo="Give --prompt alone, or --rubric with --examples and --save.",
            )
        if self.save and not self.rubric and not self.examples:
            raise InputError("there is nothing to save", todo="Give --rubric FILE or --examples N.")
        if self.examples and not self.save:
            raise InputError(
                "a prompt with examples needs a name",
                todo="Name it with --save NAME, so that the same examples are shown next time.",
            )

    def parameters(self, max_tokens: int) -> JudgeParameters:
        """Return how the replies are drawn."""
        temperature = self.temperature
        if temperature is None:
            temperature = 0.0 if self.samples == 1 else 1.0
        return JudgeParameters(temperature, max_tokens, samples=self.samples)

    def load(self, store: Store) -> JudgePrompt:
        """Return the prompt that the options name; save it where they say so.

        Raises:
            InputError: the rubric or the name cannot be used.
        """
        if self.prompt:
            return load_prompt(store, self.prompt)
        rubric = read_rubric(self.rubric) if self.rubric else RUBRIC
        if self.save:
            return save_prompt(store, self.save, rubric, examples=self.examples, seed=self.seed)
        return unsaved_prompt(rubric, self.rubric.stem) if self.rubric else DEFAULT_PROMPT


class _JudgeCommand(Command):
    """Its ``--only-audited`` may stand without a number."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give it 0 for a number, which means all."""
        words = []
        for word, following in zip(args, [*args[1:], ""], strict=True):
            words.append(word)
            if word == _SAMPLE_FLAG and not following.lstrip("-").isdecimal():
                words.append("0")
        return super().parse_args(ctx, words)


@command(
    app,
    "judge",
    more="It asks about the pairs that this judge has not ruled on yet, so that it can be"
    " interrupted and run again. A reply that cannot be understood is a failed judgment, which has"
    " no score. The API key comes from REJUDGE_API_KEY or OPENAI_API_KEY.\n\nWith --batch the pairs"
    " go to the server's Batch API, which is cheap and takes hours; --resume fetches the answers.",
    examples=(
        "rejudge judge --model gpt-4o-mini --dry-run",
        "rejudge judge --model qwen3 --base-url http://localhost:8080/v1 --limit 100",
        "rejudge judge --model gpt-4o --prompt strict --only-audited --compare gpt-4o-mini",
        "rejudge judge --judge lexical",
    ),
    cls=_JudgeCommand,
)
def judge(
    call: Call,
    which: PairOptions,
    asked: ModelOptions,
    prompt: PromptOptions,
    batches: BatchOptions,
    judge_type: Annotated[
        str,
        typer.Option(
            "--judge",
            help="; ".join(f"{name}: {each.description}" for name, each in JUDGES.items()) + ".",
        ),
        Choice(JUDGES),
    ] = "llm",
    name: Annotated[
        str, typer.Option(metavar="NAME", help="The judge's name. Default: the model's.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Ask nothing; say how many calls and tokens it takes.")
    ] = False,
) -> int:
    """Judge, show progress, and say what came of it."""
    workspace = call.workspace()
    if batches.about_open_batches:
        with open_workspace_store(workspace) as store:
            return tend_batches(call, store, batches, asked)
    if JUDGES[judge_type].asks_model:
        prompt.check()
        asked.require_model()
    elif batches.batch or dry_run:
        option = "--batch" if batches.batch else "--dry-run"
        raise InputError(f"{option} is for judges that ask a model", todo="Leave it out.")
    with open_workspace_store(workspace) as store:
        require_pairs(store)
        store.back_up_if_due()
        settings = None
        if JUDGES[judge_type].asks_model:
            settings = _llm_settings(store, asked, prompt, name)
        against = find_judge(store, which.compare) if which.compare else None
        plan = which.plan(asked.concurrency, which.pairs(store, against))
        if settings and dry_run:
            return _show_cost(call, store, plan, settings)
        if settings and batches.batch:
            return send_batches(call, store, settings, plan, batches)
        report = _judge(store, judge_type, JudgeOptions(name, settings), plan)
        return _answer(call, store, report, against)


def _llm_settings(
    store: Store, asked: ModelOptions, prompt: PromptOptions, name: str
) -> LlmSettings:
    server = asked.server()
    parameters = prompt.parameters(asked.max_tokens)
    loaded = prompt.load(store)
    return LlmSettings(
        server,
        llm_judge_record(asked.model, parameters, name, loaded),
        parameters,
        loaded,
        asked.concurrency,
        not prompt.no_logprobs,
    )


def _judge(
    store: Store, judge_type: str, options: JudgeOptions, plan: JudgingPlan
) -> JudgingReport:
    with progress_bar() as show:
        make = JUDGES[judge_type].prepare(
            store, options, lambda done: show(Progress(done, None, "documents"))
        )
        return run_interruptible(
            lambda stopped: judge_pairs(
                store,
                make,
                plan,
                progress=lambda progress: show(_shown(progress)),
                cancelled=stopped,
            )
        )


def _show_cost(call: Call, store: Store, plan: JudgingPlan, settings: LlmSettings) -> int:
    choice = plan.choice(settings.judge.id)
    cost = judging_cost(store, choice, settings.prompt, settings.parameters, plan.limit)
    document: dict[str, object] = {"judge": settings.judge.name, "cost": cost_document(cost)}
    call.answer(document, cost_lines(settings.judge, cost))
    return 0


def _answer(call: Call, store: Store, report: JudgingReport, against: Judge | None) -> int:
    document, lines = _document(report), _lines(report)
    if against is not None:
        from labels.workshop.comparing import compare_judges
        from tui.shown.agreement import comparison_document, comparison_lines

        comparison = compare_judges(store, against, report.judge)
        document["comparison"] = comparison_document(comparison)
        lines += comparison_lines(comparison)
    for line in report.notices:
        notice(line)
    call.answer(document, lines)
    return EXIT_INTERRUPTED if report.cancelled else int(report.failed > 0)


def _shown(progress: JudgingProgress) -> Progress:
    tokens = progress.prompt_tokens + progress.completion_tokens
    note = f"{progress.rate:.1f}/s, {tokens:,} tokens"
    if progress.failed:
        note += f", {progress.failed:,} failed"
    return Progress(progress.done, progress.total, note)


def _document(report: JudgingReport) -> dict[str, object]:
    return {
        "judge": report.judge.name,
        "kind": report.judge.kind.value,
        "model": report.judge.model,
        "prompt_version": report.judge.prompt_version,
        "judged": report.judged,
        "failed": report.failed,
        "skipped": report.skipped,
        "tokens": {"prompt": report.prompt_tokens, "completion": report.completion_tokens},
        "seconds": round(report.seconds, 3),
        "cancelled": report.cancelled,
        "notices": list(report.notices),
        "failures": failures_document(report.failures),
    }


def _lines(report: JudgingReport) -> list[str]:
    tokens = report.prompt_tokens + report.completion_tokens
    lines = [
        displayable_line(
            f"{report.judge.name}: {report.judged:,} judged, {report.failed:,} failed,"
            f" {report.skipped:,} judged before; {tokens:,} tokens in {report.seconds:.1f} s"
        )
    ]
    lines += failure_lines(report.failures)
    if report.cancelled:
        lines.append("Interrupted; what was finished is kept. The same command does the rest.")
    return lines
