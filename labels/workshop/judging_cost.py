"""What judging will cost, told before it is begun."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from labels.judge.pending_pairs import count_pairs, pending_pages
from labels.judge.rubric import opening_messages

if TYPE_CHECKING:
    from core.store import Store
    from labels.judge.judge_prompt import JudgePrompt
    from labels.judge.llm_judge import JudgeParameters
    from labels.judge.pending_pairs import PairChoice, PendingPair

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
