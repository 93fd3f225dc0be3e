"""A rubric tried on audited pairs: what it will cost, then how it compares with the old judge."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from labels.audited_judge import audited_judge
from labels.judge.judge_prompt import JudgePrompt, checked_rubric
from labels.judge.judging import JudgingPlan, judge_pairs
from labels.judge.llm_judge import JudgeParameters, LlmJudge, llm_judge_record
from labels.judge.pending_pairs import PairChoice
from labels.judge.server import find_server
from labels.judge_choice import find_judge
from labels.workshop.example_choice import choose_examples
from labels.workshop.judge_comparison import compare_judges
from labels.workshop.judging_cost import judging_cost
from labels.workshop.prompt_versions import checked_name, save_prompt
from labels.workshop.trial_pairs import trial_pairs

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from core.records import Judge
    from core.store import Store
    from labels.judge.judging_records import JudgingProgress, JudgingReport
    from labels.judge.server import Server
    from labels.workshop.judge_comparison import JudgeComparison
    from labels.workshop.judging_cost import JudgingCost

_TIMEOUT: Final = 120.0
_CONCURRENCY: Final = 8


@dataclass(frozen=True, slots=True)
class TrialRequest:
    """What a person wants tried: a model, the version's name, and on how many audited pairs.

    ``sample`` None: all of them. ``against`` is a judge as ``find_judge`` takes it; empty: the
    audited one. ``address`` empty: the environment's.
    """

    model: str
    name: str
    sample: int | None = None
    examples: int = 0
    address: str = ""
    against: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial that can be run: the new judge beside the old one, the pairs, and the cost."""

    request: TrialRequest
    server: Server
    prompt: JudgePrompt
    new: Judge
    old: Judge
    pairs: tuple[UUID, ...]
    cost: JudgingCost


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What a trial found; ``rest`` is what judging all other pairs would cost."""

    report: JudgingReport
    comparison: JudgeComparison
    rest: JudgingCost


def parse_trial(text: str) -> TrialRequest:
    """Return the request in a line: ``MODEL as:NAME sample:50 examples:4 at:URL against:JUDGE``.

    ``against:`` comes last, because a judge's name may hold blanks.

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
            f"it does not know {unknown[0]}:" if unknown else "name one model",
            todo="MODEL as:NAME sample:50 examples:4 at:URL against:JUDGE",
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
    """Find out what a trial takes; nothing is asked and nothing is kept.

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
    """Save the version, judge the pairs, and compare; block until it is done.

    The judgments are kept: whatever is judged later under the same version goes on from there.

    Raises:
        JudgeError: the judge cannot be used.
    """
    request, parameters = trial.request, JudgeParameters()
    prompt = save_prompt(store, request.name, trial.prompt.rubric, examples=request.examples)
    new = llm_judge_record(request.model, parameters, prompt=prompt)
    report = judge_pairs(
        store,
        lambda: LlmJudge(trial.server, new, parameters, prompt=prompt, concurrency=_CONCURRENCY),
        JudgingPlan(concurrency=_CONCURRENCY, pairs=trial.pairs),
        progress=progress,
        cancelled=cancelled,
    )
    return TrialResult(
        replace(report, judge=new),
        compare_judges(store, trial.old, new, trial.pairs),
        judging_cost(store, PairChoice(new.id), prompt, parameters),
    )


def _number(text: str, name: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal() or (name == "sample" and int(text) == 0):
        raise InputError(f"{name}: takes a number", todo=f"For example {name}:5")
    return int(text)
