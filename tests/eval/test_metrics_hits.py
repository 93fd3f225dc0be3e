from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eval.metrics import clean_path, endings, meets, ranks_of

PARTS = st.sampled_from(["a", "b", "src", "x.rs", "ax.rs"])
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


def test_a_path_is_met_at_a_path_boundary_only() -> None:
    assert meets("crates/x/src/watcher.rs", "watcher.rs")
    assert meets("crates/x/src/watcher.rs", "src/watcher.rs")
    assert meets("watcher.rs", "watcher.rs")
    assert not meets("crates/file_watcher.rs", "watcher.rs")
    assert not meets("watcher.rs", "src/watcher.rs")
    assert not meets("watcher.rs", "")


@given(PATHS, PATHS)
def test_meeting_is_having_as_an_ending(path: str, wanted: str) -> None:
    assert meets(path, wanted) == (wanted in endings(path))
    parts, last = path.split("/"), wanted.split("/")
    assert meets(path, wanted) == (parts[-len(last) :] == last)


def test_each_wanted_path_is_found_once() -> None:
    results = ["lib/w.rs", "src/w.rs", "other/w.rs", "server.rs"]
    assert ranks_of(results, ["w.rs", "server.rs"]) == (1, 4)


def test_the_longer_of_two_wanted_endings_is_met_first() -> None:
    assert ranks_of(["a/src/w.rs", "b/w.rs"], ["w.rs", "src/w.rs"]) == (2, 1)
    assert ranks_of(["a/src/w.rs"], ["w.rs", "src/w.rs"]) == (None, 1)


@given(st.lists(PATHS, unique=True, max_size=12), st.lists(PATHS, unique=True, max_size=5))
def test_ranks_are_of_results_that_meet_and_none_counts_twice(
    results: list[str], wanted: list[str]
) -> None:
    ranks = ranks_of(results, wanted)
    found = [rank for rank in ranks if rank is not None]
    assert len(set(found)) == len(found)
    for path, rank in zip(wanted, ranks, strict=True):
        if rank is None:
            unused = [each for place, each in enumerate(results, 1) if place not in found]
            assert not any(meets(each, path) for each in unused)
        else:
            assert meets(results[rank - 1], path)


def test_paths_are_cleaned() -> None:
    assert clean_path(" ./src\\a//b.rs/ ") == "src/a/b.rs"
    assert clean_path("./") == ""
