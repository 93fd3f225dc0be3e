"""The sample workspace: the standard library of this Python, a spec, and scored pairs.

Spec and pairs ship with rejudge and name code by path and symbol; the code itself is read from the
running Python. They are imported like a person's own data, and the lexical baseline gives every
pair a second score.

The pairs have two judges. ``sample`` scored with a rationale: these pairs are for auditing.
``writer`` wrote queries for the code and scored them without a rationale: these are for training.
"""

from __future__ import annotations

import sysconfig
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.corpus.importing import import_corpus
from core.jobs import Job
from core.records import ImportReport, JudgeKind, Progress
from eval.specs import import_spec
from labels.judges.judging import JudgingPlan, judge_pairs
from labels.judges.lexical import build_lexical_judge
from labels.pairs.importing import import_pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.store.database import Store

SAMPLE_JUDGE: Final = "sample"
WRITER: Final = "writer"

#: Parts of a Python installation that are not library code, or missing from some versions.
LEFT_OUT: Final = (
    "*",
    "!*/",
    "!*.py",
    "__pycache__/",
    "/*-packages/",
    "/config-*/",
    "/distutils/",
    "/encodings/",
    "/ensurepip/",
    "/idlelib/",
    "/lib-dynload/",
    "/lib2to3/",
    "/pydoc_data/",
    "/test/",
    "/tkinter/",
    "/turtledemo/",
    "/_sysconfigdata_*",
    "test/",
    "tests/",
    "/aifc.py",
    "/asynchat.py",
    "/asyncore.py",
    "/cgi.py",
    "/cgitb.py",
    "/chunk.py",
    "/crypt.py",
    "/imghdr.py",
    "/imp.py",
    "/mailcap.py",
    "/nntplib.py",
    "/pipes.py",
    "/smtpd.py",
    "/sndhdr.py",
    "/sunau.py",
    "/telnetlib.py",
    "/uu.py",
    "/xdrlib.py",
)


@dataclass(frozen=True, slots=True)
class SampleReport:
    """The reports of the imports."""

    corpus: ImportReport
    spec: ImportReport
    pairs: ImportReport
    written: ImportReport


def standard_library() -> Path:
    """Return the folder of the running Python's standard library."""
    return Path(sysconfig.get_paths()["stdlib"])


def build_sample(store: Store, library: Path, progress: Callable[[Progress], None]) -> SampleReport:
    """Import corpus, spec and pairs, and run the lexical baseline; finished steps are skipped.

    Args:
        store: an open store.
        library: the standard library's folder.
        progress: called with the progress of the current step.
    """
    corpus = import_corpus(store, library, exclude=LEFT_OUT, job=Job(progress))
    with resources.as_file(resources.files("eval") / "sample" / "python-stdlib.json") as path:
        spec = import_spec(store, path)
    pairs = _import_pairs(store, "pairs.jsonl", SAMPLE_JUDGE, progress)
    written = _import_pairs(store, "written.jsonl", WRITER, progress)
    _judge_by_words(store, progress)
    return SampleReport(corpus, spec, pairs, written)


def _import_pairs(
    store: Store, name: str, judge: str, progress: Callable[[Progress], None]
) -> ImportReport:
    with resources.as_file(resources.files("labels") / "sample" / name) as path:
        return import_pairs(
            store, path, judge_name=judge, judge_kind=JudgeKind.SAMPLE, progress=progress
        )


def _judge_by_words(store: Store, progress: Callable[[Progress], None]) -> None:
    lexical = build_lexical_judge(
        store, advance=lambda done: progress(Progress(done, None, "reading words"))
    )
    judge_pairs(
        store,
        lambda: lexical,
        JudgingPlan(),
        progress=lambda now: progress(Progress(now.done, now.total, "lexical baseline")),
    )
