"""The sample's two files as the tests read them, and what they compare."""

from __future__ import annotations

import json
import re
import sysconfig
from pathlib import Path
from typing import Final, Literal, TypedDict

ROOT: Final = Path(__file__).parents[1]
SPEC_FILE: Final = ROOT / "eval" / "sample" / "python-stdlib.json"
WRITTEN_FILE: Final = ROOT / "labels" / "sample" / "written.jsonl"
PAIRS_FILE: Final = ROOT / "labels" / "sample" / "pairs.jsonl"
LIBRARY: Final = Path(sysconfig.get_paths()["stdlib"])

#: Words that say nothing of what a query is after.
STOP_WORDS: Final = frozenset(
    re.findall(
        r"\w+",
        """a an and any are as at be been but by can could did do does doing each every for from get
        got had has have having how if in into is it its me my no not of off on one or other our
        out own s should so some than that the their them then there these they this those to
        under until up us was we were what when where whether which while who will with within
        without would you your""",
    )
)


class SpecQuery(TypedDict):
    id: str
    query: str
    kind: Literal["semantic", "keyword"]
    relevant: list[str]


class SamplePair(TypedDict):
    query: str
    query_kind: Literal["semantic", "keyword"]
    file_path: str
    func_name: str
    language: str
    llm_score: int
    score_reasoning: str


class WrittenPair(TypedDict):
    query: str
    query_kind: Literal["semantic"]
    file_path: str
    func_name: str
    language: str
    llm_score: int


def spec_queries() -> list[SpecQuery]:
    queries: list[SpecQuery] = json.loads(SPEC_FILE.read_text(encoding="utf-8"))["queries"]
    return queries


def sample_pairs() -> list[SamplePair]:
    return [json.loads(line) for line in PAIRS_FILE.read_text(encoding="utf-8").splitlines()]


def written_pairs() -> list[WrittenPair]:
    return [json.loads(line) for line in WRITTEN_FILE.read_text(encoding="utf-8").splitlines()]


def content_words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z0-9]+", text.lower())) - STOP_WORDS


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard's share of common words, 0 to 1."""
    common = len(one & other)
    return common / (len(one) + len(other) - common) if one or other else 1.0
