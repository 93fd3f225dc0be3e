"""The form of a new run, without its screen."""

from __future__ import annotations

import pytest

from core.errors import InputError
from train.config import Tuning
from tui.run_form import FIELDS, RunForm

FORM = RunForm(known_specs=("searches", "others"))


def test_each_field_reads_what_it_shows() -> None:
    for field in FIELDS:
        assert FORM.put(field.name, FORM.text(field.name)) == FORM
        assert field.help


def test_fields_become_settings() -> None:
    form = FORM
    for name, text in (
        ("base", "owner/name"),
        ("losses", "mse=1,kl=0.5"),
        ("epochs", "0.5"),
        ("learning_rate", "3e-4"),
        ("tuning", "lora 8"),
        ("batch_size", "4"),
        ("keyword_share", "0.4"),
        ("held_out_share", "0.2"),
        ("patience", "3"),
        ("specs", "searches, others"),
        ("seed", "7"),
    ):
        form = form.put(name, text)
    form = form.next_choice("judge_scores")
    assert form.config.base == "owner/name"
    assert form.config.losses == (("mse", 1.0), ("kl", 0.5))
    assert (form.config.tuning, form.config.lora.rank) == (Tuning.LORA, 8)
    assert form.config.specs == ("searches", "others")
    assert (form.plan.keyword_share, form.plan.held_out_share) == (0.4, 0.2)
    assert (form.plan.judge_scores, form.plan.seed, form.config.seed) == (True, 7, 7)
    assert form.next_choice("judge_scores").text("judge_scores") == "no"
    assert form.put("specs", "none").config.specs == ()
    assert form.text("tuning") == "lora 8"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("base", " ", "--base should name"),
        ("losses", "hinge", "hinge is no loss"),
        ("epochs", "0", "--epochs should be more than 0"),
        ("epochs", "many", "epochs takes a number"),
        ("learning_rate", "-1", "--rate should be"),
        ("learning_rate", "nan", "--rate should be"),
        ("tuning", "some", "no way to tune"),
        ("tuning", "lora 0", "--lora should be at least 1"),
        ("batch_size", "1.5", "batch takes a whole number"),
        ("keyword_share", "1", "--keyword-share should be"),
        ("specs", "nothing", "no spec nothing"),
        ("seed", "-1", "--seed should be"),
    ],
)
def test_what_a_field_cannot_hold_is_refused(name: str, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        FORM.put(name, text)
