"""``rejudge serve``: the same app in a browser."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from core.text import displayable_line
from tui.cli.arguments import workspace_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument(
        "--host",
        default="localhost",
        help="the address to listen on (default: localhost); any that others can reach needs an"
        " access token in REJUDGE_SERVE_TOKEN",
    )
    parser.add_argument("--port", type=int, default=8000, help="the port (default: 8000)")
    parser.add_argument(
        "--url", default="", help="what visitors type, where a proxy stands before it"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until ctrl+c, each visitor in a process of their own."""
    from tui.web.server import TOKEN_VARIABLE, Entrance, address_of, serve

    workspace = workspace_of(arguments)
    workspace.require()
    # The visitors' processes have no use for it.
    token = os.environ.pop(TOKEN_VARIABLE, "")
    address = address_of(arguments.host, arguments.port, arguments.url, token)
    team = bool(workspace.store_url())
    if not team:
        print(
            "rejudge: this workspace has a file of its own: one visitor at a time labels, others"
            " read. A team's store lets all label, see docs/team.md",
            file=sys.stderr,
        )
    print(f"{displayable_line(address.url)}   ctrl+c ends it", flush=True)
    serve(workspace, address, Entrance(token, asks_name=team))
    return 0
