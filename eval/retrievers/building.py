"""The retrievers that ``rejudge eval --retriever NAME`` offers.

A new retriever is a module beside this one and an entry in ``RETRIEVERS``: the command line, its
help, the screens, the documentation's table and the tests read them from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from eval.retrievers.command import DEFAULT_SECONDS, EXAMPLE, build_command
from eval.retrievers.encoder import EncoderModel, build_encoder_retriever
from eval.retrievers.hybrid import HybridRetriever
from eval.retrievers.lexical import build_lexical
from eval.retrievers.printed_paths import CorpusPaths
from eval.retrievers.run_file import read_run_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from core.jobs import Job
    from core.records import Spec
    from core.store.database import Store
    from eval.corpus import Corpus
    from eval.retrievers.base import Retriever

DEFAULT_RETRIEVER: Final = "lexical"
#: What an eval records as the model of the encoder that needs no hub.
OFFLINE_NAME: Final = "all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True)
class RetrieverChoice:
    """A retriever with its options.

    Attributes:
        retriever: a name in ``RETRIEVERS``.
        model: an encoder's folder or hub id; empty for the encoder that needs no hub.
        command: a command line with ``{query}``.
        run_file: results in the TREC run format.
        corpus_folder: where the corpus is; None for the folder that the spec names.
        seconds: how long the command may take for a query.
    """

    retriever: str
    model: str = ""
    command: str = ""
    run_file: Path | None = None
    corpus_folder: Path | None = None
    seconds: float = DEFAULT_SECONDS


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a retriever is built from. ``folder`` is where the corpus is; None if unknown."""

    store: Store
    corpus: Corpus
    choice: RetrieverChoice
    folder: Path | None
    job: Job


@dataclass(frozen=True, slots=True)
class RetrieverType:
    """A kind of retriever.

    Attributes:
        description: completes "NAME: ..." in help and documentation.
        build: indexes or encodes what it needs and returns the retriever, ready to rank.
        options: which of ``model``, ``command`` and ``run_file`` it takes.
    """

    description: str
    build: Callable[[Inputs], Retriever]
    options: frozenset[str] = frozenset()

    @property
    def encodes(self) -> bool:
        """Whether it runs an encoder."""
        return "model" in self.options


def build_retriever(
    store: Store, spec: Spec, corpus: Corpus, choice: RetrieverChoice, job: Job
) -> Retriever:
    """Build the chosen retriever.

    Use it in the thread that built it: an encoder belongs to its thread.

    Raises:
        InputError: an option is missing, or a file, a folder or a model cannot be used.
        UnavailableError: the machine cannot run the encoder.
        CancelledError: the job was cancelled; documents encoded so far stay in their index.
    """
    folder = _corpus_folder(store, spec, choice)
    kind = RETRIEVERS[choice.retriever]
    return kind.build(Inputs(store, corpus, choice, folder, job))


def choose_retriever(
    name: str = "",
    *,
    model: str = "",
    command: str = "",
    run_file: Path | None = None,
    corpus_folder: Path | None = None,
    seconds: float = DEFAULT_SECONDS,
) -> RetrieverChoice:
    """Return the choice that these options make.

    Args:
        name: of the retriever; empty for the first that takes the options.
        model: see ``RetrieverChoice``, as for the others.
        command: a command line.
        run_file: a file.
        corpus_folder: a folder.
        seconds: a time limit.

    Raises:
        InputError: there is no such retriever, or it does not take an option that is set.
    """
    options = {"model": model, "command": command, "run_file": run_file}
    given = {option for option, value in options.items() if value}
    name = name or next(
        (known for known, kind in RETRIEVERS.items() if given & kind.options), DEFAULT_RETRIEVER
    )
    if name not in RETRIEVERS:
        raise InputError(
            f"there is no retriever {name!r}", todo=f"Choose one of {', '.join(RETRIEVERS)}."
        )
    unfit = [option for option in options if option in given - RETRIEVERS[name].options]
    if unfit:
        option = unfit[0].replace("_", "-")
        raise InputError(f"--{option} does not go with the retriever {name}")
    return RetrieverChoice(name, model, command, run_file, corpus_folder, seconds)


def _corpus_folder(store: Store, spec: Spec, choice: RetrieverChoice) -> Path | None:
    if choice.corpus_folder is not None:
        if not choice.corpus_folder.is_dir():
            raise InputError(
                "there is no such corpus folder",
                where=str(choice.corpus_folder),
                todo="Name the folder that was imported as the corpus.",
            )
        return choice.corpus_folder
    # A spec may come from elsewhere: it must not name a folder outside of this one.
    named = PurePath(spec.corpus)
    if not spec.corpus or named.is_absolute() or ".." in named.parts:
        return None
    folder = store.folder.parent / named
    return folder if folder.is_dir() else None


def _lexical(inputs: Inputs) -> Retriever:
    return build_lexical(inputs.store, inputs.corpus, inputs.job)


def _encoder(inputs: Inputs) -> Retriever:
    from core.encoder import load_encoder, offline_encoder_folder

    named = inputs.choice.model
    encoder = load_encoder(named or offline_encoder_folder())
    model = EncoderModel(encoder, named or OFFLINE_NAME, encoder.spec.checkpoint)
    return build_encoder_retriever(inputs.store, inputs.corpus, model, inputs.job)


def _hybrid(inputs: Inputs) -> Retriever:
    encoder = _encoder(inputs)
    return HybridRetriever([_lexical(inputs), encoder])


def _command(inputs: Inputs) -> Retriever:
    choice = inputs.choice
    if not choice.command:
        raise InputError("no command is named", todo=f"For instance: --command '{EXAMPLE}'")
    paths = CorpusPaths(inputs.corpus, inputs.folder)
    return build_command(
        choice.command, paths, inputs.job, folder=inputs.folder, seconds=choice.seconds
    )


def _run_file(inputs: Inputs) -> Retriever:
    if inputs.choice.run_file is None:
        raise InputError("no run file is named", todo="Name it: --run-file FILE")
    return read_run_file(inputs.choice.run_file, CorpusPaths(inputs.corpus, inputs.folder))


RETRIEVERS: Final[dict[str, RetrieverType]] = {
    "lexical": RetrieverType("BM25 over the words of the code", _lexical),
    "encoder": RetrieverType(
        "exact late interaction (MaxSim) with an encoder", _encoder, frozenset({"model"})
    ),
    "hybrid": RetrieverType(
        "lexical and encoder, fused by reciprocal rank", _hybrid, frozenset({"model"})
    ),
    "command": RetrieverType("a search program that prints JSON", _command, frozenset({"command"})),
    "run": RetrieverType("results in a TREC run file", _run_file, frozenset({"run_file"})),
}
