"""A retriever is a module and an entry in ``RETRIEVERS``; the command line and the docs follow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.store.opening import open_store
from eval.evals import load_eval
from eval.metrics import query_metrics, ranks_of
from eval.retrievers.base import Found
from eval.retrievers.building import RETRIEVERS, Inputs, RetrieverType, choose_retriever
from eval.retrievers.printed_paths import CorpusPaths
from eval.retrievers.run_file import read_run_file
from eval.specs import add_spec, make_spec
from tests.building import new_workspace
from tests.eval.eval_building import FILES, add_corpus, asked
from tests.eval.retrievers.test_run_file import CORPUS
from tui.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from core.records import SpecQuery
    from eval.retrievers.base import Parameters, Ranking

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "evaluating.md"


class ShortestFirst:
    """Ranks the shortest texts first, whatever the query."""

    name = "shortest"
    checkpoint = ""
    notices = ("the query was not read",)

    def __init__(self, inputs: Inputs) -> None:
        self.parameters: Parameters = {"documents": len(inputs.corpus)}
        sizes = zip(inputs.corpus.sizes, inputs.corpus.document_paths, strict=True)
        self._paths = [path for _, path in sorted(sizes)]

    def rank(self, queries: Sequence[SpecQuery], depth: int) -> Iterator[Ranking]:
        for _ in queries:
            yield tuple(
                Found(path, 1 / rank) for rank, path in enumerate(self._paths[:depth], start=1)
            )


def test_a_registered_retriever_works_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(RETRIEVERS, "shortest", RetrieverType("short files first", ShortestFirst))
    workspace = new_workspace(tmp_path)
    with open_store(workspace.folder) as store:
        add_corpus(store, FILES)
        add_spec(store, make_spec("searches", "", [asked("anything", "lib/project.rs")]))
    words = ["eval", "searches", "--retriever", "shortest", "--workspace", str(workspace.root)]
    assert main([*words, "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["retriever"], done["parameters"]) == ("shortest", {"documents": len(FILES)})
    assert done["notices"] == ["the query was not read"]
    shortest = sorted(FILES, key=lambda path: (len(FILES[path]), path))
    assert done["results"][0]["top"] == shortest
    assert done["results"][0]["rank"] == shortest.index("lib/project.rs") + 1
    with open_store(workspace.folder) as store:
        assert load_eval(store, done["eval"]).summary.retriever == "shortest"
    with pytest.raises(InputError, match="--model does not go with the retriever shortest"):
        choose_retriever("shortest", model="m")


def test_the_options_choose_the_retriever() -> None:
    assert choose_retriever().retriever == "lexical"
    assert choose_retriever(model="m").retriever == "encoder"
    assert choose_retriever("hybrid", model="m").model == "m"
    assert choose_retriever(command="search {query}").retriever == "command"
    assert choose_retriever(run_file=Path("run")).retriever == "run"
    with pytest.raises(InputError, match="no retriever 'best'"):
        choose_retriever("best")


def test_the_documentation_lists_every_retriever() -> None:
    text = DOCUMENTATION.read_text(encoding="utf-8")
    for name, kind in RETRIEVERS.items():
        assert f"| `{name}` | {kind.description} |" in text


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.00000001, 1e39]), min_size=3, max_size=3),
    st.sampled_from(CORPUS.paths),
)
def test_ties_rank_as_in_trec_eval(
    tmp_path_factory: pytest.TempPathFactory, scores: list[float], relevant: str
) -> None:
    """Score descending, then document id descending; scores in single precision."""
    ir_measures = pytest.importorskip("ir_measures")
    run = dict(zip(CORPUS.paths, scores, strict=True))
    file = tmp_path_factory.getbasetemp() / "ties.run"
    file.write_text("".join(f"q1 Q0 {path} 1 {score} t\n" for path, score in run.items()))
    retriever = read_run_file(file, CorpusPaths(CORPUS, None))
    (ranking,) = retriever.rank([asked("one", relevant, key="q1")], 10)
    ours = query_metrics([5], ranks_of((found.path for found in ranking), [relevant]))
    measures = {"MRR": ir_measures.RR, "nDCG@10": ir_measures.nDCG @ 10}
    theirs = ir_measures.calc_aggregate(list(measures.values()), {"q1": {relevant: 4}}, {"q1": run})
    for name, measure in measures.items():
        assert ours[name] == pytest.approx(theirs[measure])
