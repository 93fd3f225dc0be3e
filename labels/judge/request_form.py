"""How a request is put: servers and models differ in what they take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from labels.judge.rubric import Message

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
