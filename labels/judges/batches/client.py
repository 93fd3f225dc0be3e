"""The lines of a batch's files: requests out, answers in, read without trust.

Calls to a server's Batch API, by the ``openai`` package.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

from core.errors import JudgeError
from labels.judges.batches.store import RemoteBatch
from labels.judges.completion import ANSWER_LIMIT, Completion, CompletionError, completion_of
from labels.judges.server_errors import error_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from openai.types import Batch as ToldBatch

    from labels.judges.server import Server


ENDPOINT: Final = "/v1/chat/completions"
EXPIRED: Final = "the batch expired before this request"
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What a line says of one request: a completion, or the reason why there is none.

    ``unasked``: the batch was cancelled before this request.
    """

    pair_id: UUID
    sample: int
    completion: Completion | None = None
    failure: str = ""
    unasked: bool = False


def request_line(pair: UUID, sample: int, body: Mapping[str, object]) -> bytes:
    """Return one request as a line of the file that is sent."""
    request = {"custom_id": f"{pair}.{sample}", "method": "POST", "url": ENDPOINT, "body": body}
    return json.dumps(request).encode() + b"\n"


def lines_of(chunks: Iterable[bytes]) -> Iterator[bytes | None]:
    """Give the lines of a file that comes in pieces; None for one that is too long to be read.

    Only a newline ends a line: JSON text may hold every other character that Python splits at.
    """
    held, too_long = b"", False
    for chunk in chunks:
        *whole, rest = (held + chunk).split(b"\n")
        for line in whole:
            yield None if too_long else line
            too_long = False
        held, too_long = (b"", True) if too_long or len(rest) > ANSWER_LIMIT else (rest, False)
    if held or too_long:
        yield None if too_long else held


def answer_of_line(line: bytes) -> BatchAnswer | None:
    """Return what a line of a result file says; None when it names none of our requests."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    place = _place(_field(told, "custom_id"))
    if place is None:
        return None
    response = _field(told, "response")
    body = _field(response, "body")
    if _field(response, "status_code") == _OK and error_in(body) is None:
        try:
            return BatchAnswer(*place, completion_of(body))
        except CompletionError as wrong:
            return BatchAnswer(*place, failure=str(wrong))
    error = _field(told, "error")
    unasked = _field(error, "code") == "batch_cancelled"
    return BatchAnswer(*place, failure=_reason(response, error), unasked=unasked)


def _reason(response: object, error: object) -> str:
    code, status = _field(error, "code"), _field(response, "status_code")
    if code == "batch_expired":
        return EXPIRED
    if type(status) is int:
        found = error_in(_field(response, "body"), status)
        if found:
            return found.described
    said = _field(error, "message") or code
    what = f"the server answered {status}" if type(status) is int else "the request failed"
    return f"{what}: {said}" if isinstance(said, str) else what


def _place(custom_id: object) -> tuple[UUID, int] | None:
    if not isinstance(custom_id, str):
        return None
    pair, _, sample = custom_id.partition(".")
    try:
        return UUID(pair), int(sample)
    except ValueError:
        return None


def _field(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


#: Under this word a batch at the server carries our own id of it.
_MARK: Final = "rejudge_batch"
_REFUSED: Final = {401, 403}
_UNKNOWN: Final = 404
#: How far back the server's list is looked through for a batch whose id was lost.
_LISTED: Final = 500


class BatchUnknownError(JudgeError):
    """The server does not know the batch, or has no Batch API."""


class BatchClient:
    """One server. Use as a context manager."""

    def __init__(self, server: Server) -> None:
        from openai import OpenAI

        self.server = server
        self._api = OpenAI(
            api_key=server.key,
            base_url=server.base_url,
            default_query=server.query,
            default_headers=server.headers,
            timeout=server.timeout,
            max_retries=server.attempts - 1,
        )

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._api.close()

    def upload(self, file: Path) -> str:
        """Send a file of requests and return the server's id of it.

        Raises:
            JudgeError: the server did not take it.
        """
        with self._explained():
            return self._api.files.create(file=file, purpose="batch").id

    def create(self, file_id: str, mark: UUID) -> RemoteBatch:
        """Begin a batch. It is not tried twice: a try that was lost may have begun one.

        Args:
            file_id: the requests.
            mark: our own id, by which ``find`` finds it again.

        Raises:
            JudgeError: whether it was begun is not known.
        """
        with self._explained():
            made = self._api.with_options(max_retries=0).batches.create(
                completion_window="24h",
                endpoint=ENDPOINT,
                input_file_id=file_id,
                metadata={_MARK: str(mark)},
            )
        return _remote(made)

    def find(self, mark: UUID) -> RemoteBatch | None:
        """Return the batch that carries our id, None when the server has none."""
        with self._explained():
            for place, told in enumerate(self._api.batches.list(limit=100)):
                if (told.metadata or {}).get(_MARK) == str(mark):
                    return _remote(told)
                if place >= _LISTED:
                    break
        return None

    def retrieve(self, remote_id: str) -> RemoteBatch:
        """Return what the server says of a batch.

        Raises:
            BatchUnknownError: it knows none of that id.
            JudgeError: it cannot be asked.
        """
        with self._explained():
            return _remote(self._api.batches.retrieve(remote_id))

    def cancel(self, remote_id: str) -> RemoteBatch:
        """Have the server stop a batch; what it judged so far can be fetched.

        Raises:
            BatchUnknownError: it knows none of that id.
            JudgeError: it cannot be asked.
        """
        with self._explained():
            return _remote(self._api.batches.cancel(remote_id))

    def lines(self, file_id: str) -> Iterator[bytes | None]:
        """Give a file's lines as they come; None for one that is too long.

        Raises:
            JudgeError: the file did not come whole.
        """
        with (
            self._explained(),
            self._api.files.with_streaming_response.content(file_id) as answer,
        ):
            yield from lines_of(answer.iter_bytes())

    @contextmanager
    def _explained(self) -> Iterator[None]:
        import openai

        server = self.server
        try:
            yield
        except openai.APIStatusError as error:
            said = server.safe_line(error.message)
            if error.status_code in _REFUSED:
                raise JudgeError(
                    f"the server refuses the API key ({error.status_code}): {said}",
                    where=server.shown,
                    todo="Set REJUDGE_API_KEY or OPENAI_API_KEY to a key of that server.",
                ) from None
            kind = BatchUnknownError if error.status_code == _UNKNOWN else JudgeError
            raise kind(
                f"the server answered {error.status_code}: {said}",
                where=server.shown,
                todo="Not every server has a Batch API; without --batch any will do.",
            ) from None
        except (openai.OpenAIError, _transport_error()) as error:
            raise JudgeError(
                f"the connection failed: {server.safe_line(str(error) or type(error).__name__)}",
                where=server.shown,
                todo="Try again later: rejudge judge --resume",
            ) from None


def _transport_error() -> type[Exception]:
    """Return what breaks a file that is on its way: an error of the package's HTTP library.

    Which library that is differs between versions of the package; its client is made from it.
    """
    import openai

    modules = (base.__module__.partition(".")[0] for base in openai.DefaultHttpxClient.__mro__)
    library = import_module(next(name for name in modules if name != "openai"))
    kind: type[Exception] = library.HTTPError
    return kind


def _remote(told: ToldBatch) -> RemoteBatch:
    errors = told.errors.data if told.errors and told.errors.data else []
    return RemoteBatch(
        told.id,
        told.status,
        told.output_file_id,
        told.error_file_id,
        tuple((one.line, one.message or one.code or "no reason is given") for one in errors),
    )
