from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.errors import InputError
from core.jobs import Job
from core.store.opening import open_store
from eval.corpus import load_corpus
from eval.evals import encoder_of
from eval.evaluating import evaluate, run_request
from eval.explaining import EncoderCache, aligned, alignments
from eval.queries import query_detail
from eval.requests import again, parse_request
from eval.specs import add_spec, make_spec
from tests.building import new_workspace
from tests.core.encoder.fixture_encoders import FIXTURES, encoder, skip_without_mlx
from tests.eval.eval_building import FILES, FixedRetriever, add_corpus, asked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.records import Spec
    from core.store.database import Store


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[Store]:
    with open_store(new_workspace(tmp_path).folder) as opened:
        add_corpus(opened, FILES)
        yield opened


@pytest.fixture(name="spec")
def _spec(store: Store) -> Spec:
    spec = make_spec("searches", "", [asked("poll changes on disk", "src/watcher.rs")])
    add_spec(store, spec)
    return spec


def test_each_query_token_meets_its_nearest_document_token() -> None:
    query = np.asarray([[1, 0], [0, 1]], dtype=np.float32)
    document = np.asarray([[0, -1], [0.6, 0.8], [1, 0]], dtype=np.float32)
    found = aligned(("disk", "watch"), query, ("no", "watcher", "disk"), document)
    assert [(match.token, match.answer, match.place) for match in found.matches] == [
        ("disk", "disk", 2),
        ("watch", "watcher", 1),
    ]
    assert found.score == pytest.approx(1.8)
    empty = aligned(("disk",), query[:1], (), np.zeros((0, 2), dtype=np.float32))
    assert [(match.answer, match.place) for match in empty.matches] == [("", -1)]


def test_a_piece_of_a_word_answers_as_the_whole_word() -> None:
    query = np.eye(3, dtype=np.float32)
    document = np.asarray([[0, 0, 1], [0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=np.float32)
    found = aligned(("a", "b", "c"), query, ("as", "##yn", "##c", "def"), document)
    assert [match.answer for match in found.matches] == ["async", "def", "async"]
    assert [match.place for match in found.matches] == [2, 3, 0]


def test_the_alignment_adds_up_to_the_score_that_ranked_the_document(
    store: Store, spec: Spec
) -> None:
    skip_without_mlx()
    request = parse_request(f"searches encoder '{FIXTURES / 'colbert'}'")
    summary = run_request(store, request, Job()).summary
    assert encoder_of(summary) == str(FIXTURES / "colbert")
    detail = query_detail(store, summary, 0)
    document = detail.wanted[0].document
    assert document is not None
    found = EncoderCache().get(summary)
    (alignment,) = alignments(found, "poll changes on disk", [document.text])
    ((score,),) = store.read(
        "SELECT score FROM db.eval_results WHERE path = 'src/watcher.rs' AND position = 0"
    )
    # The index keeps float16.
    assert alignment.score == pytest.approx(score, abs=0.02)
    assert len(alignment.matches) == len(
        encoder("colbert").tokens("poll changes on disk", query=True)
    )


def test_the_shares_of_the_tokens_add_up_to_the_cosine_of_one_vectors() -> None:
    skip_without_mlx()
    loaded = encoder("sentence")
    query, texts = "poll changes on disk", ["watch a file on disk", "listen on a socket"]
    (asked,) = loaded.encode_queries([query])
    for text, found in zip(texts, alignments(loaded, query, texts), strict=True):
        (document,) = loaded.encode_documents([text])
        assert found.summed
        assert len(found.matches) > len(query.split())
        assert found.score == pytest.approx(float(asked[0] @ document[0]), abs=1e-5)
        assert all(match.answer for match in found.matches)


def test_an_eval_without_an_encoder_has_nothing_to_align(store: Store, spec: Spec) -> None:
    summary = run_request(store, parse_request("searches"), Job()).summary
    assert (summary.retriever, encoder_of(summary)) == ("lexical", None)
    with pytest.raises(InputError, match="no encoder"):
        EncoderCache().get(summary)


def test_a_request_is_read_and_a_wrong_one_is_named(store: Store, spec: Spec) -> None:
    for line, parts in (
        ("searches lexical", ("searches", "lexical", "")),
        ("searches encoder 'my model'", ("searches", "encoder", "my model")),
        ("'a b' hybrid", ("a b", "hybrid", "")),
    ):
        request = parse_request(line)
        assert (request.spec, request.choice.retriever, request.choice.model) == parts
    assert parse_request("searches").choice.retriever == "lexical"
    for wrong in ("", "searches best", "searches lexical model", "a encoder b c", "searches run"):
        with pytest.raises(InputError):
            parse_request(wrong)
    with pytest.raises(InputError, match="quote"):
        parse_request("'")


def test_an_eval_can_be_asked_for_again(store: Store, spec: Spec) -> None:
    first = run_request(store, parse_request("searches"), Job()).summary
    second = run_request(store, again(first), Job()).summary
    assert (second.spec_id, second.retriever, second.k) == (spec.id, "lexical", first.k)
    assert second.by_kind == first.by_kind
    run = evaluate(store, spec, load_corpus(store), FixedRetriever({}, name="run"), Job()).summary
    with pytest.raises(InputError, match="run file"):
        again(run)
    other = replace(first, retriever="one of a later version")
    with pytest.raises(InputError, match="no retriever one of a later version here"):
        again(other)
