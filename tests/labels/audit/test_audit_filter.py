from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.records import GRADES, QueryKind
from labels.audit.filters import AuditFilter, LabelState, filter_text, parse_filter

WORD = st.text("abcXYZ019_./'\"- ", max_size=12).map(lambda text: " ".join(text.split()))

FILTERS = st.builds(
    AuditFilter,
    scores=st.frozensets(st.sampled_from(GRADES)),
    disagreement=st.none() | st.integers(1, 4),
    kind=st.none() | st.sampled_from(QueryKind),
    path=WORD,
    language=WORD.map(str.lower),
    state=st.sampled_from(LabelState),
    text=WORD,
)


@given(FILTERS)
def test_a_filter_survives_its_own_text(chosen: AuditFilter) -> None:
    assert parse_filter(filter_text(chosen)) == chosen


def test_names_narrow_and_other_words_are_looked_for() -> None:
    chosen = parse_filter(
        "score:1-2,5 kind:semantic path:'my dir/' lang:Rust is:flagged retry loop"
    )
    assert chosen == AuditFilter(
        scores=frozenset({1, 2, 5}),
        kind=QueryKind.SEMANTIC,
        path="my dir/",
        language="rust",
        state=LabelState.FLAGGED,
        text="retry loop",
    )


@pytest.mark.parametrize(
    "line",
    ["score:6", "score:", "score:x", "kind:odd", "is:gone", "disagree:0", "a 'b"],
)
def test_a_value_that_means_nothing_is_refused(line: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_filter(line)
    assert caught.value.todo
