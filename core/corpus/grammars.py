"""Which nodes of each grammar are definitions, and which only lie on the way to them.

One entry a language. To add one: name the package of its grammar and its node types, and, where a
definition's name is not simply in the field ``name``, a naming function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.corpus.naming import (
    Name,
    c_name,
    cpp_name,
    field_name,
    go_name,
    name_with_body,
    rust_name,
    script_name,
    swift_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tree_sitter import Node


@dataclass(frozen=True, slots=True)
class Grammar:
    """One language's table of node types.

    Attributes:
        package: the package of the grammar's wheel.
        classes: definitions that may hold others: classes, structs, traits, ``impl`` blocks.
        functions: definitions that are looked at as a whole.
        containers: nodes in which definitions lie, without a name of their own.
        scopes: containers that qualify what is in them, by their field ``name``.
        wrappers: nodes that belong to the one definition in them: decorators, ``export``.
        leading: comments and attributes; directly above a definition they belong to it.
        name: names a definition, given its node and the file.
        separator: stands between a qualifier and a name.
        loader: the function of ``package`` that gives the grammar.
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
        """Every type of node that may be a definition."""
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
