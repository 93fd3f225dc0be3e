"""Which pairs are shown without the judge, so that the pull of its score can be measured."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from uuid import UUID

#: Labels of a person before any pair is shown blind: first the keys have to be known.
LABELS_BEFORE: Final = 20
_CHECKSUMS: Final = 2**32


def drawn_blind(pair: UUID, annotator: str, share: float) -> bool:
    """Tell whether this person is to grade the pair blind.

    Decided by a checksum of both, so that it has nothing to do with the pair's content and is the
    same each time the pair comes.

    Args:
        pair: the pair.
        annotator: who grades.
        share: of the pairs that are blind, 0 to 1.
    """
    return zlib.crc32(pair.bytes + annotator.encode()) < share * _CHECKSUMS
