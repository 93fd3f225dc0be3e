"""The app on its audit screen: ``python -m tests.faults.app_in_terminal ROOT [deaf]``."""

from __future__ import annotations

import signal
import sys

from tests.faults.pseudo_terminal import own_terminal
from tui.app import open_app


def main(root: str, hang_up: str = "") -> int:
    """Run it; with ``deaf`` the end of the terminal is told by nothing but its silence."""
    own_terminal()
    if hang_up == "deaf":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return open_app(root, screen="audit")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
