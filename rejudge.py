"""rejudge from Python: read a workspace's tables, measure judges, evaluate, build training sets.

    import rejudge

    with rejudge.open("~/work/engine") as workspace:
        workspace.labels().to_arrow()
        report = workspace.agreement()
        done = workspace.evaluate("semantic", "lexical")
        for miss in workspace.misses(done):
            print(miss.result.query.text)

``python -m rejudge`` is the command line. Import rejudge before any package of your own named
``core``, ``labels``, ``eval``, ``train`` or ``tui``: rejudge's packages have these names.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import TracebackType
    from typing import Self
    from uuid import UUID

    from duckdb import DuckDBPyRelation

    from core.records import Progress
    from core.store.database import Store
    from eval.evals import Eval, EvalSummary
    from eval.misses import Miss
    from labels.agreement.records import AgreementReport
    from labels.calibration.store import CalibrationOutcome
    from train.dataset.records import TrainingSet, TrainingSetPlan
    from train.dataset.summary import TrainingSetSummary

__all__ = [
    "CalibratedGrade",
    "JudgmentRow",
    "LabelRow",
    "PairRow",
    "RejudgeError",
    "Table",
    "Workspace",
    "open",
]

_HOME: Final = Path(__file__).resolve().parent
_PACKAGES: Final = ("core", "labels", "eval", "train", "tui")


def _load_package(name: str) -> None:
    """Import one of rejudge's packages from beside this file, wherever Python would look first."""
    source = _HOME / name / "__init__.py"
    known = sys.modules.get(name)
    if known is not None:
        if Path(known.__file__ or "").resolve() != source:
            raise ImportError(
                f"rejudge has a package named {name!r}, but {known.__file__} was imported under"
                " that name. Import rejudge first, or rename that package.",
                name=name,
            )
        return
    spec = spec_from_file_location(name, source, submodule_search_locations=[str(source.parent)])
    if spec is None or spec.loader is None:
        raise ImportError(f"rejudge is not installed completely: {source} is missing", name=name)
    package = module_from_spec(spec)
    sys.modules[name] = package
    spec.loader.exec_module(package)


for _name in _PACKAGES:
    _load_package(_name)

from core.errors import RejudgeError  # noqa: E402 - only now does ``core`` mean rejudge's


@dataclass(frozen=True, slots=True)
class PairRow:
    """A (query, document) pair. ``kind`` is "semantic", "keyword" or None."""

    pair: UUID
    query: str
    kind: str | None
    path: str
    symbol: str
    language: str
    text: str
    origin: str


@dataclass(frozen=True, slots=True)
class JudgmentRow:
    """A judge's ruling on a pair: a score, or a failure with its reason and no score.

    ``distribution`` holds P(score = 1..5) where the judge gave one.
    """

    pair: UUID
    judge: str
    judged: datetime
    score: int | None
    failure: str | None
    distribution: list[float] | None
    rationale: str


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A person's grade that stands. ``adjudicated``: it settles what people disagreed on."""

    pair: UUID
    annotator: str
    grade: int
    action: str
    graded: datetime
    score_hidden: bool
    adjudicated: bool


@dataclass(frozen=True, slots=True)
class CalibratedGrade:
    """What the newest calibration expects of a pair: P(grade = 1..5) and its mean."""

    pair: UUID
    chances: list[float]
    expected: float


Row = TypeVar("Row")

