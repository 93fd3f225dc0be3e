"""From what a person chose to a retriever that is ready to rank."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING

from core.errors import InputError
from eval.retrievers.base import CorpusPaths
from eval.retrievers.command import DEFAULT_SECONDS, EXAMPLE, build_command
from eval.retrievers.encoder import EncoderModel, build_encoder_retriever
from eval.retrievers.hybrid import HybridRetriever
from eval.retrievers.lexical import build_lexical
from eval.retrievers.run_file import read_run_file

if TYPE_CHECKING:
    from pathlib import Path

    from core.jobs import Job
    from core.records import Spec
    from core.store.database import Store
    from eval.corpus import Corpus
    from eval.retrievers.base import Retriever


class RetrieverKind(StrEnum):
    """The retrievers that there are."""

    LEXICAL = "lexical"
    ENCODER = "encoder"
    HYBRID = "hybrid"
    COMMAND = "command"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class RetrieverChoice:
    """What a person asked for.

    ``model`` is a folder or a hub id, empty for the encoder that needs no hub; ``command`` a
    command line with ``{query}``; ``corpus_folder`` where the corpus lies, None for the folder that
    the spec names; ``seconds`` how long the command may take for a query.
    """

    kind: RetrieverKind
    model: str = ""
    command: str = ""
    run_file: Path | None = None
    corpus_folder: Path | None = None
    seconds: float = DEFAULT_SECONDS


def build_retriever(
    store: Store, spec: Spec, corpus: Corpus, choice: RetrieverChoice, job: Job
) -> Retriever:
    """Index or encode what the retriever needs and return it.

    Use the retriever in the thread that built it: an encoder belongs to its thread.

    Raises:
        InputError: the choice lacks something, or a file, a folder or a model cannot be used.
        UnavailableError: the machine cannot run the encoder.
        CancelledError: the job was cancelled; documents encoded so far stay in their index.
    """
    folder = _corpus_folder(store, spec, choice)
    match choice.kind:
        case RetrieverKind.LEXICAL:
            return build_lexical(store, corpus, job)
        case RetrieverKind.ENCODER:
            return build_encoder_retriever(store, corpus, _model(choice.model), job)
        case RetrieverKind.HYBRID:
            encoder = build_encoder_retriever(store, corpus, _model(choice.model), job)
            return HybridRetriever([build_lexical(store, corpus, job), encoder])
        case RetrieverKind.COMMAND:
            if not choice.command:
                raise InputError(
                    "no command is named",
                    todo=f"For instance: --command '{EXAMPLE}'",
                )
            paths = CorpusPaths(corpus, folder)
            return build_command(choice.command, paths, job, folder=folder, seconds=choice.seconds)
        case RetrieverKind.RUN:
            if choice.run_file is None:
                raise InputError("no run file is named", todo="Name it: --run-file FILE")
            return read_run_file(choice.run_file, CorpusPaths(corpus, folder))


def _corpus_folder(store: Store, spec: Spec, choice: RetrieverChoice) -> Path | None:
    if choice.corpus_folder is not None:
        if not choice.corpus_folder.is_dir():
            raise InputError(
                "there is no such corpus folder",
                where=str(choice.corpus_folder),
                todo="Name the folder that was imported as the corpus.",
            )
        return choice.corpus_folder
    # The spec may be somebody else's: it names no folder outside of this one.
    named = PurePath(spec.corpus)
    if not spec.corpus or named.is_absolute() or ".." in named.parts:
        return None
    folder = store.folder.parent / named
    return folder if folder.is_dir() else None


def _model(named: str) -> EncoderModel:
    from core.encoder import load_encoder, offline_encoder_folder

    encoder = load_encoder(named or offline_encoder_folder())
    return EncoderModel(encoder, named or "all-MiniLM-L6-v2", encoder.spec.checkpoint)
