from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.corpus.sources import split_file
from core.ids import document_id
from core.records import DocumentKind
from tests.core.corpus.script_examples import SCRIPT_EXAMPLES
from tests.core.corpus.system_examples import SYSTEM_EXAMPLES

if TYPE_CHECKING:
    from tests.core.corpus.example import Example

EXAMPLES = (*SYSTEM_EXAMPLES, *SCRIPT_EXAMPLES)


def shown(path: str, text: str) -> str:
    return "\n".join(
        f"{each.kind} {each.symbol or repr('')} {each.start_line}-{each.end_line}"
        for each in split_file(path, text)
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.path)
def test_a_file_is_split_into_its_definitions(example: Example) -> None:
    assert shown(example.path, example.source) == example.documents


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.path)
def test_a_document_has_the_lines_it_names_and_the_id_of_its_place_and_text(
    example: Example,
) -> None:
    lines = example.source.split("\n")
    for each in split_file(example.path, example.source):
        assert each.start_line is not None
        assert each.text == "\n".join(lines[each.start_line - 1 : each.end_line])
        assert each.id == document_id(example.path, each.symbol, each.text)
        assert each.path == example.path


def test_lines_outside_of_definitions_are_documents_named_by_their_order() -> None:
    text = "import a\nimport b\nX = 1\ndef f(): pass\n\nA = 1\nB = 2\nC = 3\n\ndef g(): pass\nf()\n"
    assert shown("a.py", text).split("\n") == [
        "module '' 1-3",
        "function f 4-4",
        "module (module)#2 6-8",
        "function g 10-10",
    ]
    moved = text.replace("X = 1", "X = 1\nY = 2\nZ = 3")
    symbols = [each.symbol for each in split_file("a.py", moved)]
    assert symbols == ["", "f", "(module)#2", "g"]


def test_a_short_beginning_is_kept_for_what_it_says_and_dropped_for_its_imports() -> None:
    assert shown("a.py", '"""Watch files."""\ndef f(): pass\n').startswith("module '' 1-1")
    assert shown("a.go", "package a\n\nfunc f() {\n}\n") == "function f 3-4"


def test_a_file_without_definitions_or_grammar_or_sense_is_one_document() -> None:
    assert shown("a.py", "\n\nX = 1\nY = 2\n\n") == "file '' 3-4"
    assert shown("notes.md", "# Hi\n\nText\n") == "file '' 1-3"
    assert (
        shown("a.py", "%% lkj (( {{ ]] \ndef f(): pass\n" + "%% )( {{ ]] \n" * 20) == "file '' 1-22"
    )


def test_a_blank_file_has_no_documents() -> None:
    assert split_file("a.py", " \n\t\n\f\n") == ()


def test_a_broken_definition_does_not_hide_the_others() -> None:
    text = 'def f(:\n  print "a"\n\nclass A:\n  def g(self): pass\n  def h(self):\n    pass\n'
    assert "class A 4-7\nmethod A.g 5-5\nmethod A.h 6-7" in shown("a.py", text)


def test_definitions_on_the_same_lines_are_one_document() -> None:
    documents = split_file("a.js", "function a(){}" * 2_000)
    assert [each.symbol for each in documents] == ["a"]


def test_a_comment_that_ends_a_class_is_not_given_to_the_next_function_too() -> None:
    text = "class A:\n    def f(self): pass\n    # the end\ndef g(): pass\n"
    assert shown("a.py", text) == "class A 1-3\nmethod A.f 2-2\nfunction g 4-4"


@pytest.mark.parametrize("extension", ["py", "rs", "go", "js", "ts", "java", "c", "cpp", "swift"])
@pytest.mark.parametrize(
    "text",
    [
        "[" * 10_000 + "]" * 10_000,
        "{" * 10_000,
        "class A {\n" * 2_000,
        "namespace a {\n" * 2_000 + "}\n" * 2_000,
        'x = "' + "a" * 100_000 + '"\n',
        "\0" * 100 + "def f(): pass\n",
    ],
    ids=["brackets", "open braces", "classes", "namespaces", "long line", "nul"],
)
def test_hostile_files_are_split_in_bounded_space(extension: str, text: str) -> None:
    documents = split_file(f"a.{extension}", text)
    assert sum(len(each.text) for each in documents) <= 12 * len(text)


def test_a_function_of_ten_thousand_lines_is_one_document() -> None:
    (document,) = split_file("a.py", "def f():\n" + "    x = 1\n" * 10_000)
    assert (document.symbol, document.kind) == ("f", DocumentKind.FUNCTION)
    assert document.end_line == 10_001


def test_a_name_as_long_as_the_file_is_cut() -> None:
    (document,) = split_file("a.py", "def " + "f" * 100_000 + "(): pass\n")
    assert document.symbol == "f" * 300
