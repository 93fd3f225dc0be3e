"""Find the definitions of a source file in its syntax tree.

The walk visits the top of the file, class bodies, and the nodes that the grammar's table calls
containers, never the inside of a function. It keeps its own stack, so that deep nesting cannot
exhaust Python's.
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


#: Nesting of classes, and of nodes, below which no definitions are looked for.
_CLASS_DEPTH_LIMIT: Final = 8
_DEPTH_LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition with its first and last row, counted from 0."""

    symbol: str
    kind: DocumentKind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Context:
    """The surroundings of a node: qualifier, nesting, and the rows of the wrapper around it."""

    prefix: str = ""
    in_class: bool = False
    classes: int = 0
    depth: int = 0
    wrapper: tuple[int, int] | None = None


def outline(language: str, text: str) -> list[Definition] | None:
    """Return the definitions of a file, in the order of their lines.

    None if the language has no grammar, or most of the file is not code in it. The parser may crash
    or hang: ``core.corpus.parsing`` parses files from anywhere.
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
    """A walk over a syntax tree."""

    def __init__(self, grammar: Grammar, source: bytes) -> None:
        self._grammar = grammar
        self._source = source
        self._definitions = grammar.definitions
        self._leading: dict[int, int] = {}
        self._ends: set[int] = set()
        self._waiting: list[tuple[Node, _Context]] = []
        self.found: list[Definition] = []
        self.wrong_bytes = 0

    def run(self, root: Node) -> None:
        """Walk the tree; ``found`` and ``wrong_bytes`` hold the result."""
        self._descend(root, _Context())
        while self._waiting:
            node, context = self._waiting.pop()
            self._visit(node, context)
        if root.is_error:
            covered = sum(definition.end + 1 - definition.start for definition in self.found)
            if covered * 2 < root.end_point.row + 1:
                self.wrong_bytes = len(self._source)

    def _descend(self, node: Node, context: _Context) -> None:
        if context.depth < _DEPTH_LIMIT:
            below = replace(context, depth=context.depth + 1)
            self._waiting.extend((child, below) for child in reversed(node.children))

    def _visit(self, node: Node, context: _Context) -> None:
        kind = node.type
        grammar = self._grammar
        if kind in self._definitions and self._define(node, context):
            return
        if kind in grammar.leading:
            self._note_leading(node)
        elif kind in grammar.containers:
            self._descend(node, replace(context, wrapper=None))
        elif kind in grammar.wrappers:
            self._descend(node, replace(context, wrapper=self._wrapper(node, context)))
        elif kind in grammar.scopes:
            name = text_of(node.child_by_field_name("name"), self._source).strip("\"'")
            prefix = f"{context.prefix}{name}{grammar.separator}" if name else context.prefix
            self._descend(node, replace(context, prefix=prefix, wrapper=None))
        elif node.is_error:
            self.wrong_bytes += node.end_byte - node.start_byte
            self._descend(node, replace(context, wrapper=None))

    def _define(self, node: Node, context: _Context) -> bool:
        name = self._grammar.name(node, self._source)
        if name is None:
            return False
        is_class = node.type in self._grammar.classes
        kind = name.kind or (DocumentKind.CLASS if is_class else DocumentKind.FUNCTION)
        if kind is DocumentKind.FUNCTION and context.in_class:
            kind = DocumentKind.METHOD
        start, end = context.wrapper or _rows(node)
        start = self._start_with_leading(start)
        self.found.append(Definition(context.prefix + name.symbol, kind, start, end))
        self._ends.add(end)
        if kind is DocumentKind.CLASS and name.scope and context.classes < _CLASS_DEPTH_LIMIT:
            prefix = f"{context.prefix}{name.scope}{self._grammar.separator}"
            classes = context.classes + 1
            self._descend(node, _Context(prefix, True, classes, context.depth))
        return True

    def _wrapper(self, node: Node, context: _Context) -> tuple[int, int] | None:
        """Return the rows of a wrapper of a single definition; None if it holds several."""
        wanted = self._definitions | self._grammar.wrappers
        inside = sum(child.type in wanted for child in node.named_children)
        return context.wrapper or _rows(node) if inside == 1 else None

    def _note_leading(self, node: Node) -> None:
        """Remember a comment or attribute that starts its line."""
        line_start = node.start_byte - node.start_point.column
        if not self._source[line_start : node.start_byte].strip():
            start, end = _rows(node)
            self._leading[end] = start

    def _start_with_leading(self, start: int) -> int:
        while start - 1 in self._leading and start - 1 not in self._ends:
            start = self._leading[start - 1]
        return start


def _rows(node: Node) -> tuple[int, int]:
    """Return a node's first and last row; a final newline does not count as a row."""
    start, end = node.start_point.row, node.end_point.row
    if end > start and node.end_point.column == 0:
        end -= 1
    return start, end
