"""The judges that ``rejudge judge --judge NAME`` offers.

A new judge is a module beside this one and an entry in ``JUDGES``: the command line, its help, the
documentation's table and the tests read them from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.errors import JudgeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.store.database import Store
    from labels.judges.judge import JudgeBackend
    from labels.judges.llm import LlmSettings

    #: Makes the judge's backend, in the asyncio loop in which it will be used.
    MakeBackend = Callable[[], JudgeBackend]
    #: Reports how many documents a judge that prepares itself has read.
    Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class JudgeOptions:
    """What a person chose. ``name`` is empty for the judge's own; ``llm`` is set for models."""

    name: str = ""
    llm: LlmSettings | None = None


@dataclass(frozen=True, slots=True)
class JudgeType:
    """A kind of judge.

    ``description`` completes "NAME: ..." in help and documentation. ``asks_model``: it takes the
    options of a model (server, prompt, samples, batches). ``prepare`` does what is slow, such as
    building an index, and returns the function that makes the backend.
    """

    description: str
    asks_model: bool
    prepare: Callable[[Store, JudgeOptions, Advance], MakeBackend]


def _prepare_llm(_store: Store, options: JudgeOptions, _advance: Advance) -> MakeBackend:
    from labels.judges.llm import LlmJudge

    if options.llm is None:
        raise JudgeError("no model is named", todo="Name one with --model M")
    settings = options.llm
    return lambda: LlmJudge(settings)


def _prepare_lexical(store: Store, options: JudgeOptions, advance: Advance) -> MakeBackend:
    from labels.judges.lexical import build_lexical_judge

    judge = build_lexical_judge(store, options.name, advance=advance)
    return lambda: judge


JUDGES: Final[dict[str, JudgeType]] = {
    "llm": JudgeType(
        description="a model on an OpenAI-compatible server",
        asks_model=True,
        prepare=_prepare_llm,
    ),
    "lexical": JudgeType(
        description="the offline baseline, which compares words",
        asks_model=False,
        prepare=_prepare_lexical,
    ),
}
