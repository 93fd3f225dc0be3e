"""Texts get the ids that transformers gives them, mostly without importing transformers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.encoder import offline_encoder_folder
from core.encoder.folder import read_spec
from core.encoder.tokenizer_files import (
    PlainTokenizer,
    TransformersTokenizer,
    _by_transformers,
    load_tokenizer,
)
from core.encoder.tokenizing import TextTokenizer
from core.errors import RejudgeError
from tests.core.encoder.fixture_encoders import ALL_NAMES, DOCUMENTS, FIXTURES, QUERIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.encoder.spec import EncoderSpec

HOUSE = Path(__file__).parents[3]
TEXTS = [
    *QUERIES,
    *DOCUMENTS,
    "[MASK] </s> <pad> [Q] [unused0] [SEP] MASK\u0301 É ﬁ\x00\t naïve 漢字 🦀 <extra_id_3> [Q]x",
    "snake_case CamelCase x=3.14; // TODO " * 40,
]


def specs() -> Iterator[EncoderSpec]:
    yield from (read_spec(FIXTURES / name) for name in ALL_NAMES)
    try:
        yield read_spec(offline_encoder_folder())
    except RejudgeError:
        return


SPECS = {spec.folder.name: spec for spec in specs()}


def both(spec: EncoderSpec) -> tuple[TextTokenizer, TextTokenizer]:
    plain = load_tokenizer(spec.folder, spec.family)
    assert isinstance(plain, PlainTokenizer)
    theirs = TransformersTokenizer(_by_transformers(spec.folder))
    return TextTokenizer(spec, plain), TextTokenizer(spec, theirs)


def assert_alike(mine: TextTokenizer, theirs: TextTokenizer, texts: list[str]) -> None:
    assert mine.pad == theirs.pad
    assert mine.queries(texts) == theirs.queries(texts)
    documents = mine.documents(texts)
    assert documents == theirs.documents(texts)
    for document in documents:
        assert mine.strings(document) == theirs.strings(document)


@pytest.mark.parametrize("name", SPECS)
def test_ids_are_those_of_transformers(name: str) -> None:
    mine, theirs = both(SPECS[name])
    assert_alike(mine, theirs, TEXTS)

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.text(max_size=200), min_size=1, max_size=4))
    def any_texts(texts: list[str]) -> None:
        assert_alike(mine, theirs, texts)

    any_texts()


def changed(tmp_path: Path, name: str, file: str, **values: Any) -> EncoderSpec:
    folder = Path(shutil.copytree(SPECS[name].folder, tmp_path / "encoder"))
    path = folder / file
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(before | values), encoding="utf-8")
    return read_spec(folder)


@pytest.mark.parametrize(
    ("name", "file", "values"),
    [
        ("colbert", "tokenizer_config.json", {"truncation_side": "left"}),
        ("colbert", "tokenizer_config.json", {"tokenizer_class": "BertTokenizer"}),
        ("colbert", "tokenizer_config.json", {"tokenizer_class": "BertTokenizerFast"}),
        ("colbert", "tokenizer_config.json", {"tokenizer_class": None}),
        ("colbert", "tokenizer_config.json", {"pad_token": None, "mask_token": None}),
        ("colbert", "special_tokens_map.json", {"pad_token": {"content": "[MASK]"}}),
        ("pylate", "tokenizer_config.json", {"tokenizer_class": "LlamaTokenizer"}),
        ("t5_merged", "tokenizer_config.json", {"tokenizer_class": "TokenizersBackend"}),
    ],
)
def test_settings_are_followed_as_by_transformers(
    name: str, file: str, values: dict[str, Any], tmp_path: Path
) -> None:
    assert_alike(*both(changed(tmp_path, name, file, **values)), TEXTS)


@pytest.mark.parametrize(
    ("name", "file", "values"),
    [
        (
            "colbert",
            "tokenizer_config.json",
            {"tokenizer_class": "BertTokenizer", "do_lower_case": False},
        ),
        (
            "colbert",
            "tokenizer_config.json",
            {"tokenizer_class": "BertTokenizer", "strip_accents": False},
        ),
        ("colbert", "tokenizer_config.json", {"sep_token": "<new>"}),
        ("colbert", "tokenizer_config.json", {"additional_special_tokens": ["parse"]}),
        ("colbert", "tokenizer_config.json", {"split_special_tokens": True}),
        ("colbert", "tokenizer_config.json", {"added_tokens_decoder": {"9": {"content": "json"}}}),
        ("colbert", "added_tokens.json", {"json": 230}),
        ("t5_merged", "tokenizer_config.json", {"tokenizer_class": "T5Tokenizer"}),
    ],
)
def test_transformers_loads_what_it_would_change(
    name: str, file: str, values: dict[str, Any], tmp_path: Path
) -> None:
    spec = changed(tmp_path, name, file, **values)
    assert isinstance(load_tokenizer(spec.folder, spec.family), TransformersTokenizer)


def test_the_tokenizer_of_t5_itself_is_read_without_transformers(tmp_path: Path) -> None:
    """As transformers 4 saved it: words split at blanks, a hundred extra tokens."""
    folder = Path(shutil.copytree(FIXTURES / "t5_merged", tmp_path / "encoder"))
    saved = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    saved["pre_tokenizer"] = {
        "type": "Sequence",
        "pretokenizers": [{"type": "WhitespaceSplit"}, saved["pre_tokenizer"]],
    }
    size = len(saved["model"]["vocab"])
    for number in range(100):
        token = {"id": size + number, "content": f"<extra_id_{99 - number}>", "special": True}
        flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        saved["added_tokens"].append(token | flags)
        saved["model"]["vocab"].append([token["content"], 0.0])
    (folder / "tokenizer.json").write_text(json.dumps(saved), encoding="utf-8")
    config = folder / "tokenizer_config.json"
    config.write_text(json.dumps({"tokenizer_class": "T5Tokenizer", "extra_ids": 100}))
    assert_alike(*both(read_spec(folder)), TEXTS)


def test_the_usual_path_does_not_import_transformers() -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from core.encoder.folder import read_spec\n"
        "from core.encoder.tokenizing import TextTokenizer\n"
        "TextTokenizer(read_spec(Path(sys.argv[1]))).queries(['parse json'])\n"
        "assert 'transformers' not in sys.modules\n"
    )
    for spec in SPECS.values():
        subprocess.run([sys.executable, "-c", program, str(spec.folder)], cwd=HOUSE, check=True)
