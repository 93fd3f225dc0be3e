"""The text of the home screen: the five stages in counts, the next step, the welcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from textual.content import Content

from core.text import displayable_line
from eval.evals import goal_figures, retriever_name
from tui.words import DIM, STRONG, bar, counted, judge_name, percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eval.evals import EvalSummary
    from labels.status import JudgeStatus, WorkspaceStatus
    from train.runs.store import RunRecord
    from tui.words import Part


_INDENT: Final = " " * 22
_JUDGES_SHOWN: Final = 3
_BAR_WIDTH: Final = 24
#: The next step, and the blank lines around it.
_NEXT_LINES: Final = 3
DEMO: Final = "rejudge demo"
IMPORT_CORPUS: Final = "rejudge import corpus path/to/code"
IMPORT_PAIRS: Final = "rejudge import pairs scored.jsonl"
IMPORT_SPEC: Final = "rejudge import spec queries.json"
MINE_PAIRS: Final = "rejudge pairs mine"
JUDGE: Final = "rejudge judge --base-url URL --model NAME"
JUDGE_OFFLINE: Final = "rejudge judge --judge lexical"
RUNS: Final = "rejudge runs"
TRAIN: Final = "rejudge train"


@dataclass(frozen=True, slots=True)
class LoopSeen:
    """What home shows besides the counts.

    Attributes:
        runs: the training runs, the newest first.
        evals: the number of evals.
        latest: the newest eval; None: there is none.
        under_way: the evaluation under way, as text; empty: none.
    """

    runs: Sequence[RunRecord] = ()
    evals: int = 0
    latest: EvalSummary | None = None
    under_way: str = ""


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do next: the reason, and the command; empty where a key does it."""

    reason: str
    command: str = ""


def next_step(  # noqa: PLR0911 - one for each stage
    status: WorkspaceStatus, runs: Sequence[RunRecord] = ()
) -> NextStep:
    """Return the next step.

    Args:
        status: the workspace in counts.
        runs: its training runs, the newest first.
    """
    if status.empty:
        return NextStep("Try rejudge on sample data", DEMO)
    if not status.queries:
        return NextStep("There is code but no query: import queries", IMPORT_SPEC)
    if not status.pairs and not status.corpus_documents:
        return NextStep("There are queries but no code: import code", IMPORT_CORPUS)
    if not status.pairs:
        return NextStep("Find candidate pairs for the queries", MINE_PAIRS)
    if not status.judgments_ok:
        return NextStep(
            "Let a judge score the pairs (lexical: the offline baseline)", JUDGE_OFFLINE
        )
    left = status.pairs - status.labelled_pairs - status.skipped
    if left > 0:
        return NextStep(f"{counted(left, 'pair')} to audit")
    if runs and not runs[0].status.resumable:
        return NextStep("Every pair is graded; see what the run changed", f"{RUNS} {runs[0].id}")
    return NextStep("Every pair is graded: train on the labels", TRAIN)


def loop_text(
    status: WorkspaceStatus,
    step: NextStep,
    seen: LoopSeen,
    keys: Mapping[str, str],
    height: int,
) -> Content:
    """Return the five stages with their counts, and the next step.

    Args:
        status: the workspace in counts.
        step: the next step.
        seen: its runs and evals.
        keys: the keys of ``audit``, ``train``, ``misses`` and ``copy``, as text.
        height: the lines available; where they are few, blank lines are left out.
    """
    stages = _stages(status, seen, keys)
    airy = sum(len(lines) + 1 for _, lines in stages) + _NEXT_LINES <= height
    parts: list[Part] = []
    for number, (name, lines) in enumerate(stages, start=1):
        for position, line in enumerate(lines):
            head = f"  {number}  {name:<16} " if position == 0 else _INDENT
            parts += [(head, STRONG if position == 0 else ""), line, "\n"]
        if airy or number == len(stages):
            parts.append("\n")
    missed = seen.latest is not None and not all(each.met for each in goal_figures(seen.latest))
    parts += [_next_text(step, keys["audit"], keys["copy"], keys["misses"] if missed else "")]
    return Content.assemble(*parts)


def welcome_text(root: str, copy_key: str) -> Content:
    """Return what to import and how, for a folder whose workspace is missing or empty."""
    return Content.assemble(
        ("Check your LLM judge's score of each (query, code) pair.\n", STRONG),
        (f"There is nothing in {root} yet.\n\n", DIM),
        ("Try it first, on the code of your own Python:\n", ""),
        _command(DEMO, f"{copy_key} copies it"),
        ("\n\nImport pairs that a judge has scored:\n", ""),
        _command(IMPORT_PAIRS, "query, positive, llm_score"),
        ("\n\nOr start from code and queries:\n", ""),
        _command(IMPORT_CORPUS, "functions and classes"),
        "\n",
        _command(IMPORT_SPEC, "queries, paths to find"),
        "\n",
        _command(MINE_PAIRS, "candidates for each query"),
        "\n",
        _command(JUDGE_OFFLINE, "or --base-url URL --model M"),
        ("\n\nThen run ", DIM),
        ("rejudge", STRONG),
        (" here again; ", DIM),
        ("rejudge --help", STRONG),
        (" lists everything.", DIM),
    )


def _next_text(step: NextStep, audit_key: str, copy_key: str, misses_key: str) -> Content:
    head = ("  NEXT ", "bold $text-accent")
    reason = (f"{step.reason}\n\n", "")
    if not step.command:
        parts: list[Part] = [("     press ", DIM), (audit_key, "bold $text-accent"), " to audit"]
        if misses_key:
            parts += [(", ", DIM), (misses_key, "bold $text-accent")]
            parts += [(" to start with what the latest evaluation missed", DIM)]
        return Content.assemble(head, reason, *parts)
    return Content.assemble(
        head, reason, _command(step.command), (f"      {copy_key} copies it", DIM)
    )


