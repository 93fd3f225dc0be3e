from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eval.retrievers.token_index
from core.errors import CancelledError, InputError
from core.jobs import Job
from eval.retrievers.token_index import TokenIndex, fill_index, index_folder, maxsim, text_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DIMENSIONS = 4


class LetterEncoder:
    """Each letter is a token; remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: list[str]) -> list[NDArray[np.float32]]:
        self.asked += texts
        return [self.one(text) for text in texts]

    @staticmethod
    def one(text: str) -> NDArray[np.float32]:
        chance = np.random.default_rng([ord(each) for each in text] or 0)
        return chance.standard_normal((len(text), DIMENSIONS)).astype(np.float32)


def fill(
    index: TokenIndex, texts: Sequence[str], encoder: LetterEncoder, job: Job | None = None
) -> int:
    by_hash = {text_hash(text): text for text in texts}
    return fill_index(
        index,
        list(by_hash),
        lambda page: {each: by_hash[each] for each in page},
        encoder,
        job or Job(),
    )


def scores(index: TokenIndex, texts: Sequence[str]) -> NDArray[np.float32]:
    query = np.ones((2, DIMENSIONS), np.float32)
    matrix = maxsim([query], index.runs([text_hash(text) for text in texts]), len(texts))
    return matrix.reshape(-1)


def expected(text: str) -> float:
    vectors = LetterEncoder.one(text).astype(np.float16).astype(np.float32)
    return 2 * float(vectors.sum(axis=1).max()) if text else float("-inf")


def test_what_was_written_is_read_by_another(tmp_path: Path) -> None:
    texts = ["first", "second one", "", "third"]
    fill(TokenIndex(tmp_path / "x"), texts, LetterEncoder())
    found = scores(TokenIndex(tmp_path / "x"), texts)
    assert found == pytest.approx([expected(text) for text in texts], abs=1e-4)


def test_only_what_changed_is_encoded_again(tmp_path: Path) -> None:
    encoder = LetterEncoder()
    fill(TokenIndex(tmp_path), ["one", "two", "two"], encoder)
    fill(TokenIndex(tmp_path), ["one", "changed", "two"], encoder)
    assert encoder.asked == ["one", "two", "changed"]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.text("abc", max_size=5), unique=True, max_size=6), max_size=4),
    st.data(),
)
def test_any_subset_in_any_order_has_the_plain_scores(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[str]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("index")
    for batch in batches:
        fill(TokenIndex(folder), batch, LetterEncoder())
    every = sorted({text for batch in batches for text in batch})
    chosen = [*data.draw(st.permutations(every)), "never indexed"]
    chosen = chosen[data.draw(st.integers(0, len(chosen) - 1)) :]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            eval.retrievers.token_index, "_GATHERED_TOKENS", data.draw(st.integers(1, 12))
        )
        found = scores(TokenIndex(folder), chosen)
    wanted = [*(expected(text) for text in chosen[:-1]), float("-inf")]
    assert found == pytest.approx(wanted, abs=1e-4)


def test_stopped_encoding_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.retrievers.token_index.PAGE_SIZE", 2)
    texts = [f"text {number}" for number in range(7)]
    encoder = LetterEncoder()
    job = Job(cancelled=lambda: len(encoder.asked) >= 4)
    with pytest.raises(CancelledError):
        fill(TokenIndex(tmp_path), texts, encoder, job)
    assert len(TokenIndex(tmp_path)) == 4
    assert fill(TokenIndex(tmp_path), texts, encoder) == 3
    assert encoder.asked == texts


def test_what_a_killed_writer_left_is_cleared_away(tmp_path: Path) -> None:
    fill(TokenIndex(tmp_path), ["kept"], LetterEncoder())
    (tmp_path / "000002.vectors.npy").write_bytes(b"half")
    (tmp_path / "000003.texts.npy.unfinished").write_bytes(b"half")
    index = TokenIndex(tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "000001.texts.npy",
        "000001.vectors.npy",
    ]
    assert len(index) == 1


@pytest.mark.parametrize("suffix", ["texts.npy", "vectors.npy"])
def test_a_damaged_segment_is_encoded_again(tmp_path: Path, suffix: str) -> None:
    fill(TokenIndex(tmp_path), ["one", "two"], LetterEncoder())
    damaged = tmp_path / f"000001.{suffix}"
    damaged.write_bytes(damaged.read_bytes()[:-9])
    index = TokenIndex(tmp_path)
    assert len(index) == 0
    assert fill(index, ["one", "two"], LetterEncoder()) == 2
    assert len(TokenIndex(tmp_path)) == 2


def test_vectors_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    index = TokenIndex(tmp_path)
    bad = np.array([[1.0, np.nan]], np.float32)
    with pytest.raises(InputError, match="NaN"):
        index.append([text_hash("x")], [bad])
    index.append([text_hash("x")], [np.ones((1, 2), np.float32)])
    with pytest.raises(InputError, match="3 numbers and of 2"):
        index.append([text_hash("y")], [np.ones((1, 3), np.float32)])
    assert len(TokenIndex(tmp_path)) == 1


def test_each_checkpoint_has_its_folder(tmp_path: Path) -> None:
    assert index_folder(tmp_path, "a") != index_folder(tmp_path, "b")
    assert index_folder(tmp_path, "a") == index_folder(tmp_path, "a")


KILLED = """
import sys, time
import numpy as np
import eval.retrievers.token_index as filling
from eval.retrievers.token_index import TokenIndex, text_hash
from core.jobs import Job
from pathlib import Path

filling.PAGE_SIZE, filling.SEGMENT_SECONDS = 3, 0.0
texts = {text_hash(f"text {n}"): f"text {n}" for n in range(3000)}

def encode(page):
    print(*page, sep="\\n", flush=True)
    return [np.ones((2, 4), np.float32) for _ in page]

filling.fill_index(TokenIndex(Path(sys.argv[1])), list(texts), lambda p: texts, encode, Job())
"""


def test_a_killed_process_loses_its_last_page_at_most(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for _ in range(40):
            process.stdout.readline()
        process.kill()
        begun = 40 + len(process.stdout.read().splitlines())
    kept = len(TokenIndex(tmp_path))
    assert begun < 3000
    assert begun - 6 <= kept <= begun
    encoder = LetterEncoder()
    texts = [f"text {number}" for number in range(begun + 10)]
    assert fill(TokenIndex(tmp_path), texts, encoder) == len(texts) - kept
    assert encoder.asked == texts[kept:]
