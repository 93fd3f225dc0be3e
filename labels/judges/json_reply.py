"""The JSON object in what a model wrote, where there is only one way to read it.

Models wrap their answer in fences, prose and thoughts, even where a schema was asked for. Accepted
are: text around the object, fences, thoughts before it (left out), the object one level down or
alone in a list, the reply as a JSON string, and four flaws: line breaks in strings, unknown
escapes, trailing commas, Python's quotes. Not accepted is anything that could be read in two ways:
objects that differ, an object inside one that cannot be read (code may hold a ready-made reply, and
a model may quote it), keys that stand twice, an object after which a cut reply goes on.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping

Content = TypeVar("Content")
#: Of a reply with more objects than this, the first ones are read.
_MOST_OBJECTS: Final = 50
#: Characters. Longer replies are read as they are or not at all.
_MENDABLE: Final = 100_000
#: A brace that begins an object; braces of code and prose mostly do not.
_OBJECT: Final = re.compile(r"\{\s*[\"']")
_FENCE: Final = "```"
_FENCE_LANGUAGE: Final = re.compile(r"\w*")
_TAGS: Final = r"think|thinking|thoughts?|reasoning|analysis|seed:think"
_THOUGHTS_BEGIN: Final = re.compile(
    rf"<(?:{_TAGS})>|\[THINK\]|\u25c1think\u25b7|<\|channel\|>analysis", re.IGNORECASE
)
_THOUGHTS_END: Final = re.compile(
    rf"</(?:{_TAGS})>|\[/THINK\]|\u25c1/think\u25b7|<\|channel\|>final[^{{]{{0,40}}?<\|message\|>",
    re.IGNORECASE,
)
#: A string may lack its end, so that no text is searched twice.
_STRING_OR_COMMA: Final = re.compile(r'"(?:[^"\\]|\\.|\\\Z)*(?:"|\Z)|,(?=\s*[}\]])', re.DOTALL)
_ESCAPE: Final = re.compile(r'\\(["\\/bfnrt]|u[0-9a-fA-F]{4})?')
_PYTHON_ESCAPES: Final = re.compile(r"(?:[^\\]|\\[\\'\"nrt])*", re.DOTALL)


class ReplyError(ValueError):
    """A reply that cannot be used; the message says what is wrong, for the model and for people."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A JSON value in a text, and where it stands."""

    value: object
    start: int
    end: int


def read_object(
    content: str,
    check: Callable[[Mapping[str, object]], Content],
    *,
    key: Callable[[Content], Hashable],
    cut: bool = False,
) -> tuple[Content, str]:
    """Return what ``check`` makes of the object in a reply, and the text around the object.

    Args:
        content: what the model wrote.
        check: makes a result of an object, or raises ReplyError.
        key: objects whose results have the same key are the same answer; the last one counts.
        cut: the reply was cut at its limit, so that the object must be the last thing in it.

    Raises:
        ReplyError: there is no such object, or several that differ.
    """
    text = without_thoughts(content)
    if not text:
        raise ReplyError("the reply is empty")
    text, found = _objects(text)
    if not found:
        raise ReplyError("there is no JSON object in the reply")
    wrong = ReplyError("there is no JSON object in the reply")
    fitting: list[tuple[Content, _Found]] = []
    for one in found:
        try:
            fitting.append((_checked(one.value, check), one))
        except ReplyError as error:
            wrong = error
    if not fitting:
        raise wrong
    if len({key(result) for result, _ in fitting}) > 1:
        raise ReplyError("the reply holds several JSON objects that differ")
    result, last = fitting[-1]
    if cut and text[last.end :].strip("`\n\r\t "):
        raise ReplyError("the reply goes on after its JSON object")
    return result, f"{text[: last.start]}\n{text[last.end :]}"


