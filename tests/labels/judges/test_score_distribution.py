"""The distribution comes from the one token that holds the score, however replies are cut."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.judges.distribution import score_distribution
from tests.labels.judges.playing_server import told_tokens


def content_of(pieces: list[str]) -> str:
    return "".join(pieces)


@pytest.mark.parametrize(
    ("pieces", "at", "chances", "expected"),
    [
        (['{"score"', ":", "4", "}"], 2, {"4": 0.7, "5": 0.2, " ": 0.1}, (0, 0, 0, 7 / 9, 2 / 9)),
        (['{"score":', " 4", "}"], 1, {" 4": 0.5, "4": 0.25, " 2": 0.25}, (0, 0.25, 0, 0.75, 0)),
        (['{"score":', " 4}"], 1, {" 4}": 0.8, " 3}": 0.2}, (0, 0, 0.2, 0.8, 0)),
        (['{"score', '":4', "}"], 1, {'":4': 0.6, '":1': 0.3, '": ': 0.1}, (1 / 3, 0, 0, 2 / 3, 0)),
        (['{"score":', "4", "}"], 1, {"4": 0.9, "45": 0.05, "4.5": 0.05}, (0, 0, 0, 1, 0)),
        (['{"score":', "\u01204", "}"], 1, {"\u01204": 0.5, "\u01205": 0.5}, (0, 0, 0, 0.5, 0.5)),
    ],
)
def test_the_token_of_the_score_is_found_however_it_is_cut(
    pieces: list[str], at: int, chances: dict[str, float], expected: tuple[float, ...]
) -> None:
    content = content_of(pieces).replace("\u0120", " ")
    found = score_distribution(content, told_tokens(pieces, at, chances), 4)
    assert found == pytest.approx(expected)


def test_a_score_named_in_the_rationale_is_not_it() -> None:
    pieces = ['{"rationale": "it says \\"score\\": ', "4", '", ', '"score": ', "4", "}"]
    told = told_tokens(pieces, 4, {"4": 0.8, "3": 0.2})
    assert score_distribution(content_of(pieces), told, 4) == pytest.approx((0, 0, 0.2, 0.8, 0))


def test_thoughts_before_and_end_tokens_after_the_reply_do_not_matter() -> None:
    reply = ['{"rationale":"x","score":', "2", "}"]
    pieces = ['<think>"score": 5}', "</think>", *reply, "<|im_end|>"]
    told = told_tokens(pieces, 3, {"2": 0.5, "1": 0.5})
    assert score_distribution(content_of(reply), told, 2) == (0.5, 0.5, 0, 0, 0)


def test_halves_of_characters_are_told_by_their_bytes() -> None:
    reply = '{"rationale":"\u00e9","score":3}'
    pieces = [b'{"rationale":"', b"\xc3", b"\xa9", b'","score":', b"3", b"}"]
    places: list[dict[str, Any]] = [
        {"token": "?", "bytes": list(piece), "logprob": 0.0, "top_logprobs": []} for piece in pieces
    ]
    places[4] |= {
        "logprob": math.log(0.6),
        "top_logprobs": [
            {"token": "3", "bytes": [0x33], "logprob": math.log(0.6)},
            {"token": "4", "bytes": [0x34], "logprob": math.log(0.4)},
            {"token": "9", "bytes": [0x39], "logprob": -9999.0},
        ],
    }
    found = score_distribution(reply, {"content": places}, 3)
    assert found == pytest.approx((0, 0, 0.6, 0.4, 0))


def test_a_server_may_name_any_of_the_likeliest_tokens_as_the_one_taken() -> None:
    content = '{"rationale":"x","score": 3}'
    spelt = [['{"', "{", " "], ["rationale"], ['":"'], ["y", "x"], ['","'], ["sc", "score"]]
    spelt += [['":', '"'], ["\u01202", "\u01203", "\u0120"], ["3", "}"]]
    places = [
        {
            "token": texts[0],
            "logprob": math.log(0.4),
            "top_logprobs": [{"token": text, "logprob": math.log(0.4)} for text in texts],
        }
        for texts in spelt
    ]
    found = score_distribution(content, {"content": places}, 3)
    assert found == pytest.approx((0, 0.5, 0.5, 0, 0))
    assert score_distribution('{"rationale":"x","score": 4}', {"content": places}, 4) is None


GOOD = told_tokens(['{"score":', "4", "}"], 1, {"4": 1.0})


def spoiled(**values: object) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(json.dumps(GOOD))
    told["content"][1] = {"token": "4", "logprob": 0.0, "top_logprobs": []} | values
    return told


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {},
        {"content": None},
        {"content": []},
        {"content": [None, 3, "x"]},
        {"content": [{"token": "something else", "logprob": 0.0}]},
        spoiled(logprob=float("nan")),
        spoiled(logprob="0"),
        spoiled(logprob=True),
        spoiled(logprob=2.0),
        spoiled(logprob=-9999.0),
        spoiled(logprob=math.log(0.2)),
        spoiled(top_logprobs=[{"token": "5", "logprob": 0.0}, {"token": " 5", "logprob": 0.0}]),
        spoiled(bytes=[300]) | {"content": "4"},
    ],
)
def test_what_cannot_be_used_gives_no_distribution(told: object) -> None:
    assert score_distribution('{"score":4}', told, 4) is None


def test_the_good_one_is_used() -> None:
    assert score_distribution('{"score":4}', GOOD, 4) == (0, 0, 0, 1, 0)
    assert score_distribution('{"score":4}', GOOD, 3) is None


@settings(max_examples=50)
@given(
    st.text(max_size=20),
    st.integers(1, 5),
    st.dictionaries(st.integers(1, 5), st.floats(0.01, 1.0), min_size=1),
    st.randoms(use_true_random=False),
)
def test_any_reply_cut_anywhere_gives_what_its_score_token_tells(
    rationale: str, score: int, weights: dict[int, float], chance: Any
) -> None:
    weights[score] = 1.0
    total = sum(weights.values())
    shares = {grade: weight / total for grade, weight in weights.items()}
    head = json.dumps({"rationale": rationale})[:-1] + ', "score": '
    cuts = sorted(chance.sample(range(len(head) + 1), min(5, len(head))))
    pieces = [head[a:b] for a, b in zip([0, *cuts], [*cuts, len(head)], strict=True)]
    told = told_tokens(
        [*pieces, str(score), "}"],
        len(pieces),
        {str(grade): share for grade, share in shares.items()},
    )
    found = score_distribution(f"{head}{score}}}", told, score)
    assert found is not None
    assert found == pytest.approx([shares.get(grade, 0.0) for grade in range(1, 6)])
