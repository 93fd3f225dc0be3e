"""The Batch API of a judge's server for tests, as OpenAI documents it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.labels.judges.playing_server import Answer, error

if TYPE_CHECKING:
    from collections.abc import Callable

Lines = list[dict[str, Any]]


@dataclass
class PlayingBatches:
    """Keeps files and batches. A test has them worked on with ``work``.

    ``lost``: so many batches are begun without the answer reaching the client. ``refuse``: an error
    in place of each new batch.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    lost: int = 0
    refuse: Answer | None = None
    cut: int | None = None

    def other(self, method: str, path: str, body: bytes) -> Answer:
        path = path.partition("?")[0]
        if method == "POST" and path == "/files":
            return self._keep(body)
        if method == "POST" and path == "/batches":
            return self._begin(json.loads(body))
        if method == "GET" and path == "/batches":
            rows = list(reversed(self.batches.values()))
            return Answer(json.dumps({"object": "list", "data": rows, "has_more": False}))
        found = re.fullmatch(r"/files/([\w-]+)/content", path)
        if found and found[1] in self.files:
            return Answer(self.files[found[1]].decode(), cut=self.cut)
        found = re.fullmatch(r"/batches/([\w-]+)(/cancel)?", path)
        if not found or found[1] not in self.batches:
            return error(404, "no such thing")
        batch = self.batches[found[1]]
        if found[2]:
            batch["status"] = "cancelled" if batch["status"] == "validating" else "cancelling"
        return Answer(json.dumps(batch))

    def requests(self, number: int) -> Lines:
        """Return what a batch asks for, in the order of the file."""
        batch = list(self.batches.values())[number]
        text = self.files[batch["input_file_id"]].decode()
        return [json.loads(line) for line in text.splitlines()]

    def work(
        self,
        number: int,
        play: Callable[[dict[str, Any]], dict[str, Any] | None],
        status: str = "completed",
        **more: object,
    ) -> None:
        """Finish a batch: ``play`` gives the line for each request, without its custom_id."""
        out: Lines = []
        errors: Lines = []
        for asked in self.requests(number):
            line = play(asked)
            if line is not None:
                whole = {"id": "r", "custom_id": asked["custom_id"]} | line
                (errors if whole.get("error") else out).append(whole)
        batch = list(self.batches.values())[number]
        batch["status"] = status
        for name, lines in (("output_file_id", out), ("error_file_id", errors)):
            if lines:
                batch[name] = self._add("\n".join(json.dumps(line) for line in lines).encode())
        batch |= more

    def _keep(self, body: bytes) -> Answer:
        boundary = body.split(b"\r\n", 1)[0]
        parts = {
            re.findall(rb'name="(\w+)"', part)[0]: part.split(b"\r\n\r\n", 1)[1][:-2]
            for part in body.split(boundary)[1:-1]
        }
        assert parts[b"purpose"] == b"batch"
        name = self._add(parts[b"file"])
        told = {"id": name, "object": "file", "bytes": 1, "created_at": 1, "filename": "f.jsonl"}
        return Answer(json.dumps(told | {"purpose": "batch", "status": "processed"}))

    def _begin(self, body: dict[str, Any]) -> Answer:
        if self.refuse is not None:
            return self.refuse
        assert body["endpoint"] == "/v1/chat/completions"
        assert body["completion_window"] == "24h"
        assert body["input_file_id"] in self.files
        name = f"batch_{len(self.batches)}"
        self.batches[name] = {
            "id": name,
            "object": "batch",
            "created_at": 1,
            "status": "validating",
        } | body
        answer = Answer(json.dumps(self.batches[name]), cut=20 if self.lost else None)
        self.lost = max(0, self.lost - 1)
        return answer

    def _add(self, data: bytes) -> str:
        name = f"file-{len(self.files)}"
        self.files[name] = data
        return name


def answered(content: object, status: int = 200, **more: object) -> dict[str, Any]:
    """Return a result line whose model wrote ``content``."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"content": content}} | more
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    body: dict[str, Any] = {"choices": [choice], "usage": usage}
    return {"response": {"status_code": status, "body": body}, "error": None}


def ruled(score: object, rationale: str = "It does that.") -> dict[str, Any]:
    """Return a result line with a ruling."""
    return answered(json.dumps({"rationale": rationale, "score": score}, ensure_ascii=False))


def failed(code: str, message: str) -> dict[str, Any]:
    """Return a line of the error file."""
    return {"response": None, "error": {"code": code, "message": message}}
