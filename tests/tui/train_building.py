"""A workspace with enough scores to train on, a spec to evaluate on, and a tiny base encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.store.opening import open_store
from eval.specs import add_spec, make_spec
from tests.building import Scored, add_scored, new_workspace
from tests.core.encoder.fixture_encoders import FIXTURES
from tests.eval.eval_building import asked
from tests.tui.driving import ANNOTATOR

if TYPE_CHECKING:
    from pathlib import Path

    from core.workspace import Workspace

BASE = FIXTURES / "colbert"
TOPICS = ("socket", "parser", "cache", "watcher", "planet", "garden", "kettle", "violin")
SPEC = make_spec(
    "searches",
    "",
    [
        asked("who keeps an eye on kettles", "pkg/kettle0.py"),
        asked("violin", "pkg/violin1.py"),
    ],
)


def trainable_workspace(folder: Path, queries: int = 24) -> Workspace:
    """Make a workspace of queries with a good and a bad document each, all scored by a judge."""
    workspace = new_workspace(folder)
    settings = f'annotator = "{ANNOTATOR}"\n'
    (workspace.folder / "settings.toml").write_text(settings, encoding="utf-8")
    rows = []
    for number in range(queries):
        topic, other = TOPICS[number % 8], TOPICS[(number + 3) % 8]
        query = f"number {number} that handles every {topic} of {number * 7 + 1}"
        for name, score in ((topic, 5), (other, 1)):
            code = f"def {name}_{number}(first, second):\n    return first + {number}\n"
            path = f"pkg/{name}{number % 3}.py"
            rows.append(Scored(query, code, score, path, f"{name}_{number}"))
    with open_store(workspace.folder) as store:
        add_scored(store, rows)
        add_spec(store, SPEC)
    return workspace
