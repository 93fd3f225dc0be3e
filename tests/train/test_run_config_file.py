"""A run's settings go to JSON and back, and what is wrong with them is told by file and field."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from train.config import (
    LoraConfig,
    Precision,
    RunConfig,
    Tuning,
    config_problems,
    config_text,
    parse_config,
    read_config,
    write_config,
)
from train.step.losses import LOSSES

if TYPE_CHECKING:
    from pathlib import Path

positive = st.floats(1e-6, 1, exclude_min=True)
configs = st.builds(
    RunConfig,
    base=st.text(min_size=1).filter(str.strip),
    losses=st.dictionaries(st.sampled_from(list(LOSSES)), positive, min_size=1).map(
        lambda losses: tuple(losses.items())
    ),
    temperature=positive,
    batch_size=st.integers(2, 999),
    tuning=st.sampled_from(Tuning),
    precision=st.sampled_from(Precision),
    lora=st.builds(
        LoraConfig,
        rank=st.integers(1, 64),
        modules=st.lists(st.text(min_size=1), min_size=1).map(tuple),
    ),
    query_length=st.none() | st.integers(4, 512),
    bucketing=st.booleans(),
    specs=st.lists(st.text()).map(tuple),
)


@given(configs)
def test_what_was_written_is_read(config: RunConfig) -> None:
    from pathlib import Path

    assert config_problems(config) == {}
    assert parse_config(json.loads(config_text(config)), Path("config.json")) == config


def test_a_file_needs_no_more_than_its_base(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"base": "offline"}')
    assert read_config(path) == RunConfig(base="offline")
    write_config(RunConfig(base="x", epochs=2), path)
    assert read_config(path).epochs == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"base": "b", "lerning_rate": 1}', "lerning_rate is no setting"),
        ('{"base": "b", "lora": {"ranks": 1}}', "lora.ranks is no setting"),
        ('{"epochs": 2}', "base is missing"),
        ('{"base": "b", "epochs": "2"}', "epochs should be a number, not '2'"),
        ('{"base": "b", "batch_size": 2.5}', "batch_size should be a whole number"),
        ('{"base": "b", "batch_size": true}', "batch_size should be a whole number"),
        ('{"base": "b", "tuning": "some"}', "tuning should be one of lora, full"),
        ('{"base": "b", "losses": {"mze": 1}}', "losses should name some of mse"),
        ('{"base": "b", "losses": {}}', "losses should name at least one loss"),
        ('{"base": "b", "losses": {"mse": -1}}', "losses should have weights above 0"),
        ('{"base": "b", "losses": ["mse"]}', "losses should be an object"),
        ('{"base": "b", "specs": "s"}', "specs should be a list of texts"),
        ('{"base": "b", "lora": {"dropout": 1}}', "lora.dropout should be at least 0 and less"),
        ('{"base": "b", "learning_rate": NaN}', "learning_rate should be more than 0"),
        ('{"base": "b", "batch_size": 1, "seed": -1}', "at least 2, not 1 and 1 more"),
        ("[1]", "a JSON object"),
        ("{", "not JSON"),
    ],
)
def test_what_is_wrong_is_told_by_file_and_field(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_config(path)
    assert told in caught.value.what
    assert caught.value.where == str(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_config(tmp_path / "config.json")


def test_every_problem_is_told_to_a_form() -> None:
    config = replace(RunConfig(base=" "), temperature=0, lora=LoraConfig(rank=0, modules=()))
    assert set(config_problems(config)) == {"base", "temperature", "lora.rank", "lora.modules"}