_PAIRS: Final = """
    SELECT pair.id AS pair, query.text AS query, query.kind, document.path, document.symbol,
        document.language, document.text, pair.origin
    FROM db.pairs AS pair
    JOIN db.queries AS query ON query.id = pair.query_id
    JOIN db.documents AS document ON document.id = pair.document_id
    ORDER BY query.text, document.path, pair.id
"""
_DISTRIBUTION: Final = "CASE WHEN p1 IS NOT NULL THEN [p1, p2, p3, p4, p5] END"
_JUDGMENTS: Final = f"""
    WITH latest AS (
        SELECT * FROM current_judgments UNION ALL SELECT * FROM open_failures
    )
    SELECT pair_id AS pair, judge.name AS judge, judged, score, failure,
        {_DISTRIBUTION} AS distribution, rationale
    FROM latest JOIN db.judges AS judge ON judge.id = judge_id
    ORDER BY pair, judge, judged
"""
_LABELS: Final = """
    SELECT pair_id AS pair, annotator, grade, action, happened AS graded, hidden AS score_hidden,
        adjudicated
    FROM (
        SELECT *, FALSE AS adjudicated FROM current_labels
        UNION ALL BY NAME SELECT *, TRUE AS adjudicated FROM adjudicated_labels
    )
    ORDER BY pair, annotator, graded
"""
_CALIBRATED: Final = """
    SELECT pair_id AS pair, [p1, p2, p3, p4, p5] AS chances, expected
    FROM current_calibrated_grades ORDER BY pair
"""


class Table(Sequence[Row], Generic[Row]):
    """Rows of a workspace: a sequence of frozen dataclasses, an Arrow stream, a DuckDB relation.

    It reads the workspace anew at each use, so close neither the workspace nor this too early.
    ``polars.DataFrame(table)`` and ``pyarrow.table(table)`` take it as it is.
    """

    def __init__(self, store: Store, query: str, row: type[Row]) -> None:
        self._store = store
        self._query = query
        self._row = row
        self._rows: list[Row] | None = None

    def relation(self) -> DuckDBPyRelation:
        """Return the rows as a DuckDB relation, for SQL on millions of them."""
        return self._store.relation(self._query)

    def to_arrow(self) -> Any:
        """Return the rows as a ``pyarrow.Table``.

        Raises:
            ImportError: pyarrow is not installed.
        """
        import pyarrow as pa

        return pa.table(self)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Give the rows to any library that reads Arrow's C stream interface."""
        return self.relation().__arrow_c_stream__(requested_schema)

    def _all(self) -> list[Row]:
        if self._rows is None:
            self._rows = [self._row(*values) for values in self._store.read(self._query)]
        return self._rows

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._all())

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        """Return a row, or a slice of them."""
        return self._all()[index]

    def __repr__(self) -> str:
        """Return what it is a table of."""
        return f"<rejudge.Table of {self._row.__name__}>"


