"""Real code that is on every machine: functions of this Python's standard library."""

from __future__ import annotations

import ast
import sysconfig
from pathlib import Path
from typing import Final

_MODULES: Final = ("argparse", "ast", "dataclasses", "difflib", "inspect", "pathlib", "shutil")


def library_functions() -> list[tuple[str, str]]:
    """Return name and text of each function of some modules, the same order every time."""
    library = Path(sysconfig.get_path("stdlib"))
    found = []
    for name in _MODULES:
        path = library / f"{name}.py"
        path = path if path.exists() else library / name / "__init__.py"
        source = path.read_text(encoding="utf-8")
        found += [
            (node.name, ast.get_source_segment(source, node) or "")
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef)
        ]
    return [(name, text) for name, text in found if text]
