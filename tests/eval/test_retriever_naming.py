from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import pytest

from eval.evals import EvalSummary, retriever_name

_DAY = datetime(2030, 5, 3)
SUMMARY = EvalSummary(
    UUID(int=1), UUID(int=2), "searches", "encoder", "{}", "", "", 1, 10, _DAY, _DAY
)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({}, "encoder"),
        ({"model": "all-MiniLM-L6-v2"}, "encoder all-MiniLM-L6-v2"),
        ({"model": "google/xtr-base-en"}, "encoder google/xtr-base-en"),
        ({"model": "/home/ada/models/merged"}, "encoder merged"),
        (
            {"model": "/w/.rejudge/runs/20300503-120000-contrastive-c961/model"},
            "encoder run c961",
        ),
    ],
)
def test_encoders_are_told_apart(parameters: dict[str, str], name: str) -> None:
    assert retriever_name(replace(SUMMARY, parameters=json.dumps(parameters))) == name


def test_a_fused_encoder_has_its_name_too() -> None:
    hybrid = replace(SUMMARY, retriever="hybrid", parameters='{"encoder.model": "a/b"}')
    assert retriever_name(hybrid) == "hybrid a/b"
    command = replace(SUMMARY, retriever="command", parameters='{"command": "sg search"}')
    assert retriever_name(command) == "command"
