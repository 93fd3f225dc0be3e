"""Calls to a server's Batch API, by the ``openai`` package."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Final, Self

from core.errors import JudgeError
from labels.batches.batch_lines import ENDPOINT, lines_of
from labels.batches.batch_records import RemoteBatch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from openai.types import Batch as ToldBatch

    from labels.judge.server import Server

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
            base_url=server.address,
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
