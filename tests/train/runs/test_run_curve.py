from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from train.runs.events import Curve


def test_a_short_series_is_kept_as_it_is() -> None:
    curve = Curve()
    for step in range(1, 6):
        curve.add(step, step / 2)
    assert curve.points() == ((1, 0.5), (2, 1.0), (3, 1.5), (4, 2.0), (5, 2.5))


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=300), st.integers(2, 16))
def test_a_long_series_is_means_of_equal_stretches(values: list[float], limit: int) -> None:
    curve = Curve(limit)
    for step, value in enumerate(values, start=1):
        curve.add(step, value)
    points = curve.points()
    assert len(points) <= limit
    assert points[-1][0] == len(values)
    steps = [step for step, _ in points]
    assert steps == sorted(set(steps))
    # Each mean is that of the steps since the one before it.
    before = 0
    for step, mean in points:
        part = values[before:step]
        assert abs(mean - sum(part) / len(part)) < 1e-9
        before = step


def test_a_resume_takes_back_what_came_after_its_checkpoint() -> None:
    curve = Curve()
    for step in range(1, 11):
        curve.add(step, step)
    curve.back_to(6)
    curve.add(7, 70.0)
    assert curve.points()[-2:] == ((6, 6.0), (7, 70.0))
