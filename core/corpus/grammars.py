"""The node types of each grammar: definitions, and the nodes that lead to them.

To add a language, add an entry to ``GRAMMARS``: the package of its grammar, its node types, and,
if a definition's name is not in the field ``name``, a naming function. A naming function takes a
node that may be a definition and returns its name, or None if it is not one after all (a
declaration without a body, a variable that holds no function).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.records import DocumentKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from tree_sitter import Node


_NAME_LIMIT: Final = 300


@dataclass(frozen=True, slots=True)
class Name:
    """A definition's name, without the names around it.

    Attributes:
        symbol: the name.
        scope: the name that qualifies its members; None if they are not documents of their own.
        kind: set if the node's type does not determine it.
    """

    symbol: str
    scope: str | None = None
    kind: DocumentKind | None = None


def text_of(node: Node | None, source: bytes) -> str:
    """Return a node's source on one line, cut at 300 characters; empty for None.

    ``Node.text`` would call back for each character if the tree was parsed through a callback.
    """
    if node is None:
        return ""
    end = min(node.end_byte, node.start_byte + 4 * _NAME_LIMIT)
    text = source[node.start_byte : end].decode("utf-8", errors="ignore")
    return " ".join(text.split())[:_NAME_LIMIT]


def field_name(node: Node, source: bytes) -> Name | None:
    """Name a definition by its field ``name``, which also qualifies its members."""
    name = text_of(node.child_by_field_name("name"), source)
    return Name(name, name) if name else None


def name_with_body(node: Node, source: bytes) -> Name | None:
    """Name a definition by its field ``name``, if it has a body."""
    return field_name(node, source) if node.child_by_field_name("body") else None


def rust_name(node: Node, source: bytes) -> Name | None:
    """Name ``impl Type`` and ``impl Trait for Type`` so; their members are ``Type::name``."""
    if node.type == "macro_definition":
        name = text_of(node.child_by_field_name("name"), source)
        return Name(f"{name}!") if name else None
    if node.type != "impl_item":
        return field_name(node, source)
    subject = node.child_by_field_name("type")
    trait = text_of(node.child_by_field_name("trait"), source)
    symbol = (
        f"impl {trait} for {text_of(subject, source)}"
        if trait
        else f"impl {text_of(subject, source)}"
    )
    return Name(symbol, text_of(_bare_type(subject), source))


def _bare_type(node: Node | None) -> Node | None:
    """Return a type without references, pointers, type arguments and path."""
    while node is not None:
        inner = node.child_by_field_name("type")
        if inner is None and node.type.startswith("scoped_"):
            inner = node.child_by_field_name("name")
        if inner is None and node.type in {"pointer_type", "parenthesized_type"}:
            inner = node.named_child(0) if node.named_child_count else None
        if inner is None:
            return node
        node = inner
    return None


def go_name(node: Node, source: bytes) -> Name | None:
    """Name a method ``Type.Method`` by its receiver."""
    name = field_name(node, source)
    receiver = node.child_by_field_name("receiver")
    if name is None or receiver is None or not receiver.named_child_count:
        return name
    subject = text_of(_bare_type(receiver.named_child(0).child_by_field_name("type")), source)
    return Name(f"{subject}.{name.symbol}", kind=DocumentKind.METHOD) if subject else name


_SCRIPT_FUNCTIONS_NAMING: Final = frozenset(
    {"arrow_function", "function_expression", "generator_function", "function"}
)


def script_name(node: Node, source: bytes) -> Name | None:
    """Name definitions of JavaScript and TypeScript, including variables that hold one."""
    if node.type in {"class", *_SCRIPT_FUNCTIONS_NAMING}:
        return _exported_value_name(node, source)
    if node.type == "assignment_expression":
        return _held_name(
            node.child_by_field_name("left"), node.child_by_field_name("right"), source
        )
    if node.type in {"variable_declarator", "field_definition", "public_field_definition"}:
        name = node.child_by_field_name("name") or node.child_by_field_name("property")
        return _held_name(name, node.child_by_field_name("value"), source)
    if node.type == "method_definition":
        method = text_of(node.child_by_field_name("name"), source).strip("\"'")
        return Name(method) if method else None
    return field_name(node, source)


def _exported_value_name(node: Node, source: bytes) -> Name | None:
    if node.parent is None or node.parent.type != "export_statement":
        return None
    name = text_of(node.child_by_field_name("name"), source) or "default"
    is_class = node.type == "class"
    kind = DocumentKind.CLASS if is_class else DocumentKind.FUNCTION
    return Name(name, name if is_class else None, kind)


def _held_name(left: Node | None, value: Node | None, source: bytes) -> Name | None:
    name = text_of(left, source)
    if value is None or not name:
        return None
    if value.type == "class":
        return Name(name, name, DocumentKind.CLASS)
    if value.type == "call_expression":  # memo(() => ...), forwardRef(function () { ... })
        arguments = value.child_by_field_name("arguments")
        value = arguments.named_child(0) if arguments and arguments.named_child_count else None
    return Name(name) if value is not None and value.type in _SCRIPT_FUNCTIONS_NAMING else None


def c_name(node: Node, source: bytes) -> Name | None:
    """Name definitions of C; a ``typedef`` with a body has the name of the new type."""
    if node.type == "type_definition":
        subject = node.child_by_field_name("type")
        if subject is None or subject.child_by_field_name("body") is None:
            return None
        name = _declared_name(node, source)
        return Name(name.symbol, kind=DocumentKind.CLASS) if name else None
    if node.child_by_field_name("body") is None:
        return None
    if node.type == "function_definition":
        return _declared_name(node, source)
    name = field_name(node, source)
    return Name(name.symbol, kind=DocumentKind.CLASS) if name else None


def _declared_name(node: Node, source: bytes) -> Name | None:
    """Name a definition by the innermost of its nested declarators."""
    declarator = node.child_by_field_name("declarator")
    while declarator is not None:
        inner = declarator.child_by_field_name("declarator")
        if inner is None and declarator.type.endswith("_declarator"):
            inner = next(
                (child for child in declarator.named_children if child.type != "ms_call_modifier"),
                None,
            )
        if inner is None or declarator.type == "operator_cast":
            return _declarator_name(declarator, source)
        declarator = inner
    return None


def _declarator_name(node: Node, source: bytes) -> Name | None:
    scopes = []
    while node.type == "qualified_identifier":
        scopes.append(text_of(node.child_by_field_name("scope"), source).partition("<")[0].strip())
        name = node.child_by_field_name("name")
        if name is None:
            return None
        node = name
    last = text_of(node, source)
    if node.type == "operator_cast":
        last = last.partition("(")[0].strip()
    elif node.type.startswith("template_"):
        last = last.partition("<")[0].strip()
    if not last:
        return None
    symbol = "::".join([*filter(None, scopes), last])
    return Name(symbol, kind=DocumentKind.METHOD if scopes else None)


def cpp_name(node: Node, source: bytes) -> Name | None:
    """Name definitions of C++; ``Type::method`` also if defined outside its class."""
    name = c_name(node, source)
    if name is None or node.type in {"function_definition", "type_definition"}:
        return name
    bare = name.symbol.partition("<")[0].strip()  # a specialization: Type<int>
    return Name(name.symbol, bare)


_SWIFT_KEYWORDS: Final = {
    "init_declaration": "init",
    "deinit_declaration": "deinit",
    "subscript_declaration": "subscript",
}


def swift_name(node: Node, source: bytes) -> Name | None:
    """Name definitions of Swift; ``extension Type`` qualifies its members with ``Type``."""
    keyword = _SWIFT_KEYWORDS.get(node.type)
    if keyword:
        return Name(keyword)
    if node.type == "function_declaration":
        # An operator's name has no field of its own, the return type has one called "name".
        children = node.children
        after = next((i for i, child in enumerate(children) if child.type == "func"), len(children))
        name = text_of(children[after + 1], source) if after + 1 < len(children) else ""
        return Name(name) if name else None
    named = field_name(node, source)
    if named and text_of(node.child_by_field_name("declaration_kind"), source) == "extension":
        return Name(f"extension {named.symbol}", named.symbol)
    return named


@dataclass(frozen=True, slots=True)
class Grammar:
    """The node types of a language.

    Attributes:
        package: the Python package of the grammar.
        classes: definitions that may contain others: classes, structs, traits, ``impl`` blocks.
        functions: definitions whose inside is not searched.
        containers: nameless nodes that may contain definitions.
        scopes: containers whose field ``name`` qualifies the definitions in them.
        wrappers: nodes that belong to the single definition in them: decorators, ``export``.
        leading: comments and attributes; directly above a definition they belong to it.
        name: the naming function; it gets the node and the file's source.
        separator: between a qualifier and a name.
        loader: the function of ``package`` that returns the grammar.
    """

    package: str
    classes: frozenset[str]
    functions: frozenset[str]
    containers: frozenset[str]
    wrappers: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    leading: frozenset[str] = frozenset({"comment"})
    name: Callable[[Node, bytes], Name | None] = field_name
    separator: str = "."
    loader: str = "language"

    @property
    def definitions(self) -> frozenset[str]:
        """All node types that may be definitions."""
        return self.classes | self.functions


def _types(names: str) -> frozenset[str]:
    return frozenset(names.split())


_SCRIPT_FUNCTIONS: Final = _types(
    "function_declaration generator_function_declaration method_definition variable_declarator"
    " assignment_expression function_expression generator_function arrow_function"
)
_SCRIPT_CONTAINERS: Final = _types("class_body class if_statement else_clause statement_block")
_SCRIPT_WRAPPERS: Final = _types(
    "export_statement lexical_declaration variable_declaration expression_statement"
    " ambient_declaration"
)


def _typescript(loader: str) -> Grammar:
    return Grammar(
        package="tree_sitter_typescript",
        loader=loader,
        classes=_types(
            "class_declaration abstract_class_declaration class interface_declaration"
            " enum_declaration type_alias_declaration"
        ),
        functions=_SCRIPT_FUNCTIONS | {"public_field_definition"},
        containers=_SCRIPT_CONTAINERS,
        scopes=_types("internal_module module"),
        wrappers=_SCRIPT_WRAPPERS,
        leading=_types("comment decorator"),
        name=script_name,
    )


_C_CONTAINERS: Final = _types(
    "preproc_if preproc_ifdef preproc_else preproc_elif preproc_elifdef linkage_specification"
    " declaration_list declaration"
)
GRAMMARS: Final = {
    "python": Grammar(
        package="tree_sitter_python",
        classes=_types("class_definition"),
        functions=_types("function_definition"),
        containers=_types(
            "block if_statement elif_clause else_clause try_statement except_clause"
            " except_group_clause finally_clause with_statement for_statement while_statement"
            " match_statement case_clause"
        ),
        wrappers=_types("decorated_definition"),
    ),
    "rust": Grammar(
        package="tree_sitter_rust",
        classes=_types("struct_item enum_item union_item trait_item impl_item"),
        functions=_types("function_item macro_definition"),
        containers=_types("declaration_list"),
        scopes=_types("mod_item"),
        leading=_types("line_comment block_comment attribute_item"),
        name=rust_name,
        separator="::",
    ),
    "go": Grammar(
        package="tree_sitter_go",
        classes=_types("type_spec type_alias"),
        functions=_types("function_declaration method_declaration"),
        containers=frozenset(),
        wrappers=_types("type_declaration"),
        name=go_name,
    ),
    "javascript": Grammar(
        package="tree_sitter_javascript",
        classes=_types("class_declaration class"),
        functions=_SCRIPT_FUNCTIONS | {"field_definition"},
        containers=_SCRIPT_CONTAINERS,
        wrappers=_SCRIPT_WRAPPERS,
        leading=_types("comment decorator"),
        name=script_name,
    ),
    "typescript": _typescript("language_typescript"),
    "tsx": _typescript("language_tsx"),
    "java": Grammar(
        package="tree_sitter_java",
        classes=_types(
            "class_declaration interface_declaration enum_declaration record_declaration"
            " annotation_type_declaration"
        ),
        functions=_types(
            "method_declaration constructor_declaration compact_constructor_declaration"
        ),
        containers=_types(
            "class_body interface_body enum_body enum_body_declarations annotation_type_body"
        ),
        leading=_types("line_comment block_comment"),
        name=name_with_body,
    ),
    "c": Grammar(
        package="tree_sitter_c",
        classes=frozenset(),
        functions=_types(
            "function_definition struct_specifier union_specifier enum_specifier type_definition"
        ),
        containers=_C_CONTAINERS,
        name=c_name,
    ),
    "cpp": Grammar(
        package="tree_sitter_cpp",
        classes=_types("class_specifier struct_specifier union_specifier enum_specifier"),
        functions=_types("function_definition type_definition"),
        containers=_C_CONTAINERS | {"field_declaration_list", "field_declaration"},
        scopes=_types("namespace_definition"),
        wrappers=_types("template_declaration"),
        name=cpp_name,
        separator="::",
    ),
    "swift": Grammar(
        package="tree_sitter_swift",
        classes=_types("class_declaration protocol_declaration"),
        functions=_types(
            "function_declaration init_declaration deinit_declaration subscript_declaration"
        ),
        containers=_types("class_body enum_class_body protocol_body"),
        leading=_types("comment multiline_comment"),
        name=swift_name,
    ),
}
