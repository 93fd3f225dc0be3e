"""The app in a browser, asked over HTTP and a websocket on loopback."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from core.errors import UnavailableError
from tests.building import numbered
from tests.tui.driving import workspace_with
from tests.tui.web.served import served
from tui.cli.main import main
from tui.web import server as web_app
from tui.web.access import TOKEN_VARIABLE, Entrance, find_address

if TYPE_CHECKING:
    from pathlib import Path

    from core.workspace import Workspace

KNOWN = "a token of twenty chars"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return workspace_with(tmp_path, numbered(4))


async def status(client: Any, url: str, **headers: str) -> int:
    async with client.get(url, headers=headers, allow_redirects=False) as answer:
        return int(answer.status)


async def first_screen(client: Any, origin: str, wanted: bytes) -> bytes:
    """Open the app as the page does and return what it paints until ``wanted`` is there."""
    seen = b""
    async with client.ws_connect(
        f"{origin}/ws?width=120&height=40", headers={"Origin": origin}
    ) as socket_:
        async with asyncio.timeout(60):
            while wanted not in seen:
                message = await socket_.receive()
                assert isinstance(message.data, bytes), (message, seen)
                seen += message.data
    return seen


async def test_a_visitor_on_this_machine_sees_the_workspace(workspace: Workspace) -> None:
    async with served(workspace) as (client, origin):
        async with client.get(origin) as page:
            text = await page.text()
            assert page.headers["Referrer-Policy"] == "no-referrer"
            policy = page.headers["Content-Security-Policy"]
        assert f'"{origin.replace("http", "ws")}/ws"' in text
        asked = re.findall(r'(?:src|href|url)(?:="|\("|-url=")([^"]+)', text)
        assert len(asked) == 8
        for each in asked:
            own = (f"{origin}/", origin.replace("http", "ws"))
            assert each in {"/", "data:,"} or each.startswith(own)
            if each.startswith(origin):
                assert await status(client, each) == 200
        assert policy.startswith("default-src 'none'; script-src 'self'; ")
        assert not re.search(r"https?:|\*", policy)
        assert await status(client, f"{origin}/static/js/textual.js") == 200
        assert b"rejudge" in await first_screen(client, origin, b"4 pairs")


async def test_pages_of_others_and_rebound_names_get_nothing(workspace: Workspace) -> None:
    async with served(workspace) as (client, origin):
        port = origin.rpartition(":")[2]
        for asking in ("http://evil.example", f"http://localhost:{port}", "null"):
            assert await status(client, f"{origin}/ws", Origin=asking) == 403
        assert await status(client, f"{origin}/ws") == 403
        for host in ("evil.example", f"evil.example:{port}", "[::"):
            for path in ("/", "/ws", "/static/js/textual.js", "/keys.js", "/enter"):
                assert await status(client, origin + path, Host=host) == 403
        assert await status(client, origin, Host=f"localhost:{port}") == 302


async def test_without_the_token_there_is_a_form_and_no_more(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(workspace, KNOWN, asks_name=True) as (client, origin):
        own = {"Origin": origin}
        async with client.get(origin) as page:
            text = await page.text()
        assert 'name="token"' in text
        assert "websocket" not in text
        assert await status(client, f"{origin}/ws", Origin=origin) == 403
        assert await status(client, f"{origin}/static/js/textual.js") == 403
        right = {"token": KNOWN, "name": "eve"}
        for given, headers in (
            ({"token": "another token, as long", "name": "eve"}, own),
            ({"token": KNOWN, "name": "\x1b[2J"}, own),
            (right, {"Origin": "http://evil.example"}),
            (right, {}),
        ):
            async with client.post(f"{origin}/enter", data=given, headers=headers) as answer:
                assert answer.status == 403
                assert KNOWN not in await answer.text()
        assert await status(client, f"{origin}/ws", Origin=origin) == 403
        async with client.post(
            f"{origin}/enter", data=right, headers=own, allow_redirects=False
        ) as answer:
            assert answer.status == 303
            cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert KNOWN not in cookie
        async with client.get(origin) as page:
            assert "/ws" in await page.text()
    assert KNOWN not in caplog.text


def test_each_visitor_has_a_process_under_their_own_name(workspace: Workspace) -> None:
    command = web_app.visitor_command(workspace, "eve; rm -rf $HOME 'x'")
    assert command.startswith("REJUDGE_ANNOTATOR='eve; rm -rf $HOME '\"'\"'x'\"'\"'' exec ")
    assert str(workspace.root) in command
    assert "REJUDGE_ANNOTATOR" not in web_app.visitor_command(workspace, "")


def test_the_command_refuses_what_others_could_reach(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    words = ["serve", "--workspace", str(workspace.root), "--host", "0.0.0.0"]  # noqa: S104
    assert main([*words, "--url", "http://example.com"]) == 2
    assert TOKEN_VARIABLE in capsys.readouterr().err


def test_without_textual_serve_it_says_what_to_install(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "textual_serve.server", None)
    with pytest.raises(UnavailableError, match="textual-serve") as caught:
        web_app.serve(workspace, find_address("localhost", 8000, "", ""), Entrance("", False))
    assert "rejudge[serve]" in caught.value.todo
