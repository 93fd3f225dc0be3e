"""Evaluate one retriever on one spec: search, rank, measure, and keep it all or nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from core.identity import event_id
from core.store import utc_now
from eval.evaluating_records import Eval, EvalSummary, KindFigures, QueryResult, WantedPath
from eval.evaluating_store import save_eval
from eval.evaluating_targets import spec_targets
from eval.metrics import DEFAULT_CUTOFF, first_rank, metric_names, query_metrics
from eval.metrics_hits import ranks_of
from eval.metrics_interval import bootstrap_figures

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from core.records import Spec
    from core.store import Store
    from eval.corpus import Corpus
    from eval.evaluating_targets import Target, Targets
    from eval.retrievers.ranking import Ranking, Retriever
    from eval.watching import Watch

#: Results kept for each query. A relevant path further down counts as not found.
DEPTH: Final = 100


def evaluate(
    store: Store,
    spec: Spec,
    corpus: Corpus,
    retriever: Retriever,
    watch: Watch,
    *,
    k: int = DEFAULT_CUTOFF,
    notices: Sequence[str] = (),
) -> Eval:
    """Evaluate a retriever and store the eval.

    Args:
        store: gets the eval, whole and in one transaction at the end.
        spec: the queries and what should be found.
        corpus: the documents that the retriever searches.
        retriever: is asked each query that can be scored.
        watch: told the queries done; asked before each.
        k: the cut-off of the measures, and of what is a miss; at most ``DEPTH``.
        notices: what is known to be wrong with the spec already; kept with the eval.

    Raises:
        InputError: no query can be scored, or the retriever's program or file is at fault.
        CancelledError: the watch said so; nothing of the eval is kept.
    """
    started = utc_now()
    targets = spec_targets(spec, corpus)
    rankings = _rankings(retriever, targets.scored, watch)
    results = _results(targets, rankings)
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
    watch.check()
    save_eval(store, done, rankings)
    return done


def _rankings(retriever: Retriever, targets: Sequence[Target], watch: Watch) -> dict[int, Ranking]:
    """Return each scored query's results by its position."""
    found: dict[int, Ranking] = {}
    ranked = retriever.rank([target.asked for target in targets], DEPTH)
    watch.step(0, len(targets), "queries")
    for target, ranking in zip(targets, ranked, strict=True):
        found[target.position] = ranking
        watch.step(len(found), len(targets), "queries")
    return found


def _results(targets: Targets, rankings: dict[int, Ranking]) -> tuple[QueryResult, ...]:
    return tuple(_result(target, rankings.get(target.position, ())) for target in targets.queries)


def _result(target: Target, ranking: Ranking) -> QueryResult:
    paths = [path for path, _ in target.wanted]
    grades = [grade for _, grade in target.wanted]
    ranks = ranks_of((found.path for found in ranking), paths)
    wanted = tuple(map(WantedPath, paths, grades, ranks))
    query = target.asked.query
    return QueryResult(target.position, query, wanted, first_rank(grades, ranks), target.problem)


def figures_by_kind(results: Iterable[QueryResult], k: int) -> tuple[KindFigures, ...]:
    """Return the figures of all scored queries, then of each kind that any of them has."""
    scored = [result for result in results if result.scored]
    groups: dict[str, list[QueryResult]] = {"": scored}
    for result in scored:
        if result.query.kind:
            groups.setdefault(result.query.kind.value, []).append(result)
    return tuple(_kind_figures(kind, groups[kind], k) for kind in sorted(groups) if groups[kind])


def _kind_figures(kind: str, results: Sequence[QueryResult], k: int) -> KindFigures:
    import numpy as np

    rows = [list(result_metrics(result, k).values()) for result in results]
    figures = bootstrap_figures(np.asarray(rows))
    return KindFigures(kind, len(results), dict(zip(metric_names(k), figures, strict=True)))


def result_metrics(result: QueryResult, k: int) -> dict[str, float]:
    """Return each measure of one scored query."""
    grades = [wanted.grade for wanted in result.wanted]
    return query_metrics(grades, [wanted.rank for wanted in result.wanted], k)
