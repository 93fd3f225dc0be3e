"""Texts to token ids, the way the encoder's folder wants it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerBase

    from core.encoder.spec import EncoderSpec

_FILES: Final = ("tokenizer.json", "vocab.txt", "spiece.model", "vocab.json")


@dataclass(frozen=True, slots=True)
class TokenizedText:
    """The ids of one text.

    Args:
        ids: special tokens, prefix and expansion among them.
        seen: how many of them, from the start, are attended to.
        kept: the places whose vectors are handed out.
    """

    ids: tuple[int, ...]
    seen: int
    kept: tuple[int, ...]


class TextTokenizer:
    """A tokenizer with the lengths, prefixes and skiplist of an encoder.

    Raises:
        InputError: the folder has no tokenizer, or it does not know a prefix.
    """

    def __init__(self, spec: EncoderSpec) -> None:
        self._spec = spec
        self._tokenizer = _load(spec)
        self._query_prefix = self._prefix(spec.query_prefix)
        self._document_prefix = self._prefix(spec.document_prefix)
        # As in PyLate: words that are no token stand for the unknown token, which is skipped then.
        skipped = self._tokenizer.convert_tokens_to_ids(list(spec.skiplist))
        self._skipped = frozenset(cast("list[int]", skipped))
        self.pad = self._first_id("pad", "eos")
        self._expansion = self._first_id("mask", "eos", "pad")

    def queries(self, texts: Sequence[str]) -> list[TokenizedText]:
        """Return the tokens of queries, with expansion tokens where the encoder has them."""
        length = self._spec.query_length
        tokenized = []
        for own in self._ids(texts, length, self._query_prefix):
            missing = length - len(own) if self._spec.query_expansion else 0
            ids = own + (self._expansion,) * missing
            seen = len(ids) if self._spec.attend_to_expansion else len(own)
            tokenized.append(TokenizedText(ids, seen, tuple(range(len(ids)))))
        return tokenized

    def documents(self, texts: Sequence[str]) -> list[TokenizedText]:
        """Return the tokens of documents; ``kept`` leaves out the skiplist."""
        return [
            TokenizedText(
                ids, len(ids), tuple(p for p, token in enumerate(ids) if token not in self._skipped)
            )
            for ids in self._ids(texts, self._spec.document_length, self._document_prefix)
        ]

    def strings(self, text: TokenizedText) -> tuple[str, ...]:
        """Return the token of each kept place, as the tokenizer spells it without its marks."""
        tokens = self._tokenizer.batch_decode([[text.ids[place]] for place in text.kept])
        return tuple(tokens)

    def _ids(self, texts: Sequence[str], length: int, prefix: int | None) -> list[tuple[int, ...]]:
        if not texts:
            return []
        cleaned = [text.lower() if self._spec.lowercase else text for text in texts]
        # A lone surrogate cannot be given to the tokenizer, which takes UTF-8.
        cleaned = [text.encode("utf-8", "replace").decode() for text in cleaned]
        own = length if prefix is None else length - 1
        encoded = self._tokenizer(
            cleaned,
            truncation=True,
            max_length=own,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        rows = cast("list[list[int]]", encoded["input_ids"])
        if prefix is None:
            return [tuple(row) for row in rows]
        return [(*row[:1], prefix, *row[1:]) for row in rows]

    def _prefix(self, token: str) -> int | None:
        if not token:
            return None
        known: dict[str, int] = self._tokenizer.get_vocab()
        if token not in known:
            raise InputError(
                f"the prefix {token!r} is not a token of this encoder's tokenizer",
                where=str(self._spec.folder),
                todo="Take the tokenizer files from the same checkpoint as the weights.",
            )
        return known[token]

    def _first_id(self, *kinds: str) -> int:
        for kind in kinds:
            found = getattr(self._tokenizer, f"{kind}_token_id", None)
            if isinstance(found, int):
                return found
        return 0


def _load(spec: EncoderSpec) -> PreTrainedTokenizerBase:
    if not any((spec.folder / name).is_file() for name in _FILES):
        raise InputError(
            "this folder has no tokenizer",
            where=str(spec.folder),
            todo="Copy tokenizer.json and tokenizer_config.json from the checkpoint it comes from.",
        )
    # transformers says at its import that PyTorch is missing; it is not wanted.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    from transformers import AutoTokenizer

    load = cast("Any", AutoTokenizer.from_pretrained)
    try:
        return cast(
            "PreTrainedTokenizerBase",
            load(str(spec.folder), local_files_only=True, trust_remote_code=False, use_fast=True),
        )
    except Exception as error:
        raise InputError(
            f"cannot load this encoder's tokenizer: {error}",
            where=str(spec.folder),
            todo="Copy tokenizer.json and tokenizer_config.json from the checkpoint it comes from.",
        ) from error
