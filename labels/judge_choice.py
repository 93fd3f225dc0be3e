"""One judge by what a person calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import InputError
from labels.judgments import all_judges

if TYPE_CHECKING:
    from core.records import Judge
    from core.store import Store


def find_judge(store: Store, text: str) -> Judge:
    """Return the judge called ``NAME``, or ``NAME@VERSION`` where several have the name.

    ``VERSION`` is the beginning of the prompt version or of the judge's id.

    Raises:
        InputError: no judge is meant, or several.
    """
    judges = all_judges(store)
    found = [judge for judge in judges if judge.name == text]
    if not found and "@" in text:
        name, _, version = text.rpartition("@")
        found = [
            judge
            for judge in judges
            if judge.name == name
            and version
            and (judge.prompt_version.startswith(version) or str(judge.id).startswith(version))
        ]
    if len(found) == 1:
        return found[0]
    if found:
        ways = ", ".join(f"{text.partition('@')[0]}@{str(judge.id)[:8]}" for judge in found)
        raise InputError(f"several judges are called {text}", todo=f"Name one: {ways}")
    known = ", ".join(sorted({judge.name for judge in judges})) or "none yet"
    raise InputError(f"there is no judge {text}", todo=f"Judges of this workspace: {known}.")
