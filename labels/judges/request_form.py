"""How a request is put: servers and models differ in the fields that they take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from labels.judges.server_errors import ServerError

    Message = Mapping[str, str]

#: Words by which servers name the field ``response_format``.
_FORMAT_WORDS: Final = (
    "response_format",
    "response_schema",
    "responseschema",
    "json_schema",
    "json_object",
    "json schema",
    "structured output",
    "guided",
    "grammar",
)
#: Five scores and a few other spellings; servers that allow fewer mostly allow five.
_TOP: Final = 10
FEWER_TOP: Final = 5


class ReplyFormat(StrEnum):
    """How far the server holds replies to their shape, the strictest first."""

    SCHEMA = "schema"
    OBJECT = "object"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class ReplyShape:
    """The shape of the wanted replies: a name for the server, and a JSON schema."""

    name: str
    schema: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RequestForm:
    """The optional fields of a request; the default form asks for everything.

    ``limit_field`` names the field for the limit on the reply's tokens, empty: none is sent.
    ``temperature``: whether it is sent. ``top_logprobs``: how many of the likeliest tokens are
    asked for at each place of the reply; 0: none.
    """

    reply_format: ReplyFormat = ReplyFormat.SCHEMA
    limit_field: str = "max_tokens"
    temperature: bool = True
    top_logprobs: int = _TOP

    @property
    def schema(self) -> bool:
        """Whether the server holds replies to the JSON schema."""
        return self.reply_format is ReplyFormat.SCHEMA

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
        if self.reply_format is ReplyFormat.SCHEMA:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": shape.name, "strict": True, "schema": dict(shape.schema)},
            }
        elif self.reply_format is ReplyFormat.OBJECT:
            body["response_format"] = {"type": "json_object"}
        return body

    def without(self, error: ServerError) -> RequestForm | None:
        """Return the form without the field that the error names; None when it names none.

        A parameter that the server names counts more than its words, which may quote the code.
        """
        said = (error.parameter or error.message).lower()
        if self.top_logprobs and "logprob" in said:
            fewer = self.top_logprobs > FEWER_TOP and "top_logprobs" in said
            return replace(self, top_logprobs=FEWER_TOP if fewer else 0)
        looser = _LOOSER[self.reply_format]
        if looser and any(word in said for word in _FORMAT_WORDS):
            return replace(self, reply_format=looser)
        if self.limit_field == "max_tokens" and "max_tokens" in said:
            return replace(self, limit_field="max_completion_tokens")
        if self.limit_field and ("max_tokens" in said or "max_completion_tokens" in said):
            return replace(self, limit_field="")
        if self.temperature and "temperature" in said:
            return replace(self, temperature=False)
        return None

    def guesses(self) -> list[RequestForm]:
        """Return the forms to try after an error that names no field, the fullest first."""
        formats = [ReplyFormat.SCHEMA, ReplyFormat.OBJECT, ReplyFormat.PLAIN]
        found = [
            replace(self, reply_format=kept, top_logprobs=top)
            for kept in formats[formats.index(self.reply_format) :]
            for top in (self.top_logprobs, 0)
        ]
        bare = replace(
            self, reply_format=ReplyFormat.PLAIN, top_logprobs=0, temperature=False, limit_field=""
        )
        return [form for form in dict.fromkeys([*found, bare]) if form != self]

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know of this form."""
        said = []
        if self.reply_format is ReplyFormat.OBJECT:
            said.append("the server takes no JSON schema: replies are held to JSON alone")
        if self.reply_format is ReplyFormat.PLAIN:
            said.append("the server takes no JSON schema: replies are read from plain text")
        if not self.temperature:
            said.append("the model takes no temperature: it uses its own")
        if not self.limit_field:
            said.append("the server takes no limit on tokens: replies have its own")
        return tuple(said)


_LOOSER: Final = {
    ReplyFormat.SCHEMA: ReplyFormat.OBJECT,
    ReplyFormat.OBJECT: ReplyFormat.PLAIN,
    ReplyFormat.PLAIN: None,
}
