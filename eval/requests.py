"""Eval requests as a line that a person types: a spec, a retriever, perhaps a model."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from eval.evals import encoder_of
from eval.evaluating import EvalRequest
from eval.retrievers.building import (
    DEFAULT_RETRIEVER,
    OFFLINE_NAME,
    RETRIEVERS,
    RetrieverChoice,
)

if TYPE_CHECKING:
    from eval.evals import EvalSummary

#: Options that fit in the line.
_MODEL: Final = frozenset({"model"})


def parse_request(text: str) -> EvalRequest:
    """Read a line such as ``searches encoder path/to/model``; the default retriever is BM25.

    Raises:
        InputError: no spec is named, or the retriever or what follows it is unknown.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InputError("a quote is not closed", where=text, todo="Close it.") from error
    spec, name, model, *rest = [*words, "", "", ""][: max(3, len(words))]
    name = name or DEFAULT_RETRIEVER
    kind = RETRIEVERS.get(name)
    startable = kind is not None and kind.options <= _MODEL and (kind.options or not model)
    if not spec or not startable or rest:
        raise InputError(
            "this eval cannot be started here" if spec else "no spec is named",
            where=text.strip(),
            todo=f"Type {_forms()}; rejudge eval runs other retrievers too.",
        )
    return EvalRequest(spec, RetrieverChoice(name, model=model))


def _forms() -> str:
    forms = [
        f"SPEC {name}" + (" [MODEL]" if kind.options else "")
        for name, kind in RETRIEVERS.items()
        if kind.options <= _MODEL
    ]
    return " or ".join([", ".join(forms[:-1]), forms[-1]])


def again(summary: EvalSummary) -> EvalRequest:
    """Return the request that runs an eval again, on the newest spec of its name.

    Raises:
        InputError: it read a run file, which is not kept, or its retriever is unknown here.
    """
    kind = RETRIEVERS.get(summary.retriever)
    if kind is None:
        raise InputError(
            f"there is no retriever {summary.retriever} here",
            todo=f"Start one of: {', '.join(RETRIEVERS)}",
        )
    if "run_file" in kind.options:
        raise InputError(
            "an eval of a run file cannot be run again from here",
            todo="Use: rejudge eval SPEC --run-file FILE",
        )
    if "command" in kind.options:
        parameters = json.loads(summary.parameters)
        choice = RetrieverChoice(
            summary.retriever,
            command=str(parameters["command"]),
            seconds=float(parameters["timeout"]),
        )
        return EvalRequest(summary.spec_name, choice, summary.k)
    named = encoder_of(summary) or ""
    model = "" if named == OFFLINE_NAME else named
    return EvalRequest(
        summary.spec_name, RetrieverChoice(summary.retriever, model=model), summary.k
    )
