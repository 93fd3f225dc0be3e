"""MLX is imported on top of its BLAS, runs on its own thread, and says why it cannot."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.encoder.mlx_runtime import on_mlx_thread, require_mlx
from core.errors import UnavailableError
from tests.core.encoder.fixture_encoders import FIXTURES, skip_without_mlx

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

skip_without_mlx()

HOUSE = Path(__file__).parents[3]


def test_reading_a_folder_imports_nothing_heavy() -> None:
    """MLX that is imported before its BLAS multiplies thirty times slower, for good."""
    program = (
        "import sys\nfrom pathlib import Path\nfrom core.encoder.folder import read_spec\n"
        "for folder in Path(sys.argv[1]).glob('*/'):\n    read_spec(folder)\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(FIXTURES)],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not set(done.stdout.split()) & {"mlx", "transformers", "tokenizers"}


def test_the_error_says_why_mlx_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_mlx(
        name: str,
        outer: Mapping[str, object] | None = None,
        inner: Mapping[str, object] | None = None,
        names: Sequence[str] = (),
        level: int = 0,
    ) -> object:
        if name.startswith("mlx"):
            raise ImportError("no wheel")
        return real(name, outer, inner, names, level)

    monkeypatch.setattr(builtins, "__import__", without_mlx)
    with pytest.raises(UnavailableError) as caught:
        require_mlx()
    assert "no wheel" in caught.value.what
    assert sys.platform in caught.value.what


@pytest.mark.skipif(sys.platform != "linux", reason="several streams are for Linux")
def test_all_streams_are_kept_busy_unless_the_user_set_the_width(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MLX_BFS_MAX_WIDTH", raising=False)
    require_mlx()
    assert int(os.environ["MLX_BFS_MAX_WIDTH"]) > 100
    monkeypatch.setenv("MLX_BFS_MAX_WIDTH", "7")
    require_mlx()
    assert os.environ["MLX_BFS_MAX_WIDTH"] == "7"


def test_an_error_is_raised_in_the_calling_thread() -> None:
    with ThreadPoolExecutor(1) as pool, pytest.raises(ZeroDivisionError):
        pool.submit(on_mlx_thread, lambda: 1 // 0).result()


def test_a_program_that_used_mlx_in_a_thread_exits_cleanly() -> None:
    program = (
        "import threading\n"
        "from core.encoder.mlx_runtime import require_mlx\n"
        "from core.encoder.mlx_runtime import on_mlx_thread\n"
        "require_mlx()\n"
        "import mlx.core as mx\n"
        "from core.encoder.cpu import evaluate_in_lanes\n"
        "from core.encoder.models.layers import gelu\n"
        "def steps():\n"
        "    return gelu(mx.ones((300, 300)) @ mx.ones((300, 300)))\n"
        "def work():\n"
        "    print(len(on_mlx_thread(lambda: evaluate_in_lanes([steps] * 3))))\n"
        "thread = threading.Thread(target=work)\n"
        "thread.start()\n"
        "thread.join()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=HOUSE,
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert done.stdout == b"3\n"
