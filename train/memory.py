"""How much memory a run has used, and what becomes of what it frees."""

from __future__ import annotations

import ctypes
import resource
import sys
from typing import Final

#: Of glibc's ``mallopt``.
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_NEVER: Final = 2**31 - 1


def peak_memory() -> int:
    """Return the most bytes that this process has used so far, those of the GPU among them."""
    import mlx.core as mx

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    own = used if sys.platform == "darwin" else used * 1024
    # On a Mac the GPU's memory is the process's own.
    apart = mx.default_device().type != mx.DeviceType.cpu and sys.platform != "darwin"
    return own + (int(mx.get_peak_memory()) if apart else 0)


def keep_freed_memory() -> None:
    """Have the C library keep what is freed for the next request, for as long as the process lives.

    A step frees and asks for the same gigabyte again and again. glibc gives blocks of more than 32
    megabytes back to the system each time, which clears every page before it hands it out anew: a
    twentieth of a step. Other libraries are left as they are.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_MMAP_THRESHOLD, _NEVER)
        library.mallopt(_TRIM_THRESHOLD, _NEVER)
