"""Any program that prints JSON results as a retriever.

One run of a search program: no shell, a time limit, a limit on what it may print.

What a search program printed, read as results.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
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
    from eval.retrievers.base import CorpusPaths, Parameters, Ranking


MOST_PRINTED: Final = 64 << 20
_STDERR_SHOWN: Final = 300
_LOOKS_A_SECOND: Final = 20


@dataclass(frozen=True, slots=True)
class Program:
    """A program to be run with words of arguments.

    ``seconds`` is how long one run may take; ``check`` is called while it runs and may raise to
    stop it.
    """

    seconds: float
    check: Callable[[], None]

    def output(self, words: Sequence[str], place: str) -> bytes:
        """Run the words and return what was printed on standard output.

        Raises:
            InputError: it cannot be started, fails, hangs or prints without end.
        """
        with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as errors:
            process = _started(words, place, printed, errors)
            try:
                self._wait(process, printed, place)
            finally:
                _end(process)
            if process.returncode:
                raise _failed(process.returncode, errors, place)
            printed.seek(0)
            return printed.read()

    def _wait(self, process: subprocess.Popen[bytes], printed: IO[bytes], place: str) -> None:
        limit = time.monotonic() + self.seconds
        while True:
            try:
                process.wait(1 / _LOOKS_A_SECOND)
            except subprocess.TimeoutExpired:
                self.check()
            else:
                self._refuse_much(printed, place)
                return
            self._refuse_much(printed, place)
            if time.monotonic() >= limit:
                raise InputError(
                    f"the search program did not answer within {self.seconds:g} seconds",
                    where=place,
                    todo="Give it more time with --timeout SECONDS, or mend it.",
                )

    @staticmethod
    def _refuse_much(printed: IO[bytes], place: str) -> None:
        if os.fstat(printed.fileno()).st_size > MOST_PRINTED:
            raise InputError(
                f"the search program printed more than {MOST_PRINTED >> 20} MiB",
                where=place,
                todo="It has to print one JSON reply for each query.",
            )


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
            todo="Check the words after --command; the first is the program.",
        ) from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the program, if it still runs, and what it started."""
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
        todo="Run it by hand with that query; nothing of this eval was kept.",
    )


_SHOWN: Final = 120
_PATH_KEYS: Final = ("file", "path")


def read_reply(printed: bytes, place: str, paths: CorpusPaths, depth: int) -> Ranking:
    """Return the results in the order they were printed; of a path's results the first counts.

    The reply is a JSON object with ``results``, or the list itself. Each result is an object with
    ``file`` (or ``path``) and perhaps a ``score``, or a path alone.

    Args:
        printed: the program's whole standard output.
        place: the program and the query, for messages.
        paths: make the printed paths relative to the corpus.
        depth: paths returned at the most.

    Raises:
        InputError: it is something else, or names a path outside the corpus.
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
        raise _garbage(f"result {rank} is no object", place)
    path = next((result[key] for key in _PATH_KEYS if key in result), None)
    if not isinstance(path, str):
        raise _garbage(f"result {rank} names no file", place)
    score = result.get("score")
    return path, score if isinstance(score, float) and isfinite(score) else 1 / rank


def _garbage(what: str, place: str) -> InputError:
    return InputError(
        f"the search program answered what cannot be used: {what}",
        where=place,
        todo='It has to print JSON such as {"results": [{"file": "src/watcher.rs"}]}.',
    )


DEFAULT_SECONDS: Final = 60.0
_QUERY: Final = "{query}"
_TOP: Final = "{top}"
_CORPUS: Final = "{corpus}"
EXAMPLE: Final = "sg search {query} --path {corpus} --top {top} --json"


class CommandRetriever:
    """Runs the program once for each query.

    Args:
        words: the program and its arguments, with placeholders.
        template: the same as the person wrote it.
        folder: what ``{corpus}`` stands for.
        paths: make printed paths relative to the corpus.
        program: runs the words.
    """

    name: Final = "command"
    checkpoint: Final = ""

    def __init__(
        self,
        words: Sequence[str],
        template: str,
        folder: Path | None,
        paths: CorpusPaths,
        program: Program,
    ) -> None:
        self._words = tuple(words)
        self._folder = folder
        self._paths = paths
        self._program = program
        self.parameters: Parameters = {"command": template, "timeout": program.seconds}

    @property
    def notices(self) -> tuple[str, ...]:
        """What the printed paths gave rise to."""
        return self._paths.notices

    def rank(self, queries: Sequence[SpecQuery], depth: int) -> Iterator[Ranking]:
        """Yield each query's results as the program orders them.

        Raises:
            InputError: the program fails, hangs, or prints what cannot be used.
        """
        for one in queries:
            text = one.query.text
            place = f"{self._words[0]}, query: {text}"
            values = {_QUERY: text, _TOP: str(depth), _CORPUS: str(self._folder)}
            words = [_filled(word, values) for word in self._words]
            yield read_reply(self._program.output(words, place), place, self._paths, depth)


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
        template: split into words as a shell would; ``{query}``, ``{top}`` and ``{corpus}`` stand
            for the query, the number of results wanted and the corpus folder. No shell sees it.
        paths: make printed paths relative to the corpus.
        job: asked while the program runs.
        folder: the corpus folder.
        seconds: how long one query may take.

    Raises:
        InputError: the words cannot be split, have no ``{query}``, or need a corpus folder that
            nobody named.
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
            "the command wants {corpus}, and nobody said where the corpus lies",
            where=template,
            todo="Name its folder with --corpus DIR.",
        )
    return CommandRetriever(words, template, folder, paths, Program(seconds, job.check))


def _todo() -> str:
    return f"For instance: --command '{EXAMPLE}'"


def _filled(word: str, values: dict[str, str]) -> str:
    """Put the values in at one go, so that a query that holds ``{top}`` stays as it is."""
    for name, value in values.items():
        before, found, after = word.partition(name)
        if found:
            return _filled(before, values) + value + _filled(after, values)
    return word
