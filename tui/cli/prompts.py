"""``rejudge prompts``: the prompt versions of LLM judges."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.errors import InputError
from core.ids import prompt_version
from core.store.opening import open_workspace_store
from core.text import displayable_line
from labels.judges.prompt import RUBRIC, checked_rubric, prompt_text
from labels.workshop.prompts import DEFAULT_NAME, load_prompt, save_prompt, saved_prompts
from tui.cli.groups import OptionsFirstGroup, command, group, new_app
from tui.cli.options import Range
from tui.cli.output import Call

RubricOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A text file with the rubric. Default: rejudge's own."),
]
ExamplesOption = Annotated[
    int,
    typer.Option(metavar="N", help="Put N pairs that people graded into the prompt as examples."),
    Range(0),
]
SeedOption = Annotated[int, typer.Option(metavar="S", help="Seed of the draw of the examples.")]

app = new_app()
prompts = new_app(cls=OptionsFirstGroup)
app.add_typer(prompts, name="prompts")


@command(prompts, "list", summary="List the saved prompts.")
def list_prompts(call: Call) -> int:
    """List the saved prompts."""
    with open_workspace_store(call.workspace()) as store:
        saved = saved_prompts(store)
    lines = [f"{DEFAULT_NAME}: rejudge's own"]
    lines += [
        displayable_line(
            f"{each.name}: saved {each.saved:%Y-%m-%d %H:%M}, {each.examples} examples,"
            f" {len(each.rubric):,} characters"
        )
        for each in saved
    ]
    document = {
        "prompts": [
            {"name": each.name, "saved": each.saved.isoformat() + "Z", "examples": each.examples}
            for each in saved
        ]
    }
    call.answer(document, lines)
    return 0


group(
    prompts,
    "prompts",
    more="A prompt is a rubric, which says what each score means, and examples. Without a"
    " subcommand it lists the saved ones.",
    examples=(
        "rejudge prompts",
        "rejudge prompts save strict --rubric strict.md --examples 4",
        "rejudge judge --model gpt-4o --prompt strict",
    ),
    otherwise=list_prompts,
)


@command(
    prompts,
    "show",
    summary="Print the rubric of a prompt.",
    examples=("rejudge prompts show", "rejudge prompts show strict"),
)
def show(
    call: Call,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Its name. Default: rejudge's own prompt.")
    ] = "",
) -> int:
    """Print the rubric; with ``--json`` the examples too."""
    with open_workspace_store(call.workspace()) as store:
        prompt = load_prompt(store, name or DEFAULT_NAME)
    examples = [
        {"pair": str(each.pair_id), "query": each.query.text, "grade": each.grade}
        for each in prompt.examples
    ]
    document = {"name": name or DEFAULT_NAME, "rubric": prompt.rubric, "examples": examples}
    call.answer(document, prompt.rubric.split("\n"))
    return 0


@command(
    prompts,
    "save",
    summary="Save a rubric, examples, or both under a name.",
    examples=("rejudge prompts save strict --rubric strict.md --examples 4",),
)
def save(
    call: Call,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name to save it under.")] = "",
    rubric: RubricOption = None,
    examples: ExamplesOption = 0,
    seed: SeedOption = 0,
) -> int:
    """Save a prompt; a saved prompt never changes."""
    workspace = call.workspace()
    if rubric is None and not examples:
        raise InputError("there is nothing to save", todo="Give --rubric FILE or --examples N.")
    with open_workspace_store(workspace) as store:
        text = RUBRIC if rubric is None else read_rubric(rubric)
        prompt = save_prompt(store, name, text, examples=examples, seed=seed)
    version = prompt_version(prompt_text(prompt))
    document = {"name": prompt.name, "prompt_version": version, "examples": len(prompt.examples)}
    line = f"saved {prompt.name}, prompt {version}, {len(prompt.examples)} examples"
    call.answer(document, [displayable_line(line)])
    return 0


def read_rubric(path: Path) -> str:
    """Return the rubric in a file.

    Raises:
        InputError: it cannot be read, is not UTF-8, or is no rubric.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"the rubric cannot be read: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError:
        raise InputError("the rubric is not UTF-8 text", where=str(path)) from None
    return checked_rubric(text, str(path))
