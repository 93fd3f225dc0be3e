"""Makes the tiny encoders of these tests and what PyTorch says of them.

Run it where PyTorch, transformers and safetensors are installed; the tests need none of PyTorch:

    python tests/core/encoder/make_fixtures.py

Each folder under ``fixtures`` is one encoder as its makers write it, random weights, with
``expected.npz``: hidden states of a padded batch, and queries, documents and scores computed here
by the published rules of ColBERT, PyLate and sentence-transformers, one text at a time.
"""

# mypy: ignore-errors
# PyTorch is not installed where the types are checked.

from __future__ import annotations

import json
import string
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    ModernBertConfig,
    ModernBertModel,
    MPNetConfig,
    MPNetModel,
    Qwen3Config,
    Qwen3Model,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5EncoderModel,
)

if TYPE_CHECKING:
    from collections.abc import Callable

FIXTURES = Path(__file__).parent / "fixtures"
QUERIES = ["detecting when files change on disk", "parse json", "", "naïve café 漢字!"]
DOCUMENTS = [
    "def watch(path):\n    for event in notify(path):\n        yield event.kind, event.path",
    "fn parse(text: &str) -> Result<Value> { serde_json::from_str(text) }",
    "",
    "x = {'a': [1, 2, 3]}  # " + "a long line of words that will be cut; " * 12,
    "!!! ??? ...",
]
WORDS = [*QUERIES, *DOCUMENTS, "find the root folder of a code base", "return None if not found"]
DIM = 16
RELATIVES = ("distilbert", "mpnet", "roberta")
UNKNOWN = {"unk_token": "[UNK]"}
WIDTH = 32


@dataclass(frozen=True)
class Rules:
    """How texts become vectors; see core.encoder.spec.EncoderSpec for the words."""

    query_prefix: str = ""
    document_prefix: str = ""
    query_length: int = 32
    document_length: int = 180
    expansion: bool = False
    attend: bool = False
    skiplist: tuple[str, ...] = ()
    pooling: str = "none"


def word_piece(
    folder: Path, extra: list[str], special: tuple[str, ...] = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
) -> None:
    tokenizer = Tokenizer(models.WordPiece(**UNKNOWN))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=220,
        special_tokens=[*special, "[MASK]", *extra],
        initial_alphabet=list(string.printable.strip()),
    )
    tokenizer.train_from_iterator(WORDS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair=None,
        special_tokens=[(token, special.index(token)) for token in ("[CLS]", "[SEP]")],
    )
    tokenizer.decoder = decoders.WordPiece()
    write_tokenizer(
        folder,
        tokenizer,
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": 64,
            "unk_token": "[UNK]",
            "sep_token": "[SEP]",
            "pad_token": "[PAD]",
            "cls_token": "[CLS]",
            "mask_token": "[MASK]",
        },
    )


def byte_pairs(folder: Path) -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["[CLS]", "[SEP]", "[PAD]", "[MASK]", "[UNK]"]
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(WORDS, trainer)
    tokenizer.add_tokens(["[Q] ", "[D] "])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair=None, special_tokens=[("[CLS]", 0), ("[SEP]", 1)]
    )
    # PyLate makes the mask token the padding token.
    write_tokenizer(
        folder,
        tokenizer,
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": 8192,
            "unk_token": "[UNK]",
            "sep_token": "[SEP]",
            "pad_token": "[MASK]",
            "cls_token": "[CLS]",
            "mask_token": "[MASK]",
        },
    )


def unigram(folder: Path) -> None:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=200,
        special_tokens=["<pad>", "</s>", "<unk>"],
        unk_token="<unk>",  # noqa: S106
        initial_alphabet=list(string.ascii_lowercase + string.punctuation),
    )
    tokenizer.train_from_iterator(WORDS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair=None, special_tokens=[("</s>", 1)]
    )
    write_tokenizer(
        folder,
        tokenizer,
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": 512,
            "unk_token": "<unk>",
            "eos_token": "</s>",
            "pad_token": "<pad>",
        },
    )


