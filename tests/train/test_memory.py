"""Memory that a run frees stays with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
#: Page faults of filling 40 megabytes anew twenty times.
PROGRAM = """
import resource, sys
import numpy as np
from train.memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.empty(10_000_000, np.float32).fill(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

freely = faults()
keep_freed_memory()
faults()
print(freely, faults())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc is told")
def test_what_is_freed_is_kept_for_the_next_request() -> None:
    if not os.confstr("CS_GNU_LIBC_VERSION"):
        pytest.skip("not glibc")
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=HOUSE,
        # NumPy asks for huge pages, of which there are few faults to count.
        env={**os.environ, "NUMPY_MADVISE_HUGEPAGE": "0"},
        check=True,
        capture_output=True,
        text=True,
    )
    freely, kept = map(int, answer.stdout.split())
    assert kept < freely / 4
