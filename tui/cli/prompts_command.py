"""``rejudge prompts``: the prompt versions of LLM judges."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError
from core.store.opening import open_workspace_store
from core.text import displayable_line
from tui.cli.answers import answer
from tui.cli.arguments import add_json_argument, workspace_of
from tui.cli.judge_options import read_rubric

if TYPE_CHECKING:
    import argparse

    from core.store.database import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument(
        "action",
        nargs="?",
        default="list",
        choices=["list", "show", "save"],
        help="list them, show one's rubric, or save a rubric under a name",
    )
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="the version's name")
    parser.add_argument("--rubric", type=Path, metavar="FILE", help="the rubric to save")
    parser.add_argument(
        "--examples", type=int, default=0, metavar="N", help="show the judge N audited pairs"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the examples' draw")
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """List, show or save."""
    workspace = workspace_of(arguments)
    workspace.require()
    with open_workspace_store(workspace) as store:
        if arguments.action == "list":
            _list(store, arguments)
        elif arguments.action == "show":
            _show(store, arguments)
        else:
            _save(store, arguments)
    return 0


def _list(store: Store, arguments: argparse.Namespace) -> None:
    from labels.workshop.prompts import DEFAULT_NAME, saved_prompts

    saved = saved_prompts(store)
    lines = [f"{DEFAULT_NAME}: the one that comes with the program"]
    lines += [
        displayable_line(
            f"{one.name}: saved {one.saved:%Y-%m-%d %H:%M}, {one.examples} examples,"
            f" {len(one.rubric):,} characters"
        )
        for one in saved
    ]
    document = {
        "prompts": [
            {"name": one.name, "saved": one.saved.isoformat() + "Z", "examples": one.examples}
            for one in saved
        ]
    }
    answer(arguments, document, lines)


def _show(store: Store, arguments: argparse.Namespace) -> None:
    from labels.workshop.prompts import DEFAULT_NAME, load_prompt

    name = arguments.name or DEFAULT_NAME
    prompt = load_prompt(store, name)
    examples = [
        {"pair": str(one.pair_id), "query": one.query.text, "grade": one.grade}
        for one in prompt.examples
    ]
    document = {"name": name, "rubric": prompt.rubric, "examples": examples}
    answer(arguments, document, prompt.rubric.split("\n"))


def _save(store: Store, arguments: argparse.Namespace) -> None:
    from core.ids import prompt_version
    from labels.judges.prompt import RUBRIC, prompt_text
    from labels.workshop.prompts import save_prompt

    if not arguments.rubric and not arguments.examples:
        raise InputError("there is nothing to save", todo="Give --rubric FILE or --examples N.")
    rubric = read_rubric(arguments.rubric) if arguments.rubric else RUBRIC
    prompt = save_prompt(
        store, arguments.name, rubric, examples=arguments.examples, seed=arguments.seed
    )
    version = prompt_version(prompt_text(prompt))
    document = {"name": prompt.name, "prompt_version": version, "examples": len(prompt.examples)}
    line = f"saved {prompt.name}, prompt {version}, {len(prompt.examples)} examples"
    answer(arguments, document, [displayable_line(line)])
