"""A server's Batch API, by the ``openai`` package."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, Self

from core.errors import JudgeError
from labels.judges.batches.lines import ENDPOINT, split_lines
from labels.judges.server_errors import read_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from openai.types import Batch as ServerBatch

    from labels.judges.server import Server

#: The key in a batch's metadata under which it carries our own id.
_MARK: Final = "rejudge_batch"
_REFUSED: Final = {401, 403}
_UNKNOWN: Final = 404
#: Batches of the server's list that are searched for one whose id was lost.
_LISTED: Final = 500


@dataclass(frozen=True, slots=True)
class RemoteBatch:
    """A batch as the server describes it. ``line_errors`` are (line from 1 or None, message)."""

    id: str
    status: str
    output_file: str | None = None
    error_file: str | None = None
    line_errors: tuple[tuple[int | None, str], ...] = ()

    @property
    def finished(self) -> bool:
        """Whether the server is done with it."""
        return self.status in {"completed", "failed", "expired", "cancelled"}


_NO_REASON: Final = "no reason is given"


class BatchUnknownError(JudgeError):
    """The server does not know the batch, or has no Batch API."""


class BatchClient:
    """The Batch API of one server. Use as a context manager."""

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
        """Upload a file of requests and return the server's id for it.

        Raises:
            JudgeError: the server did not take it.
        """
        with self._explained():
            return self._api.files.create(file=file, purpose="batch").id

    def create(self, file_id: str, mark: UUID) -> RemoteBatch:
        """Start a batch. Never retried: an attempt whose answer was lost may have started one.

        Args:
            file_id: the requests.
            mark: our own id, by which ``find`` finds it again.

        Raises:
            JudgeError: it is not known whether the batch was started.
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
        """Return the batch that carries our id; None when the server has no such batch."""
        with self._explained():
            for place, batch in enumerate(self._api.batches.list(limit=100)):
                if (batch.metadata or {}).get(_MARK) == str(mark):
                    return _remote(batch)
                if place >= _LISTED:
                    break
        return None

    def retrieve(self, remote_id: str) -> RemoteBatch:
        """Return a batch as it stands.

        Raises:
            BatchUnknownError: the server does not know it.
            JudgeError: the server cannot be asked.
        """
        with self._explained():
            return _remote(self._api.batches.retrieve(remote_id))

    def cancel(self, remote_id: str) -> RemoteBatch:
        """Have the server stop a batch; its answers so far can be fetched.

        Raises:
            BatchUnknownError: the server does not know it.
            JudgeError: the server cannot be asked.
        """
        with self._explained():
            return _remote(self._api.batches.cancel(remote_id))

    def lines(self, file_id: str) -> Iterator[bytes | None]:
        """Yield a file's lines as they come; None for a line that is too long.

        Raises:
            JudgeError: the file did not arrive whole.
        """
        with (
            self._explained(),
            self._api.files.with_streaming_response.content(file_id) as answer,
        ):
            yield from split_lines(answer.iter_bytes())

    @contextmanager
    def _explained(self) -> Iterator[None]:
        import openai

        server = self.server
        try:
            yield
        except openai.APIStatusError as error:
            found = read_error(error.status_code, error.response.text)
            said = server.safe_line(found.message)
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
                todo="Not every server has a Batch API. Without --batch, any server will do.",
            ) from None
        except (openai.OpenAIError, _transport_error()) as error:
            raise JudgeError(
                f"the connection failed: {server.safe_line(str(error) or type(error).__name__)}",
                where=server.shown,
                todo="Try again later: rejudge judge --resume",
            ) from None


def _transport_error() -> type[Exception]:
    """Return the error of the package's HTTP library, raised when a download breaks off.

    Which library that is differs between versions of the package.
    """
    import openai

    modules = (base.__module__.partition(".")[0] for base in openai.DefaultHttpxClient.__mro__)
    library = import_module(next(name for name in modules if name != "openai"))
    kind: type[Exception] = library.HTTPError
    return kind


def _remote(batch: ServerBatch) -> RemoteBatch:
    errors = batch.errors.data if batch.errors and batch.errors.data else []
    return RemoteBatch(
        batch.id,
        batch.status,
        batch.output_file_id,
        batch.error_file_id,
        tuple(
            (error.line, error.message or error.code or "no reason is given") for error in errors
        ),
    )
