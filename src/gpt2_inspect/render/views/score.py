"""`score`: a row for each token and proposal; for people, a grid of the tokens and one of what each proposes."""

import math
from typing import Any

from ...messages import Option, say, say_n
from ...results.score import Score, ScoredToken
from ..sections import Cell, Column, Facts, Grid, Section
from ..signs import signs
from . import (
    CANDIDATE_COLUMNS,
    TOKEN_COLUMNS,
    candidate_values,
    decimal,
    model_and_backend,
    percent,
    token_values,
    top_columns,
    visible,
)

MEASURES = ("logprob", "prob", "rank", "surprisal_bits", "entropy_bits")


def tidy(result: Score) -> tuple[list[str], list[list[Any]]]:
    """One row for each token and rank of a proposal; the measures are empty for a token with nothing before it."""
    header = ["index", *TOKEN_COLUMNS, *MEASURES]
    header += [f"next_{name}" for name in CANDIDATE_COLUMNS]
    rows = []
    for token in result.positions:
        row = [token.index, *token_values(token), *(getattr(token, name) for name in MEASURES)]
        rows += [[*row, *candidate_values(candidate)] for candidate in token.next_top_logprobs]
    return header, rows


def sections(result: Score) -> list[Section]:
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
        title=say(
            "what the logits at each token propose for the next place; {mark} is what stands there", mark=signs().chosen
        ),
    )
    return [scores, proposals, Facts((*_totals(result), *model_and_backend(result)))]


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
    cells = []
    for candidate in token.next_top_logprobs:
        taken = candidate.id == actual
        cells.append(
            Cell(f"{visible(candidate)} {f'{signs().chosen} ' * taken}{percent(candidate.prob)}", candidate.prob, taken)
        )
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
