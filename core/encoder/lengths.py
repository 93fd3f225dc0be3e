"""Writes into an encoder's folder how long its texts are, under the names that are read there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from core.encoder.json_files import read_object

if TYPE_CHECKING:
    from pathlib import Path

    from core.encoder.spec import EncoderSpec, Layout

#: The file of each layout, and its keys of the lengths of queries and documents. One that encodes
#: both alike has one key; a plain folder has no place for lengths.
_PLACES: Final[dict[Layout, tuple[str, tuple[str, ...]]]] = {
    "colbert": ("artifact.metadata", ("query_maxlen", "doc_maxlen")),
    "pylate": ("config_sentence_transformers.json", ("query_length", "document_length")),
    "sentence": ("sentence_bert_config.json", ("max_seq_length",)),
}


def write_lengths(folder: Path, spec: EncoderSpec) -> None:
    """Have a folder encode as long as ``spec`` says, whatever it said before.

    Args:
        folder: a folder in the layout of the spec.
        spec: says the lengths. Where there is one for both, the longer of the two is written.

    Raises:
        InputError: the file is malformed.
    """
    if spec.layout not in _PLACES:
        return
    name, keys = _PLACES[spec.layout]
    lengths = (spec.query_length, spec.document_length)
    values = read_object(folder / name)
    values |= dict(zip(keys, lengths if len(keys) > 1 else (max(lengths),), strict=True))
    (folder / name).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
