from __future__ import annotations

import json

import pytest

from benchmarks.measuring import Figure, alternating
from benchmarks.table import json_text, table_text


def figure(**bounds: float) -> Figure:
    return Figure("x", "ms", (2.0, 9.0, 4.0), (1.0, 3.0, 4.0), "y", **bounds)


def test_the_ratio_is_the_median_of_the_repeats_ratios() -> None:
    assert figure().ratio == 2.0
    assert Figure("x", "ms", (2.0, 4.0, 9.0), (2.0,), "known").ratio == 2.0


@pytest.mark.parametrize(
    ("bounds", "met"),
    [
        ({}, True),
        ({"at_most": 2.0}, True),
        ({"at_most": 1.9}, False),
        ({"at_least": 2.0}, True),
        ({"at_least": 2.1}, False),
        ({"floor": 4.0}, True),
        ({"floor": 4.1}, False),
        ({"ceiling": 4.0}, True),
        ({"ceiling": 3.9}, False),
        ({"at_most": 2.0, "floor": 5.0}, False),
    ],
)
def test_every_bound_counts(bounds: dict[str, float], met: bool) -> None:
    assert figure(**bounds).met is met


def test_the_table_and_the_json_tell_the_same() -> None:
    figures = [figure(at_most=1.5)]
    assert "NO" in table_text(figures).splitlines()[2]
    assert "ratio <= 1.5" in table_text(figures)
    (told,) = json.loads(json_text(figures))
    assert (told["ours"], told["ratio"], told["met"]) == (4.0, 2.0, False)


def test_the_two_sides_take_turns_and_who_is_first_changes() -> None:
    calls: list[str] = []

    def side(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    ours, reference = alternating(lambda: side("a"), lambda: side("b"), 3)
    assert "".join(calls) == "abbaab"
    assert ours == (1.0, 4.0, 5.0)
    assert reference == (2.0, 3.0, 6.0)
