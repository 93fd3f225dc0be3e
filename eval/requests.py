"""What a person asks for when an eval is to be started: a spec and a retriever, on one line."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from eval.corpus import load_corpus
from eval.evals import encoder_of
from eval.evaluating import evaluate
from eval.explaining import OFFLINE_NAME
from eval.metrics import DEFAULT_CUTOFF
from eval.retrievers.building import RetrieverChoice, RetrieverKind, build_retriever
from eval.specs import chosen_spec

if TYPE_CHECKING:
    from core.jobs import Job
    from core.store.database import Store
    from eval.evals import Eval, EvalSummary


REQUEST_FORM: Final = "SPEC lexical, SPEC encoder [MODEL] or SPEC hybrid [MODEL]"
_MODELLED: Final = (RetrieverKind.ENCODER, RetrieverKind.HYBRID)


@dataclass(frozen=True, slots=True)
class EvalRequest:
    """An eval to run: a spec by its name or file, a retriever, and the cut-off."""

    spec: str
    choice: RetrieverChoice
    k: int = DEFAULT_CUTOFF


def parse_request(text: str) -> EvalRequest:
    """Read a line such as ``searches encoder path/to/model``; without a retriever it is lexical.

    Raises:
        InputError: no spec is named, or the retriever or what follows it is not known.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InputError("a quote is not closed", where=text, todo="Close it.") from error
    spec, kind, model, *rest = [*words, "", "", ""][: max(3, len(words))]
    chosen = next((each for each in RetrieverKind if each.value == (kind or "lexical")), None)
    startable = chosen is RetrieverKind.LEXICAL or chosen in _MODELLED
    if not spec or chosen is None or not startable or rest or (model and chosen not in _MODELLED):
        raise InputError(
            "this is no eval to start" if spec else "no spec is named",
            where=text.strip(),
            todo=f"Type {REQUEST_FORM}; rejudge eval runs commands and run files too.",
        )
    return EvalRequest(spec, RetrieverChoice(chosen, model=model))


def request_text(request: EvalRequest) -> str:
    """Return the line that ``parse_request`` reads as this request."""
    words = [request.spec, request.choice.kind.value, request.choice.model]
    return shlex.join([word for word in words if word])


def again(summary: EvalSummary) -> EvalRequest:
    """Return the request that runs an eval again, on the newest spec of its name.

    Raises:
        InputError: it read a run file, which is not kept, or its retriever is not known here.
    """
    kind = next((each for each in RetrieverKind if each.value == summary.retriever), None)
    if kind is None:
        raise InputError(
            f"there is no retriever {summary.retriever} here",
            todo="Start one of: " + ", ".join(each.value for each in RetrieverKind),
        )
    if kind is RetrieverKind.RUN:
        raise InputError(
            "an eval of a run file cannot be run again from here",
            todo="Use: rejudge eval SPEC --run-file FILE",
        )
    if kind is RetrieverKind.COMMAND:
        parameters = json.loads(summary.parameters)
        choice = RetrieverChoice(
            kind, command=str(parameters["command"]), seconds=float(parameters["timeout"])
        )
        return EvalRequest(summary.spec_name, choice, summary.k)
    named = encoder_of(summary) or ""
    model = "" if named == OFFLINE_NAME else named
    return EvalRequest(summary.spec_name, RetrieverChoice(kind, model=model), summary.k)


def run_request(store: Store, request: EvalRequest, job: Job) -> Eval:
    """Run an eval from beginning to end, in the thread that calls.

    Args:
        store: gets the eval.
        request: what to run.
        job: told the progress; asked whether to stop.

    Raises:
        InputError: something asked for is not there or cannot be used.
        UnavailableError: the machine cannot run the encoder.
        CancelledError: the job was cancelled; no eval is kept.
    """
    job = job.named("the evaluation", "The documents encoded so far are kept; run it again.")
    spec, problems = chosen_spec(store, request.spec)
    corpus = load_corpus(store)
    retriever = build_retriever(store, spec, corpus, request.choice, job)
    return evaluate(store, spec, corpus, retriever, job, k=request.k, notices=problems)
