"""Any program that prints JSON results as a retriever."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from eval.retrievers.program import Program
from eval.retrievers.program_reply import read_reply

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from core.records import SpecQuery
    from eval.retrievers.corpus_paths import CorpusPaths
    from eval.retrievers.ranking import Parameters, Ranking
    from eval.watching import Watch

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
    watch: Watch,
    *,
    folder: Path | None = None,
    seconds: float = DEFAULT_SECONDS,
) -> CommandRetriever:
    """Return the retriever for a command line.

    Args:
        template: split into words as a shell would; ``{query}``, ``{top}`` and ``{corpus}`` stand
            for the query, the number of results wanted and the corpus folder. No shell sees it.
        paths: make printed paths relative to the corpus.
        watch: asked while the program runs.
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
    return CommandRetriever(words, template, folder, paths, Program(seconds, watch.check))


def _todo() -> str:
    return f"For instance: --command '{EXAMPLE}'"


def _filled(word: str, values: dict[str, str]) -> str:
    """Put the values in at one go, so that a query that holds ``{top}`` stays as it is."""
    for name, value in values.items():
        before, found, after = word.partition(name)
        if found:
            return _filled(before, values) + value + _filled(after, values)
    return word
