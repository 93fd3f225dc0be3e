"""A real model server over the real protocol: what a random model writes is never a score."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.store.opening import open_store
from labels.judges.judging import JudgingPlan, judge_pairs
from labels.judges.llm import JudgeParameters, LlmJudge, LlmSettings, llm_judge_record
from labels.judges.server import Server
from tests.building import Scored, add_scored, new_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

if find_spec("mlx_lm") is None:
    pytest.skip("mlx_lm is not installed: pip install 'rejudge[local]'", allow_module_level=True)

WIDTH, INNER, VOCABULARY = 16, 32, 258
TEMPLATE = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a Llama of one layer with random weights, whose tokens are bytes."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("model")
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: place for place, letter in enumerate(letters)}
    vocabulary |= {"<s>": 256, "</s>": 257}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    words = {"bos_token": "<s>", "eos_token": "</s>", "chat_template": TEMPLATE}
    words["tokenizer_class"] = "PreTrainedTokenizerFast"
    (folder / "tokenizer_config.json").write_text(json.dumps(words))
    config = {
        "model_type": "llama",
        "hidden_size": WIDTH,
        "num_hidden_layers": 1,
        "intermediate_size": INNER,
        "num_attention_heads": 2,
        "rms_norm_eps": 1e-5,
        "vocab_size": VOCABULARY,
        "eos_token_id": 257,
    }
    (folder / "config.json").write_text(json.dumps(config))
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens": (VOCABULARY, WIDTH),
        "model.norm": (WIDTH,),
    }
    layer = "model.layers.0"
    shapes |= {f"{layer}.self_attn.{name}_proj": (WIDTH, WIDTH) for name in "qkvo"}
    shapes |= {f"{layer}.mlp.{name}_proj": (INNER, WIDTH) for name in ("gate", "up")}
    shapes |= {f"{layer}.mlp.down_proj": (WIDTH, INNER)}
    shapes |= {f"{layer}.{name}_layernorm": (WIDTH,) for name in ("input", "post_attention")}
    chance = np.random.default_rng(3)
    weights = {
        f"{name}.weight": chance.normal(size=shape).astype(np.float32)
        for name, shape in shapes.items()
    }
    save_file(weights, folder / "model.safetensors", {"format": "mlx"})
    return folder


@pytest.fixture(scope="module")
def address(model: Path) -> Iterator[str]:
    """Start the server on loopback and wait until it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "mlx_lm.server", "--model", str(model), "--port", str(port)]
    log = model / "server.log"
    with (
        log.open("wb") as out,
        subprocess.Popen(
            [*words, "--host", "127.0.0.1"],
            cwd=model,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
            stdout=out,
            stderr=out,
        ) as server,
    ):
        try:
            until = time.monotonic() + 120
            while not _answers(f"http://127.0.0.1:{port}/health"):
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.kill()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.mark.slow
def test_what_a_random_model_writes_is_a_failed_judgment(
    model: Path, address: str, tmp_path: Path
) -> None:
    parameters = JudgeParameters(max_tokens=12, code_budget=200)
    judge = llm_judge_record(str(model), parameters, "nonsense")
    settings = LlmSettings(Server(address, "none", 60.0, 1), judge, parameters)
    with open_store(new_workspace(tmp_path).folder) as store:
        add_scored(store, [Scored(f"query {n}", f"def f{n}(): 1", score=0) for n in range(3)])
        report = judge_pairs(store, lambda: LlmJudge(settings), JudgingPlan(concurrency=2))
        rows = store.read("SELECT score, p1, failure, prompt_tokens FROM db.judgments")
    assert (report.judged, report.failed) == (0, 3)
    assert report.prompt_tokens > 3 * 1000
    assert all((score, p1) == (None, None) for score, p1, _, _ in rows)
    assert all("the reply" in reason for _, _, reason, _ in rows), rows
