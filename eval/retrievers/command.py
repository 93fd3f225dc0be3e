"""A search program that prints JSON as a retriever.

It runs once per query, without a shell, with limits on its time and on what it may print.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from math import isfinite
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from eval.retrievers.base import Found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import IO

    from core.jobs import Job
    from core.records import SpecQuery
    from eval.retrievers.base import Parameters, Ranking
    from eval.retrievers.printed_paths import CorpusPaths


DEFAULT_SECONDS: Final = 60.0
_QUERY: Final = "{query}"
_TOP: Final = "{top}"
_CORPUS: Final = "{corpus}"
EXAMPLE: Final = "sg search {query} --path {corpus} --top {top} --json"
MAX_PRINTED: Final = 64 << 20
_STDERR_SHOWN: Final = 300
_POLLS_A_SECOND: Final = 20
_SHOWN: Final = 120
_PATH_KEYS: Final = ("file", "path")


def build_command(
    template: str,
    paths: CorpusPaths,
    job: Job,
    *,
    folder: Path | None = None,
    seconds: float = DEFAULT_SECONDS,
) -> CommandRetriever:
    """Return the retriever for a command line.

    Args:
        template: split into words as a shell would, but run without a shell; ``{query}``,
            ``{top}`` and ``{corpus}`` become the query, the number of results and the corpus
            folder.
        paths: converts printed paths to paths of the corpus.
        job: asked while the program runs.
        folder: the corpus folder.
        seconds: how long a query may take.

    Raises:
        InputError: the template cannot be split, has no ``{query}``, or needs a corpus folder
            that is unknown.
    """
    try:
        words = shlex.split(template)
    except ValueError as error:
        raise InputError(
            f"the command cannot be split into words: {error}", where=template, todo=_todo()
        ) from error
    if not any(_QUERY in word for word in words[1:]):
        raise InputError("the command has no {query}", where=template, todo=_todo())
    if folder is None and any(_CORPUS in word for word in words):
        raise InputError(
            "the command needs {corpus}, but the corpus folder is unknown",
            where=template,
            todo="Name the folder with --corpus DIR.",
        )
    return CommandRetriever(words, template, folder, paths, seconds, job.check)


def _todo() -> str:
    return f"For instance: --command '{EXAMPLE}'"


class CommandRetriever:
    """Runs the program once per query.

    Args:
        words: the program and its arguments, with placeholders.
        template: the command line they were split from.
        folder: the value of ``{corpus}``.
        paths: converts printed paths to paths of the corpus.
        seconds: how long a query may take.
        check: called while the program runs; may raise to stop it.
    """

    name: Final = "command"
    checkpoint: Final = ""

    def __init__(
        self,
        words: Sequence[str],
        template: str,
        folder: Path | None,
        paths: CorpusPaths,
        seconds: float,
        check: Callable[[], None],
    ) -> None:
        self._words = tuple(words)
        self._folder = folder
        self._paths = paths
        self._seconds = seconds
        self._check = check
        self.parameters: Parameters = {"command": template, "timeout": seconds}

    @property
    def notices(self) -> tuple[str, ...]:
        """The notices about printed paths."""
        return self._paths.notices

    def rank(self, queries: Sequence[SpecQuery], depth: int) -> Iterator[Ranking]:
        """Yield every query's results in the program's order.

        Raises:
            InputError: the program fails, hangs, or prints what cannot be used.
        """
        for asked in queries:
            text = asked.query.text
            place = f"{self._words[0]}, query: {text}"
            values = {_QUERY: text, _TOP: str(depth), _CORPUS: str(self._folder)}
            words = [_filled(word, values) for word in self._words]
            printed = run_program(words, place, self._seconds, self._check)
            yield read_reply(printed, place, self._paths, depth)


def _filled(word: str, values: dict[str, str]) -> str:
    """Fill all placeholders at once, so that a query with ``{top}`` in it is not changed."""
    for name, value in values.items():
        before, found, after = word.partition(name)
        if found:
            return _filled(before, values) + value + _filled(after, values)
    return word


def read_reply(printed: bytes, place: str, paths: CorpusPaths, depth: int) -> Ranking:
    """Parse a program's reply; the results keep their order, and a path's first result counts.

    The reply is a JSON object with ``results``, or the list itself. A result is an object with
    ``file`` (or ``path``) and an optional ``score``, or a bare path.

    Args:
        printed: the program's standard output.
        place: the program and the query, for messages.
        paths: converts printed paths to paths of the corpus.
        depth: how many paths at most.

    Raises:
        InputError: the reply has another form, or names a path outside the corpus.
    """
    results = _results(printed, place)
    found: dict[str, Found] = {}
    for rank, result in enumerate(results, start=1):
        path, score = _result(result, rank, place)
        relative = paths.relative(path, place)
        found.setdefault(relative, Found(relative, score))
        if len(found) == depth:
            break
    return tuple(found.values())


def _results(printed: bytes, place: str) -> list[object]:
    try:
        reply: object = json.loads(printed, parse_int=float)
    except (ValueError, RecursionError) as error:
        start = printed[:_SHOWN].decode("utf-8", "replace").strip()
        shown = f"it begins: {start}" if start else "it is empty"
        raise _garbage(f"its reply is not JSON; {shown}", place) from error
    results = reply.get("results") if isinstance(reply, dict) else reply
    if not isinstance(results, list):
        raise _garbage("its reply has no list of results", place)
    return results


def _result(result: object, rank: int, place: str) -> tuple[str, float]:
    if isinstance(result, str):
        return result, 1 / rank
    if not isinstance(result, dict):
        raise _garbage(f"result {rank} is not an object", place)
    path = next((result[key] for key in _PATH_KEYS if key in result), None)
    if not isinstance(path, str):
        raise _garbage(f"result {rank} names no file", place)
    score = result.get("score")
    return path, score if isinstance(score, float) and isfinite(score) else 1 / rank


def _garbage(what: str, place: str) -> InputError:
    return InputError(
        f"the search program's answer cannot be used: {what}",
        where=place,
        todo='It must print JSON such as {"results": [{"file": "src/watcher.rs"}]}.',
    )


def run_program(
    words: Sequence[str], place: str, seconds: float, check: Callable[[], None]
) -> bytes:
    """Run a program with arguments and return its standard output.

    Args:
        words: the program and its arguments.
        place: the program and the query, for messages.
        seconds: the time limit.
        check: called while it runs; may raise to stop it.

    Raises:
        InputError: it cannot be started, fails, hangs or prints too much.
    """
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as errors:
        process = _started(words, place, printed, errors)
        limit = time.monotonic() + seconds
        try:
            while not _ended(process, printed, place):
                check()
                if time.monotonic() >= limit:
                    raise InputError(
                        f"the search program did not answer within {seconds:g} seconds",
                        where=place,
                        todo="Give it more time with --timeout SECONDS, or fix it.",
                    )
        finally:
            _end(process)
        if process.returncode:
            raise _failed(process.returncode, errors, place)
        printed.seek(0)
        return printed.read()


def _ended(process: subprocess.Popen[bytes], printed: IO[bytes], place: str) -> bool:
    """Wait a moment; tell whether the program has ended. Refuse excessive output."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(1 / _POLLS_A_SECOND)
    if os.fstat(printed.fileno()).st_size > MAX_PRINTED:
        raise InputError(
            f"the search program printed more than {MAX_PRINTED >> 20} MiB",
            where=place,
            todo="It must print one JSON reply per query.",
        )
    return process.returncode is not None


def _started(
    words: Sequence[str], place: str, printed: IO[bytes], errors: IO[bytes]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - the person's own program, words and no shell
            words,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=errors,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(
            f"the search program cannot be started: {reason}",
            where=place,
            todo="Check the command after --command; its first word is the program.",
        ) from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the program and its children if it still runs."""
    if process.returncode is not None:
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()


def _failed(status: int, errors: IO[bytes], place: str) -> InputError:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - _STDERR_SHOWN))
    said = " ".join(errors.read().decode("utf-8", "replace").split())
    ended = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
    return InputError(
        f"the search program {ended}" + (f"; it said: {said}" if said else ""),
        where=place,
        todo="Run it by hand with that query. Nothing of this eval was kept.",
    )
