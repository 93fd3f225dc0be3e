"""The text of the train screen: runs, their progress and outcome, and the form of a new run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from core.text import displayable_line
from eval.comparing import Change
from eval.evals import goal_figures
from train.config import losses_text, setting_text, tuning_text
from train.runs.progress import RunStatus
from tui.shown.evals import cut
from tui.widgets.lists import CellKind
from tui.words import DIM, STRONG, bar, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from core.records import Estimate
    from eval.comparing import QueryDelta
    from train.config import RunConfig, SettingDifference
    from train.dataset.summary import TrainingSetSummary
    from train.runs.events import Stepped
    from train.runs.outcome import SpecOutcome
    from train.runs.progress import RunView
    from train.runs.store import RunRecord
    from train.settings import Setting
    from tui.run_form import RunForm
    from tui.widgets.lists import Cell
    from tui.words import Part


RUN_LINES: Final = 2
_SIGNS: Final = {
    RunStatus.WAITING: ("…", CellKind.DIM, "$foreground 60%"),
    RunStatus.RUNNING: ("▶", CellKind.ACCENT, "bold $text-accent"),
    RunStatus.FINISHED: ("✓", CellKind.GOOD, "bold $text-success"),
    RunStatus.STOPPED: ("■", CellKind.STRONG, "bold $foreground"),
    RunStatus.FAILED: ("✗", CellKind.BAD, "bold $text-error"),
    RunStatus.DIED: ("✗", CellKind.BAD, "bold $text-error"),
}
_LABEL: Final = 14
_BAR: Final = 18
_ID: Final = 4
_HOUR: Final = 3600
_MINUTE: Final = 60
_QUERIES: Final = 40
_OF_MISS: Final = {Change.FIXED: ("✓", "$text-success"), Change.BROKEN: ("✗", "$text-error")}


def short_id(name: str) -> str:
    """Return the last digits of a run's name."""
    return name[-_ID:]


def duration(seconds: float) -> str:
    """Return a time as ``1:02:03`` or ``2:03``."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, _MINUTE)
    if whole < _HOUR:
        return f"{minutes}:{rest:02}"
    return f"{minutes // _MINUTE}:{minutes % _MINUTE:02}:{rest:02}"


def size(count: int) -> str:
    """Return a number of bytes as ``1.5 GB``."""
    return f"{count / 1e9:.1f} GB" if count >= 10**9 else f"{count / 1e6:.0f} MB"


def run_cells(
    record: RunRecord, line: int, width: int, *, gone: bool, compared: bool
) -> list[Cell]:
    """Return a line of a run in the list."""
    if line == 0:
        sign, kind, _ = _SIGNS[record.status]
        word = "folder gone" if gone else "compared" if compared else record.status.value
        when = f"{record.created:%m-%d %H:%M} {short_id(record.id)}"
        room = max(1, width - len(when) - 2)
        return [
            (f"{sign} ", kind),
            (cut(word, room).ljust(room), kind),
            (when, CellKind.DIM),
        ]
    metric = "" if record.metric is None else f"{record.metric:.3f}"
    words = f"{losses_text(record.config.losses)} {tuning_text(record.config)}"
    room = max(1, width - len(metric) - 3)
    return [
        ("  " + cut(displayable_line(words), room).ljust(room) + " ", CellKind.DIM),
        (metric, CellKind.STRONG),
    ]


def status_content(status: RunStatus, *, stopping: bool) -> Content:
    """Return a status as sign and word."""
    sign, _, style = _SIGNS[status]
    word = "stopping" if stopping and status.going else status.value
    return Content.assemble((f"{sign} {word} ", style))


def head_text(record: RunRecord) -> Content:
    """Return losses, tuning and base model of a run."""
    config = record.config
    words = f"{losses_text(config.losses)} · {tuning_text(config)} · {config.base}"
    return Content.assemble((" " + displayable_line(words), STRONG))


def figures_text(record: RunRecord, view: RunView | None) -> Content:
    """Return the progress of a run, its speed, and why it ended."""
    progress = view.progress if view else None
    step, steps = record.step, record.steps
    if progress is not None:
        step, steps = progress.step, progress.steps
    if not steps:
        return Content.assemble(_before_the_start(record, view))
    parts: list[Part] = [
        (bar(step / steps, _BAR), "$text-success on $surface-lighten-1"),
        (f" step {step:,} of {steps:,}", STRONG),
    ]
    stepped = progress.stepped if progress else None
    if stepped is not None:
        parts.append((f" · epoch {stepped.epoch:.1f}", DIM))
    parts.append("\n")
    if record.loss is not None or (progress and progress.loss):
        loss = progress.loss[-1][1] if progress and progress.loss else record.loss
        parts += [("loss ", DIM), (f"{loss:.4f}", STRONG)]
    best = progress.best if progress else None
    if best is not None:
        parts += [(f" · best {best.metric} ", DIM), (f"{best.value:.3f}", STRONG)]
        parts.append((f" at step {best.step:,}", DIM))
    parts.append("\n")
    if record.status.going and progress is not None and progress.evaluating is not None:
        at = progress.evaluating
        parts.append((f"held-out evaluation: {at.done:,} of {at.total:,} texts", STRONG))
    elif record.status.going and stepped is not None:
        parts += _speed(stepped)
    else:
        parts.append(_end(record, view))
    return Content.assemble(*parts)


def _before_the_start(record: RunRecord, view: RunView | None) -> tuple[str, str]:
    if record.status.going:
        return ("starting: the encoder and the training set are being loaded …", DIM)
    if record.status is RunStatus.WAITING:
        return ("prepared, not started yet", DIM)
    last = view.log[-1] if view and view.log else "its log is empty"
    reason = record.reason or f"the run ended before its first step: {last}"
    return (displayable_line(reason), "$text-error")


def _speed(stepped: Stepped) -> list[Part]:
    return [
        (f"{stepped.pairs_per_second:.1f} pairs/s", STRONG),
        (f" · {duration(stepped.seconds_left)} left", STRONG),
        (f" · rate {stepped.rate:.2g} · {size(stepped.memory)}", DIM),
    ]


def _end(record: RunRecord, view: RunView | None) -> Content:
    if record.status is RunStatus.FINISHED:
        return Content.assemble((f"finished in {duration(record.seconds)}", DIM))
    if record.status is RunStatus.DIED:
        return Content.assemble(
            ("the worker stopped unexpectedly: killed, or out of memory? ", "$text-error"),
            ("its last checkpoint is kept", DIM),
        )
    ended = view.progress.ended if view else None
    reason = displayable_line(record.reason or record.status.value)
    style = "$text-error" if record.status is RunStatus.FAILED else "$foreground"
    todo = displayable_line(ended.todo) if ended and ended.todo else ""
    return Content.assemble((reason, style), (f"  {todo}" if todo else "", DIM))


def log_text(view: RunView | None) -> Content:
    """Return the last lines of a run's log, the newest last."""
    if view is None:
        return Content.assemble(("the run's folder is gone, and its log with it", DIM))
    if not view.log:
        return Content.assemble(("the log is empty", DIM))
    return Content.assemble(("\n".join(displayable_line(line) for line in view.log), DIM))


