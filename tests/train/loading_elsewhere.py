# mypy: ignore-errors
# It runs with another interpreter; PyTorch is not installed where the types are checked.
"""Loads encoders with the libraries they are for, and encodes: a line of JSON in, one out."""

from __future__ import annotations

import json
import os
import sys
import traceback
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import torch  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers import AutoModel, AutoTokenizer, T5EncoderModel  # noqa: E402

LIBRARIES = ("torch", "transformers", "sentence-transformers", "peft", "pylate")


def versions() -> dict:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def transformer(folder: str) -> tuple:
    """Return the model and which of its weights the folder lacks or has too many."""
    kind = json.loads((Path(folder) / "config.json").read_text())["model_type"]
    maker = T5EncoderModel if kind == "t5" else AutoModel
    model, told = maker.from_pretrained(folder, output_loading_info=True)
    return model.eval(), {name: sorted(map(str, told[name])) for name in told if told[name]}


def with_transformers(folder: str, ids: list, adapter: str = "") -> dict:
    """Encode ids, a text at a time, by the hidden states and the folder's projections."""
    model, told = transformer(folder)
    if adapter:
        from peft import PeftModel

        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*adapter keys")
            model = PeftModel.from_pretrained(model, adapter).eval()
    dense = [load_file(path) for path in Path(folder).glob("[0-9]_Dense/model.safetensors")]
    dense.append(load_file(Path(folder) / "model.safetensors"))
    matrices = [tensors["linear.weight"] for tensors in dense if "linear.weight" in tensors]
    pooled = any(Path(folder).glob("[0-9]_Pooling"))
    kind = model.config.model_type
    vectors = []
    for text in ids:
        asked = torch.tensor([text["ids"]])
        seen = torch.tensor([[int(place < text["seen"]) for place in range(len(text["ids"]))]])
        states = model(input_ids=asked, attention_mask=seen).last_hidden_state[0]
        if not pooled:
            states = states[text["kept"]]
        elif kind == "qwen3":
            states = states[-1:]
        else:
            states = states.mean(dim=0, keepdim=True)
        for matrix in matrices:
            states = states @ matrix.T
        vectors.append(torch.nn.functional.normalize(states, dim=-1).tolist())
    return {"vectors": vectors, "told": told}


def tokens(folder: str, texts: list, length: int) -> dict:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return {"ids": tokenizer(texts, truncation=True, max_length=length)["input_ids"]}


def with_sentence_transformers(folder: str, texts: list) -> dict:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(folder, device="cpu")
    found = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    return {"vectors": [[vector.tolist()] for vector in found]}


def with_pylate(folder: str, texts: list, query: bool) -> dict:
    from pylate.models import ColBERT

    model = ColBERT(model_name_or_path=folder, device="cpu")
    found = model.encode(texts, is_query=query, show_progress_bar=False)
    return {"vectors": [matrix.tolist() for matrix in found]}


DOES = {
    "versions": versions,
    "transformers": with_transformers,
    "tokens": tokens,
    "sentence-transformers": with_sentence_transformers,
    "pylate": with_pylate,
}


def main() -> None:
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = DOES[asked.pop("do")](**asked)
        except Exception:  # noqa: BLE001 - it is told to whoever asked
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
