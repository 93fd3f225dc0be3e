"""A corpus encoded into a token index. A text is acknowledged once its segment is written."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np

from core.jobs import Job
from core.store.opening import open_store
from core.workspace import Workspace
from eval.corpus import load_corpus
from eval.retrievers.encoder import EncoderModel, build_encoder_retriever
from eval.retrievers.token_index import INDEXES_NAME, TokenIndex
from tests.building import new_workspace
from tests.core.encoder.fixture_encoders import FIXTURES, skip_without_mlx
from tests.eval.eval_building import add_corpus

skip_without_mlx()

from core.encoder import load_encoder  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from numpy.typing import NDArray

DOCUMENTS = 120
ENCODER = "pylate"


def prepare(root: Path) -> None:
    with open_store(new_workspace(root).folder) as store:
        files = {f"m{n}.py": f"def merge{n}(x):\n    return {n}" + " + x" * (n % 9) for n in _all()}
        add_corpus(store, files)


def _all() -> range:
    return range(DOCUMENTS)


def beside() -> AbstractContextManager[str]:
    return nullcontext("")


def run(root: Path, _: str, say: Callable[[str], None]) -> None:
    write = TokenIndex.append

    def append(
        index: TokenIndex, texts: Sequence[str], vectors: Sequence[NDArray[np.floating]]
    ) -> None:
        write(index, texts, vectors)
        for text in texts:
            say(text)

    encoder = load_encoder(FIXTURES / ENCODER)
    model = EncoderModel(encoder, ENCODER, encoder.spec.checkpoint)
    with (
        open_store(Workspace(root).folder) as store,
        patch.object(TokenIndex, "append", append),
        patch("eval.retrievers.token_index.PAGE_SIZE", 6),
        patch("eval.retrievers.token_index.SEGMENT_SECONDS", 0.0),
    ):
        build_encoder_retriever(store, load_corpus(store), model, Job())


def kept(root: Path) -> list[str]:
    found = []
    for folder in _indexes(root):
        index = TokenIndex(folder)
        tables = [np.load(path) for path in sorted(folder.glob("*.texts.npy"))]
        texts = [key.tobytes().hex() for table in tables for key in table["text"]]
        assert set(texts) == {text for text in texts if text in index}
        found += texts
    return found


def _indexes(root: Path) -> list[Path]:
    return list((Workspace(root).folder / INDEXES_NAME).glob("*"))


def check_whole(root: Path, unbroken: Path) -> None:
    vectors, others = _vectors(root), _vectors(unbroken)
    assert len(vectors) == DOCUMENTS
    assert vectors.keys() == others.keys()
    for text, each in vectors.items():
        # Texts that were encoded together with others have other roundings.
        np.testing.assert_allclose(each, others[text], atol=4e-3)


def _vectors(root: Path) -> dict[str, NDArray[np.floating]]:
    (folder,) = _indexes(root)
    index = TokenIndex(folder)
    with open_store(Workspace(root).folder) as store:
        texts = load_corpus(store).texts
    return {text: run.vectors.astype(np.float32) for text in texts for run in index.runs([text])}
