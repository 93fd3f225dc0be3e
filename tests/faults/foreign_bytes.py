"""What no program of ours writes to a terminal."""

from __future__ import annotations

import re
from typing import Final

CSI: Final = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")
#: What a command may write: colours and erasing.
OF_COMMANDS: Final = b"mJK"
#: What Textual may: the cursor too, modes, and questions about them.
OF_THE_APP: Final = b"mHABCDJKhlstuqncp"
#: Textual's own: the shape of the mouse pointer, and base64 for the clipboard.
OWN_OSC: Final = re.compile(rb"\x1b\](?:22;[a-z-]*|52;c;[A-Za-z0-9+/=]*)\x07")


def foreign(written: bytes, own_finals: bytes = OF_COMMANDS) -> list[bytes]:
    """Return what no terminal should have got: sequences and controls that are not the app's."""
    found = [each for each in CSI.findall(written) if each[-1] not in own_finals]
    found += [each for each in CSI.findall(written) if b"77;777" in each]
    rest = OWN_OSC.sub(b"", CSI.sub(b"", written))
    found += re.findall(rb"\x1b.{0,8}|[\x00-\x07\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]", rest)
    shown = rest.decode("utf-8", "replace")
    return found + [
        each.encode() for each in re.findall("[\x80-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    ]
