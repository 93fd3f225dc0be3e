"""What is told of a mistake of rejudge itself: where it happened, and no more than that.

A traceback with the values of local variables would hold API keys, and one with plain text of a
corpus its escape sequences.
"""

from __future__ import annotations

import os
import re
import traceback
from typing import Final

from core.display import displayable

NOT_YOURS: Final = "This is a mistake of rejudge, not yours. What you did before is kept."
_SECRET: Final = re.compile(r"(?:KEY|TOKEN|PASSWORD|SECRET)$", re.IGNORECASE)
#: What is shorter stands in other words too, and protects nothing.
_SHORTEST_SECRET: Final = 6
#: Characters from either end of a message that is longer than both.
_EACH_END: Final = 10_000


def crash_text(error: BaseException) -> str:
    """Return the traceback of an error, safe to show: no local variable, no key, no control."""
    return safe_text("".join(traceback.format_exception(error)).rstrip())


def safe_text(text: str) -> str:
    """Return text in which the environment's secrets are struck out and controls are visible.

    Of a long one only its ends are left.
    """
    known = displayable(without_secrets(text))
    left_out = len(known) - 2 * _EACH_END
    if left_out <= 0:
        return known
    return f"{known[:_EACH_END]}\n… {left_out:,} characters left out …\n{known[-_EACH_END:]}"


def without_secrets(text: str) -> str:
    """Return text without the values of variables that are named as keys and passwords are."""
    secrets = {
        value.strip()
        for name, value in os.environ.items()
        if _SECRET.search(name) and len(value.strip()) >= _SHORTEST_SECRET
    }
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
