"""The memory of a run: how much it takes, how it is kept, and the error when it is used up."""

from __future__ import annotations

import ctypes
import resource
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from core.errors import RejudgeError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNS: Final = ("allocate", "out of memory", "insufficient memory", "bad_alloc")
#: Of glibc's ``mallopt``.
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_NEVER: Final = 2**31 - 1


class TrainingError(RejudgeError):
    """A run cannot go on; its last checkpoint is as it was."""


@contextmanager
def memory_errors() -> Iterator[None]:
    """Raise TrainingError, with what to do, when the block runs out of memory."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        # MLX has no error of its own for that.
        signs = any(sign in str(error).lower() for sign in _SIGNS)
        if not signs and not isinstance(error, MemoryError):
            raise
        raise TrainingError(
            "the memory of this machine is used up",
            todo="Lower batch_size and raise accumulation as much, shorten document_length,"
            " or train with LoRA; then resume or start again.",
        ) from error


def peak_memory() -> int:
    """Return the most bytes that this process has used so far, those of the GPU among them."""
    import mlx.core as mx

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    own = used if sys.platform == "darwin" else used * 1024
    # On a Mac the GPU's memory is the process's own.
    apart = mx.default_device().type != mx.DeviceType.cpu and sys.platform != "darwin"
    return own + (int(mx.get_peak_memory()) if apart else 0)


def keep_freed_memory() -> None:
    """Have the C library keep freed memory for the next request, as long as the process lives.

    A step frees and asks for the same gigabyte again and again. glibc gives blocks of more than 32
    megabytes back to the system each time, which clears every page before it hands it out anew: a
    twentieth of a step. Other C libraries are left as they are.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_MMAP_THRESHOLD, _NEVER)
        library.mallopt(_TRIM_THRESHOLD, _NEVER)
