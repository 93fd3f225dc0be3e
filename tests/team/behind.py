"""Puts the packages of another environment behind this one's own: ``... behind PYTHON``."""

import subprocess
import sys
import sysconfig
from pathlib import Path

_ASK = "import sysconfig; print(sysconfig.get_path('purelib'))"

if __name__ == "__main__":
    there = subprocess.check_output([sys.argv[1], "-c", _ASK], text=True).strip()
    # Not a bare path: what that environment reaches by files of its own is to be reached too.
    line = f"import site; site.addsitedir({there!r})\n"
    (Path(sysconfig.get_path("purelib")) / "behind.pth").write_text(line)
