"""Words and signs shared by the screens; a grade is never shown by colour alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from textual.content import Content

from core.text import displayable_line

if TYPE_CHECKING:
    from core.errors import RejudgeError
    from core.records import Judge

    #: What ``Content.assemble`` takes.
    Part = str | tuple[str, str] | Content

GRADE_WORDS: Final = ("irrelevant", "same topic", "partly", "good match", "exact")
GRADE_NUMBERS: Final = (1, 2, 3, 4, 5)
WIDEST_GRADE_WORD: Final = max(map(len, GRADE_WORDS))

_GRADE_STYLES: Final = (
    "$text-error",
    "$text-warning",
    "$foreground",
    "$text-primary",
    "$text-success",
)
_JUDGE_BADGES: Final = {
    "lexical": "lexical baseline, no model",
    "sample": "sample: shipped with rejudge",
    "imported": "imported scores",
}
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"

DIM: Final = "$foreground 60%"
STRONG: Final = "bold $foreground"
BRAND: Final = (" rejudge ", "bold reverse $text-accent")


def grade_word(grade: int) -> str:
    """Return the word of a grade from 1 to 5."""
    return GRADE_WORDS[grade - 1]


def grade_style(grade: int) -> str:
    """Return the style of a grade from 1 to 5."""
    return _GRADE_STYLES[grade - 1]


def grade_mark(grade: int) -> Content:
    """Return a grade as digit, bar and word: ``4 ████░ good match``."""
    style = grade_style(grade)
    return Content.assemble(
        (f"{grade} ", f"bold {style}"),
        ("█" * grade, style),
        ("░" * (5 - grade), DIM),
        (f" {grade_word(grade)}", f"bold {style}"),
    )


def bar(share: float, width: int) -> str:
    """Return a bar of ``share`` (0 to 1) of ``width`` cells, in eighths of a cell."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def judge_name(judge: Judge) -> Content:
    """Return a judge's name and what kind of judge it is."""
    name = displayable_line(judge.name)
    badge = _JUDGE_BADGES.get(judge.kind.value) or displayable_line(judge.model or "model")
    if badge.startswith(name):
        return Content.assemble((name, "bold"), (badge.removeprefix(name), DIM))
    return Content.assemble((name, "bold"), (f"  {badge}", DIM))


def shown_folder(folder: Path) -> str:
    """Return a folder with ``~`` for the home folder."""
    home = str(Path.home())
    text = str(folder)
    inside = text == home or text.startswith(home.rstrip("/") + "/")
    return displayable_line("~" + text[len(home.rstrip("/")) :] if inside and home != "/" else text)


def percent(part: int, whole: int) -> str:
    """Return a share with its counts, ``83% (10 of 12)``; ``none yet`` when ``whole`` is 0."""
    return f"{100 * part / whole:.0f}% ({part:,} of {whole:,})" if whole else "none yet"


def counted(number: int, word: str) -> str:
    """Return a count with its noun: ``1 pair``, ``2,000 queries``."""
    if number == 1:
        return f"1 {word}"
    plural = word[:-1] + "ies" if word.endswith("y") else word + "s"
    return f"{number:,} {plural}"


def error_text(error: RejudgeError) -> Content:
    """Return an error in full: what, where, and what to do."""
    parts: list[Part] = [
        ("✗ ", "bold $text-error"),
        (displayable_line(error.what), "bold $text-error"),
    ]
    if error.where:
        parts += ["\n\n", ("where  ", DIM), displayable_line(error.where)]
    if error.todo:
        parts += ["\n\n", ("to do  ", DIM), displayable_line(error.todo)]
    return Content.assemble(*parts)
