"""What holds for the house as a whole: floors, light imports, and the built wheel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import grimp
import pytest

HOUSE = Path(__file__).parent.parent
FLOORS = {"core", "eval", "labels", "train", "tui"}
#: What runs in the worker, which asks for MLX first.
THE_WORKERS = tuple(
    f"train.{name}."
    for name in (
        "checkpoints",
        "processes",
        "step.batches",
        "step.lora",
        "step.optimizer",
        "step.rows",
        "step.trainee",
        "training",
        "worker",
    )
)
HEAVY = {"mlx", "transformers", "openai", "torch", "bm25s", "tree_sitter", "numpy"}


def modules_after(statement: str) -> set[str]:
    program = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=HOUSE, capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


@pytest.mark.parametrize(
    "statement",
    [
        "import tui.app",
        "import tui.screens.audit.screen",
        "import labels.audit.session",
        "import tui.cli.main",
    ],
)
def test_the_way_to_the_first_pair_imports_nothing_heavy(statement: str) -> None:
    assert not modules_after(statement) & (HEAVY | {"duckdb", "argparse", "click", "typer"})


def test_no_module_of_the_app_brings_mlx_before_its_fast_blas() -> None:
    """MLX that comes without ``require_mlx`` multiplies thirty times slower, and for good."""
    names = [
        ".".join(path.relative_to(HOUSE).with_suffix("").parts)
        for floor in ("eval", "labels", "train", "tui")
        for path in sorted((HOUSE / floor).rglob("*.py"))
        if path.name != "__init__.py"
    ]
    wanted = [name for name in names if not f"{name}.".startswith(THE_WORKERS)]
    found = modules_after("\n".join(f"import {name}" for name in wanted))
    assert "tui" in found
    assert "mlx" not in found


def test_imports_point_down_only() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports for type checking count too: who needs a type of another depends on it."""
    graph = grimp.build_graph(*sorted(FLOORS), cache_dir=None)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    assert [sorted(circle) for circle in circles(imports)] == []


def circles(imports: dict[str, set[str]]) -> list[frozenset[str]]:
    """Return the strongly connected components of more than one module, by Kosaraju's algorithm."""
    importers: dict[str, set[str]] = {name: set() for name in imports}
    for name, imported in imports.items():
        for other in imported:
            importers[other].add(name)
    finished = [name for tree in searched(imports, sorted(imports)) for name in tree]
    return [frozenset(tree) for tree in searched(importers, finished[::-1]) if len(tree) > 1]


def searched(edges: dict[str, set[str]], starts: list[str]) -> list[list[str]]:
    """Return the trees of a depth-first search, the nodes of each in the order they are left."""
    seen: set[str] = set()
    trees = []
    for start in starts:
        tree: list[str] = []
        path = [(start, iter(sorted(edges[start])))] if start not in seen else []
        seen.add(start)
        while path:
            _, rest = path[-1]
            following = next((other for other in rest if other not in seen), None)
            if following is None:
                tree.append(path.pop()[0])
            else:
                seen.add(following)
                path.append((following, iter(sorted(edges[following]))))
        trees.append(tree)
    return trees


def test_circles_are_found() -> None:
    imports = {"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}
    assert sorted(map(sorted, circles(imports))) == [["a", "b", "c"], ["d", "e"]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=HOUSE,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_ships_the_floors_with_their_data_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    assert tops == FLOORS | {"rejudge.py"}
    tracked = subprocess.run(
        ["git", "ls-files", *sorted(FLOORS)], cwd=HOUSE, capture_output=True, text=True, check=False
    )
    if tracked.returncode == 0:
        assert set(tracked.stdout.split()) <= set(names)


def test_the_wheel_runs_by_itself(wheel: Path, tmp_path: Path) -> None:
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    zipfile.ZipFile(wheel).extractall(site)
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "rejudge", "init", "--json"],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path(json.loads(done.stdout)["workspace"]) == elsewhere / ".rejudge"


def test_the_tests_to_repeat_on_postgresql_exist() -> None:
    makefile = (HOUSE / "Makefile").read_text("utf-8").replace("\\\n", " ")
    (line,) = [line for line in makefile.splitlines() if line.startswith("TEAM_TESTS ?=")]
    named = line.partition("=")[2].split()
    assert named
    assert [name for name in named if not (HOUSE / name).exists()] == []
