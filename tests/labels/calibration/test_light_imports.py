from __future__ import annotations

import json
import subprocess
import sys

HEAVY = {"numpy", "scipy", "duckdb"}


def test_what_screens_and_commands_import_brings_nothing_heavy() -> None:
    program = (
        "import json, sys\n"
        "import labels.agreement.records, labels.calibration.store\n"
        "import labels.calibration.store\n"
        "import tui.cli.trust\n"
        "import tui.shown.agreement\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not {name.partition(".")[0] for name in json.loads(done.stdout)} & HEAVY