def _command(command: str, remark: str = "") -> Content:
    return Content.assemble(
        ("     $ ", DIM),
        (f"{command:<36}", "bold $text-success"),
        (f" {remark}" if remark else "", DIM),
    )


def _stages(
    status: WorkspaceStatus, seen: LoopSeen, keys: Mapping[str, str]
) -> list[tuple[str, list[Content]]]:
    return [
        ("corpus & pairs", _corpus(status)),
        ("judge", _judge(status)),
        ("audit", _audit(status)),
        ("train", _train(status, seen, keys["train"])),
        ("evaluate", _evaluate(status, seen, keys["misses"])),
    ]


def _corpus(status: WorkspaceStatus) -> list[Content]:
    counts = (
        counted(status.documents, "document"),
        counted(status.queries, "query"),
        counted(status.pairs, "pair"),
    )
    return [Content(" · ".join(counts))]


def _judge(status: WorkspaceStatus) -> list[Content]:
    if not status.judges:
        return [Content.assemble(("no judge has scored anything yet", DIM))]
    lines = [_judge_line(judged) for judged in status.judges[:_JUDGES_SHOWN]]
    more = len(status.judges) - _JUDGES_SHOWN
    if more > 0:
        lines.append(Content.assemble((f"and {counted(more, 'judge')} more", DIM)))
    if status.unjudged_pairs:
        lines.append(
            Content.assemble((f"{counted(status.unjudged_pairs, 'pair')} without a score", DIM))
        )
    return lines


def _judge_line(judged: JudgeStatus) -> Content:
    parts: list[Part] = [
        judge_name(judged.judge),
        f"  {judged.scored:,} scored",
    ]
    if judged.failed:
        parts.append((f" · {judged.failed:,} failed", "$text-error"))
    return Content.assemble(*parts)


def _audit(status: WorkspaceStatus) -> list[Content]:
    if not status.pairs:
        return [Content.assemble(("no pairs to audit yet", DIM))]
    share = status.labelled_pairs / status.pairs
    lines = [
        Content.assemble(
            (bar(share, _BAR_WIDTH), "$text-success on $surface-lighten-1"),
            f" {status.labelled_pairs:,} of {counted(status.pairs, 'pair')} labelled",
        )
    ]
    marks = [
        f"{number:,} {word}"
        for number, word in (
            (status.confirmed, "confirmed"),
            (status.overridden, "overridden"),
            (status.skipped, "skipped"),
            (status.flagged, "flagged"),
            (status.disputed, "disputed"),
            (status.adjudicated, "adjudicated"),
        )
        if number
    ]
    if marks:
        lines.append(Content.assemble((" · ".join(marks), DIM)))
    lines += [
        Content.assemble(
            ("you agree with ", DIM),
            displayable_line(judged.judge.name),
            (f" on {percent(judged.agreed, judged.compared)}", ""),
        )
        for judged in status.judges[:_JUDGES_SHOWN]
        if judged.compared
    ]
    return lines


def _train(status: WorkspaceStatus, seen: LoopSeen, key: str) -> list[Content]:
    if seen.runs:
        return _runs(seen.runs, key)
    if not status.judgments_ok:
        return [Content.assemble(("nothing to train on yet", DIM))]
    labels, scores = counted(status.labels, "label"), counted(status.learnable_scores, "score")
    return [
        Content(f"{labels} and {scores} to learn from"),
        Content.assemble((f"{key} sets up a run; command: ", DIM), TRAIN),
    ]


def _runs(runs: Sequence[RunRecord], key: str) -> list[Content]:
    latest = runs[0]
    parts: list[Part] = [
        f"{counted(len(runs), 'run')} · the latest ",
        (latest.status.value, STRONG),
    ]
    if latest.status.going and latest.steps:
        parts.append(f", step {latest.step:,} of {latest.steps:,}")
    if latest.metric is not None:
        parts.append(f", held-out nDCG@10 {latest.metric:.3f}")
    does = "resumes it" if latest.status.resumable else "shows it"
    return [Content.assemble(*parts), Content.assemble((f"{key} {does}; command: ", DIM), RUNS)]


def _evaluate(status: WorkspaceStatus, seen: LoopSeen, key: str) -> list[Content]:
    if not status.specs:
        return [Content.assemble(("no spec yet: ", DIM), (IMPORT_SPEC, ""))]
    text = f"{counted(status.specs, 'spec')} with {counted(status.spec_queries, 'query')}"
    if seen.evals:
        text += f" · {counted(seen.evals, 'evaluation')}"
    lines = [Content(text)]
    if seen.latest is not None:
        lines += _latest(seen.latest)
    if seen.under_way:
        lines.append(Content.assemble((displayable_line(seen.under_way), "bold $text-accent")))
    does = "shows what they missed" if seen.evals else "starts an evaluation"
    return [*lines, Content.assemble((f"{key} {does}; command: ", DIM), "rejudge eval")]


def _latest(latest: EvalSummary) -> list[Content]:
    """Return the newest eval, and its metrics beside their goals."""
    figures = goal_figures(latest)
    parts: list[Part] = []
    for figure in figures:
        parts.append(f"{' · ' if parts else ''}{figure.kind or 'all'} {figure.value:.3f}")
        if figure.goal is not None and figure.met:
            parts.append((" ✓", "$text-success"))
        elif figure.goal is not None:
            parts.append((f" ✗ below {figure.goal:.2f}", "$text-error"))
    metric = f", {figures[0].metric}" if figures else ""
    name = displayable_line(retriever_name(latest))
    head = Content.assemble(("latest: ", DIM), name, (metric, DIM))
    return [head, Content.assemble(*parts)] if figures else [head]
