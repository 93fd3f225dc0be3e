"""Whether a training set will do, and what to know of it before the start."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.records import GOOD_GRADE
from train.dataset.records import GradeSource, Split
from train.dataset.summary import LeftOutReason
from train.step.losses import LOSSES

if TYPE_CHECKING:
    from train.config import RunConfig
    from train.dataset.records import TrainingSet
    from train.dataset.summary import TrainingSetSummary


#: Held-out queries below which not even a gain on every single one is more than chance: the sign
#: test's two-sided p is 2 * 0.5 ** n, 0.062 for 5 and 0.031 for 6.
HELD_OUT_NEEDED: Final = 6
#: nDCG lies between 0 and 1, so its standard deviation between queries is 0.5 at the most.
_WORST_DEVIATION: Final = 0.5
_NORMAL_95: Final = 1.96
_WIDE: Final = 0.15
_SHARE_MISSED: Final = 0.9
_ONE_SIDED: Final = 0.8


def require_enough(summary: TrainingSetSummary) -> None:
    """Raise InputError when nothing can be learned from the set, or nothing measured.

    Raises:
        InputError: there is no graded pair, no other grade than one, no good document, or too few
            queries are held out; the message says how many are needed and why.
    """
    graded = {
        count.grade
        for count in summary.pairs
        if count.split is Split.TRAIN and count.source is not GradeSource.KEYWORD
    }
    measured = summary.graded_queries(Split.HELD_OUT)
    if not graded and not measured:
        raise InputError("there is no graded pair to train on", todo=_how_to_grade(summary))
    if len(graded) == 1 and not measured:
        raise _one_grade(summary, graded.pop())
    if summary.plan.held_out_share and measured < HELD_OUT_NEEDED:
        raise _too_few(summary, measured)
    if len(graded) < 2:  # noqa: PLR2004 - one grade is no order
        raise _one_grade(summary, *graded)
    if max(graded) < GOOD_GRADE:
        raise InputError(
            f"no pair to train on is graded above {max(graded)}: nothing is worth finding",
            todo="Grade, for some queries, a document that is what they want (4 or 5).",
        )


def check_suitable(training_set: TrainingSet, config: RunConfig) -> None:
    """Refuse a set from which a loss of the run would learn nothing.

    Raises:
        InputError: there are fewer pairs than one batch takes, or a loss lacks what it needs.
    """
    splits = [query.split for query in training_set.queries]
    pairs = [pair for pair in training_set.pairs if splits[pair.query] is Split.TRAIN]
    if len(pairs) < config.batch_size:
        raise InputError(
            f"there are {len(pairs)} training pairs, and one batch takes {config.batch_size}",
            todo="Label or calibrate more pairs, or lower batch_size.",
        )
    for name, _ in config.losses:
        lack = LOSSES[name].needs.lack(pairs)
        if lack:
            raise InputError(
                f"{lack}: the loss {name} learns nothing from them", todo=LOSSES[name].needs.todo
            )


def warnings(summary: TrainingSetSummary) -> tuple[str, ...]:
    """Return what a person should know before the start, one sentence each."""
    found = []
    measured = summary.graded_queries(Split.HELD_OUT)
    if not measured:
        found.append("No query is held out, so nothing shows when to stop or which model is best.")
    else:
        width = _NORMAL_95 * _WORST_DEVIATION / math.sqrt(measured)
        if width > _WIDE:
            found.append(
                f"Held-out nDCG is a mean over {_count(measured, 'query', 'queries')}: it may be"
                f" off by up to {width:.2f} (95%, at the worst)."
            )
    plan = summary.plan
    trained = summary.graded_queries(Split.TRAIN)
    if (
        trained
        and plan.keyword_share
        and summary.keyword_share < _SHARE_MISSED * plan.keyword_share
    ):
        found.append(
            f"The corpus gave keyword pairs for {summary.keyword_share:.0%} of the training pairs,"
            f" not {plan.keyword_share:.0%}: keyword queries may get worse."
        )
    if not plan.keyword_share:
        found.append("No keyword pairs are mixed in: keyword queries may get worse.")
    if trained and summary.without_good > trained / 2:
        found.append(
            f"{summary.without_good:,} of {trained:,} training queries have no document graded 4"
            " or 5."
        )
    found += _one_sided(summary)
    scores = summary.pair_count(source=GradeSource.JUDGE)
    if scores and scores > summary.pair_count(source=GradeSource.LABEL):
        found.append(f"{scores:,} grades are scores of {summary.judge} that nobody audited.")
    return tuple(found)


def _one_grade(summary: TrainingSetSummary, grade: int | None = None) -> InputError:
    what = f"all pairs to train on are graded {grade}" if grade else "no pair is left to train on"
    return InputError(
        f"{what}: there is no better and no worse to learn",
        todo="Grade documents of the same queries that are better or worse."
        f" {_how_to_grade(summary)}",
    )


def _too_few(summary: TrainingSetSummary, measured: int) -> InputError:
    share = summary.plan.held_out_share
    queries = measured + summary.graded_queries(Split.TRAIN)
    needed = math.ceil(HELD_OUT_NEEDED / share)
    chance = 2 * 0.5 ** (HELD_OUT_NEEDED - 1)
    alike = summary.left_out_for(LeftOutReason.UNMEASURABLE)
    also = f" ({alike:,} held-out pairs are of queries with one grade only)" if alike else ""
    return InputError(
        f"{_count(measured, 'query is', 'queries are')} held out of"
        f" {_count(queries, 'graded query', 'graded queries')}{also}, and {HELD_OUT_NEEDED} are"
        f" needed: of fewer, a gain on every single one may still be chance (p = {chance:.2f})",
        todo=(
            f"Grade about {needed:,} queries with two different grades each, or hold out a larger"
            f" share than {share:g}. {_how_to_grade(summary)}"
        ),
    )


def _how_to_grade(summary: TrainingSetSummary) -> str:
    scores = summary.left_out_for(LeftOutReason.SCORE_ONLY)
    spec = summary.left_out_for(LeftOutReason.SPEC)
    said = []
    other = summary.left_out_for(LeftOutReason.OTHER_JUDGE)
    if other:
        said.append(f"{_count(other, 'pair has', 'pairs have')} a score of another judge only.")
    if scores:
        said.append(
            f"{_count(scores, 'pair has', 'pairs have')} a judge's score only: audit and calibrate,"
            " or ask for judge scores."
        )
    if spec:
        said.append(f"{_count(spec, 'pair belongs', 'pairs belong')} to queries of specs.")
    return " ".join(said) or "Judge or label pairs of queries that are in no spec."


def _one_sided(summary: TrainingSetSummary) -> list[str]:
    graded = [count for count in summary.pairs if count.source is not GradeSource.KEYWORD]
    whole = sum(count.pairs for count in graded)
    for grade in sorted({count.grade for count in graded}):
        same = sum(count.pairs for count in graded if count.grade == grade)
        if same > _ONE_SIDED * whole:
            return [f"{same / whole:.0%} of the graded pairs are graded {grade}."]
    return []


def _count(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"
