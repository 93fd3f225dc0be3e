from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.curves import curve_lines, curve_rows, value_bounds


def test_a_falling_line_goes_from_the_top_left_to_the_bottom_right() -> None:
    rows = curve_rows([(0, 1.0), (10, 0.0)], 4, 2, low=0.0, high=1.0)
    assert rows == ["⠑⢄  ", "  ⠑⢄"]


def test_one_point_is_one_dot() -> None:
    (row,) = curve_rows([(5, 2.0)], 3, 1, low=1.0, high=2.0)
    assert row == "⠁  "


def test_many_points_of_a_column_are_drawn_as_their_mean() -> None:
    points = [(step, float(step % 2)) for step in range(10_000)]
    rows = curve_rows(points, 10, 3, low=0.0, high=1.0)
    assert rows[0].strip() == rows[2].strip() == ""
    assert len(rows[1].strip()) == 10


def test_the_axes_name_the_values_and_the_steps() -> None:
    lines = curve_lines([(1, 2.0), (20, 1.0), (1000, 0.125)], 40, 6)
    assert lines[0].startswith("     2 │")
    assert lines[-2].startswith(" 0.125 │")
    assert lines[-1].split() == ["1", "step", "1,000"]
    assert all(len(line) <= 40 for line in lines)


def test_nothing_is_drawn_of_nothing() -> None:
    assert curve_lines([], 40, 6) == []
    assert curve_lines([(1, math.nan)], 40, 6) == []
    assert curve_lines([(1, 1.0)], 5, 6) == []
    assert value_bounds([]) == (0.0, 1.0)


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=60),
    st.integers(1, 90),
    st.integers(1, 12),
)
def test_any_numbers_fit_their_place(values: list[float], width: int, height: int) -> None:
    lines = curve_lines(list(enumerate(values)), width, height)
    assert len(lines) in {0, height}
    assert all(len(line) <= width for line in lines)
