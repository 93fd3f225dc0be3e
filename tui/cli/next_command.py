"""``rejudge next``: the pair to audit next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from labels.audit.filters import parse_filter
from labels.audit.session import AuditSession
from labels.audit.strategies import strategy_named
from tui.cli.answers import answer
from tui.cli.arguments import (
    add_annotator_argument,
    add_json_argument,
    add_strategy_argument,
    workspace_of,
)
from tui.cli.reading_store import reading_store
from tui.shown.runs import item_document, opinion_lines

if TYPE_CHECKING:
    import argparse

    from labels.audit.items import AuditItem


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument(
        "--filter", metavar="TEXT", default="", help="as on the audit screen: score:4,5 lang:rust"
    )
    add_strategy_argument(parser, "how the pair is drawn; the default: stratified, then mixed")
    parser.add_argument("--judge", metavar="NAME", default="", help="whose scores are audited")
    parser.add_argument("--blind", action="store_true", help="keep the judges' rulings back")
    add_annotator_argument(parser)
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show the pair; the same one comes until it is graded or skipped.

    Nothing is recorded but, in a team's store, who has the pair in hand.
    """
    workspace = workspace_of(arguments)
    workspace.require()
    with reading_store(workspace) as store:
        session = AuditSession.start(
            store,
            workspace.annotator(arguments.annotator),
            judge_name=arguments.judge or workspace.settings().judge,
            audit_filter=parse_filter(arguments.filter),
            strategy=strategy_named(arguments.strategy),
        )
    item = session.current
    if item is None:
        answer(arguments, {"pair": None, "left": 0}, ["Nothing is left to audit."])
        return 0
    document = item_document(item)
    if arguments.blind:
        document |= {key: [] for key in ("judgments", "failures", "labels", "opinions")}
        document |= {"adjudicated": None}
    document |= {
        "left": session.counts.left,
        "strategy": item.strategy,
        "chance": item.chance,
        "adjudicates": session.adjudicates,
    }
    how = " --adjudicate" if session.adjudicates else f" --strategy {session.strategy}"
    for option in ("judge", "annotator"):
        if getattr(arguments, option):
            how += f" --{option} {shlex.quote(getattr(arguments, option))}"
    answer(arguments, document, _lines(item, session.counts.left, blind=arguments.blind, how=how))
    return 0


def _lines(item: AuditItem, left: int, *, blind: bool, how: str) -> list[str]:
    rulings = [] if blind else item.rulings
    people = [] if blind else opinion_lines(item)
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
        f"Grade it: rejudge label {str(item.pair.id)[:8]} 1-5{how}   or: rejudge skip",
    ]
