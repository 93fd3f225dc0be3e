"""``rejudge team``: a store that several people label in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.errors import InputError
from tui.cli.answers import answer, table
from tui.cli.arguments import add_json_argument, add_place_arguments, workspace_of
from tui.cli.progress_line import progress_line
from tui.cli.reading_store import reading_store

if TYPE_CHECKING:
    import argparse

    from core.store.push import PushedTable, PushReport


_ACTIONS: Final = {
    "setup": "make the tables on the server, or bring them up to date",
    "push": "move this workspace's own database to the server, and check it",
    "status": "who graded how much, who has pairs in hand, and to how many people each pair goes",
    "overlap": "let each pair go to so many people",
}
_TODO: Final = "Give it with --store postgres:host=... dbname=..., or in the settings file."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, summary in _ACTIONS.items():
        action = actions.add_parser(name, help=summary, description=summary)
        add_place_arguments(action)
        add_json_argument(action)
        if name == "overlap":
            action.add_argument(
                "people", type=int, metavar="PEOPLE", help="1 or more; 0: every pair to everybody"
            )


def run(arguments: argparse.Namespace) -> int:
    """Do one of the actions."""
    actions = {"setup": _setup, "push": _push, "status": _status, "overlap": _overlap}
    return actions[arguments.action](arguments)


def _status(arguments: argparse.Namespace) -> int:
    from labels.audit.team import team_status
    from tui.shown.team import status_document, status_lines

    workspace = workspace_of(arguments)
    workspace.require()
    with reading_store(workspace) as store:
        status, place = team_status(store), store.place
    answer(arguments, status_document(status, place), status_lines(status, place))
    return 0


def _overlap(arguments: argparse.Namespace) -> int:
    from core.store.opening import open_workspace_store
    from labels.audit.team import set_overlap
    from tui.shown.team import overlap_words

    workspace = workspace_of(arguments)
    workspace.require()
    with open_workspace_store(workspace) as store:
        set_overlap(store, arguments.people)
    words = f"From now on {overlap_words(arguments.people)}."
    answer(arguments, {"overlap": arguments.people}, [words])
    return 0


def _setup(arguments: argparse.Namespace) -> int:
    from core.store.server import set_up

    done = set_up(_url(arguments))
    document = {
        "store": done.place,
        "extension": done.extension,
        "server": done.server,
        "user": done.user,
        "schema": done.schema,
        "migrations": done.applied,
    }
    lines = table(
        [
            ("store", done.place),
            ("extension", f"from {done.extension}"),
            ("server", f"PostgreSQL {done.server}, as {done.user}"),
            ("tables", f"schema {done.schema}, {done.applied} migrations were to be done"),
        ]
    )
    more = [
        "",
        "Next: rejudge team push   moves this workspace there,",
        f'or a line in .rejudge/settings.toml uses it: store = "{done.place}"',
    ]
    answer(arguments, document, [*lines, *more])
    return 0


def _push(arguments: argparse.Namespace) -> int:
    from core.store.push import push

    workspace = workspace_of(arguments)
    workspace.require()
    with progress_line() as show:
        report = push(workspace.folder, _url(arguments), show)
    document = {
        "store": report.place,
        "whole": report.whole,
        "differing": report.differing,
        "tables": [_pushed(each) for each in report.tables],
    }
    answer(arguments, document, _push_lines(report))
    return 0 if report.whole and not report.differing else 1


def _url(arguments: argparse.Namespace) -> str:
    url = workspace_of(arguments).store_url()
    if not url:
        raise InputError("no team's store is named", todo=_TODO)
    return url


def _pushed(each: PushedTable) -> dict[str, object]:
    return {
        "table": each.table,
        "rows": each.rows,
        "sent": each.sent,
        "there": each.there,
        "differing": each.differing,
        "hash": each.hash,
        "hash_there": each.hash_there,
    }


def _push_lines(report: PushReport) -> list[str]:
    lines = [
        f"{each.table:<20} {each.rows:>10,} rows  {each.sent:>10,} sent  {each.hash}"
        f"  {_verdict(each)}"
        for each in report.tables
    ]
    if not report.whole:
        return [*lines, "Not everything is there. Do it again: what is there is not sent twice."]
    if report.differing:
        lines.append("Rows that are there in another form were left as the team has them.")
    return [*lines, f"All is there: {report.place}"]


def _verdict(each: PushedTable) -> str:
    if each.same:
        return "the same there"
    if not each.whole:
        return f"{each.rows - each.there:,} LACKING there"
    return f"{each.differing:,} in another form there"
