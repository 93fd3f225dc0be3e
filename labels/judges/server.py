"""Where a judge's server is and how it is let in: addresses, keys, and text that hides the key.

How a request is put: servers and models differ in what they take.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from core.errors import JudgeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from labels.judges.client import Message


_SCHEMA_WORDS: Final = ("response_format", "json_schema", "structured output", "guided", "grammar")
#: Five scores and a few other spellings; servers that allow fewer mostly allow five.
_TOP: Final = 10
FEWER_TOP: Final = 5


@dataclass(frozen=True, slots=True)
class ReplyShape:
    """What replies a model is held to: a name for the server, and a JSON schema."""

    name: str
    schema: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RequestForm:
    """What of a request can be left out or put otherwise; the first form asks for everything.

    ``schema``: the reply is held to the JSON schema. ``limit_field``: the name under which the
    limit on the reply's tokens is sent. ``temperature``: whether it is sent. ``top_logprobs``: how
    many of the likeliest tokens are asked for at each place of the reply; 0: none.
    """

    schema: bool = True
    limit_field: str = "max_tokens"
    temperature: bool = True
    top_logprobs: int = _TOP

    def request(
        self,
        model: str,
        messages: Sequence[Message],
        shape: ReplyShape,
        *,
        max_tokens: int,
        temperature: float,
    ) -> dict[str, object]:
        """Return the request's body."""
        body: dict[str, object] = {"model": model, "messages": list(messages)}
        if self.temperature:
            body["temperature"] = temperature
        if self.limit_field:
            body[self.limit_field] = max_tokens
        if self.top_logprobs:
            body |= {"logprobs": True, "top_logprobs": self.top_logprobs}
        if self.schema:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": shape.name, "strict": True, "schema": dict(shape.schema)},
            }
        return body

    def weaker(self, complaint: str) -> RequestForm | None:
        """Return the form without what the server complains of; None when it names nothing here."""
        said = complaint.lower()
        if self.top_logprobs and "logprob" in said:
            fewer = self.top_logprobs > FEWER_TOP and "top_logprobs" in said
            return replace(self, top_logprobs=FEWER_TOP if fewer else 0)
        if self.schema and any(word in said for word in _SCHEMA_WORDS):
            return replace(self, schema=False)
        if self.limit_field == "max_tokens" and "max_tokens" in said:
            return replace(self, limit_field="max_completion_tokens")
        if self.limit_field and self.limit_field in said:
            return replace(self, limit_field="")
        if self.temperature and "temperature" in said:
            return replace(self, temperature=False)
        return None

    def guesses(self) -> list[RequestForm]:
        """Return the forms to try after a complaint that names nothing, the strongest first."""
        without = [
            replace(self, top_logprobs=0),
            replace(self, schema=False),
            replace(self, schema=False, top_logprobs=0),
        ]
        found = dict.fromkeys(form for form in without if form != self)
        return list(found)

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know of this form."""
        said = []
        if not self.schema:
            said.append("the server takes no JSON schema: replies are read from plain text")
        if not self.temperature:
            said.append("the model takes no temperature: it uses its own")
        if not self.limit_field:
            said.append("the server takes no limit on tokens: replies have its own")
        return tuple(said)


KEY_VARIABLES: Final = ("REJUDGE_API_KEY", "OPENAI_API_KEY")
ADDRESS_VARIABLE: Final = "OPENAI_BASE_URL"
DEFAULT_ADDRESS: Final = "https://api.openai.com/v1"
REASON_LIMIT: Final = 300
#: Sent where the person has no key: local servers take any.
_NO_KEY: Final = "none"
_SHORTEST_SECRET: Final = 6


@dataclass(frozen=True, slots=True)
class Server:
    """An OpenAI-compatible server. ``key`` is never shown, logged or stored.

    ``attempts`` counts the first try and the client's retries; ``timeout`` is in seconds, for each.
    """

    address: str
    key: str = field(repr=False)
    timeout: float = 120.0
    attempts: int = 4

    @property
    def shown(self) -> str:
        """The address for messages: without user, password and query."""
        parts = urlsplit(self.address)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"

    def safe_line(self, text: str) -> str:
        """Return text of the server on one line, bounded, with the key struck out."""
        line = " ".join(self.without_key(text).split())
        return line if len(line) <= REASON_LIMIT else line[:REASON_LIMIT] + "…"

    def without_key(self, text: str) -> str:
        """Return the text as the store can keep it: no key, no NUL, no half characters."""
        whole = text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
        return whole.replace(self.key, "***") if len(self.key) >= _SHORTEST_SECRET else whole


def find_server(base_url: str | None, *, timeout: float, attempts: int = 4) -> Server:
    """Return the server at ``base_url``, else at the environment's, else OpenAI's own.

    The key is ``REJUDGE_API_KEY`` or ``OPENAI_API_KEY`` of the environment.

    Raises:
        JudgeError: the address is no http address, or OpenAI's own server is meant without a key.
    """
    address = base_url or os.environ.get(ADDRESS_VARIABLE) or DEFAULT_ADDRESS
    try:
        parts = urlsplit(address)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise JudgeError(
            "the judge's address is not an http or https address",
            where=address if "@" not in address else "--base-url",
            todo="Give it as --base-url http://localhost:8000/v1",
        )
    key = next((os.environ[name].strip() for name in KEY_VARIABLES if os.environ.get(name)), "")
    if not key and address == DEFAULT_ADDRESS:
        raise JudgeError(
            "there is no API key",
            where=DEFAULT_ADDRESS,
            todo=f"Set {' or '.join(KEY_VARIABLES)}, or name another server with --base-url URL,"
            " or use the offline baseline: --judge lexical",
        )
    return Server(address, key or _NO_KEY, timeout, attempts)
