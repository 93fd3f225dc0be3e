"""The cost of judging, estimated before it begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from labels.judges.pending import count_pairs, pending_pages
from labels.judges.prompt import opening_messages

if TYPE_CHECKING:
    from core.store.database import Store
    from labels.judges.llm import JudgeParameters
    from labels.judges.pending import PairChoice, PendingPair
    from labels.judges.prompt import JudgePrompt

#: Characters per token of English and code, until judgments of the workspace give a figure.
_CHARACTERS_PER_TOKEN: Final = 3.5
#: Tokens of a rationale with its score, until then.
_REPLY_TOKENS: Final = 80.0
_SAMPLED_PAIRS: Final = 200


@dataclass(frozen=True, slots=True)
class JudgingCost:
    """An estimate: the pairs to judge, the calls, and the tokens in and out.

    ``known`` of the chosen pairs are judged already. ``measured``: the estimate rests on earlier
    judgments rather than on a rule of thumb.
    """

    pairs: int
    known: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    measured: bool

    @property
    def tokens(self) -> int:
        """Tokens in and out."""
        return self.prompt_tokens + self.completion_tokens


def judging_cost(
    store: Store,
    choice: PairChoice,
    prompt: JudgePrompt,
    parameters: JudgeParameters,
    limit: int | None = None,
) -> JudgingCost:
    """Estimate the cost of judging the pending pairs of a choice.

    The length of requests comes from the first pairs, which are a random sample. Characters per
    token and the length of replies come from earlier LLM judgments, where there are any.
    """
    pending, known = count_pairs(store, choice)
    pairs = pending if limit is None else min(pending, limit)
    sample = [
        pair for page in pending_pages(store, choice, min(pairs, _SAMPLED_PAIRS)) for pair in page
    ]
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
    """Return characters per token and tokens per reply of the last thousand LLM judgments."""
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
        return _CHARACTERS_PER_TOKEN, _REPLY_TOKENS, False
    return max(1.0, float(characters) / float(tokens)), float(reply or 0), True
