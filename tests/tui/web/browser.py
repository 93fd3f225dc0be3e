"""A real browser without a window, driven over its debugging protocol on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PATIENCE: Final = 120.0
_LOOK: Final = 0.02
_OPTIONS: Final = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    # What the browser itself would ask its maker for stays here too.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--no-proxy-server",
    "--disable-dev-shm-usage",
    "--window-size=1200,700",
)


def installed_browser() -> str | None:
    """Return the program of a browser that speaks the protocol, None where there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


class Page:
    """One page of the browser.

    Attributes:
        asked: the address of every request and websocket.
        complaints: what the browser says of the page: errors, and what a policy blocked.
        received: what came through websockets.
    """

    def __init__(self, socket: Any) -> None:
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.received = b""
        self._socket = socket
        self._session = ""
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reading = asyncio.create_task(self._read())

    async def open(self, url: str) -> None:
        """Go to an address in a fresh page that is watched from its first request on."""
        target = await self._call("Target.createTarget", url="about:blank")
        attached = await self._call(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        self._session = attached["sessionId"]
        for domain in ("Network", "Log", "Runtime", "Page", "Audits"):
            await self._call(f"{domain}.enable")
        await self._call("Page.navigate", url=url)

    async def press(self, key: str) -> None:
        """Press a letter or digit."""
        await self._call("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
        await self._call("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def told(self, expression: str) -> Any:
        """Return what a JavaScript expression is worth on the page."""
        answer = await self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer["result"].get("value")

    async def picture(self) -> bytes:
        """Return what is in sight as a PNG."""
        return base64.b64decode((await self._call("Page.captureScreenshot"))["data"])

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait until something is true."""
        for _ in range(int(_PATIENCE / _LOOK)):
            if reached():
                return
            await asyncio.sleep(_LOOK)
        raise AssertionError("it never came", self.asked, self.complaints, self.received[-2000:])

    async def close(self) -> None:
        """End the browser."""
        with suppress(ConnectionError):
            await self._call("Browser.close", session="")
        self._reading.cancel()

    async def _call(
        self, method: str, *, session: str | None = None, **more: Any
    ) -> dict[str, Any]:
        number = len(self._answers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        chosen = self._session if session is None else session
        where = {"sessionId": chosen} if chosen else {}
        await self._socket.send_json({"id": number, "method": method, "params": more} | where)
        async with asyncio.timeout(_PATIENCE):
            answer = await self._answers[number]
        assert "error" not in answer, (method, answer)
        result: dict[str, Any] = answer["result"]
        return result

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                self._answers[told["id"]].set_result(told)
            else:
                self._note(told["method"], told["params"])

    def _note(self, method: str, told: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.asked.append(told["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.asked.append(told["url"])
        elif method == "Network.webSocketFrameReceived":
            data, binary = told["response"]["payloadData"], told["response"]["opcode"] == 2
            self.received += base64.b64decode(data) if binary else data.encode()
        elif method in {"Log.entryAdded", "Runtime.exceptionThrown", "Audits.issueAdded"}:
            # Of warnings those count that a policy gives rise to; the others are about the browser.
            entry, issue = told.get("entry", {}), told.get("issue", {})
            harmless = entry.get("level") == "warning" or issue.get("code") == "GenericIssue"
            if not harmless or "olicy" in json.dumps(told):
                self.complaints.append(json.dumps(told))


@asynccontextmanager
async def browser(program: str, folder: Path, *more: str) -> AsyncIterator[Page]:
    """Start a browser with a profile of its own in ``folder``, and end it."""
    from aiohttp import ClientSession

    own = [f"--user-data-dir={folder}"]
    if os.geteuid() == 0:
        own.append("--no-sandbox")  # its sandbox refuses root
    process = await asyncio.create_subprocess_exec(
        program,
        *_OPTIONS,
        *own,
        *more,
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        port, path = await _address(folder / "DevToolsActivePort", process)
        async with (
            ClientSession() as client,
            client.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0) as socket,
        ):
            page = Page(socket)
            yield page
            await page.close()
        async with asyncio.timeout(_PATIENCE):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _address(file: Path, process: asyncio.subprocess.Process) -> tuple[str, str]:
    async with asyncio.timeout(_PATIENCE):
        while True:
            lines = _lines(file)
            if len(lines) == 2:
                return lines[0], lines[1]
            assert process.returncode is None, "the browser ended at once"
            await asyncio.sleep(0.05)


def _lines(file: Path) -> list[str]:
    return file.read_text("ascii").splitlines() if file.exists() else []
