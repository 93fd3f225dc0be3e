"""``rejudge next``, ``label``, ``undo`` and ``skip``: the audit without the screen."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Final

import typer

from core.errors import InputError
from core.records import GRADES
from core.store.opening import open_workspace_store
from labels.audit.filters import parse_filter
from labels.audit.labelling import label_pair, skip_pair, undo_last
from labels.audit.session import AuditSession
from labels.audit.strategies import CHOSEN, strategy_named
from tui.cli.groups import command, new_app
from tui.cli.output import Call, notice, open_to_read

if TYPE_CHECKING:
    from core.records import LabelEvent
    from labels.audit.items import AuditItem, EarlierLabel, Opinion

_AnnotatorOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Who labels. Default: REJUDGE_ANNOTATOR, then the settings, then the login.",
    ),
]
_JudgeOption = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="The judge whose scores are audited. Default: the one in the settings."
    ),
]
_PairArgument = Annotated[
    str, typer.Argument(metavar="PAIR", help="The pair's id, or the first digits of it.")
]
_STRATEGIES: Final = "stratified, mixed, uncertain, disagreement, random or miss"

app = new_app()


@command(
    app,
    "next",
    more="The same pair is shown until it is graded or skipped. Nothing is recorded, but in a"
    " team's store it is reserved for you for a while.",
    examples=(
        "rejudge next",
        "rejudge next --filter 'score:4,5 lang:rust' --blind",
        "rejudge next --json",
    ),
)
def show_next(
    call: Call,
    search: Annotated[
        str,
        typer.Option(
            "--filter",
            metavar="TEXT",
            help="Only pairs that match, as on the audit screen: score:4,5 lang:rust is:disputed.",
        ),
    ] = "",
    strategy: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"How the pair is drawn: {_STRATEGIES}, or the beginning of a name. Default:"
            " stratified at first, then mixed.",
        ),
    ] = "",
    judge: _JudgeOption = "",
    blind: Annotated[
        bool, typer.Option("--blind", help="Hide what judges and other people said.")
    ] = False,
    annotator: _AnnotatorOption = "",
) -> int:
    """Show the pair to audit next."""
    workspace = call.workspace()
    with open_to_read(workspace) as store:
        session = AuditSession.start(
            store,
            workspace.annotator(annotator),
            judge_name=judge or workspace.settings().judge,
            audit_filter=parse_filter(search),
            strategy=strategy_named(strategy),
        )
    item = session.current
    if item is None:
        call.answer({"pair": None, "left": 0}, ["Nothing is left to audit."])
        return 0
    document = _item_document(item)
    if blind:
        document |= {key: [] for key in ("judgments", "failures", "labels", "opinions")}
        document |= {"adjudicated": None}
    document |= {
        "left": session.counts.left,
        "strategy": item.strategy,
        "chance": item.chance,
        "adjudicates": session.adjudicates,
    }
    options = " --adjudicate" if session.adjudicates else f" --strategy {session.strategy}"
    for name, value in (("judge", judge), ("annotator", annotator)):
        options += f" --{name} {shlex.quote(value)}" if value else ""
    call.answer(document, _lines(item, session.counts.left, blind=blind, options=options))
    return 0


def _lines(item: AuditItem, left: int, *, blind: bool, options: str) -> list[str]:
    rulings = [] if blind else item.rulings
    people = [] if blind else _opinion_lines(item)
    return [
        f"pair   {item.pair.id}   {left:,} left",
        f"query  {item.query.text}",
        f"code   {item.document.path} {item.document.symbol}",
        *(
            f"beware line {each.line} addresses the judge ({each.kind.value}): {each.text}"
            for each in item.injections
        ),
        *(
            f"judge  {ruling.judge.name}: {ruling.judgment.score}  {ruling.judgment.rationale}"
            for ruling in rulings
        ),
        *people,
        "",
        item.document.text,
        "",
        f"Grade it: rejudge label {str(item.pair.id)[:8]} 1-5{options}   or: rejudge skip",
    ]


@command(
    app,
    "label",
    more="1 irrelevant, 2 same topic but not the thing, 3 partly what is wanted, 4 good match with"
    " small gaps, 5 exactly what is wanted.\n\nA label counts in the figures of a judge only if the"
    " queue gave the pair: pass the options that rejudge next prints.",
    examples=(
        "rejudge label 0f3a9c21 4",
        "rejudge label 0f3a9c21 2 --note 'parses, does not watch'",
    ),
)
def label(
    call: Call,
    pair: _PairArgument,
    grade: Annotated[str, typer.Argument(metavar="GRADE", help="From 1 to 5.")],
    note: Annotated[
        str | None, typer.Option(metavar="TEXT", help="A remark that is kept with the pair.")
    ] = None,
    judge: _JudgeOption = "",
    blind: Annotated[
        bool, typer.Option("--blind", help="The judge's score was hidden while you graded.")
    ] = False,
    adjudicate: Annotated[
        bool,
        typer.Option(
            "--adjudicate",
            help="Settle a disagreement: this grade replaces people's own in every figure. Find"
            " such pairs with: rejudge next --filter is:disputed.",
        ),
    ] = False,
    strategy: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"The queue that gave the pair, as rejudge next prints it: {_STRATEGIES}.",
        ),
    ] = "",
    annotator: _AnnotatorOption = "",
) -> int:
    """Record the grade, and say whether it confirms the judge's score."""
    if grade not in {str(each) for each in GRADES}:
        raise InputError(f"{grade} is not a grade", todo="Grades go from 1 to 5.")
    workspace = call.workspace()
    with open_workspace_store(workspace) as store:
        done = label_pair(
            store,
            pair,
            int(grade),
            workspace.annotator(annotator),
            note=note,
            hidden=blind,
            judge_name=judge or workspace.settings().judge,
            strategy=strategy_named(strategy),
            adjudicate=adjudicate,
        )
        store.back_up_if_due()
    if done.event.strategy == CHOSEN:
        notice(
            f"This is not the pair that the queue {strategy_named(strategy)} gives next. The label"
            " is kept, but no figure of a judge counts it."
        )
    ruling = done.item.ruling
    score = f"{ruling.judge.name} said {ruling.judgment.score}" if ruling else "no judge scored it"
    did = "adjudicated" if done.event.adjudicates else "graded"
    call.answer(
        _event_document(done.event),
        [f"{done.event.action}: {did} {done.event.grade}, {score}. Take it back: rejudge undo"],
    )
    return 0


