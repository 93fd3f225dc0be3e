"""The spec that a person named for an eval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.given_path import given_path
from eval.spec_reading import read_spec
from eval.spec_store import add_spec, load_spec

if TYPE_CHECKING:
    from core.records import Spec
    from core.store import Store


def chosen_spec(store: Store, named: str) -> tuple[Spec, tuple[str, ...]]:
    """Return a spec of the store by its name, else the one in the file of that name.

    A file is imported on the way. What is wrong with it comes back as sentences.

    Raises:
        InputError: there is neither, or the file cannot be used.
    """
    known = store.read("SELECT 1 FROM db.specs WHERE name = $1 LIMIT 1", [named])
    file = given_path(named)
    if known or not (file.suffix or file.exists()):
        return load_spec(store, named), ()
    reading = read_spec(file)
    add_spec(store, reading.spec)
    return reading.spec, tuple(problem.reason for problem in reading.problems)
