"""How a request is put: servers and models differ in what they take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from labels.judge.reply_schema import REPLY_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labels.judge.rubric import Message

_SCHEMA_WORDS: Final = ("response_format", "json_schema", "structured output", "guided", "grammar")


@dataclass(frozen=True, slots=True)
class RequestForm:
    """What of a request can be left out or put otherwise; the first form asks for everything.

    ``schema``: the reply is held to the JSON schema. ``limit_field``: the name under which the
    limit on the reply's tokens is sent. ``temperature``: whether it is sent.
    """

    schema: bool = True
    limit_field: str = "max_tokens"
    temperature: bool = True

    def request(
        self, model: str, messages: Sequence[Message], max_tokens: int, temperature: float
    ) -> dict[str, object]:
        """Return the request's body."""
        body: dict[str, object] = {"model": model, "messages": list(messages)}
        if self.temperature:
            body["temperature"] = temperature
        if self.limit_field:
            body[self.limit_field] = max_tokens
        if self.schema:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "ruling", "strict": True, "schema": REPLY_SCHEMA},
            }
        return body

    def weaker(self, complaint: str) -> RequestForm | None:
        """Return the form without what the server complains of; None when it names nothing here."""
        said = complaint.lower()
        if self.schema and any(word in said for word in _SCHEMA_WORDS):
            return self.without_schema()
        if self.limit_field == "max_tokens" and "max_tokens" in said:
            return replace(self, limit_field="max_completion_tokens")
        if self.limit_field and self.limit_field in said:
            return replace(self, limit_field="")
        if self.temperature and "temperature" in said:
            return replace(self, temperature=False)
        return None

    def without_schema(self) -> RequestForm:
        """Return the form that asks for plain text."""
        return replace(self, schema=False)

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
