"""Trying a rubric on audited pairs: the cost first, then the comparison with the old judge."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from labels.judges.choosing import audited_judge, find_judge
from labels.judges.judging import JudgingPlan, judge_pairs
from labels.judges.llm import JudgeParameters, LlmJudge, LlmSettings, llm_judge_record
from labels.judges.pending import PairChoice
from labels.judges.prompt import JudgePrompt, checked_rubric
from labels.judges.server import find_server
from labels.workshop.comparing import compare_judges
from labels.workshop.cost import JudgingCost, judging_cost
from labels.workshop.prompts import checked_name, choose_examples, save_prompt

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from core.records import Judge
    from core.store.database import Store
    from labels.judges.judge import JudgingProgress, JudgingReport
    from labels.judges.server import Server
    from labels.workshop.comparing import JudgeComparison


_TIMEOUT: Final = 120.0
_CONCURRENCY: Final = 8


@dataclass(frozen=True, slots=True)
class TrialRequest:
    """The trial that a person asks for: a model, a name for the version, and audited pairs.

    ``sample`` None: all pairs. ``against`` names the judge to compare with, as for ``find_judge``;
    empty: the audited judge. ``address`` empty: the environment's.
    """

    model: str
    name: str
    sample: int | None = None
    examples: int = 0
    address: str = ""
    against: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial that is ready to run: the new judge, the old judge, the pairs and the cost."""

    request: TrialRequest
    server: Server
    prompt: JudgePrompt
    new: Judge
    old: Judge
    pairs: tuple[UUID, ...]
    cost: JudgingCost


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The outcome of a trial; ``rest`` is the cost of judging all other pairs."""

    report: JudgingReport
    comparison: JudgeComparison
    rest: JudgingCost


def parse_trial(text: str) -> TrialRequest:
    """Parse ``MODEL as:NAME sample:50 examples:4 at:URL against:JUDGE``.

    ``against:`` comes last, because a judge's name may have blanks.

    Raises:
        InputError: a word is not understood, or the model is missing.
    """
    front, _, against = text.partition("against:")
    words = front.split()
    models = [word for word in words if ":" not in word or "/" in word.partition(":")[0]]
    options = dict(word.split(":", 1) for word in words if word not in models)
    unknown = sorted(set(options) - {"as", "sample", "examples", "at"})
    if len(models) != 1 or unknown:
        raise InputError(
            f"{unknown[0]}: is not an option" if unknown else "name one model",
            todo="Write: MODEL as:NAME sample:50 examples:4 at:URL against:JUDGE",
        )
    sample = _number(options.get("sample", "all"), "sample")
    return TrialRequest(
        models[0],
        checked_name(options.get("as", "new")),
        sample,
        _number(options.get("examples", "0"), "examples") or 0,
        options.get("at", ""),
        against.strip(),
    )


def prepare_trial(store: Store, request: TrialRequest, rubric: str) -> Trial:
    """Prepare a trial; no server is asked and nothing is stored.

    Raises:
        InputError: the rubric, the judge or the sample cannot be used.
        JudgeError: there is no server or no key.
    """
    server = find_server(request.address or None, timeout=_TIMEOUT)
    examples = choose_examples(store, request.examples)
    prompt = JudgePrompt(checked_rubric(rubric), examples, request.name)
    old = find_judge(store, request.against) if request.against else audited_judge(store)
    if old is None:
        raise InputError("there is no judge to compare with", todo="Judge some pairs first.")
    pairs = trial_pairs(store, old, request.sample)
    parameters = JudgeParameters()
    new = llm_judge_record(request.model, parameters, prompt=prompt)
    cost = judging_cost(store, PairChoice(new.id, pairs=pairs), prompt, parameters)
    return Trial(request, server, prompt, new, old, pairs, cost)


def run_trial(
    store: Store,
    trial: Trial,
    *,
    progress: Callable[[JudgingProgress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> TrialResult:
    """Save the version, judge the pairs and compare; block until it is done.

    The judgments stay: judging more pairs with the same version later does not repeat them.

    Raises:
        JudgeError: the judge cannot be used.
    """
    request, parameters = trial.request, JudgeParameters()
    prompt = save_prompt(store, request.name, trial.prompt.rubric, examples=request.examples)
    new = llm_judge_record(request.model, parameters, prompt=prompt)
    settings = LlmSettings(trial.server, new, parameters, prompt, _CONCURRENCY)
    report = judge_pairs(
        store,
        lambda: LlmJudge(settings),
        JudgingPlan(concurrency=_CONCURRENCY, pairs=trial.pairs),
        progress=progress,
        cancelled=cancelled,
    )
    return TrialResult(
        replace(report, judge=new),
        compare_judges(store, trial.old, new, trial.pairs),
        judging_cost(store, PairChoice(new.id), prompt, parameters),
    )


def trial_pairs(
    store: Store, against: Judge | None = None, sample: int | None = None
) -> tuple[UUID, ...]:
    """Return audited pairs, all of them or a sample, in the order of their ids.

    Ids are hashes, so the first pairs are a random sample, and a larger sample includes the smaller
    one, whose judgments are not asked for again.

    Args:
        store: the store.
        against: only pairs that this judge scored.
        sample: how many at most; None: all.

    Raises:
        InputError: there are no such pairs.
    """
    rows = store.read(
        "SELECT DISTINCT pair_id FROM current_labels"
        " WHERE $1 OR pair_id IN (SELECT pair_id FROM db.judgments"
        "  WHERE judge_id = CAST($2 AS UUID) AND score IS NOT NULL)"
        " ORDER BY pair_id",
        [against is None, against.id if against else None],
    )
    if not rows:
        by = f" that {against.name} scored" if against else ""
        raise InputError(
            f"there are no audited pairs{by}",
            where=str(store.folder.parent),
            todo="Grade some first: rejudge, then a.",
        )
    return tuple(row[0] for row in rows[:sample])


def _number(text: str, name: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal() or (name == "sample" and int(text) == 0):
        raise InputError(f"{name}: takes a number", todo=f"For example {name}:5")
    return int(text)
