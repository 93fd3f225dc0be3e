"""The encoder that a run starts from.

What can end a run before its time.

How much memory a run has used, and what becomes of what it frees.
"""

from __future__ import annotations

import ctypes
import resource
import sys
from typing import TYPE_CHECKING, Final

from core.encoder import load_encoder, offline_encoder_folder
from core.errors import RejudgeError

if TYPE_CHECKING:
    from pathlib import Path

    from core.encoder.encoder import Encoder
    from train.config import RunConfig


_MEMORY_SIGNS: Final = ("allocate", "out of memory", "insufficient memory", "bad_alloc")


class TrainingError(RejudgeError):
    """A run cannot go on; its last checkpoint is as it was."""


def out_of_memory(error: Exception) -> bool:
    """Say whether MLX failed for lack of memory: it has no error of its own for that."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(sign in text for sign in _MEMORY_SIGNS)


def memory_error() -> TrainingError:
    """Return the error that says so, with what to do."""
    return TrainingError(
        "the memory of this machine is used up",
        todo="Lower batch_size and raise accumulation as much, shorten document_length,"
        " or train with LoRA; then resume or start again.",
    )


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


OFFLINE: Final = "offline"


def base_folder(config: RunConfig) -> Path | str:
    """Return the folder or the hub id that ``base`` names."""
    return offline_encoder_folder() if config.base == OFFLINE else config.base


def load_base(config: RunConfig) -> Encoder:
    """Load it, with the lengths of the run.

    Raises:
        InputError: it is absent or cannot be read.
        UnavailableError: MLX does not run on this machine.
    """
    return load_encoder(
        base_folder(config),
        query_length=config.query_length,
        document_length=config.document_length,
    )
