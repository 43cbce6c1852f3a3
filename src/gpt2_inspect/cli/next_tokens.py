"""`gpt2-inspect next-tokens`: what comes next, step by step."""

from typing import Annotated

import typer

from .. import analysis
from ..errors import UsageError
from ..messages import Message, say, say_n
from ..render.columns import COLUMNS
from ..render.visible import visible_token
from . import options
from .command import Request, takes_many
from .expect import Judge


@takes_many
def next_tokens(
    request: Request,
    text: options.OneText = None,
    steps: Annotated[
        int | None,
        typer.Option("--steps", "-n", help=say("How many tokens to add (transformers' max_new_tokens). Default: 10.")),
    ] = None,
    max_length: Annotated[
        int | None,
        typer.Option(
            "--max-length",
            help=say(
                "Instead of --steps: how many tokens prompt and completion have together (transformers' max_length)."
            ),
        ),
    ] = None,
    top_k: Annotated[
        int,
        typer.Option(
            "--top-k",
            "-k",
            help=say(
                "How many candidates to show at each step. It has no bearing on the choice, as top_k has in "
                "transformers: that is --sample-top-k here."
            ),
        ),
    ] = 5,
    temperature: Annotated[
        float | None, typer.Option("--temperature", "-t", help=say("Sample, with the logits divided by this."))
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option("--top-p", help=say("Sample from the fewest tokens whose probabilities sum to this.")),
    ] = None,
    sample_top_k: Annotated[
        int | None,
        typer.Option(
            "--sample-top-k", help=say("Sample from this many of the most probable tokens (transformers' top_k).")
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help=say("Seed of the sampling: the same one draws the same tokens."))
    ] = None,
    ignore_eos: Annotated[bool, typer.Option("--ignore-eos", help=say("Go on after an end token."))] = False,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            metavar="NAMES",
            help=say("Tables also show these of each candidate: {names}.", names=",".join(COLUMNS)),
        ),
    ] = None,
    truncate_left: Annotated[
        bool, typer.Option("--truncate-left", help=say("Drop the oldest tokens of a prompt that is too long."))
    ] = False,
    expect: Annotated[
        str | None,
        typer.Option(
            "--expect", metavar="TOKEN", help=say("The token that should come at the first step, with its space.")
        ),
    ] = None,
    within: Annotated[
        int | None, typer.Option("--within", metavar="K", help=say("It may have any rank up to K. Default: 1."))
    ] = None,
    min_prob: options.MinProb = None,
    at_step: Annotated[
        int | None, typer.Option("--at-step", metavar="N", help=say("It should come at step N instead."))
    ] = None,
    plot: options.Plot = None,
    plot_size: options.PlotSize = None,
) -> None:
    """Rank the next tokens, take one, append it, and ask again.

    The most probable token is taken each time. With --temperature, --top-p or --sample-top-k it is drawn at random
    instead, and each candidate shows two probabilities: the model's, and the one it was drawn with.

    In tables `·` is a space, `⏎` a line break, and `◀` marks the token taken.

    Examples:
        gpt2-inspect next-tokens "Once upon a time" --temperature 0.8 --seed 3
        gpt2-inspect next-tokens "Once upon a" --steps 1 --expect " time" --within 3
    """
    judge = Judge(named=expect is not None, at_step=at_step or 1)
    shown = () if columns is None else parse_columns(columns)
    if request.is_about_many(text):
        _note_seed(request)
        request.refuse_with_many(plot=plot, plot_size=plot_size)
        request.answer_many(analysis.NextTokensQuestion, judge=judge, columns=shown)
        return
    prompt = request.read_text(text)
    with request.open_output(columns=shown) as out, request.open_plot() as plotter:
        session = request.open_session(prompt)
        question = request.question(analysis.NextTokensQuestion)
        table = None if plotter else out.live_table(question.command)  # a plot that has no room fails before a table
        result = session.ask(question, prompt, on_part=table.part if table else None)
        if result.prompt.bos_added:
            first = result.prompt.tokens[0]
            token = visible_token(first.token, first.bytes)
            request.streams.note(say("note: the prompt is empty; the model starts from {token}", token=token))
        _note_seed(request)
        if result.prompt.tokens_dropped:
            dropped = result.prompt.tokens_dropped
            request.streams.note(
                say_n(
                    "note: dropped the oldest token of the prompt",
                    "note: dropped the oldest {n} tokens of the prompt",
                    n=dropped,
                )
            )
        if plotter:
            plotter.draw(result)
        out.write(result)
    judge.check(result)


def _note_seed(request: Request) -> None:
    """Say so if there is a seed, and nothing that it could be for."""
    if request.own["seed"] is not None and not request.question(analysis.NextTokensQuestion).sampled:
        request.streams.note(say("note: --seed does nothing without --temperature, --top-p or --sample-top-k"))


def parse_columns(names: str) -> tuple[str, ...]:
    """The names between the commas, in their order. Raises UsageError for one that is none of COLUMNS."""
    wanted = tuple(name.strip() for name in names.split(","))
    for name in wanted:
        if name not in COLUMNS:
            raise UsageError(
                Message("there is no column {name!r}", name=name),
                Message("--columns takes some of {names}, with commas between them", names=",".join(COLUMNS)),
            )
    return tuple(dict.fromkeys(wanted))
