# mypy: ignore-errors
# It runs with another interpreter; PyTorch is not installed where the types are checked.
"""The PyTorch side of ``benchmarks.training``, written plainly: batches in, figures out."""

from __future__ import annotations

import json
import os
import resource
import sys
import time

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812
from transformers import AutoTokenizer, BertModel  # noqa: E402

RATE, DECAY, TEMPERATURE, RANK, ALPHA = 2e-5, 0.01, 0.05, 16, 32


class LoraLinear(nn.Module):
    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear
        self.a = nn.Parameter(torch.empty(RANK, linear.in_features))
        nn.init.kaiming_uniform_(self.a, a=5**0.5)
        self.b = nn.Parameter(torch.zeros(linear.out_features, RANK))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) + (x @ self.a.T) @ self.b.T * (ALPHA / RANK)


class Side:
    def __init__(self, folder: str, tuning: str, lengths: tuple[int, int]) -> None:
        self.folder, self.tuning, self.lengths = folder, tuning, lengths
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.seen = ""

    def begin(self) -> None:
        # eval(): no dropout, as on the other side; gradients flow all the same.
        self.model = BertModel.from_pretrained(self.folder, add_pooling_layer=False).eval()
        if self.tuning == "lora":
            self.model.requires_grad_(requires_grad=False)
            for layer in self.model.encoder.layer:
                own = layer.attention.self
                own.query, own.value = LoraLinear(own.query), LoraLinear(own.value)
        learned = [p for p in self.model.parameters() if p.requires_grad]
        self.learned = learned
        self.optimizer = torch.optim.AdamW(
            [
                {"params": [p for p in learned if p.ndim >= 2], "weight_decay": DECAY},
                {"params": [p for p in learned if p.ndim < 2], "weight_decay": 0.0},
            ],
            lr=RATE,
        )

    def vectors(self, texts: list[str], length: int) -> torch.Tensor:
        inputs = self.tokenizer(
            texts, padding="longest", truncation=True, max_length=length, return_tensors="pt"
        )
        hidden = self.model(**inputs).last_hidden_state
        weight = inputs["attention_mask"].unsqueeze(-1).float()
        return F.normalize((hidden * weight).sum(1) / weight.sum(1), dim=-1)

    def train(self, batches: list[tuple[list[str], list[str]]]) -> dict[str, object]:
        if self.seen != json.dumps(batches):
            self.seen = json.dumps(batches)
            self.begin()
        losses = []
        began, cpu = time.perf_counter(), time.process_time()
        for queries, documents in batches:
            scores = (
                self.vectors(queries, self.lengths[0]) @ self.vectors(documents, self.lengths[1]).T
            )
            loss = F.cross_entropy(scores / TEMPERATURE, torch.arange(len(queries)))
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.learned, 1.0)
            self.optimizer.step()
            losses.append(loss.item())
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        unit = 1 if sys.platform == "darwin" else 1024
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        return {"wall": wall, "cpu": cpu, "losses": losses, "memory": memory}


def main() -> None:
    folder, tuning, query_length, document_length = sys.argv[1:]
    side = Side(folder, tuning, (int(query_length), int(document_length)))
    for line in sys.stdin:
        print(json.dumps(side.train(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
