"""What is known of an encoder before its weights are read.

The JSON files of an encoder's folder.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar, cast

from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


_MISSING = object()
T = TypeVar("T")


def read_object(path: Path) -> dict[str, object]:
    """Return the JSON object of a file, empty when there is no such file.

    Raises:
        InputError: the file cannot be read or holds no JSON object.
    """
    value = _read(path)
    if value is _MISSING:
        return {}
    if not isinstance(value, dict):
        raise InputError("this file should hold a JSON object", where=str(path))
    return cast("dict[str, object]", value)


def read_objects(path: Path) -> list[dict[str, object]]:
    """Return the list of JSON objects of a file, empty when there is no such file.

    Raises:
        InputError: the file cannot be read or holds no such list.
    """
    value = _read(path)
    if value is _MISSING:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InputError("this file should hold a list of JSON objects", where=str(path))
    return cast("list[dict[str, object]]", value)


def value_of(values: Mapping[str, object], key: str, default: T, path: Path) -> T:
    """Return ``values[key]``, the default when it is absent or null.

    The default's type is asked for; a whole number passes for a float.

    Raises:
        InputError: the value has another type.
    """
    value = values.get(key)
    if value is None:
        return default
    wanted = type(default)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise InputError(f"{key} should be {_NAMES[wanted]}, not {value!r}", where=str(path))
    return value


_NAMES = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    list: "a list",
    dict: "an object",
}


def _read(path: Path) -> object:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return _MISSING
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read this file: {error}", where=str(path)) from error
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"this file is not JSON: {error}", where=str(path)) from error


Family = Literal["bert", "modernbert", "t5"]
Layout = Literal["colbert", "pylate", "sentence", "plain"]
Pooling = Literal["none", "mean", "cls"]
#: What PyLate takes where a folder says nothing.
DEFAULT_QUERY_LENGTH = 32
DEFAULT_DOCUMENT_LENGTH = 180


@dataclass(frozen=True, slots=True)
class Projection:
    """A linear layer after the transformer.

    Args:
        file: the safetensors file that holds it, relative to the encoder's folder.
        inputs: width of what goes in.
        outputs: width of what comes out.
        bias: whether a bias is added.
        activation: ``identity`` or ``tanh``, applied to the product.
        residual: whether the input, projected by a second matrix where the widths differ, is added.
    """

    file: str
    inputs: int
    outputs: int
    bias: bool = False
    activation: Literal["identity", "tanh"] = "identity"
    residual: bool = False


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """How a folder wants its texts encoded.

    Args:
        folder: where it lies.
        family: the architecture.
        layout: who wrote the folder: ColBERT, PyLate, sentence-transformers, or nobody in
            particular (config, weights and tokenizer only).
        pooling: ``none`` keeps one vector for each token; the others make one for each text.
        hidden_size: width of the transformer.
        projections: the linear layers after it, in their order.
        query_prefix: the token put at the second place of each query; empty when there is none.
        document_prefix: the same for documents.
        query_length: tokens kept of a query, special tokens and prefix among them.
        document_length: tokens kept of a document.
        query_expansion: whether queries are filled up to ``query_length`` with mask tokens, which
            give vectors too.
        attend_to_expansion: whether the query's own tokens attend to those mask tokens.
        skiplist: the words whose vectors are dropped from documents.
        lowercase: whether texts are lower-cased before they are split into tokens.
        checkpoint: SHA-256 over the names and contents of all files that decide the vectors, and
            over lengths that were set by hand.
    """

    folder: Path
    family: Family
    layout: Layout
    pooling: Pooling
    hidden_size: int
    projections: tuple[Projection, ...]
    query_prefix: str
    document_prefix: str
    query_length: int
    document_length: int
    query_expansion: bool
    attend_to_expansion: bool
    skiplist: tuple[str, ...]
    lowercase: bool
    checkpoint: str

    @property
    def dimensions(self) -> int:
        """Width of the vectors that come out."""
        return self.projections[-1].outputs if self.projections else self.hidden_size

    @property
    def one_vector(self) -> bool:
        """Whether a text gives one vector, and not one for each token."""
        return self.pooling != "none"

    @property
    def summed(self) -> bool:
        """Whether that one vector is a sum of which each token gives a part.

        A mean is one, and a linear layer after it keeps it one.
        """
        linear = all(projection.activation == "identity" for projection in self.projections)
        return self.pooling == "mean" and linear
