"""One thread for linear algebra: on small matrices threads only wait for each other."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold NumPy's and SciPy's BLAS to one thread.

    On two busy cores a fit took ten to thirty times as long without.
    """
    # SciPy brings a BLAS of its own, and one that is loaded later would not be held.
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        yield
