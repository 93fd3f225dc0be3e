"""Which specs a run is evaluated on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.store import Store

NONE: Final = "none"


def all_specs(store: Store) -> tuple[str, ...]:
    """Return the names of the specs, of one and what it was amended to the newest only."""
    from eval.spec_amending import family_name
    from eval.spec_store import specs

    newest: dict[str, str] = {}
    for spec in specs(store):  # by name, so an amended one comes after the one it amends
        newest[family_name(spec.name)] = spec.name
    return tuple(newest.values())


def chosen_specs(store: Store, named: Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of the specs that a person named; a file is imported on the way.

    Args:
        store: has the specs.
        named: names or files; None: all specs; ``none`` alone: no spec.

    Raises:
        InputError: there is no such spec.
    """
    from eval.spec_choice import chosen_spec

    if named is None:
        return all_specs(store)
    if list(named) == [NONE]:
        return ()
    return tuple(dict.fromkeys(chosen_spec(store, name)[0].name for name in named))
