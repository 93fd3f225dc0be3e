"""The tokenizer of an encoder's folder, read by the tokenizers library where that is enough.

Importing transformers takes more than a second. ``tokenizer.json`` alone is enough where
transformers would use it unchanged: for its generic class, and for those of BERT and T5 where the
file already has what these build from the settings. Every other tokenizer is loaded by
transformers. The rules are those of ``AutoTokenizer`` in transformers 5.
"""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from core.encoder.json_files import read_object
from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase

    from core.encoder.spec import Family

_FILES: Final = ("tokenizer.json", "vocab.txt", "spiece.model", "vocab.json")
_COPY_IT: Final = "Copy tokenizer.json and tokenizer_config.json from the checkpoint it comes from."
_GENERIC: Final = ("PreTrainedTokenizer", "TokenizersBackend")
_DEFAULT_CLASSES: Final[dict[Family, str]] = {
    "bert": "BertTokenizer",
    "distilbert": "BertTokenizer",
    "modernbert": "TokenizersBackend",
    "mpnet": "MPNetTokenizer",
    "qwen3": "Qwen2Tokenizer",
    "roberta": "RobertaTokenizer",
    "t5": "T5Tokenizer",
}
#: The special tokens that a class assumes where the folder names none.
_DEFAULT_TOKENS: Final[dict[str, dict[str, object]]] = {
    "BertTokenizer": {
        "unk_token": "[UNK]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "mask_token": "[MASK]",
    },
    "T5Tokenizer": {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"},
}
_T5_EXTRA_IDS: Final = 100


class FolderTokenizer(Protocol):
    """Turns texts into ids, and ids into text."""

    def encode(self, texts: list[str], length: int) -> list[list[int]]:
        """Return the ids of each text, special tokens included, cut to ``length``."""

    def decode(self, token: int) -> str:
        """Return the text of one token."""

    def ids_of(self, tokens: Sequence[str]) -> list[int | None]:
        """Return the id of each token; of an unknown one that of the unknown token, if any."""

    def knows(self, token: str) -> bool:
        """Return whether a text is a token of the vocabulary."""

    def special_id(self, kind: str) -> int | None:
        """Return the id of the special token of a kind, such as ``pad``, ``mask`` or ``eos``."""


def load_tokenizer(folder: Path, family: Family) -> FolderTokenizer:
    """Load the tokenizer of an encoder's folder.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    if not any((folder / name).is_file() for name in _FILES):
        raise InputError("this folder has no tokenizer", where=str(folder), todo=_COPY_IT)
    try:
        return _plain(folder, family) or TransformersTokenizer(_by_transformers(folder))
    except InputError:
        raise
    except Exception as error:  # tokenizers raises bare Exception, transformers anything
        raise InputError(
            f"cannot load this encoder's tokenizer: {error}", where=str(folder), todo=_COPY_IT
        ) from error


class PlainTokenizer:
    """A ``tokenizer.json`` by itself.

    Args:
        tokenizer: as the file holds it.
        special: kind of special token -> the token.
        direction: the side on which texts are cut, ``left`` or ``right``.
    """

    def __init__(self, tokenizer: Tokenizer, special: Mapping[str, str], direction: str) -> None:
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._special = special
        self._direction = direction
        # The length is a state of the tokenizer, and queries and documents have their own.
        self._lock = threading.Lock()

    def encode(self, texts: list[str], length: int) -> list[list[int]]:
        """Return the ids of each text, special tokens included, cut to ``length``."""
        with self._lock:
            self._tokenizer.enable_truncation(length, direction=self._direction)
            return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts)]

    def decode(self, token: int) -> str:
        """Return the text of one token."""
        return self._tokenizer.decode([token], skip_special_tokens=False)

    def ids_of(self, tokens: Sequence[str]) -> list[int | None]:
        """Return the id of each token; of an unknown one that of the unknown token, if any."""
        unknown = self.special_id("unk")
        found = (self._tokenizer.token_to_id(token) for token in tokens)
        return [unknown if token is None else token for token in found]

    def knows(self, token: str) -> bool:
        """Return whether a text is a token of the vocabulary."""
        return self._tokenizer.token_to_id(token) is not None

    def special_id(self, kind: str) -> int | None:
        """Return the id of the special token of a kind, such as ``pad``, ``mask`` or ``eos``."""
        token = self._special.get(kind)
        return None if token is None else self._tokenizer.token_to_id(token)


class TransformersTokenizer:
    """Any tokenizer that transformers loads."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._lock = threading.Lock()

    def encode(self, texts: list[str], length: int) -> list[list[int]]:
        """Return the ids of each text, special tokens included, cut to ``length``."""
        with self._lock:
            encoded = self._tokenizer(
                texts,
                truncation=True,
                max_length=length,
                padding=False,
                return_attention_mask=False,
                return_token_type_ids=False,
            )
        return cast("list[list[int]]", encoded["input_ids"])

    def decode(self, token: int) -> str:
        """Return the text of one token."""
        return cast("str", self._tokenizer.decode([token], clean_up_tokenization_spaces=False))

    def ids_of(self, tokens: Sequence[str]) -> list[int | None]:
        """Return the id of each token; of an unknown one that of the unknown token, if any."""
        return cast("list[int | None]", self._tokenizer.convert_tokens_to_ids(list(tokens)))

    def knows(self, token: str) -> bool:
        """Return whether a text is a token of the vocabulary."""
        return token in self._tokenizer.get_vocab()

    def special_id(self, kind: str) -> int | None:
        """Return the id of the special token of a kind, such as ``pad``, ``mask`` or ``eos``."""
        return cast("int | None", getattr(self._tokenizer, f"{kind}_token_id", None))


def _by_transformers(folder: Path) -> PreTrainedTokenizerBase:
    # Otherwise transformers warns at its import that PyTorch is missing, which is not needed here.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    from transformers import AutoTokenizer

    load = cast("Any", AutoTokenizer.from_pretrained)
    return cast(
        "PreTrainedTokenizerBase",
        load(str(folder), local_files_only=True, trust_remote_code=False),
    )


def _plain(folder: Path, family: Family) -> PlainTokenizer | None:
    """Return the tokenizer of ``tokenizer.json``; None where transformers would change it."""
    if not (folder / "tokenizer.json").is_file() or (folder / "added_tokens.json").is_file():
        return None
    from tokenizers import Tokenizer

    settings = read_object(folder / "tokenizer_config.json")
    name = settings.get("tokenizer_class") or read_object(folder / "config.json").get(
        "tokenizer_class"
    )
    kind = "TokenizersBackend" if family == "modernbert" else name or _DEFAULT_CLASSES[family]
    kind = str(kind).removesuffix("Fast")
    if "added_tokens_decoder" not in settings:
        settings |= read_object(folder / "special_tokens_map.json")
    settings = _DEFAULT_TOKENS.get(kind, {}) | settings
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    if not (_has_its_own_tokens(tokenizer, settings) and _is_unchanged(tokenizer, kind, settings)):
        return None
    cut = tokenizer.truncation or {}
    direction = str(settings.get("truncation_side") or cut.get("direction", "right"))
    special = _special_tokens(settings)
    if tokenizer.padding:
        special.setdefault("pad", tokenizer.padding["pad_token"])
    return PlainTokenizer(tokenizer, special, direction)


def _is_unchanged(tokenizer: Tokenizer, kind: str, settings: Mapping[str, object]) -> bool:
    """Return whether the class of this name would tokenise as the file does."""
    if settings.get("auto_map") or settings.get("split_special_tokens"):
        return False
    if kind in _GENERIC:
        return tokenizer.post_processor is not None
    if kind == "BertTokenizer":
        return _is_bert(tokenizer, settings)
    return kind == "T5Tokenizer" and _is_t5(tokenizer, settings)


def _has_its_own_tokens(tokenizer: Tokenizer, settings: Mapping[str, object]) -> bool:
    """Return whether the file has all added and special tokens that the settings name."""
    own = tokenizer.get_added_tokens_decoder()
    contents = {token.content for token in own.values()}
    if not set(_special_tokens(settings).values()) <= contents:
        return False
    extra = settings.get("extra_special_tokens") or settings.get("additional_special_tokens") or []
    if not isinstance(extra, list) or not {_content(token) for token in extra} <= contents:
        return False
    listed = settings.get("added_tokens_decoder")
    return listed is None or listed == {
        str(number): token.__getstate__() for number, token in own.items()
    }


def _special_tokens(settings: Mapping[str, object]) -> dict[str, str]:
    """Return the kinds of special tokens and the token of each."""
    return {
        key.removesuffix("_token"): _content(value)
        for key, value in settings.items()
        if key.endswith("_token") and isinstance(value, str | dict)
    }


def _content(token: object) -> str:
    return str(token["content"] if isinstance(token, dict) else token)


def _is_bert(tokenizer: Tokenizer, settings: Mapping[str, object]) -> bool:
    from tokenizers import normalizers, pre_tokenizers
    from tokenizers.models import WordPiece

    normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=bool(settings.get("tokenize_chinese_chars", True)),
        strip_accents=cast("bool | None", settings.get("strip_accents")),
        lowercase=bool(settings.get("do_lower_case", True)),
    )
    model, special = tokenizer.model, _special_tokens(settings)
    return (
        isinstance(model, WordPiece)
        and (model.unk_token, model.continuing_subword_prefix) == (special.get("unk"), "##")
        and model.max_input_chars_per_word == WordPiece().max_input_chars_per_word
        and _state(tokenizer.normalizer) == _state(normalizer)
        and _state(tokenizer.pre_tokenizer) == _state(pre_tokenizers.BertPreTokenizer())
        and _template(tokenizer) == [special.get("cls"), "A", special.get("sep")]
    )


def _is_t5(tokenizer: Tokenizer, settings: Mapping[str, object]) -> bool:
    from tokenizers import pre_tokenizers
    from tokenizers.models import Unigram

    words = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True),
        ]
    )
    extra = settings.get("extra_ids", _T5_EXTRA_IDS)
    own = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    normalizer, model = _state(tokenizer.normalizer), tokenizer.model
    return (
        isinstance(model, Unigram)
        and {"unk_id": 2, "byte_fallback": False}.items() <= (_state(model) or {}).items()
        and (normalizer is None or normalizer["type"] == "Precompiled")
        and _state(tokenizer.pre_tokenizer) == _state(words)
        and _template(tokenizer) == ["A", "</s>"]
        and isinstance(extra, int)
        and {f"<extra_id_{number}>" for number in range(extra)} <= own
    )


def _template(tokenizer: Tokenizer) -> list[str]:
    """Return the tokens around a single text, which is named A."""
    state = _state(tokenizer.post_processor) or {}
    return [next(iter(piece.values()))["id"] for piece in state.get("single", ())]


def _state(part: Any) -> dict[str, Any] | None:
    """Return what a part of a tokenizer would be saved as."""
    return None if part is None else cast("dict[str, Any]", json.loads(part.__getstate__()))
