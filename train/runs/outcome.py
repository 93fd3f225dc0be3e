"""What a run changed: evals of its base and of its model, on the specs chosen at its start.

An eval that exists already is taken, whoever asked for it; so nothing is evaluated twice, even when
the work was cut short.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.errors import InputError
from core.records import Progress
from train.base import base_folder
from train.config import OFFLINE
from train.runs.progress import RunStatus
from train.runs.store import RunEval, Side, link_eval, run_evals

if TYPE_CHECKING:
    from uuid import UUID

    from core.jobs import Job
    from core.store.database import Store
    from eval.comparing import Comparison
    from eval.evals import Eval
    from train.runs.folder import RunFolder
    from train.runs.store import RunRecord


@dataclass(frozen=True, slots=True)
class SpecOutcome:
    """What a run changed on one spec."""

    spec_name: str
    before: Eval
    after: Eval
    comparison: Comparison


def unevaluated(store: Store, record: RunRecord) -> tuple[tuple[str, Side], ...]:
    """Return the specs and sides on which a finished run has no eval yet, the base first."""
    if record.status is not RunStatus.FINISHED:
        return ()
    done = run_evals(store, record)
    wanted = ((name, side) for side in Side for name in record.config.specs)
    return tuple(each for each in wanted if each not in done)


def evaluate_run(store: Store, folder: RunFolder, record: RunRecord, job: Job) -> int:
    """Run the evals that a finished run still lacks; return how many there were.

    Args:
        store: gets the evals and their links to the run.
        folder: the run's folder, with its ``model``.
        record: the run.
        job: gets the progress; may cancel.

    Raises:
        InputError: the base or a spec is gone, or the run left no model.
        UnavailableError: the machine cannot run the encoder.
        CancelledError: the job was cancelled; the evals done so far are kept.
    """
    job = job.named("the evaluation", "The evals done so far are kept; run it again.")
    pending = unevaluated(store, record)
    for number, (spec_name, side) in enumerate(pending, start=1):
        head = f"{side.value} on {spec_name} ({number} of {len(pending)})"
        done = _evaluated(store, folder, record.config.base, spec_name, side, _headed(job, head))
        link_eval(store, record.id, RunEval(spec_name, side, done, record.position))
    return len(pending)


def outcomes(store: Store, record: RunRecord) -> tuple[SpecOutcome, ...]:
    """Return what a run changed on each of its specs with an eval of both sides."""
    from eval.comparing import compare
    from eval.evals import load_eval

    linked = run_evals(store, record)
    found = []
    for name in record.config.specs:
        if (name, Side.BEFORE) in linked and (name, Side.AFTER) in linked:
            before = load_eval(store, linked[name, Side.BEFORE].eval_id)
            after = load_eval(store, linked[name, Side.AFTER].eval_id)
            found.append(SpecOutcome(name, before, after, compare(before, after)))
    return tuple(found)


def _evaluated(
    store: Store, folder: RunFolder, base: str, spec_name: str, side: Side, job: Job
) -> UUID:
    """Return the id of an eval of this encoder on this spec, a new one where there is none."""
    from core.encoder.folder import read_spec
    from eval.corpus import load_corpus
    from eval.evals import find_like
    from eval.evaluating import EvalRequest, run_request
    from eval.metrics import DEFAULT_CUTOFF
    from eval.retrievers.building import RetrieverChoice
    from eval.specs import load_spec

    if side is Side.AFTER and not folder.model.is_dir():
        raise InputError(
            "the run left no model to evaluate",
            where=str(folder.path),
            todo=f"Resume it: rejudge train --resume {folder.path.name}",
        )
    model = str(folder.model.absolute()) if side is Side.AFTER else base
    job.step(0, None, "looking for an earlier eval")
    like = find_like(
        store,
        spec_id=load_spec(store, spec_name).id,
        retriever="encoder",
        checkpoint=read_spec(base_folder(model)).checkpoint,
        corpus_hash=load_corpus(store).hash,
        k=DEFAULT_CUTOFF,
    )
    if like is not None:
        return like.id
    choice = RetrieverChoice("encoder", model="" if model == OFFLINE else model)
    return run_request(store, EvalRequest(spec_name, choice), job).summary.id


def _headed(job: Job, head: str) -> Job:
    """Return the job with ``head`` in front of its notes."""

    def tell(progress: Progress) -> None:
        job.progress(Progress(progress.done, progress.total, f"{head}: {progress.note}"))

    return replace(job, progress=tell)
