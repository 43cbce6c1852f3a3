"""`gpt2-inspect compare`: two prompts, models, temperatures or seeds side by side."""

from typing import Annotated, Any

import typer

from .. import analysis
from ..errors import UsageError
from ..messages import Message, say
from . import options
from .command import Request


def compare(
    request: Request,
    text: options.Text,
    other: Annotated[
        str | None, typer.Argument(metavar="[OTHER]", help=say("A second text, to compare with the first."))
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            help=say("As for every command; given twice, the second one is compared with the first."),
        ),
    ] = None,
    temperature: Annotated[
        list[float] | None,
        typer.Option("--temperature", "-t", help=say("Sample, with the logits divided by this; may be given twice.")),
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option(
            "--seed",
            help=say("Seed of the sampling; may be given twice. By default one for both sides."),
        ),
    ] = None,
    steps: Annotated[int, typer.Option("--steps", "-n", help=say("How many tokens to add on each side."))] = 5,
    top_k: Annotated[
        int, typer.Option("--top-k", "-k", help=say("How many candidates of each side to show at each step."))
    ] = 3,
    top_p: Annotated[
        float | None,
        typer.Option("--top-p", help=say("Sample from the fewest tokens whose probabilities sum to this.")),
    ] = None,
    sample_top_k: Annotated[
        int | None, typer.Option("--sample-top-k", help=say("Sample from this many of the most probable tokens."))
    ] = None,
    ignore_eos: Annotated[bool, typer.Option("--ignore-eos", help=say("Go on after an end token."))] = False,
) -> None:
    """Put two texts, models, temperatures or seeds side by side.

    What is given twice is what is compared: the first counts for side A, the second for side B; all else is the same
    for both. Each side goes on with its own tokens. At each step stand the candidates of both with the probabilities
    that they have on either side, and how far the two distributions are apart.

    Examples:
        gpt2-inspect compare "The cat sat on the" "The king sat on the"
        gpt2-inspect compare "Once upon a time" -t 0.5 -t 1.2 --seed 3
    """
    from ..session import Side
    from ..session import compare as compare_sides

    texts = [text] if other is None else [text, other]
    if texts == ["-", "-"]:
        raise UsageError(Message("only one of the texts can be read from standard input"))
    models = _pair("--model", model or [request.default_model])
    temperatures, seeds = _pair("--temperature", temperature), _pair("--seed", seed)
    if all(len(given or ()) < 2 for given in (texts, model, temperature, seed)):
        raise UsageError(
            Message("there is nothing to compare: both sides are the same"),
            Message("give a second text, or --model, --temperature or --seed twice"),
        )
    kind = analysis.NextTokensQuestion
    questions = [
        request.question(kind, temperature=temperature, seed=seed)
        for temperature, seed in zip(temperatures, seeds, strict=True)
    ]
    if seed and len(seed) == 2 and not any(question.sampled for question in questions):
        raise UsageError(
            Message("--seed does nothing without --temperature, --top-p or --sample-top-k"),
            Message("add --temperature 1"),
        )
    asked = [request.streams.read_text(each) for each in texts]
    with request.open_output() as out:
        opened = {name: request.open_session_of(name, "\n".join(asked)) for name in dict.fromkeys(models)}
        sessions = [opened[name] for name in models]
        sides = [Side(*side) for side in zip(sessions, (asked[0], asked[-1]), questions, strict=True)]
        out.write(compare_sides(*sides))


def _pair(option: str, given: list[Any] | None) -> tuple[Any, Any]:
    """What the option says for both sides. Raises UsageError if it was given more than twice."""
    if not given:
        return None, None
    if len(given) > 2:
        raise UsageError(
            Message("{option} is given {times} times; two sides are compared", option=option, times=len(given))
        )
    return given[0], given[-1]
