"""Evaluate a retriever on a spec: search, rank, measure, and store all of it or nothing.

A query that cannot be scored is named and left out of the metrics: as a miss it would blame the
retriever for a mistake of the spec.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.ids import event_id, utc_now
from core.records import GOOD_GRADE
from core.stats import bootstrap_means
from eval.corpus import load_corpus
from eval.evals import Eval, EvalSummary, KindFigures, QueryResult, WantedPath, save_eval
from eval.metrics import (
    DEFAULT_CUTOFF,
    clean_path,
    first_rank,
    gain,
    is_relevant,
    metric_names,
    ranks_of,
)
from eval.retrievers.building import build_retriever
from eval.specs import chosen_spec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from core.jobs import Job
    from core.records import Spec, SpecQuery
    from core.store.database import Store
    from eval.corpus import Corpus
    from eval.retrievers.base import Ranking, Retriever
    from eval.retrievers.building import RetrieverChoice

#: Results kept per query; a relevant path further down counts as not found.
DEPTH: Final = 100
_AFTERMATH: Final = "The documents encoded so far are kept; run it again."


@dataclass(frozen=True, slots=True)
class EvalRequest:
    """An eval to run: a spec by its name or file, a retriever, and the cut-off."""

    spec: str
    choice: RetrieverChoice
    k: int = DEFAULT_CUTOFF


def run_request(store: Store, request: EvalRequest, job: Job) -> Eval:
    """Run an eval from beginning to end, in the calling thread.

    Args:
        store: gets the eval.
        request: what to run.
        job: receives progress; its cancellation is polled.

    Raises:
        InputError: something requested does not exist or cannot be used.
        UnavailableError: the machine cannot run the encoder.
        CancelledError: the job was cancelled; no eval is kept.
    """
    job = job.named("the evaluation", _AFTERMATH)
    spec, problems = chosen_spec(store, request.spec)
    corpus = load_corpus(store)
    retriever = build_retriever(store, spec, corpus, request.choice, job)
    return evaluate(store, spec, corpus, retriever, job, k=request.k, notices=problems)


def evaluate(
    store: Store,
    spec: Spec,
    corpus: Corpus,
    retriever: Retriever,
    job: Job,
    *,
    k: int = DEFAULT_CUTOFF,
    notices: Sequence[str] = (),
) -> Eval:
    """Evaluate a retriever and store the eval.

    Args:
        store: gets the eval in one transaction at the end.
        spec: the queries and what should be found.
        corpus: the documents that the retriever searches.
        retriever: ranks every query that can be scored.
        job: receives progress; its cancellation is polled before every query.
        k: the cut-off of metrics and misses, at most ``DEPTH``.
        notices: known problems of the spec, kept with the eval.

    Raises:
        InputError: no query can be scored, or the retriever's program or file is at fault.
        CancelledError: the job was cancelled; no eval is kept.
    """
    started = utc_now()
    targets = spec_targets(spec, corpus)
    rankings = _rankings(retriever, targets.scored, job)
    results = tuple(
        _result(target, rankings.get(target.position, ())) for target in targets.queries
    )
    summary = EvalSummary(
        id=event_id(),
        spec_id=spec.id,
        spec_name=spec.name,
        retriever=retriever.name,
        parameters=json.dumps(dict(retriever.parameters), sort_keys=True, ensure_ascii=False),
        checkpoint=retriever.checkpoint,
        corpus_hash=corpus.hash,
        documents=len(corpus),
        k=k,
        started=started,
        finished=utc_now(),
        by_kind=figures_by_kind(results, k),
        notices=(*notices, *targets.notices, *retriever.notices),
    )
    done = Eval(summary, results)
    job.check()
    save_eval(store, done, rankings)
    return done


@dataclass(frozen=True, slots=True)
class Target:
    """A query of a spec with the wanted paths that the corpus has, and their grades.

    ``problem`` says why the query cannot be scored; empty if it can.
    """

    position: int
    asked: SpecQuery
    wanted: tuple[tuple[str, int | None], ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Targets:
    """All queries of a spec, and sentences about its problems."""

    queries: tuple[Target, ...]
    notices: tuple[str, ...]

    @property
    def scored(self) -> tuple[Target, ...]:
        """The queries that can be scored."""
        return tuple(target for target in self.queries if not target.problem)


def spec_targets(spec: Spec, corpus: Corpus) -> Targets:
    """Check a spec against the corpus.

    Raises:
        InputError: no query of the spec can be scored.
    """
    notices: list[str] = []
    targets: list[Target] = []
    seen: set[str] = set()
    for position, asked in enumerate(spec.queries):
        text = " ".join(asked.query.text.split())
        if text in seen:
            notices.append(f"the spec has this query twice, the second is left out: {text}")
            continue
        if text:
            seen.add(text)
        target = _target(position, asked, corpus, notices)
        if target.problem:
            notices.append(f"not scored: {target.problem}: {text or f'query {position + 1}'}")
        targets.append(target)
    checked = Targets(tuple(targets), tuple(notices))
    if not checked.scored:
        raise InputError(
            f"the spec {spec.name} has no query that can be scored"
            + (f"; first: {notices[0]}" if notices else ""),
            where=spec.corpus,
            todo="Fix the spec, or import the corpus that it was written for.",
        )
    return checked


def _target(position: int, asked: SpecQuery, corpus: Corpus, notices: list[str]) -> Target:
    if not asked.query.text.strip():
        return Target(position, asked, (), "the query is empty")
    wanted, absent = _in_corpus(asked.relevant, corpus)
    problem = ""
    if not asked.relevant:
        problem = "no path is named as relevant"
    elif not any(is_relevant(grade) for _, grade in asked.relevant):
        problem = f"no path has a grade of {GOOD_GRADE} or more"
    elif not any(is_relevant(grade) for _, grade in wanted):
        problem = f"the corpus has no {', '.join(absent)}"
    else:
        text = asked.query.text
        notices += [f"the corpus has no {path}, wanted for: {text}" for path in absent]
    return Target(position, asked, wanted, problem)


def _in_corpus(
    relevant: Sequence[tuple[str, int | None]], corpus: Corpus
) -> tuple[tuple[tuple[str, int | None], ...], list[str]]:
    """Return the paths that the corpus has, and those that it lacks.

    Of paths that name the same files the one with the highest grade is kept.
    """
    kept: dict[tuple[str, ...], tuple[str, int | None]] = {}
    absent = []
    for given, grade in relevant:
        path = clean_path(given)
        files = corpus.paths_by_ending.get(path, ())
        if not files:
            absent.append(given)
        elif files not in kept or gain(grade) > gain(kept[files][1]):
            kept[files] = (path, grade)
    return tuple(kept.values()), absent


def _rankings(retriever: Retriever, targets: Sequence[Target], job: Job) -> dict[int, Ranking]:
    """Return every scored query's results by its position."""
    rankings: dict[int, Ranking] = {}
    ranked = retriever.rank([target.asked for target in targets], DEPTH)
    job.step(0, len(targets), "queries")
    for target, ranking in zip(targets, ranked, strict=True):
        rankings[target.position] = ranking
        job.step(len(rankings), len(targets), "queries")
    return rankings


def _result(target: Target, ranking: Ranking) -> QueryResult:
    paths = [path for path, _ in target.wanted]
    grades = [grade for _, grade in target.wanted]
    ranks = ranks_of([found.path for found in ranking], paths)
    wanted = tuple(map(WantedPath, paths, grades, ranks))
    query = target.asked.query
    return QueryResult(target.position, query, wanted, first_rank(grades, ranks), target.problem)


def figures_by_kind(results: Iterable[QueryResult], k: int) -> tuple[KindFigures, ...]:
    """Return the metrics of all scored queries, then of every kind that any of them has."""
    scored = [result for result in results if result.scored]
    groups: dict[str, list[QueryResult]] = {"": scored}
    for result in scored:
        if result.query.kind:
            groups.setdefault(result.query.kind.value, []).append(result)
    return tuple(_kind_figures(kind, groups[kind], k) for kind in sorted(groups) if groups[kind])


def _kind_figures(kind: str, results: Sequence[QueryResult], k: int) -> KindFigures:
    import numpy as np

    rows = [list(result.metrics(k).values()) for result in results]
    means = bootstrap_means(np.asarray(rows), (0.0, 1.0))
    return KindFigures(kind, len(results), dict(zip(metric_names(k), means, strict=True)))
