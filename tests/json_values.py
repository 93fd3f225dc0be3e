"""Any value that JSON can say, for properties."""

from __future__ import annotations

from functools import partial

from hypothesis import strategies as st

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats()


def json_values(
    keys: st.SearchStrategy[str], text: st.SearchStrategy[str], leaves: int
) -> st.SearchStrategy[object]:
    """Return JSON values nested up to about ``leaves`` scalars.

    What nests them is no plain function: hypothesis looks for its argument in the source file as
    that stands when the test begins, and warns when it was edited after the import.
    """
    return st.recursive(_SCALARS | text, partial(_containers, keys), max_leaves=leaves)


def _containers(
    keys: st.SearchStrategy[str], inner: st.SearchStrategy[object]
) -> st.SearchStrategy[object]:
    return st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=6)