def settings_text(config: RunConfig) -> Content:
    """Return the settings of a run, one per line."""
    from dataclasses import fields

    parts: list[Part] = []
    for field in fields(config):
        text = displayable_line(setting_text(config, field.name))
        parts += [(f"{field.name.replace('_', ' '):<18}", DIM), f"{text}\n"]
    return Content.assemble(*parts)


def outcome_text(
    outcomes: Sequence[SpecOutcome], record: RunRecord, waiting: str, keys: Mapping[str, str]
) -> Content:
    """Return what a run changed, spec by spec.

    Args:
        outcomes: the evaluations before and after the run.
        record: the run.
        waiting: what is under way; empty: nothing.
        keys: the keys of ``misses`` and ``evaluate``, as text.
    """
    parts: list[Part] = []
    if waiting:
        parts.append((f"{waiting}\n", "bold $text-accent"))
    for outcome in outcomes:
        parts += _outcome(outcome)
    if outcomes:
        parts += [(keys["misses"], "bold $text-accent"), (" shows the misses\n", DIM)]
    elif not waiting:
        parts.append((_no_outcome(record, keys["evaluate"]), DIM))
    return Content.assemble(*parts)


def _no_outcome(record: RunRecord, evaluate_key: str) -> str:
    if not record.config.specs:
        return "no spec was chosen for this run, so it is not evaluated"
    if record.status is RunStatus.FINISHED:
        return f"not evaluated yet; {evaluate_key} evaluates it"
    specs = displayable_line(", ".join(record.config.specs))
    return f"when the run has finished, it is evaluated before and after on {specs}"


def _outcome(outcome: SpecOutcome) -> list[Part]:
    goals = goal_figures(outcome.after.summary)
    metric = goals[0].metric if goals else ""
    parts: list[Part] = [
        (f"{displayable_line(outcome.spec_name)}", STRONG),
        (f"  {metric} before → after, 95% interval\n", DIM),
    ]
    before = {group.kind: group.figures for group in outcome.before.summary.by_kind}
    for figure in goals:
        after = next(each for each in outcome.after.summary.by_kind if each.kind == figure.kind)
        if figure.kind not in before:
            continue
        parts += [
            (f"{figure.kind or 'all':<9}", DIM),
            f"{_interval(before[figure.kind][metric])} → ",
            (_interval(after.figures[metric]), STRONG),
        ]
        if figure.goal is not None:
            sign, style = ("✓", "$text-success") if figure.met else ("✗", "$text-error")
            parts.append((f" {sign}", f"bold {style}"))
        parts.append("\n")
    if any(figure.goal is not None for figure in goals):
        wanted = ", ".join(f"{each.kind} {each.goal:.2f}" for each in goals if each.goal)
        parts.append((f"goals: {wanted}\n", DIM))
    for change in (Change.FIXED, Change.BROKEN):
        parts += _changed(change, outcome.comparison.changed(change))
    return [*parts, "\n"]


