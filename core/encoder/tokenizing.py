"""Texts to token ids, the way the encoder's folder wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.encoder.tokenizer_files import load_tokenizer
from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.encoder.spec import EncoderSpec
    from core.encoder.tokenizer_files import FolderTokenizer


@dataclass(frozen=True, slots=True)
class TokenizedText:
    """The ids of one text.

    Args:
        ids: include special tokens, prefix and expansion.
        seen: how many of them, from the start, are attended to.
        kept: the positions whose vectors are returned.
    """

    ids: tuple[int, ...]
    seen: int
    kept: tuple[int, ...]


class TextTokenizer:
    """A tokenizer with the lengths, prompts, prefixes and skiplist of an encoder.

    Args:
        spec: of the encoder.
        tokenizer: of its folder, which is loaded unless it is given.

    Raises:
        InputError: the folder has no tokenizer, or a prefix is not one of its tokens.
    """

    def __init__(self, spec: EncoderSpec, tokenizer: FolderTokenizer | None = None) -> None:
        self._spec = spec
        self._tokenizer = tokenizer or load_tokenizer(spec.folder, spec.family)
        self._query_prefix = self._prefix(spec.query_prefix)
        self._document_prefix = self._prefix(spec.document_prefix)
        words = spec.skiplist
        # Where PyLate and ColBERT list a word that is not a token, they skip the unknown token;
        # sentence-transformers ignores such a word.
        if spec.layout == "multivector":
            words = tuple(filter(self._tokenizer.knows, words))
        self._skipped = frozenset(self._tokenizer.ids_of(words))
        self.pad = self._first_id("pad", "eos")
        self._expansion = self._first_id("mask", "eos", "pad")

    def queries(self, texts: Sequence[str]) -> list[TokenizedText]:
        """Return the tokens of queries, with expansion tokens where the encoder has them."""
        length = self._spec.query_length
        tokenized = []
        prompted = [self._spec.query_prompt + text for text in texts]
        for own in self._ids(prompted, length, self._query_prefix):
            missing = length - len(own) if self._spec.query_expansion else 0
            ids = own + (self._expansion,) * missing
            seen = len(ids) if self._spec.attend_to_expansion else len(own)
            tokenized.append(TokenizedText(ids, seen, tuple(range(len(ids)))))
        return tokenized

    def documents(self, texts: Sequence[str]) -> list[TokenizedText]:
        """Return the tokens of documents; ``kept`` leaves out the skiplist."""
        prompted = [self._spec.document_prompt + text for text in texts]
        return [
            TokenizedText(
                ids, len(ids), tuple(p for p, token in enumerate(ids) if token not in self._skipped)
            )
            for ids in self._ids(prompted, self._spec.document_length, self._document_prefix)
        ]

    def strings(self, text: TokenizedText) -> tuple[str, ...]:
        """Return the kept tokens of a text as strings."""
        return tuple(self._tokenizer.decode(text.ids[place]) for place in text.kept)

    def _ids(self, texts: list[str], length: int, prefix: int | None) -> list[tuple[int, ...]]:
        if not texts:
            return []
        cleaned = [text.lower() if self._spec.lowercase else text for text in texts]
        # The tokenizers take UTF-8, which has no lone surrogates.
        cleaned = [text.encode("utf-8", "replace").decode() for text in cleaned]
        if prefix is None:
            return [tuple(row) for row in self._tokenizer.encode(cleaned, length)]
        rows = self._tokenizer.encode(cleaned, length - 1)
        return [(*row[:1], prefix, *row[1:]) for row in rows]

    def _prefix(self, token: str) -> int | None:
        if not token:
            return None
        if not self._tokenizer.knows(token):
            raise InputError(
                f"the prefix {token!r} is not a token of this encoder's tokenizer",
                where=str(self._spec.folder),
                todo="Take the tokenizer files from the same checkpoint as the weights.",
            )
        return self._tokenizer.ids_of([token])[0]

    def _first_id(self, *kinds: str) -> int:
        found = (self._tokenizer.special_id(kind) for kind in kinds)
        return next((token for token in found if token is not None), 0)
