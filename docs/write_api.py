"""Writes docs/api.md from the docstrings of ``rejudge``: ``python docs/write_api.py``."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).with_name("api.md")
INTRODUCTION = """\
# rejudge from Python

`import rejudge` opens a workspace from a notebook or a script. What it returns are frozen
dataclasses; tables are also Arrow streams and DuckDB relations. The tests run
[the example notebook](example.ipynb).

This page is made from the docstrings by `python docs/write_api.py`.
"""


def page() -> str:
    """Return the text of docs/api.md."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import rejudge

    parts = [INTRODUCTION, f"```python\n{_example(rejudge.__doc__ or '')}\n```\n"]
    parts.append(_function("rejudge.open", rejudge.open))
    for cls in (rejudge.Workspace, rejudge.Table):
        parts.append(f"## rejudge.{cls.__name__}\n\n{_text(cls)}\n")
        parts += [
            _function(f"{cls.__name__}.{name}", member)
            for name, member in vars(cls).items()
            if inspect.isfunction(member) and not name.startswith("_")
        ]
    parts.append("## Rows\n")
    for name in rejudge.__all__:
        row = getattr(rejudge, name)
        if inspect.isclass(row) and is_dataclass(row):
            columns = "".join(f"| `{field.name}` | `{field.type}` |\n" for field in fields(row))
            parts.append(f"### {name}\n\n{_text(row)}\n\n| field | type |\n|---|---|\n{columns}")
    return "\n".join(parts)


def _example(docstring: str) -> str:
    """Return the indented block of a docstring."""
    lines = inspect.cleandoc(docstring).splitlines()
    block = [line[4:] for line in lines if line.startswith("    ") or not line]
    return "\n".join(block).strip()


def _function(name: str, function: Callable[..., object]) -> str:
    signature = str(inspect.signature(function)).replace("self, ", "").replace("(self)", "()")
    signature = re.sub(r"(: |-> )'([^']*)'", r"\1\2", signature)
    return f"### {name}\n\n```python\n{name}{signature}\n```\n\n{_text(function)}\n"


def _text(member: object) -> str:
    """Return a docstring as Markdown: its sections as lists."""
    lines = (inspect.getdoc(member) or "").replace("``", "`").splitlines()
    found = []
    for line in lines:
        if line in ("Args:", "Raises:"):
            found.append(f"**{line[:-1]}**\n")
        elif line.startswith("        "):
            found.append(line[4:])
        elif line.startswith("    "):
            name, _, rest = line.strip().partition(": ")
            found.append(f"- `{name}`: {rest}")
        else:
            found.append(line)
    return "\n".join(found)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
