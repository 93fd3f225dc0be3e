"""What can end a run before its time."""

from __future__ import annotations

from typing import Final

from core.errors import RejudgeError

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