def _changed(change: Change, queries: Sequence[QueryDelta]) -> list[Part]:
    sign, style = _OF_MISS[change]
    parts: list[Part] = [(f"{sign} {len(queries):,} {change.value}\n", f"bold {style}")]
    for each in queries[:_QUERIES]:
        ranks = f"{each.before or '-':>4} → {each.after or '-':<4}"
        parts += [(ranks, DIM), f" {displayable_line(each.query.text)}\n"]
    if len(queries) > _QUERIES:
        parts.append((f"     and {len(queries) - _QUERIES:,} more\n", DIM))
    return parts


def _interval(figure: Estimate) -> str:
    return f"{figure.value:.2f} [{figure.low:.2f}-{figure.high:.2f}]"


def outcome_line(outcomes: Sequence[SpecOutcome]) -> str:
    """Return what a run changed, as a line: ``semantic R@10 0.70 → 0.93``."""
    found = []
    for outcome in outcomes:
        before = {each.kind: each.value for each in goal_figures(outcome.before.summary)}
        found += [
            f"{each.kind or 'all'} {each.metric} {before[each.kind]:.2f} → {each.value:.2f}"
            for each in goal_figures(outcome.after.summary)
            if each.kind in before
        ]
    return ", ".join(found)


def differences_text(differences: Iterable[SettingDifference], names: tuple[str, str]) -> Content:
    """Return the settings that differ between two runs."""
    rows = [(each.name.replace("_", " "), each.one, each.other) for each in differences]
    if not rows:
        return Content.assemble(("both runs have the same settings", DIM))
    parts: list[Part] = [(f"{'':<18}{names[0]:<24}{names[1]}\n", DIM)]
    for name, one, other in rows:
        left = cut(displayable_line(one), 23)
        parts += [(f"{name:<18}", DIM), f"{left:<24}{displayable_line(other)}\n"]
    return Content.assemble(*parts)


def field_cells(field: Setting | None, form: RunForm, width: int) -> list[Cell]:
    """Return the line of a field with its value; None: the line that starts the run."""
    if field is None:
        return [("start this run", CellKind.ACCENT)]
    value = displayable_line(form.text(field.name))
    return [
        (f"{field.label:<{_LABEL}}", CellKind.DIM),
        (cut(value, max(1, width - _LABEL)), CellKind.STRONG),
    ]


def training_set_text(summary: TrainingSetSummary, problem: str) -> Content:
    """Return a training set in figures, with its problem or its warnings."""
    from train.dataset.enough import warnings
    from tui.shown.runs import summary_rows

    parts: list[Part] = []
    if problem:
        parts.append((f"✗ {displayable_line(problem)}\n", "$text-error"))
    else:
        parts.append(("✓ enough to train on\n", "$text-success"))
        parts += [(f"! {displayable_line(one)}\n", "$text-warning") for one in warnings(summary)]
    rows = summary_rows(summary)
    width = max(len(name) for name, _ in rows) + 2
    for name, text in rows:
        parts += [(f"{name:<{width}}", DIM), f"{text}\n"]
    return Content.assemble(*parts)


def no_runs_text(new_key: str) -> Content:
    """Return what to do when there is no run yet."""
    return Content.assemble(
        ("No run yet.\n\n", STRONG),
        "A run trains an encoder on your labels and the calibrated grades. The queries of\n",
        "your specs are left out; the encoder is evaluated on them before and after.\n\n",
        ("press ", DIM),
        (new_key, "bold $text-accent"),
        (" to set one up here, or run ", DIM),
        ("rejudge train", STRONG),
    )


def runs_line(runs: Sequence[RunRecord]) -> Content:
    """Return how many runs there are, and how many are running."""
    going = sum(record.status.going for record in runs)
    parts: list[Part] = [(f"{counted(len(runs), 'run')} ", DIM)]
    if going:
        parts.insert(0, (f"{going} running · ", "bold $text-accent"))
    return Content.assemble(*parts)


def curve_title(name: str, of: str, points: Sequence[tuple[int, float]]) -> Content:
    """Return the title of a curve, with its last value."""
    last = f" {points[-1][1]:.4g}" if points else ""
    return Content.assemble((name + of, DIM), (last or " -", STRONG))


def tabs_text(shown: str, names: Iterable[str]) -> Content:
    """Return the names of the texts below the curves, the one in sight marked."""
    parts: list[Part] = [" "]
    for name in names:
        parts += [(f"[{name}]", STRONG) if name == shown else (f" {name} ", DIM), " "]
    return Content.assemble(*parts)


def compared_text(one: RunRecord, other: RunRecord) -> Content:
    """Return the two runs that are compared, with their best metrics."""
    parts: list[Part] = [" "]
    for record in (one, other):
        best = "not evaluated yet" if record.metric is None else f"best {record.metric:.3f}"
        parts += [(short_id(record.id), STRONG), (f" {record.status.value}, {best}", DIM)]
        if record is one:
            parts.append("  vs  ")
    return Content.assemble(*parts)
