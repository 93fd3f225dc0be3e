"""What the trainer's tests share."""

from __future__ import annotations

import pytest


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the compiler out: it takes seconds for each new graph."""
    monkeypatch.setattr("train.step.trainee.may_compile", lambda: False)