class Workspace(AbstractContextManager["Workspace"]):
    """An open workspace. Use it as a context manager, or call ``close``.

    One process has a workspace open at a time. Where another one has it (the app, say), this is a
    copy of its newest backup with the labels of now: it can be read and not written to.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the workspace."""
        self.close()

    def __enter__(self) -> Self:
        """Return the workspace itself."""
        return self

    def close(self) -> None:
        """Let other processes open the workspace. Closing twice is harmless."""
        self._store.close()

    def pairs(self) -> Table[PairRow]:
        """Return every (query, document) pair."""
        return Table(self._store, _PAIRS, PairRow)

    def judgments(self) -> Table[JudgmentRow]:
        """Return each judge's latest ruling on each pair; failures where it has no score."""
        return Table(self._store, _JUDGMENTS, JudgmentRow)

    def labels(self) -> Table[LabelRow]:
        """Return people's grades that stand: the latest of each annotator on each pair."""
        return Table(self._store, _LABELS, LabelRow)

    def calibrated_grades(self) -> Table[CalibratedGrade]:
        """Return what the newest calibration expects of each judged pair, if there is one."""
        return Table(self._store, _CALIBRATED, CalibratedGrade)

    def agreement(self, judge: str = "") -> AgreementReport:
        """Measure how far judges and people agree, each figure with its 95% interval.

        Args:
            judge: the name of one judge; empty: all of them.

        Raises:
            RejudgeError: there is no judge of that name.
        """
        from labels.trust import measure_agreement

        return measure_agreement(self._store, judge)

    def calibrate(
        self, *, progress: Callable[[Progress], None] | None = None
    ) -> CalibrationOutcome:
        """Learn what the judges' scores mean from the labels, and grade every judged pair.

        Raises:
            RejudgeError: the workspace is a read-only copy, or cannot be written.
        """
        from core.jobs import Job
        from labels.calibration.calibrating import calibrate

        return calibrate(self._store, Job(progress or _ignore))

    def evals(self) -> tuple[EvalSummary, ...]:
        """Return all evals without their queries, the newest first."""
        from eval.evals import list_evals

        return tuple(list_evals(self._store))

    def evaluate(
        self,
        spec: str,
        retriever: str = "lexical",
        *,
        model: str = "",
        command: str = "",
        k: int = 10,
        progress: Callable[[Progress], None] | None = None,
    ) -> Eval:
        """Evaluate a retriever on a spec, query by query, and keep the eval.

        Args:
            spec: the name of an imported spec, or a spec file.
            retriever: "lexical", "encoder", "hybrid" or "command".
            model: the encoder's folder or hub id; empty: the one that comes along.
            command: for "command": a command line with ``{query}``.
            k: the cut-off below which a query is a miss.
            progress: called now and then with how far it is.

        Raises:
            RejudgeError: something named is not there or cannot be used; ``todo`` says what to do.
        """
        from core.jobs import Job
        from eval.evaluating import EvalRequest, run_request
        from eval.retrievers.building import choose_retriever

        choice = choose_retriever(retriever, model=model, command=command)
        return run_request(
            self._store, EvalRequest(spec, choice, k), Job(progress=progress or _ignore)
        )

    def misses(self, of: Eval | EvalSummary | str = "latest") -> tuple[Miss, ...]:
        """Return the queries that an eval missed, with what it ranked above the wanted documents.

        Args:
            of: an eval, or its name as the command line takes it: "latest", "previous", an id.

        Raises:
            RejudgeError: there is no such eval.
        """
        from eval.evals import Eval, find_eval, load_eval
        from eval.misses import misses

        if isinstance(of, Eval):
            return misses(self._store, of)
        summary = find_eval(self._store, of) if isinstance(of, str) else of
        return misses(self._store, load_eval(self._store, summary.id))

    def training_set(
        self, plan: TrainingSetPlan | None = None
    ) -> tuple[TrainingSet, TrainingSetSummary]:
        """Build what a training run would train on, and count what it holds and leaves out.

        Args:
            plan: what to take; as ``rejudge train`` takes it by default when None.

        Raises:
            RejudgeError: the plan contradicts itself, or names a judge that does not exist.
        """
        from train.dataset.building import build_training_set
        from train.dataset.records import TrainingSetPlan

        return build_training_set(self._store, plan or TrainingSetPlan())


def open(folder: str | Path = ".") -> Workspace:  # noqa: A001 - rejudge.open, as gzip.open
    """Open the workspace of a folder or of the nearest folder above it that has one.

    Raises:
        RejudgeError: there is no workspace, or it cannot be opened; ``todo`` says what to do.
    """
    from core.store.read_only import open_for_reading
    from core.workspace import find_workspace

    workspace = find_workspace(Path(folder).expanduser())
    workspace.require()
    return Workspace(open_for_reading(workspace))


def _ignore(_: Progress) -> None:
    """Tell nobody how far the work is."""


def __getattr__(name: str) -> str:
    """Give ``__version__``, which takes a look at the installed package's metadata."""
    if name == "__version__":
        from importlib.metadata import version

        return version("rejudge")
    raise AttributeError(f"module 'rejudge' has no attribute {name!r}")


def _main() -> int:
    """Run the command line, or with ``--module NAME`` a child process of rejudge's own."""
    here = {"", str(Path.cwd())} - {str(_HOME)}
    sys.path[:] = [place for place in sys.path if place not in here]
    if sys.argv[1:2] == ["--module"] and len(sys.argv) > 2:  # noqa: PLR2004 - the module's name
        from runpy import run_module

        name = sys.argv[2]
        del sys.argv[1:3]
        run_module(name, run_name="__main__", alter_sys=True)
        return 0
    from tui.cli.main import program

    return program()


if __name__ == "__main__":
    sys.exit(_main())
