"""A rubric tried on audited pairs: what it will cost, then how it compares with the old judge.

What judging will cost, told before it is begun.

The audited pairs that a new prompt version is tried on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from labels.judges.choosing import audited_judge, find_judge
from labels.judges.judging import JudgingPlan, judge_pairs
from labels.judges.llm import JudgeParameters, LlmJudge, LlmSettings, llm_judge_record
from labels.judges.pending import PairChoice, count_pairs, pending_pages
from labels.judges.prompt import JudgePrompt, checked_rubric, opening_messages
from labels.judges.server import find_server
from labels.workshop.comparing import compare_judges
from labels.workshop.prompts import checked_name, choose_examples, save_prompt

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from core.records import Judge
    from core.store.database import Store
    from labels.judges.judge import JudgingProgress, JudgingReport
    from labels.judges.pending import PendingPair
    from labels.judges.server import Server
    from labels.workshop.comparing import JudgeComparison


#: Characters of a token of English and code, where nothing has been measured yet.
_CHARACTERS: Final = 3.5
#: Tokens of a rationale with its score, where nothing has been measured yet.
_REPLY: Final = 80.0
_SAMPLED: Final = 200


@dataclass(frozen=True, slots=True)
class JudgingCost:
    """How many pairs will be asked about, how often, and about how many tokens that takes.

    ``known`` pairs of those chosen are judged already. ``measured``: whether the estimate rests on
    what earlier judgments took, rather than on a rule of thumb.
    """

    pairs: int
    known: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    measured: bool

    @property
    def tokens(self) -> int:
        """Tokens in and out together."""
        return self.prompt_tokens + self.completion_tokens


def judging_cost(
    store: Store,
    choice: PairChoice,
    prompt: JudgePrompt,
    parameters: JudgeParameters,
    limit: int | None = None,
) -> JudgingCost:
    """Estimate what judging the pending pairs of a choice takes.

    The length of the requests is known of the first pairs, which are a random sample of them all.
    How many characters make a token, and how long replies are, is taken from earlier LLM
    judgments where there are any.
    """
    pending, known = count_pairs(store, choice)
    pairs = pending if limit is None else min(pending, limit)
    sample = [pair for page in pending_pages(store, choice, min(pairs, _SAMPLED)) for pair in page]
    characters, reply, measured = _measured(store)
    calls = pairs * parameters.samples
    mean = sum(_length(pair, prompt, parameters) for pair in sample) / max(1, len(sample))
    return JudgingCost(
        pairs,
        known,
        calls,
        round(calls * mean / characters),
        round(calls * reply),
        measured,
    )


def _length(pair: PendingPair, prompt: JudgePrompt, parameters: JudgeParameters) -> int:
    messages = opening_messages(pair.query, pair.document, parameters.code_budget, prompt)
    return sum(len(message["content"]) for message in messages)


def _measured(store: Store) -> tuple[float, float, bool]:
    """Return characters a token and tokens a reply, of up to a thousand LLM judgments."""
    rows = store.read(
        """
        SELECT sum(length(judge.prompt) + length(query.text) + least(length(document.text), 24000)),
            sum(ruled.prompt_tokens), avg(ruled.completion_tokens), count(*)
        FROM (
            SELECT * FROM db.judgments WHERE score IS NOT NULL AND prompt_tokens > 0
            ORDER BY judged DESC LIMIT 1000
        ) AS ruled
        JOIN db.judges AS judge ON judge.id = ruled.judge_id
        JOIN db.pairs AS pair ON pair.id = ruled.pair_id
        JOIN db.queries AS query ON query.id = pair.query_id
        JOIN db.documents AS document ON document.id = pair.document_id
        WHERE judge.kind = 'llm' AND judge.parameters NOT LIKE '%"samples"%'
        """
    )
    characters, tokens, reply, count = rows[0]
    if not count or not tokens:
        return _CHARACTERS, _REPLY, False
    return max(1.0, float(characters) / float(tokens)), float(reply or 0), True


def trial_pairs(
    store: Store, against: Judge | None = None, sample: int | None = None
) -> tuple[UUID, ...]:
    """Return audited pairs, all of them or a sample, in the order of their ids.

    Ids are hashes, so that the first pairs are a random sample, and a larger sample holds the
    smaller ones: what was asked for the smaller is not asked again.

    Args:
        store: the store.
        against: only pairs that this judge scored.
        sample: how many at most.

    Raises:
        InputError: there are none.
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


def _number(text: str, name: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal() or (name == "sample" and int(text) == 0):
        raise InputError(f"{name}: takes a number", todo=f"For example {name}:5")
    return int(text)
