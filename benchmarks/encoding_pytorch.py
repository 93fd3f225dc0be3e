# mypy: ignore-errors
# It runs with another interpreter; PyTorch is not installed where the types are checked.
"""The PyTorch side of ``benchmarks.encoding``: questions on stdin, answers on stdout."""

from __future__ import annotations

import json
import os
import sys
import time

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import torch  # noqa: E402
from sentence_transformers import SentenceTransformer  # noqa: E402
from transformers import AutoTokenizer, BertModel  # noqa: E402


def main() -> None:
    folder, tokens, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertModel.from_pretrained(folder).eval()
    sentences = SentenceTransformer(folder, device="cpu")

    def padded(texts: list[str]) -> list[list[float]]:
        rows = []
        with torch.inference_mode():
            for start in range(0, len(texts), batch):
                inputs = tokenizer(
                    texts[start : start + batch],
                    padding="max_length",
                    truncation=True,
                    max_length=tokens,
                    return_tensors="pt",
                )
                hidden = model(**inputs).last_hidden_state
                weight = inputs["attention_mask"].unsqueeze(-1)
                mean = (hidden * weight).sum(1) / weight.sum(1)
                rows += torch.nn.functional.normalize(mean).tolist()
        return rows

    def real(texts: list[str]) -> list[list[float]]:
        return sentences.encode(texts, show_progress_bar=False).tolist()

    for line in sys.stdin:
        question = json.loads(line)
        wall, cpu = time.perf_counter(), time.process_time()
        vectors = {"padded": padded, "real": real}[question["kind"]](question["texts"])
        answer = {
            "wall": time.perf_counter() - wall,
            "cpu": time.process_time() - cpu,
            "vectors": vectors,
        }
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