@command(
    app,
    "undo",
    more="Run it again to go back further. What you take back stays on record.",
    examples=("rejudge undo",),
)
def undo(call: Call, annotator: _AnnotatorOption = "") -> int:
    """Take back the annotator's last label, skip, flag or note."""
    workspace = call.workspace()
    with open_workspace_store(workspace) as store:
        undone = undo_last(store, workspace.annotator(annotator))
    graded = f" of {undone.grade}" if undone.grade is not None else ""
    call.answer(
        {**_event_document(undone), "undone": undone.action.value, "action": "undo"},
        [f"Took back the {undone.action}{graded} on pair {str(undone.pair_id)[:8]}."],
    )
    return 0


@command(
    app,
    "skip",
    more="The pair is not drawn again for you; others still get it.",
    examples=("rejudge skip 0f3a9c21",),
)
def skip(call: Call, pair: _PairArgument, annotator: _AnnotatorOption = "") -> int:
    """Record that the annotator passes the pair over."""
    workspace = call.workspace()
    with open_workspace_store(workspace) as store:
        done = skip_pair(store, pair, workspace.annotator(annotator))
    call.answer(_event_document(done.event), ["Skipped. Take it back: rejudge undo"])
    return 0


def _event_document(event: LabelEvent) -> dict[str, object]:
    """Return what ``label``, ``undo`` and ``skip`` answer."""
    return {
        "pair": str(event.pair_id),
        "action": event.action.value,
        "grade": event.grade,
        "annotator": event.annotator,
        "event": str(event.id),
        "happened": f"{event.happened.isoformat()}Z",
        "adjudicates": event.adjudicates,
    }


def _item_document(item: AuditItem) -> dict[str, object]:
    """Return what ``next`` answers."""
    return {
        "pair": str(item.pair.id),
        "query": item.query.text,
        "kind": item.query.kind.value if item.query.kind else None,
        "path": item.document.path,
        "symbol": item.document.symbol,
        "language": item.document.language,
        "lines": [item.document.start_line, item.document.end_line],
        "text": item.document.text,
        "addresses_judge": [
            {"line": each.line, "how": each.kind.value, "text": each.text}
            for each in item.injections
        ],
        "judgments": [
            {
                "judge": ruling.judge.name,
                "judge_kind": ruling.judge.kind.value,
                "score": ruling.judgment.score,
                "distribution": ruling.judgment.distribution,
                "rationale": ruling.judgment.rationale,
            }
            for ruling in item.rulings
        ],
        "failures": [{"judge": name, "reason": reason} for name, reason in item.failures],
        "labels": [
            {"annotator": label.annotator, "grade": label.grade, "action": label.action.value}
            for label in item.labels
        ],
        "opinions": [_opinion(one) for one in item.opinions],
        "adjudicated": _label(item.adjudication) if item.adjudication else None,
    }


def _opinion(opinion: Opinion) -> dict[str, object]:
    return _label(opinion.label) | {"notes": list(opinion.notes)}


def _label(label: EarlierLabel) -> dict[str, object]:
    return {
        "annotator": label.annotator,
        "grade": label.grade,
        "action": label.action.value,
        "blind": label.hidden,
        "happened": f"{label.happened.isoformat()}Z",
        "milliseconds": label.milliseconds,
    }


def _opinion_lines(item: AuditItem) -> list[str]:
    """Return what each person said, and what was adjudicated, a line each."""
    lines = [_opinion_line("person", one.label, one.notes) for one in item.opinions]
    if item.adjudication is not None:
        lines.append(_opinion_line("above ", item.adjudication, ()))
    return lines


def _opinion_line(head: str, label: EarlierLabel, notes: tuple[str, ...]) -> str:
    took = f", {label.milliseconds / 1000:.0f} s" if label.milliseconds is not None else ""
    said = f"  {' / '.join(notes)}" if notes else ""
    when = f"{label.happened:%Y-%m-%d %H:%M} UTC"
    return f"{head} {label.annotator}: {label.grade}  ({label.action}, {when}{took}){said}"