def without_thoughts(content: str) -> str:
    """Return a reply without what the model thought before its answer.

    Thoughts end at the last mark that ends them, and thoughts without an end have no answer. Marks
    inside an answer that is a JSON object as a whole are part of it.
    """
    text = content.removeprefix("\ufeff").strip()
    if _is_json(text):
        return text
    ends = list(_THOUGHTS_END.finditer(text))
    if ends:
        after_first = text[ends[0].end() :].strip()
        if _is_json(after_first):
            return after_first
        text = text[ends[-1].end() :].strip()
    begin = _THOUGHTS_BEGIN.search(text)
    return text[: begin.start()].strip() if begin and not _is_json(text) else text


def _is_json(text: str) -> bool:
    if text.startswith(_FENCE) and text.endswith(_FENCE):
        text = _FENCE_LANGUAGE.sub("", text[len(_FENCE) : -len(_FENCE)], count=1)
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _checked(
    value: object, check: Callable[[Mapping[str, object]], Content], *, deeper: bool = True
) -> Content:
    """Check an object, else the only object in it; of a list its only member."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        raise ReplyError("the reply is not a JSON object")
    try:
        return check(_lower_keys(value))
    except ReplyError:
        inside = [inner for inner in value.values() if isinstance(inner, dict)]
        if not deeper or len(inside) != 1:
            raise
        wrapped = inside[0]
    return _checked(wrapped, check, deeper=False)


def _lower_keys(value: Mapping[object, object]) -> dict[str, object]:
    lower = {str(name).strip().lower(): inner for name, inner in value.items()}
    if len(lower) < len(value):
        raise ReplyError("a key stands in the JSON object twice")
    return lower


def _objects(text: str) -> tuple[str, list[_Found]]:
    """Return the objects in a text, and the text as it was read: flaws are mended."""
    try:
        return text, list(_values(text))
    except ValueError as error:
        flaw = error
    if len(text) <= _MENDABLE:
        mended = _mended(text)
        try:
            return mended, list(_values(mended))
        except ValueError:
            literal = _python_object(text)
        if literal is not None:
            return text, [literal]
    raise ReplyError(f"the JSON object in the reply has a flaw: {flaw}")


def _values(text: str) -> Iterator[_Found]:
    """Give the whole text where it is JSON, else its objects from left to right.

    Raises:
        ValueError: an object cannot be read.
    """
    decoder = json.JSONDecoder(strict=False, object_pairs_hook=_without_doubles)
    try:
        whole = decoder.decode(text)
        if isinstance(whole, str):
            whole = decoder.decode(whole)
    except (ValueError, RecursionError):
        pass
    else:
        yield _Found(whole, 0, len(text))
        return
    position = 0
    for _ in range(_MOST_OBJECTS):
        begin = _OBJECT.search(text, position)
        if begin is None:
            return
        try:
            value, position = decoder.raw_decode(text, begin.start())
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        yield _Found(value, begin.start(), position)


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands in it twice")
    return made


def _mended(text: str) -> str:
    """Return a text in which strings have only known escapes and no comma ends an object."""
    begin = _OBJECT.search(text)
    start = begin.start() if begin else len(text)
    return text[:start] + _STRING_OR_COMMA.sub(_mended_piece, text[start:])


def _mended_piece(piece: re.Match[str]) -> str:
    if piece[0] == ",":
        return ""
    return _ESCAPE.sub(lambda escape: escape[0] if escape[1] else r"\\", piece[0])


def _python_object(text: str) -> _Found | None:
    """Return the object that stands in a text as Python would write it."""
    begin, end = _OBJECT.search(text), text.rfind("}") + 1
    if begin is None or end <= begin.start():
        return None
    literal = text[begin.start() : end]
    if not _PYTHON_ESCAPES.fullmatch(literal):
        return None
    try:
        tree = ast.parse(literal, mode="eval").body
        value = ast.literal_eval(tree)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None
    if not isinstance(tree, ast.Dict) or len(value) < len(tree.keys):
        return None
    return _Found(value, begin.start(), end)
