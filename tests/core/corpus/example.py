"""A source and the documents that it is split into, one a line."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True)
class Example:
    path: str
    source: str
    documents: str


def example(path: str, source: str, documents: str) -> Example:
    return Example(path, dedent(source), dedent(documents).strip())
