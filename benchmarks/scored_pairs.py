"""A scored file as users have it: real-looking code, and the same file each time."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_VERBS: Final = [
    "watch",
    "read",
    "parse",
    "merge",
    "split",
    "cache",
    "route",
    "drain",
    "index",
    "flush",
    "retry",
    "guard",
]
_NOUNS: Final = [
    "buffer",
    "socket",
    "folder",
    "token",
    "ledger",
    "branch",
    "symbol",
    "window",
    "tensor",
    "channel",
    "query",
]
_PLACES: Final = [
    "disk",
    "memory",
    "network",
    "queue",
    "tree",
    "table",
    "stream",
    "process",
    "thread",
    "config",
]
_SCORES: Final = (1, 1, 1, 2, 2, 3, 3, 4, 4, 5)
_REASONS: Final = (
    "The function {verb}s a {noun}, but the query asks about the {place}.",
    "Same topic ({noun}), yet nothing here touches the {place}.",
    "It does {verb} the {noun}; error handling for the {place} is left to the caller.",
    "Exactly what is wanted: it {verb}s the {noun} and keeps the {place} in step.",
    "Only a helper: the {noun} is {verb}ed elsewhere, and the {place} is not mentioned at all.",
)
_STATEMENTS: Final = (
    "    let {noun}_{n} = self.{verb}_{place}({n}, &{noun})?;\n",
    '    if {noun}.len() > {n} {{\n        return Err(Error::{verb}("{place}"));\n    }}\n',
    "    // {verb} the {noun} before the {place} changes under us\n",
    "    for {noun} in self.{place}s.iter().skip({n}) {{\n        {noun}.{verb}()?;\n    }}\n",
    '    if let Some(found) = {place}.get("{noun}_{n}") {{\n        found.{verb}();\n    }}\n',
    '    tracing::debug!({noun} = {n}, "{verb} {place}");\n',
)


def write_scored_pairs(path: Path, pairs: int) -> None:
    """Write ``pairs`` lines: about a tenth as many documents, three twentieths as many queries."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(_lines(pairs))


def _lines(pairs: int) -> Iterator[str]:
    chance = random.Random(20240229)
    documents = [_document(chance, number) for number in range(max(1, pairs // 10))]
    queries = [_query(chance, number) for number in range(max(1, pairs * 3 // 20))]
    reasons = [_words(chance, chance.choice(_REASONS), n) for n in range(4000)]
    for number in range(pairs):
        query = queries[number % len(queries)]
        document = chance.choice(documents)
        reason = json.dumps(f"{chance.choice(reasons)} ({number})")
        if number % 50:
            ruling = f'"llm_score": {chance.choice(_SCORES)}, "score_reasoning": {reason}'
        else:
            ruling = '"llm_score": 3, "score_reasoning": "parse_error"'
        yield f"{{{query}, {document}, {ruling}}}\n"


def _document(chance: random.Random, number: int) -> str:
    wanted = min(2000, max(200, int(chance.lognormvariate(6.0, 0.6))))
    name = f"{chance.choice(_VERBS)}_{chance.choice(_NOUNS)}_{number}"
    code = f"pub fn {name}(&mut self, limit: usize) -> Result<(), Error> {{\n"
    while len(code) < wanted:
        code += _words(chance, chance.choice(_STATEMENTS), chance.randrange(1000))
    path = f"crates/{chance.choice(_PLACES)}/src/{chance.choice(_NOUNS)}_{number % 700}.rs"
    return json.dumps(
        {
            "positive": code + "    Ok(())\n}\n",
            "language": "rust",
            "file_path": path,
            "func_name": name,
        }
    )[1:-1]


def _query(chance: random.Random, number: int) -> str:
    text = _words(chance, "how do we {verb} the {noun} when the {place} changes", number)
    fields = {"query": f"{text}, case {number}", "is_variation": bool(number % 3)}
    if number % 3:
        fields["original_query"] = text
    return json.dumps(fields)[1:-1]


def _words(chance: random.Random, template: str, number: int) -> str:
    return template.format(
        verb=chance.choice(_VERBS),
        noun=chance.choice(_NOUNS),
        place=chance.choice(_PLACES),
        n=number,
    )
