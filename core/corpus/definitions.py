"""The definitions of a source file, found in its syntax tree.

Only the way to the definitions is walked: the top of the file, class bodies, and what a grammar's
table calls containers. The inside of a function is never looked at. The walk keeps its own stack,
so that no depth of nesting can exhaust Python's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

from core.corpus.grammars import GRAMMARS, text_of
from core.records import DocumentKind

if TYPE_CHECKING:
    from tree_sitter import Language, Node

    from core.corpus.grammars import Grammar


#: Classes within classes, and containers within containers, beyond which nothing is looked for.
_CLASS_DEPTH_LIMIT: Final = 8
_DEPTH_LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition and its rows, counted from 0, both ends included."""

    symbol: str
    kind: DocumentKind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the walk is: the qualifier, the depth, and the rows of the wrapper around it."""

    prefix: str = ""
    in_class: bool = False
    classes: int = 0
    depth: int = 0
    wrapper: tuple[int, int] | None = None


def outline(language: str, text: str) -> list[Definition] | None:
    """Return the definitions of a file in the order of their lines.

    None when there is no grammar for the language, or when most of the file is no code of it. A
    parser may crash or never come back: see ``core.corpus.parsing`` for files from anywhere.
    """
    grammar = GRAMMARS.get(language)
    if grammar is None:
        return None
    source = text.encode("utf-8", errors="replace")
    root = _parse(language, source)
    walk = _Walk(grammar, source)
    walk.run(root)
    if walk.wrong_bytes * 2 > len(source.strip()):
        return None
    return walk.found


@cache
def _loaded(language: str) -> Language:
    from tree_sitter import Language

    grammar = GRAMMARS[language]
    return Language(getattr(import_module(grammar.package), grammar.loader)())


def _parse(language: str, source: bytes) -> Node:
    from tree_sitter import Parser

    return Parser(_loaded(language)).parse(source).root_node


class _Walk:
    """One walk over one tree."""

    def __init__(self, grammar: Grammar, source: bytes) -> None:
        self._grammar = grammar
        self._source = source
        self._definitions = grammar.definitions
        self._leading: dict[int, int] = {}
        self._ends: set[int] = set()
        self._waiting: list[tuple[Node, _Place]] = []
        self.found: list[Definition] = []
        self.wrong_bytes = 0

    def run(self, root: Node) -> None:
        """Walk the tree; ``found`` and ``wrong_bytes`` hold the result."""
        self._descend(root, _Place())
        while self._waiting:
            node, place = self._waiting.pop()
            self._visit(node, place)
        if root.is_error:
            covered = sum(each.end + 1 - each.start for each in self.found)
            if covered * 2 < root.end_point.row + 1:
                self.wrong_bytes = len(self._source)

    def _descend(self, node: Node, place: _Place) -> None:
        if place.depth < _DEPTH_LIMIT:
            below = replace(place, depth=place.depth + 1)
            self._waiting.extend((child, below) for child in reversed(node.children))

    def _visit(self, node: Node, place: _Place) -> None:
        kind = node.type
        grammar = self._grammar
        if kind in self._definitions and self._define(node, place):
            return
        if kind in grammar.leading:
            self._note_leading(node)
        elif kind in grammar.containers:
            self._descend(node, replace(place, wrapper=None))
        elif kind in grammar.wrappers:
            self._descend(node, replace(place, wrapper=self._wrapper(node, place)))
        elif kind in grammar.scopes:
            name = text_of(node.child_by_field_name("name"), self._source).strip("\"'")
            prefix = f"{place.prefix}{name}{grammar.separator}" if name else place.prefix
            self._descend(node, replace(place, prefix=prefix, wrapper=None))
        elif node.is_error:
            self.wrong_bytes += node.end_byte - node.start_byte
            self._descend(node, replace(place, wrapper=None))

    def _define(self, node: Node, place: _Place) -> bool:
        name = self._grammar.name(node, self._source)
        if name is None:
            return False
        is_class = node.type in self._grammar.classes
        kind = name.kind or (DocumentKind.CLASS if is_class else DocumentKind.FUNCTION)
        if kind is DocumentKind.FUNCTION and place.in_class:
            kind = DocumentKind.METHOD
        start, end = place.wrapper or _rows(node)
        start = self._start_with_leading(start)
        self.found.append(Definition(place.prefix + name.symbol, kind, start, end))
        self._ends.add(end)
        if kind is DocumentKind.CLASS and name.scope and place.classes < _CLASS_DEPTH_LIMIT:
            prefix = f"{place.prefix}{name.scope}{self._grammar.separator}"
            classes = place.classes + 1
            self._descend(node, _Place(prefix, True, classes, place.depth))
        return True

    def _wrapper(self, node: Node, place: _Place) -> tuple[int, int] | None:
        """Return the rows of a wrapper around a single definition; None around several."""
        wanted = self._definitions | self._grammar.wrappers
        inside = sum(child.type in wanted for child in node.named_children)
        return place.wrapper or _rows(node) if inside == 1 else None

    def _note_leading(self, node: Node) -> None:
        """Remember a comment or attribute that has its lines for itself at their beginning."""
        line_start = node.start_byte - node.start_point.column
        if not self._source[line_start : node.start_byte].strip():
            start, end = _rows(node)
            self._leading[end] = start

    def _start_with_leading(self, start: int) -> int:
        while start - 1 in self._leading and start - 1 not in self._ends:
            start = self._leading[start - 1]
        return start


def _rows(node: Node) -> tuple[int, int]:
    """Return a node's first and last row; one that ends with a newline ends on the row before."""
    start, end = node.start_point.row, node.end_point.row
    if end > start and node.end_point.column == 0:
        end -= 1
    return start, end
