"""What a spec wants of a corpus: its queries checked before anything is searched.

A spec's mistakes are named. A query that cannot be scored is left out of the figures, since as a
miss it would blame the retriever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import InputError
from eval.metrics import RELEVANT_GRADE, gain, is_relevant
from eval.metrics_hits import clean_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.records import Spec, SpecQuery
    from eval.corpus import Corpus


@dataclass(frozen=True, slots=True)
class Target:
    """A query of a spec with the wanted paths that the corpus has, and their grades.

    ``problem`` says why the query cannot be scored; it is empty when it can.
    """

    position: int
    asked: SpecQuery
    wanted: tuple[tuple[str, int | None], ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Targets:
    """All queries of a spec and what is wrong with it, in sentences."""

    queries: tuple[Target, ...]
    notices: tuple[str, ...]

    @property
    def scored(self) -> tuple[Target, ...]:
        """The queries that can be scored."""
        return tuple(target for target in self.queries if not target.problem)


def spec_targets(spec: Spec, corpus: Corpus) -> Targets:
    """Check a spec against the corpus.

    Raises:
        InputError: the spec has no query that can be scored.
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
    found = Targets(tuple(targets), tuple(notices))
    if not found.scored:
        raise InputError(
            f"the spec {spec.name} has no query that can be scored"
            + (f"; first: {notices[0]}" if notices else ""),
            where=spec.corpus,
            todo="Mend the spec, or import the corpus that it was written for.",
        )
    return found


def _target(position: int, asked: SpecQuery, corpus: Corpus, notices: list[str]) -> Target:
    if not asked.query.text.strip():
        return Target(position, asked, (), "the query is empty")
    wanted, absent = _in_corpus(asked.relevant, corpus)
    problem = ""
    if not any(is_relevant(grade) for _, grade in asked.relevant):
        problem = f"no path has a grade of {RELEVANT_GRADE} or more"
        if not asked.relevant:
            problem = "no path is named as relevant"
    elif not any(is_relevant(grade) for _, grade in wanted):
        problem = f"the corpus has no {', '.join(absent)}"
    else:
        text = asked.query.text
        notices += [f"the corpus has no {path}, wanted for: {text}" for path in absent]
    return Target(position, asked, wanted, problem)


def _in_corpus(
    relevant: Sequence[tuple[str, int | None]], corpus: Corpus
) -> tuple[tuple[tuple[str, int | None], ...], list[str]]:
    """Return the paths that mean something in the corpus, and those that do not.

    Of paths that mean the same files the one with the highest grade is kept.
    """
    kept: dict[tuple[str, ...], tuple[str, int | None]] = {}
    absent = []
    for given, grade in relevant:
        path = clean_path(given)
        meant = corpus.paths_by_ending.get(path, ())
        if not meant:
            absent.append(given)
        elif meant not in kept or gain(grade) > gain(kept[meant][1]):
            kept[meant] = (path, grade)
    return tuple(kept.values()), absent
