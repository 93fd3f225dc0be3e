"""``rejudge team`` and ``rejudge serve``: several people, and the app in a browser."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import InputError
from core.store.opening import open_workspace_store
from core.text import displayable_line
from labels.audit.team import set_overlap, team_status
from tui.cli.groups import command, group, new_app
from tui.cli.output import Call, notice, open_to_read, progress_bar
from tui.shown.figures import table
from tui.shown.team import overlap_words, status_document, status_lines

if TYPE_CHECKING:
    from core.store.push import PushedTable, PushReport

app = new_app()
team = new_app()
app.add_typer(team, name="team")
group(
    team,
    "team",
    more="See docs/team.md. Name the store with --store, REJUDGE_STORE or settings.toml.",
    examples=(
        "rejudge team setup --store 'postgres:host=db dbname=rejudge'",
        "rejudge team push --store 'postgres:host=db dbname=rejudge'",
        "rejudge team status",
    ),
)


@command(
    team,
    "setup",
    summary="Create the tables on the server, or bring them up to date.",
    more="It also gets DuckDB's extension for PostgreSQL if this machine lacks it.",
    examples=("rejudge team setup --store 'postgres:host=db dbname=rejudge'",),
)
def setup(call: Call) -> int:
    """Create or migrate the tables of the team's store."""
    from core.store.server import set_up

    done = set_up(_store_url(call))
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
            ("tables", f"schema {done.schema}, {done.applied} migrations applied"),
        ]
    )
    following = [
        "",
        "Next: rejudge team push   copies this workspace there,",
        f'or use it with a line in .rejudge/settings.toml: store = "{done.place}"',
    ]
    call.answer(document, [*lines, *following])
    return 0


@command(
    team,
    "push",
    summary="Copy this workspace's own database to the server, and check the copy.",
    more="It can be repeated: rows that are there already are not sent again. Exit status 1 when"
    " the two differ afterwards.",
    examples=("rejudge team push --store 'postgres:host=db dbname=rejudge'",),
)
def push(call: Call) -> int:
    """Copy the workspace's database into the team's store."""
    from core.store.push import push as push_rows

    workspace = call.workspace()
    with progress_bar() as show:
        report = push_rows(workspace.folder, _store_url(call), show)
    document = {
        "store": report.place,
        "whole": report.whole,
        "differing": report.differing,
        "tables": [
            {
                "table": each.table,
                "rows": each.rows,
                "sent": each.sent,
                "there": each.there,
                "differing": each.differing,
                "hash": each.hash,
                "hash_there": each.hash_there,
            }
            for each in report.tables
        ],
    }
    call.answer(document, _push_lines(report))
    return 0 if report.whole and not report.differing else 1


def _push_lines(report: PushReport) -> list[str]:
    lines = [
        f"{each.table:<20} {each.rows:>10,} rows  {each.sent:>10,} sent  {each.hash}"
        f"  {_verdict(each)}"
        for each in report.tables
    ]
    if not report.whole:
        return [*lines, "Some rows are missing on the server. Run it again: it sends only those."]
    if report.differing:
        lines.append("Rows that differ on the server were left as the team has them.")
    return [*lines, f"Everything is there: {report.place}"]


def _verdict(each: PushedTable) -> str:
    if each.same:
        return "equal"
    if not each.whole:
        return f"{each.rows - each.there:,} MISSING on the server"
    return f"{each.differing:,} differ on the server"


@command(
    team,
    "status",
    summary="Show who graded how much, who has pairs in hand, and what is disputed.",
    examples=("rejudge team status --json",),
)
def status(call: Call) -> int:
    """Show how far the team is."""
    with open_to_read(call.workspace()) as store:
        found, place = team_status(store), store.place
    call.answer(status_document(found, place), status_lines(found, place))
    return 0


@command(
    team,
    "overlap",
    summary="Set how many people grade each pair.",
    examples=("rejudge team overlap 2", "rejudge team overlap 0"),
)
def overlap(
    call: Call,
    people: Annotated[
        int, typer.Argument(metavar="PEOPLE", help="1 or more; 0: everybody grades every pair.")
    ],
) -> int:
    """Set how many people each pair goes to, from now on."""
    with open_workspace_store(call.workspace()) as store:
        set_overlap(store, people)
    call.answer({"overlap": people}, [f"From now on {overlap_words(people)}."])
    return 0


def _store_url(call: Call) -> str:
    url = call.find_workspace().store_url()
    if not url:
        raise InputError(
            "no team's store is named",
            todo="Name it with --store postgres:host=... dbname=..., or in the settings file.",
        )
    return url


@command(
    app,
    "serve",
    more="Every visitor gets a process of their own. Only this machine can reach it, unless --host"
    " says otherwise; then visitors must know the access token in REJUDGE_SERVE_TOKEN. It needs"
    " textual-serve: pip install 'rejudge\\[serve]'.",
    examples=(
        "rejudge serve",
        "rejudge serve --host 0.0.0.0 --url https://rejudge.example.org",
    ),
    answers=False,
)
def serve(
    call: Call,
    host: Annotated[
        str, typer.Option(metavar="HOST", help="The address to listen on.")
    ] = "localhost",
    port: Annotated[int, typer.Option(metavar="PORT", help="The port.")] = 8000,
    url: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="What visitors type, where that is not HOST:PORT, as behind a proxy.",
        ),
    ] = "",
) -> int:
    """Serve until Ctrl-C."""
    from tui.web.access import TOKEN_VARIABLE, Entrance, find_address
    from tui.web.server import serve as serve_app

    workspace = call.workspace()
    token = os.environ.pop(TOKEN_VARIABLE, "")  # the visitors' processes must not inherit it
    address = find_address(host, port, url, token)
    is_team = bool(workspace.store_url())
    if not is_team:
        notice(
            "rejudge: only one visitor at a time can label in this workspace; the others read."
            " With a team's store all can label, see docs/team.md"
        )
    print(f"{displayable_line(address.url)}   Ctrl-C ends it", flush=True)
    serve_app(workspace, address, Entrance(token, asks_name=is_team))
    return 0
