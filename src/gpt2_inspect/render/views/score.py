"""`score`: a grid of the tokens, and one of what each proposes."""

import math

from ...messages import Option, say, say_n
from ...results.score import Score, ScoredToken
from ..formats import Page
from ..sections import Cell, Column, Facts, Grid, Section
from ..signs import signs
from . import (
    candidate_cell,
    decimal,
    legend,
    model_and_backend,
    percent,
    top_columns,
    visible,
)


def sections(result: Score, page: Page) -> list[Section]:
    """How each token fared, what each position proposes, and the totals."""
    keys = (Column(say("index"), number=True), Column(say("token")))
    measures = (say("prob"), say("rank"), say("surprisal"), say("entropy"))
    scores = Grid(
        (*keys, *(Column(name, number=True) for name in measures)),
        tuple(map(_score, result.positions)),
        title=say("each token, given those before it; surprisal and entropy in bits"),
        keys=len(keys),
    )
    following = [*(token.id for token in result.positions[1:]), None]
    proposals = Grid(
        (*keys, *top_columns(len(result.positions[0].next_top_logprobs))),
        tuple(_proposals(token, actual) for token, actual in zip(result.positions, following, strict=True)),
        title=say("what the model would rather put after each token"),
        keys=len(keys),
    )
    meanings = legend([scores, proposals], say("{mark} what stands there", mark=signs().chosen))
    return [scores, proposals, Facts((*meanings, *_totals(result), *model_and_backend(result)))]


def _score(token: ScoredToken) -> tuple[Cell, ...]:
    return (
        Cell(str(token.index)),
        Cell(visible(token), token.prob),
        Cell(signs().nothing if token.prob is None else percent(token.prob), token.prob),
        Cell(signs().nothing if token.rank is None else str(token.rank)),
        Cell(decimal(token.surprisal_bits, 2)),
        Cell(decimal(token.entropy_bits, 2)),
    )


def _proposals(token: ScoredToken, actual: int | None) -> tuple[Cell, ...]:
    proposed = token.next_top_logprobs
    cells = (candidate_cell(candidate, chosen=candidate.id == actual) for candidate in proposed)
    return (Cell(str(token.index)), Cell(visible(token)), *cells)


def _totals(result: Score) -> list[str]:
    totals = result.totals
    lines = []
    if totals.perplexity is not None:
        line = say_n(
            "{n} token scored: logprob {logprob}, perplexity {perplexity}",
            "{n} tokens scored: logprob {logprob}, perplexity {perplexity}",
            n=totals.tokens_scored,
            logprob=f"{totals.logprob:.3f}",
            perplexity=_perplexity(totals.perplexity),
        )
        if totals.bits_per_byte is not None:
            line = say("{line}, {number} bits per byte", line=line, number=f"{totals.bits_per_byte:.3f}")
        lines.append(line)
    if not result.prompt.bos_added:
        option = Option("bos").on_command_line()
        lines.append(
            say("the first token is not scored: nothing stands before it ({option} changes that)", option=option)
        )
    lines.append(say("what logits are, and how they become probabilities: `gpt2-inspect logits TEXT`"))
    return lines


def _perplexity(perplexity: float) -> str:
    if math.isinf(perplexity):
        return say("beyond 1e308")
    return f"{perplexity:.2f}" if perplexity < 1e9 else f"{perplexity:.3g}"
