"""A judge's server for tests: real HTTP on loopback, playing what it is told to."""

from __future__ import annotations

import json
import math
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Answer:
    """What to send back: a status and a body; ``cut`` bytes only; after ``wait`` seconds.

    ``chunked``: without a stated length. ``close``: the connection is closed after it, unsaid.
    """

    body: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    wait: float = 0.0
    chunked: bool = False
    close: bool = False


def completion(content: object, **more: object) -> Answer:
    """Return an answer whose model wrote ``content``."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"content": content}} | more
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    return Answer(json.dumps({"choices": [choice], "usage": usage}))


def ruling(score: object, rationale: object = "It does that.") -> Answer:
    """Return an answer with a ruling."""
    return completion(json.dumps({"rationale": rationale, "score": score}))


def told_tokens(pieces: list[str], at: int, chances: dict[str, float]) -> dict[str, Any]:
    """Return ``logprobs`` of a reply cut into ``pieces``; the one at ``at`` has alternatives."""
    places = []
    for number, piece in enumerate(pieces):
        told = chances if number == at else {piece: 1.0}
        top = [{"token": text, "logprob": math.log(chance)} for text, chance in told.items()]
        places.append({"token": piece, "logprob": math.log(told[piece]), "top_logprobs": top})
    return {"content": places}


def ruling_with_chances(score: int, chances: dict[int, float]) -> Answer:
    """Return an answer with a ruling and the probabilities of its score's token."""
    pieces = ['{"', "rationale", '":"', "It does that.", '","', "score", '":', str(score), "}"]
    told = {str(grade): chance for grade, chance in chances.items()}
    return completion("".join(pieces), logprobs=told_tokens(pieces, 7, told))


def error(status: int, message: str, **headers: str) -> Answer:
    """Return an error as OpenAI puts it; a retry need not wait."""
    quick = {"retry-after-ms": "1"} if status in {429, 500} else {}
    return Answer(json.dumps({"error": {"message": message}}), status, quick | headers)


class OtherPaths(Protocol):
    """What a server does with what is no request for a chat completion."""

    def other(self, method: str, path: str, body: bytes) -> Answer:
        """Answer one request; the path begins after ``/v1``."""


class PlayingServer:
    """Serves until left. ``play`` gets each request's body and its number, from 0."""

    def __init__(
        self, play: Callable[[dict[str, Any], int], Answer], others: OtherPaths | None = None
    ) -> None:
        self.requests: list[dict[str, Any]] = []
        self.authorizations: list[str] = []
        self.answered = 0
        self._play = play
        self._lock = threading.Lock()
        self._others = others
        handler = _handler(self)

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """Say nothing of a client that went away: stderr is the tested program's."""

        self._http = Server(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def taken(self, body: dict[str, Any], authorization: str) -> Answer:
        with self._lock:
            number = len(self.requests)
            self.requests.append(body)
            self.authorizations.append(authorization)
            return self._play(body, number)

    def other(self, method: str, path: str, body: bytes) -> Answer:
        if self._others is None:
            return error(404, "there is nothing here")
        with self._lock:
            return self._others.other(method, path.removeprefix("/v1"), body)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _handler(server: PlayingServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"] or 0))
            if self.path.endswith("/chat/completions"):
                self._answer(server.taken(json.loads(raw), self.headers["Authorization"]))
            else:
                self._answer(server.other("POST", self.path, raw))

        def do_GET(self) -> None:
            self._answer(server.other("GET", self.path, b""))

        def _answer(self, answer: Answer) -> None:
            time.sleep(answer.wait)
            try:
                self._send(answer)
            except OSError:
                self.close_connection = True

        def _send(self, answer: Answer) -> None:
            data = answer.body.encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            if answer.chunked:
                self.send_header("Transfer-Encoding", "chunked")
                data = b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)
            else:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: answer.cut])
            server.answered += answer.cut is None
            self.close_connection |= answer.close or answer.cut is not None

        def log_message(self, *_: object) -> None:
            return

    return Handler


def asked_query(body: dict[str, Any]) -> str:
    """Return the query that a request is about."""
    found = re.search(
        r"=== query (\w+) ===\n(.*?)\n=== end of query \1 ===", _user(body), re.DOTALL
    )
    assert found
    return found[2]


def asked_token(body: dict[str, Any]) -> str:
    """Return the token between whose lines the code of a request stands."""
    found = re.search(r"=== code (\w+) ===", _user(body))
    assert found
    return found[1]


def _user(body: dict[str, Any]) -> str:
    return str(body["messages"][1]["content"])
