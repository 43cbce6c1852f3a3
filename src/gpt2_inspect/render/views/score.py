"""`score`: a row for each token and proposal; for people, a grid of the tokens and one of what each proposes."""

import math
from typing import Any

from ...results.score import Score, ScoredToken
from ..blocks import Block, Cell, Column, Facts, Grid
from . import (
    CANDIDATE_COLUMNS,
    TOKEN_COLUMNS,
    candidate_values,
    decimal,
    model_and_backend,
    percent,
    token_values,
    visible,
)

MEASURES = ("logprob", "prob", "rank", "surprisal_bits", "entropy_bits")
KEYS = (Column("index", number=True), Column("token"))


def tidy(result: Score) -> tuple[list[str], list[list[Any]]]:
    """One row for each token and rank of a proposal; the measures are empty for a token with nothing before it."""
    header = ["prompt_index", "index", *TOKEN_COLUMNS, *MEASURES]
    header += [f"next_{name}" for name in CANDIDATE_COLUMNS]
    rows = []
    for token in result.positions:
        row = [0, token.index, *token_values(token), *(getattr(token, name) for name in MEASURES)]
        rows += [[*row, *candidate_values(candidate)] for candidate in token.next_top_logprobs]
    return header, rows


def blocks(result: Score) -> list[Block]:
    """How each token fared, what each position proposes, and the totals."""
    scores = Grid(
        (*KEYS, *(Column(name, number=True) for name in ("prob", "rank", "surprisal", "entropy"))),
        tuple(map(_score, result.positions)),
        title="each token, given those before it; surprisal and entropy in bits",
        keys=len(KEYS),
    )
    following = [*(token.id for token in result.positions[1:]), None]
    ranks = range(1, len(result.positions[0].next_top_logprobs) + 1)
    proposals = Grid(
        (*KEYS, *(Column(f"top {rank}") for rank in ranks)),
        tuple(_proposals(token, actual) for token, actual in zip(result.positions, following, strict=True)),
        title="what the logits at each token propose for the next place; ◀ is what stands there",
    )
    return [scores, proposals, Facts((*_totals(result), *model_and_backend(result)))]


def _score(token: ScoredToken) -> tuple[Cell, ...]:
    return (
        Cell(str(token.index)),
        Cell(visible(token), token.prob),
        Cell("–" if token.prob is None else percent(token.prob), token.prob),
        Cell("–" if token.rank is None else str(token.rank)),
        Cell(decimal(token.surprisal_bits, 2)),
        Cell(decimal(token.entropy_bits, 2)),
    )


def _proposals(token: ScoredToken, actual: int | None) -> tuple[Cell, ...]:
    cells = []
    for candidate in token.next_top_logprobs:
        taken = candidate.id == actual
        cells.append(Cell(f"{visible(candidate)} {'◀ ' * taken}{percent(candidate.prob)}", candidate.prob, taken))
    return (Cell(str(token.index)), Cell(visible(token)), *cells)


def _totals(result: Score) -> list[str]:
    totals = result.totals
    lines = []
    if totals.perplexity is not None:
        scored = f"{totals.tokens_scored} token{'s' * (totals.tokens_scored != 1)} scored"
        line = f"{scored}: logprob {totals.logprob:.3f}, perplexity {_perplexity(totals.perplexity)}"
        lines.append(line if totals.bits_per_byte is None else f"{line}, {totals.bits_per_byte:.3f} bits per byte")
    if not result.prompt.bos_added:
        lines.append("the first token is not scored: nothing stands before it (--bos changes that)")
    return lines


def _perplexity(perplexity: float) -> str:
    if math.isinf(perplexity):
        return "beyond 1e308"
    return f"{perplexity:.2f}" if perplexity < 1e9 else f"{perplexity:.3g}"
