from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.store.opening import open_store
from core.workspace import Workspace
from labels.audit.filters import parse_filter
from labels.audit.session import AuditSession
from labels.status import workspace_status
from tests.building import new_workspace
from tui.cli.main import main
from tui.sample_workspace import SAMPLE_JUDGE, build_sample, standard_library

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.records import Progress
    from core.store.database import Store


# One process builds the sample for all of them.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sample")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sample once: it reads the whole standard library."""
    root = tmp_path_factory.mktemp("sample")
    steps: set[str] = set()

    def note(progress: Progress) -> None:
        steps.add(progress.note)

    with open_store(new_workspace(root).folder) as store:
        report = build_sample(store, standard_library(), note)
    assert report.corpus.added > 10_000
    assert (report.spec.skipped, report.spec.problems) == (0, ())
    assert (report.pairs.skipped, report.pairs.problems) == (0, ())
    # Written for 3.11 to 3.13: a later Python may lack a few.
    assert report.written.skipped <= 0.03 * report.written.read
    assert report.written.added > 8_000
    assert steps
    return root


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    with open_store(folder / ".rejudge") as opened:
        yield opened


def test_the_sample_is_as_large_as_promised(store: Store) -> None:
    status = workspace_status(store)
    assert status.pairs >= 800
    assert status.queries - status.spec_queries >= 200
    assert status.unjudged_pairs == 0
    assert {row.judge.kind.value for row in status.judges} == {"sample", "lexical"}
    kinds = store.read("SELECT kind, count(*) FROM db.spec_queries GROUP BY kind ORDER BY kind")
    assert kinds[0][0] == "keyword"
    assert kinds[0][1] >= 40
    assert kinds[1][1] >= 60


def test_no_query_of_the_sample_is_one_of_the_spec(store: Store) -> None:
    both = store.read(
        "SELECT count(*) FROM db.spec_queries WHERE query_id IN (SELECT query_id FROM db.pairs)"
    )
    assert both == [(0,)]


def test_the_audit_begins_with_the_sample_judge_and_both_disagree(store: Store) -> None:
    session = AuditSession.start(store, "ada", judge_name=SAMPLE_JUDGE)
    assert session.judge is not None
    assert session.current is not None
    assert session.current.document.text
    assert session.with_filter(parse_filter("disagree:3")).counts.left > 50


def test_the_demo_audits_the_judge_that_gives_reasons(tmp_path: Path) -> None:
    Workspace(tmp_path).create(judge=SAMPLE_JUDGE)
    assert Workspace(tmp_path).settings().judge == SAMPLE_JUDGE
    Workspace(tmp_path).create(judge="another")
    assert Workspace(tmp_path).settings().judge == SAMPLE_JUDGE


def test_building_again_keeps_labels_and_adds_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_store(folder / ".rejudge") as store:
        AuditSession.start(store, "ada").grade(3)
        before = workspace_status(store)
    assert main(["demo", str(folder), "--no-tui"]) == 0
    assert f"{before.pairs:,} judged pairs" in capsys.readouterr().out
    with open_store(folder / ".rejudge") as store:
        build_sample(store, standard_library(), lambda _: None)
        assert workspace_status(store) == before
