"""What a run leaves, loaded by the libraries it is for, computes what rejudge computes.

It needs an interpreter with PyTorch, named in REJUDGE_TORCH_PYTHON: see CONTRIBUTING.md.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from benchmarks.beside_pytorch import asked_child, torch_python
from core.encoder import load_encoder
from core.errors import UnavailableError
from tests.core.encoder.fixture_encoders import ALL_NAMES, DOCUMENTS, QUERIES, skip_without_mlx
from tests.train.training_examples import LORA, example_config, example_set, run_folder
from train.config import LoraConfig

skip_without_mlx()

from train.training import train  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from core.encoder.encoder import Encoder
    from train.runs.folder import RunFolder

    Ask = Callable[[object], dict[str, Any]]
    Matrices = list[NDArray[np.float32]]

#: Beside what ``auto`` adapts: a name that BERT's pooler, which no encoder here has, bears too.
WIDE = {
    "colbert": "dense",
    "sentence": "dense",
    "pylate": "Wo",
    "t5_merged": "wo",
    "mpnet": "dense",
}
TUNINGS: dict[str, dict[str, Any]] = {"full": {}, "lora": LORA}


@pytest.fixture(scope="module", name="ask")
def _ask() -> Iterator[Ask]:
    try:
        python = torch_python()
    except UnavailableError as error:
        pytest.skip(str(error))
    with asked_child(python, "tests/train/loading_elsewhere.py") as ask:
        yield ask


@pytest.fixture(scope="module", name="versions")
def _versions(ask: Ask) -> dict[str, str]:
    return ask({"do": "versions"})


@pytest.fixture(scope="module", name="runs")
def _runs(
    ask: Ask, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, str], RunFolder]]:
    """Give the function that trains a tiny encoder for a few steps, each way once."""
    _ = ask
    done: dict[tuple[str, str], RunFolder] = {}

    def trained(name: str, tuning: str) -> RunFolder:
        if (name, tuning) not in done:
            folder = run_folder(tmp_path_factory.mktemp(f"{name}-{tuning}"))
            config = replace(example_config(name, epochs=1), **TUNINGS[tuning])
            if tuning == "lora" and name in WIDE:
                lora = LoraConfig(rank=2, alpha=4.0, modules=("auto", WIDE[name]))
                config = replace(config, lora=lora)
            train(config, example_set(held_out=0), folder, lambda _: None)
            done[name, tuning] = folder
        return done[name, tuning]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("train.step.trainee.may_compile", lambda: False)
        yield trained


def tokenized(encoder: Encoder) -> list[dict[str, Any]]:
    texts = [*encoder.tokenizer.queries(QUERIES), *encoder.tokenizer.documents(DOCUMENTS)]
    return [asdict(text) for text in texts]


def own_vectors(encoder: Encoder) -> Matrices:
    return [*encoder.encode_queries(QUERIES), *encoder.encode_documents(DOCUMENTS)]


def same(theirs: list[Any], ours: Matrices) -> None:
    assert len(theirs) == len(ours)
    for their, our in zip(theirs, ours, strict=True):
        got = np.array(their, np.float32).reshape(-1, our.shape[1])
        np.testing.assert_allclose(got, our, atol=1e-4)


def answered(ask: Ask, question: dict[str, Any]) -> dict[str, Any]:
    answer = ask(question)
    assert "error" not in answer, answer["error"]
    return answer


def needs(versions: dict[str, str], name: str) -> None:
    if not versions[name]:
        pytest.skip(f"that interpreter has no {name}")


@pytest.mark.parametrize("tuning", TUNINGS)
@pytest.mark.parametrize("name", ALL_NAMES)
def test_transformers_loads_the_model_as_it_loads_the_base(
    name: str, tuning: str, runs: Callable[[str, str], RunFolder], ask: Ask
) -> None:
    folder = runs(name, tuning)
    base, encoder = load_encoder(example_config(name).base), load_encoder(folder.model)
    ours, texts = own_vectors(encoder), tokenized(encoder)
    assert (
        max(
            np.abs(a - b).max()
            for a, b in zip(ours, own_vectors(base), strict=False)
            if a.shape == b.shape
        )
        > 1e-3
    )
    answer = answered(ask, {"do": "transformers", "folder": str(folder.model), "ids": texts})
    same(answer["vectors"], ours)
    of_base = answered(
        ask, {"do": "transformers", "folder": str(base.spec.folder), "ids": texts[:1]}
    )
    assert answer["told"] == of_base["told"]
    if not base.spec.query_prefix:
        length = encoder.spec.document_length
        own = answered(
            ask, {"do": "tokens", "folder": str(folder.model), "texts": DOCUMENTS, "length": length}
        )
        assert own["ids"] == [list(text["ids"]) for text in texts[len(QUERIES) :]]


@pytest.mark.parametrize("name", ALL_NAMES)
def test_peft_loads_the_adapter_on_the_base(
    name: str, runs: Callable[[str, str], RunFolder], ask: Ask, versions: dict[str, str]
) -> None:
    needs(versions, "peft")
    folder = runs(name, "lora")
    encoder = load_encoder(folder.model)
    question = {
        "do": "transformers",
        "folder": example_config(name).base,
        "adapter": str(folder.adapter),
        "ids": tokenized(encoder),
    }
    same(answered(ask, question)["vectors"], own_vectors(encoder))


@pytest.mark.parametrize("tuning", TUNINGS)
def test_sentence_transformers_loads_the_model(
    tuning: str, runs: Callable[[str, str], RunFolder], ask: Ask, versions: dict[str, str]
) -> None:
    needs(versions, "sentence-transformers")
    folder = runs("sentence", tuning).model
    texts = [*QUERIES, *DOCUMENTS]
    answer = answered(ask, {"do": "sentence-transformers", "folder": str(folder), "texts": texts})
    same(answer["vectors"], own_vectors(load_encoder(folder)))


@pytest.mark.parametrize("tuning", TUNINGS)
@pytest.mark.parametrize("name", ["pylate", "colbert"])
def test_pylate_loads_the_model(
    name: str,
    tuning: str,
    runs: Callable[[str, str], RunFolder],
    ask: Ask,
    versions: dict[str, str],
) -> None:
    needs(versions, "pylate")
    base = {"do": "pylate", "folder": example_config(name).base}
    if "error" in ask(base | {"texts": QUERIES[:1], "query": True}):
        pytest.skip(f"PyLate does not load the base either beside these: {versions}")
    folder = runs(name, tuning).model
    encoder = load_encoder(folder)
    asked = {"do": "pylate", "folder": str(folder)}
    queries = answered(ask, asked | {"texts": QUERIES, "query": True})
    same(queries["vectors"], encoder.encode_queries(QUERIES))
    documents = answered(ask, asked | {"texts": DOCUMENTS, "query": False})
    same(documents["vectors"], encoder.encode_documents(DOCUMENTS))
