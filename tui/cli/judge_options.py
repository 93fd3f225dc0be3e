"""The options of ``rejudge judge``: what they are, what they may be, and the judge they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import InputError, JudgeError
from core.records import QueryKind

if TYPE_CHECKING:
    import argparse
    from uuid import UUID

    from core.store.database import Store
    from labels.judges.judging import JudgingPlan
    from labels.judges.llm import LlmSettings
    from labels.judges.prompt import JudgePrompt


_MOST_AT_A_TIME: Final = 1024
_MOST_SAMPLES: Final = 100
_HOTTEST: Final = 2
_LONGEST: Final = 3600


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which model is asked, where, and how patiently."""
    parser.add_argument("--model", default="", metavar="M", help="the model's name on its server")
    parser.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible server")
    parser.add_argument("--concurrency", type=int, default=8, metavar="N", help="calls at a time")
    parser.add_argument("--timeout", type=float, default=120.0, metavar="S", help="seconds a try")
    parser.add_argument("--tries", type=int, default=4, metavar="N", help="tries for each call")
    parser.add_argument(
        "--max-tokens", type=int, default=2048, metavar="N", help="length of a reply (2048)"
    )


def check_model_arguments(arguments: argparse.Namespace) -> None:
    """Raise InputError for a number that is out of range, JudgeError where no model is named."""
    if not 1 <= arguments.concurrency <= _MOST_AT_A_TIME:
        raise InputError(f"--concurrency takes a number from 1 to {_MOST_AT_A_TIME}")
    if not 0 < arguments.timeout <= _LONGEST:
        raise InputError(f"--timeout takes seconds, more than 0 and at most {_LONGEST}")
    if arguments.tries < 1 or arguments.max_tokens < 1:
        raise InputError("--tries and --max-tokens take numbers from 1 up")
    if not arguments.model:
        raise JudgeError("no model is named", todo="Name one with --model M")


def add_llm_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what makes an LLM judge what it is."""
    parser.add_argument(
        "--temperature", type=float, metavar="T", help="0 to 2 (0; 1 with several samples)"
    )
    parser.add_argument(
        "--samples", type=int, default=1, metavar="N", help="ask N times about each pair (1)"
    )
    parser.add_argument(
        "--no-logprobs",
        action="store_true",
        help="do not ask for token probabilities, from which the distribution comes",
    )
    parser.add_argument("--rubric", type=Path, metavar="FILE", help="another rubric, as text")
    parser.add_argument("--prompt", default="", metavar="NAME", help="a saved prompt version")
    parser.add_argument("--save", default="", metavar="NAME", help="save the rubric as a version")
    parser.add_argument(
        "--examples", type=int, default=0, metavar="N", help="show the judge N audited pairs"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the examples' draw")


def check_llm_arguments(arguments: argparse.Namespace) -> None:
    """Check them, and fill in the temperature.

    Raises:
        InputError: one of them, or two together, cannot be used.
    """
    if not 1 <= arguments.samples <= _MOST_SAMPLES:
        raise InputError(f"--samples takes a number from 1 to {_MOST_SAMPLES}")
    if arguments.temperature is None:
        arguments.temperature = 0.0 if arguments.samples == 1 else 1.0
    if not 0 <= arguments.temperature <= _HOTTEST:
        raise InputError(f"--temperature takes a number from 0 to {_HOTTEST}")
    if arguments.samples > 1 and arguments.temperature == 0:
        raise InputError(
            "at temperature 0 every sample is the same",
            todo="Leave --temperature out, or give one above 0.",
        )
    if arguments.prompt and (arguments.rubric or arguments.save or arguments.examples):
        raise InputError(
            "a saved prompt has its rubric and its examples",
            todo="Give --prompt alone, or --rubric with --examples and --save.",
        )
    if arguments.save and not arguments.rubric and not arguments.examples:
        raise InputError("there is nothing to save", todo="Give --rubric FILE or --examples N.")
    if arguments.examples and not arguments.save:
        raise InputError(
            "a prompt with examples needs a name",
            todo="Give it one with --save NAME, so that the same examples are shown next time.",
        )


def llm_settings(store: Store, arguments: argparse.Namespace) -> LlmSettings:
    """Return the judge that the options name.

    Raises:
        InputError: the rubric or the prompt's name cannot be used.
        JudgeError: the server's address or the key is missing.
    """
    from labels.judges.llm import JudgeParameters, LlmSettings, llm_judge_record
    from labels.judges.server import find_server

    server = find_server(arguments.base_url, timeout=arguments.timeout, attempts=arguments.tries)
    parameters = JudgeParameters(
        arguments.temperature, arguments.max_tokens, samples=arguments.samples
    )
    prompt = _prompt(store, arguments)
    return LlmSettings(
        server,
        llm_judge_record(arguments.model, parameters, arguments.name, prompt),
        parameters,
        prompt,
        arguments.concurrency,
        not arguments.no_logprobs,
    )


def judging_plan(arguments: argparse.Namespace, pairs: tuple[UUID, ...] | None) -> JudgingPlan:
    """Return which pairs are judged, and how many at a time."""
    from labels.judges.judging import JudgingPlan

    return JudgingPlan(
        concurrency=arguments.concurrency,
        limit=arguments.limit,
        kind=QueryKind(arguments.kind) if arguments.kind else None,
        retry_failed=arguments.retry_failed,
        pairs=pairs,
    )


def read_rubric(path: Path) -> str:
    """Return the rubric in a file.

    Raises:
        InputError: it cannot be read, is not UTF-8, or is no rubric.
    """
    from labels.judges.prompt import checked_rubric

    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"the rubric cannot be read: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError:
        raise InputError("the rubric is not UTF-8 text", where=str(path)) from None
    return checked_rubric(text, str(path))


def _prompt(store: Store, arguments: argparse.Namespace) -> JudgePrompt:
    from labels.judges.prompt import DEFAULT_PROMPT, RUBRIC
    from labels.workshop.prompts import load_prompt, save_prompt, unsaved_prompt

    if arguments.prompt:
        return load_prompt(store, arguments.prompt)
    rubric = read_rubric(arguments.rubric) if arguments.rubric else RUBRIC
    if arguments.save:
        examples = arguments.examples
        return save_prompt(store, arguments.save, rubric, examples=examples, seed=arguments.seed)
    if arguments.rubric:
        return unsaved_prompt(rubric, arguments.rubric.stem)
    return DEFAULT_PROMPT