def write_tokenizer(folder: Path, tokenizer: Tokenizer, config: dict[str, Any]) -> None:
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    write_json(folder / "tokenizer_config.json", config)


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def new_folder(name: str) -> Path:
    folder = FIXTURES / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def spread(model: torch.nn.Module, size: float) -> None:
    """Give every parameter random values large enough for attention to choose."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_norm = "norm" in name.lower() and name.endswith("weight")
            parameter.copy_(torch.randn_like(parameter) * size + (1.0 if is_norm else 0.0))


def projection(rows: int = DIM) -> torch.Tensor:
    return torch.randn(rows, WIDTH) * 0.3


def vocabulary(folder: Path) -> int:
    return len(AutoTokenizer.from_pretrained(folder))


def bert_config(folder: Path) -> BertConfig:
    return BertConfig(
        vocab_size=vocabulary(folder),
        hidden_size=WIDTH,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
    )


def colbert() -> None:
    folder = new_folder("colbert")
    word_piece(folder, ["[unused0]", "[unused1]"])
    config = bert_config(folder)
    config.architectures = ["HF_ColBERT"]
    config.save_pretrained(folder)
    model = BertModel(config, add_pooling_layer=False).eval()
    spread(model, 0.25)
    matrix = projection()
    save(model, folder, "bert.", {"linear.weight": matrix})
    write_json(
        folder / "artifact.metadata",
        {
            "query_token_id": "[unused0]",
            "doc_token_id": "[unused1]",
            "query_token": "[Q]",
            "doc_token": "[D]",
            "dim": DIM,
            "doc_maxlen": 40,
            "mask_punctuation": True,
            "query_maxlen": 16,
            "attend_to_mask_tokens": False,
        },
    )
    rules = Rules(
        "[unused0]", "[unused1]", 16, 40, expansion=True, skiplist=tuple(string.punctuation)
    )
    write_expected(folder, model, rules, lambda x: x @ matrix.T)


def pylate() -> None:
    folder = new_folder("pylate")
    byte_pairs(folder)
    config = ModernBertConfig(
        vocab_size=vocabulary(folder),
        hidden_size=WIDTH,
        intermediate_size=24,
        num_hidden_layers=4,
        num_attention_heads=4,
        local_attention=8,
        max_position_embeddings=128,
        pad_token_id=3,
        cls_token_id=0,
        sep_token_id=1,
        bos_token_id=0,
        eos_token_id=1,
    )
    model = ModernBertModel(config).eval()
    spread(model, 0.25)
    config.architectures = ["ModernBertModel"]
    config.save_pretrained(folder)
    save(model, folder)
    matrix = projection()
    (folder / "1_Dense").mkdir(exist_ok=True)
    save_file({"linear.weight": matrix}, folder / "1_Dense" / "model.safetensors")
    write_json(
        folder / "1_Dense" / "config.json",
        {
            "in_features": WIDTH,
            "out_features": DIM,
            "bias": False,
            "activation_function": "torch.nn.modules.linear.Identity",
            "use_residual": False,
        },
    )
    write_json(
        folder / "modules.json",
        [
            {
                "idx": 0,
                "name": "0",
                "path": "",
                "type": "sentence_transformers.models.Transformer",
            },
            {"idx": 1, "name": "1", "path": "1_Dense", "type": "pylate.models.Dense.Dense"},
        ],
    )
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 47, "do_lower_case": False})
    write_json(
        folder / "config_sentence_transformers.json",
        {
            "prompts": {},
            "default_prompt_name": None,
            "similarity_fn_name": "MaxSim",
            "query_prefix": "[Q] ",
            "document_prefix": "[D] ",
            "query_length": 20,
            "document_length": 48,
            "attend_to_expansion_tokens": True,
            "skiplist_words": [".", "!", "?"],
            "do_query_expansion": True,
        },
    )
    rules = Rules("[Q] ", "[D] ", 20, 48, expansion=True, attend=True, skiplist=(".", "!", "?"))
    write_expected(folder, model, rules, lambda x: x @ matrix.T)


def t5(name: str, feed_forward: str, *, projected: bool) -> None:
    folder = new_folder(name)
    unigram(folder)
    config = T5Config(
        vocab_size=vocabulary(folder),
        d_model=WIDTH,
        d_kv=12,
        d_ff=48,
        num_layers=2,
        num_heads=3,
        feed_forward_proj=feed_forward,
    )
    model = T5EncoderModel(config).eval()
    spread(model, 0.3)
    config.architectures = ["T5EncoderModel"]
    config.save_pretrained(folder)
    save(model, folder)
    matrix = projection() if projected else torch.eye(WIDTH)
    if projected:
        write_json(
            folder / "2_Dense" / "config.json",
            {
                "in_features": WIDTH,
                "out_features": DIM,
                "bias": False,
                "activation_function": "torch.nn.modules.linear.Identity",
            },
        )
        save_file({"linear.weight": matrix}, folder / "2_Dense" / "model.safetensors")
    write_expected(folder, model, Rules(), lambda x: x @ matrix.T)


def sentence() -> None:
    folder = new_folder("sentence")
    word_piece(folder, [])
    config = bert_config(folder)
    model = BertModel(config, add_pooling_layer=False).eval()
    config.architectures = ["BertModel"]
    write_sentence(folder, model, length=50)


def relative(name: str) -> None:
    """Write a relative of BERT, with its own seed, so that it can be made alone."""
    torch.manual_seed(21)
    folder = new_folder(name)
    # Of RoBERTa and MPNet padding has the id 1, and positions start after it.
    word_piece(folder, [], ("[CLS]", "[PAD]", "[SEP]", "[UNK]"))
    shared = {"vocab_size": vocabulary(folder), "max_position_embeddings": 66, "pad_token_id": 1}
    sizes = {
        "hidden_size": WIDTH,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    if name == "distilbert":
        config = DistilBertConfig(dim=WIDTH, hidden_dim=48, n_layers=2, n_heads=4, **shared)
        model = DistilBertModel(config).eval()
    elif name == "mpnet":
        config = MPNetConfig(**sizes, **shared)
        model = MPNetModel(config, add_pooling_layer=False).eval()
    else:
        config = RobertaConfig(type_vocab_size=1, **sizes, **shared)
        model = RobertaModel(config, add_pooling_layer=False).eval()
    config.architectures = [type(model).__name__]
    write_sentence(folder, model, length=64)


def qwen3() -> None:
    torch.manual_seed(22)
    folder = new_folder("qwen3")
    byte_pairs(folder)
    config = Qwen3Config(
        vocab_size=vocabulary(folder),
        hidden_size=WIDTH,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=12,
        max_position_embeddings=128,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
    )
    model = Qwen3Model(config).eval()
    config.architectures = ["Qwen3Model"]
    write_sentence(folder, model, length=64, pooling="lasttoken")


def write_sentence(
    folder: Path, model: torch.nn.Module, length: int, pooling: str = "mean"
) -> None:
    spread(model, 0.25)
    model.config.save_pretrained(folder)
    save(model, folder)
    kinds = ["Transformer", "Pooling", "Normalize"]
    write_json(
        folder / "modules.json",
        [
            {
                "idx": index,
                "name": str(index),
                "path": f"{index}_{kind}" if index else "",
                "type": f"sentence_transformers.models.{kind}",
            }
            for index, kind in enumerate(kinds)
        ],
    )
    write_json(
        folder / "1_Pooling" / "config.json",
        {
            "word_embedding_dimension": WIDTH,
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": pooling == "mean",
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
            **({} if pooling == "mean" else {f"pooling_mode_{pooling}": True}),
        },
    )
    settings = {"max_seq_length": length, "do_lower_case": False}
    write_json(folder / "sentence_bert_config.json", settings)
    rules = Rules(query_length=length, document_length=length, pooling=pooling)
    write_expected(folder, model, rules, lambda x: x)


def save(
    model: torch.nn.Module,
    folder: Path,
    prefix: str = "",
    more: dict[str, torch.Tensor] | None = None,
) -> None:
    tensors = {
        prefix + name: tensor.contiguous()
        for name, tensor in model.state_dict().items()
        if name != "encoder.embed_tokens.weight"  # T5's second name for shared.weight
    }
    save_file(tensors | (more or {}), folder / "model.safetensors", metadata={"format": "pt"})


def write_expected(
    folder: Path,
    model: torch.nn.Module,
    rules: Rules,
    project: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)

    def hidden(ids: list[list[int]], seen: list[list[int]]) -> torch.Tensor:
        with torch.inference_mode():
            answer = model(input_ids=torch.tensor(ids), attention_mask=torch.tensor(seen))
        return answer.last_hidden_state

    def vectors(text: str, *, query: bool) -> np.ndarray:
        prefix = rules.query_prefix if query else rules.document_prefix
        length = rules.query_length if query else rules.document_length
        ids = tokenizer(text, truncation=True, max_length=length - bool(prefix))["input_ids"]
        if prefix:
            ids.insert(1, tokenizer.convert_tokens_to_ids(prefix))
        seen = [1] * len(ids)
        if query and rules.expansion:
            missing = length - len(ids)
            ids += [tokenizer.mask_token_id] * missing
            seen += [int(rules.attend)] * missing
        states = hidden([ids], [seen])[0]
        if rules.pooling == "mean":
            states = states.mean(dim=0, keepdim=True)
        elif rules.pooling == "lasttoken":
            states = states[-1:]
        kept = torch.ones(len(states), dtype=torch.bool)
        if not query and rules.skiplist:
            skipped = set(tokenizer.convert_tokens_to_ids(list(rules.skiplist)))
            kept = torch.tensor([token not in skipped for token in ids])
        return torch.nn.functional.normalize(project(states)[kept], dim=-1).numpy()

    generator = np.random.default_rng(7)
    lengths = [60, 41, 7, 1]
    ids = generator.integers(0, len(tokenizer), (len(lengths), max(lengths))).tolist()
    seen = [[int(place < length) for place in range(max(lengths))] for length in lengths]
    queries = [vectors(text, query=True) for text in QUERIES]
    documents = [vectors(text, query=False) for text in DOCUMENTS]
    scores = [[(q @ d.T).max(axis=1).sum() for d in documents] for q in queries]
    arrays = {f"query_{i}": matrix for i, matrix in enumerate(queries)}
    arrays |= {f"document_{i}": matrix for i, matrix in enumerate(documents)}
    np.savez_compressed(
        folder / "expected.npz",
        ids=np.array(ids, np.int32),
        seen=np.array(seen, bool),
        hidden=hidden(ids, seen).numpy(),
        scores=np.array(scores, np.float32),
        **arrays,
    )


def position_buckets() -> None:
    from transformers.models.t5.modeling_t5 import T5Attention

    distances = torch.arange(-600, 601)
    buckets = T5Attention._relative_position_bucket(distances)
    np.savez_compressed(FIXTURES / "t5_buckets.npz", buckets=buckets.numpy().astype(np.int16))


def main() -> None:
    torch.manual_seed(20)
    torch.set_grad_enabled(False)
    colbert()
    pylate()
    t5("t5_merged", "relu", projected=False)
    t5("t5_projected", "gated-gelu", projected=True)
    sentence()
    for name in RELATIVES:
        relative(name)
    qwen3()
    position_buckets()
    write_json(FIXTURES / "texts.json", {"queries": QUERIES, "documents": DOCUMENTS})


if __name__ == "__main__":
    main()
