"""``rejudge label``: grade one pair."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from core.errors import InputError
from core.records import GRADES
from core.store.opening import open_workspace_store
from labels.audit.labelling import label_pair
from labels.audit.strategies import CHOSEN, strategy_named
from tui.cli.answers import answer
from tui.cli.arguments import (
    add_annotator_argument,
    add_json_argument,
    add_strategy_argument,
    workspace_of,
)
from tui.shown.runs import event_document

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("pair", metavar="PAIR", help="the pair's id, or its first digits")
    parser.add_argument("grade", metavar="GRADE", help="1 irrelevant ... 5 exactly what is wanted")
    parser.add_argument("--note", metavar="TEXT", help="a remark that stays with the pair")
    parser.add_argument("--judge", metavar="NAME", default="", help="whose score is compared")
    parser.add_argument(
        "--blind", action="store_true", help="the judge's score was not seen before grading"
    )
    parser.add_argument(
        "--adjudicate",
        action="store_true",
        help="settle what people differ on: this grade stands above theirs (see is:disputed)",
    )
    add_strategy_argument(
        parser, "the queue of rejudge next that gave the pair; the label then counts by its chance"
    )
    add_annotator_argument(parser)
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Record the grade and say whether it confirms the judge's score."""
    if arguments.grade not in {str(grade) for grade in GRADES}:
        raise InputError(f"{arguments.grade} is not a grade", todo="Grades go from 1 to 5.")
    workspace = workspace_of(arguments)
    workspace.require()
    with open_workspace_store(workspace) as store:
        done = label_pair(
            store,
            arguments.pair,
            int(arguments.grade),
            workspace.annotator(arguments.annotator),
            note=arguments.note,
            hidden=arguments.blind,
            judge_name=arguments.judge or workspace.settings().judge,
            strategy=strategy_named(arguments.strategy),
            adjudicate=arguments.adjudicate,
        )
        store.back_up_if_due()
    ruling = done.item.ruling
    said = f"{ruling.judge.name} said {ruling.judgment.score}" if ruling else "no judge scored it"
    if done.event.strategy == CHOSEN:
        print(
            f"This is not the pair that the queue {strategy_named(arguments.strategy)} gives next:"
            " the label stands, and no figure of a judge counts it.",
            file=sys.stderr,
        )
    did = "adjudicated" if done.event.adjudicates else "graded"
    answer(
        arguments,
        event_document(done.event),
        [f"{done.event.action}: {did} {done.event.grade}, {said}. Take it back: rejudge undo"],
    )
    return 0
