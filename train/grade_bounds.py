"""Which grades make a document a good one, and which a negative."""

from __future__ import annotations

from typing import Final

#: The lowest grade of a document that the query wants.
GOOD: Final = 4.0
#: The lowest grade of a document that is no negative.
DOUBTFUL: Final = 3.0
