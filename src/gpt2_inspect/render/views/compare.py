"""`compare`: what each side is and says, and each step's tokens with both sides' probabilities."""

import math
from collections.abc import Iterator
from typing import Any

from ...messages import say
from ...results.compare import ComparedStep, ComparedToken, Comparison, Standing
from ..formats import Page
from ..sections import Cell, Column, Facts, Grid, Row, Section
from ..signs import signs
from ..visible import visible_line, visible_token
from . import decimal, legend, model_and_backend, percent


def sections(result: Comparison, page: Page) -> list[Section]:
    """What the sides are and say, their steps, and what the numbers mean."""
    steps = _steps(result)
    meanings = legend([steps], say("{mark} taken", mark=signs().chosen))
    return [_sides(result), steps, Facts((*meanings, *_outcome(result), *_models(result)))]


def _sides(result: Comparison) -> Grid:
    """The two texts, with all in which the sides differ."""
    columns = [Column(say("side"))]
    rows = [[Cell("A")], [Cell("B")]]
    for heading, number, values in differences(result):
        columns.append(Column(heading, number=number))
        for row, value in zip(rows, values, strict=True):
            row.append(Cell(value))
    columns.append(Column(say("text")))
    for row, side in zip(rows, (result.a, result.b), strict=True):
        row.append(Cell(visible_line(side.steps[0].context + side.completion.text)))
    return Grid(tuple(columns), tuple(map(tuple, rows)))


def differences(result: Comparison) -> Iterator[tuple[str, bool, tuple[str, str]]]:
    """What tells the sides apart beside the text: its heading, whether it is a number, and both values."""
    return ((heading, number, values) for heading, number, values in _settings(result) if values[0] != values[1])


def _settings(result: Comparison) -> Iterator[tuple[str, bool, tuple[str, str]]]:
    """All that may."""

    def of_both(value: Any) -> tuple[str, str]:
        a, b = (value(side) for side in (result.a, result.b))
        return (signs().nothing if a is None else str(a), signs().nothing if b is None else str(b))

    yield say("model"), False, of_both(lambda side: visible_line(side.model.name))
    yield say("temperature"), True, of_both(lambda side: side.decoding.temperature)
    yield say("top-p"), True, of_both(lambda side: side.decoding.top_p)
    yield say("top-k"), True, of_both(lambda side: side.decoding.sample_top_k)
    yield say("seed"), True, of_both(lambda side: side.run.seed)


def _steps(result: Comparison) -> Grid:
    headings = ("A", "B", *(("KL(A||B)", "KL(B||A)") if result.same_vocabulary else ()))
    return Grid(
        (
            Column(say("step"), number=True),
            Column(say("token")),
            *(Column(heading, number=True) for heading in headings),
            Column(say("they part"), below=True),
        ),
        tuple(row for step in result.steps for row in _rows(step, result.same_vocabulary)),
        keys=2,
    )


def _rows(step: ComparedStep, same_vocabulary: bool) -> Iterator[Row]:
    """One for each token; what is true of the whole step stands in the first, where they part below the last."""
    bits = (step.kl_a_b_bits, step.kl_b_a_bits) if same_vocabulary else ()
    head = tuple(map(Cell, (str(step.step), *map(bits_shown, bits))))
    for index, token in enumerate(step.candidates):
        number, *divergences = (Cell(""),) * len(head) if index else head
        last = index == len(step.candidates) - 1
        strong = any(standing is not None and standing.chosen for standing in (token.a, token.b))
        yield (
            number,
            Cell(compared_token(token), strong=strong),
            _standing(token.a),
            _standing(token.b),
            *divergences,
            Cell(_parting(step) if last and step.parts else ""),
        )


def compared_token(token: ComparedToken) -> str:
    """As people see it."""
    return visible_token(token.token, token.bytes)


def _standing(standing: Standing | None) -> Cell:
    """The probability that the side takes the token with, and whether it does."""
    if standing is None:
        return Cell(f"{signs().nothing}  ")
    prob = say("cut") if standing.prob_final == 0 else percent(standing.prob_final)
    return Cell(f"{prob} {signs().chosen if standing.chosen else ' '}", standing.prob_final, standing.chosen)


def bits_shown(bits: float | None) -> str:
    """A divergence, which may be infinite."""
    return signs().infinite if bits == math.inf else decimal(bits)


def _parting(step: ComparedStep) -> str:
    a = next((token for token in step.candidates if token.a and token.a.chosen), None)
    b = next((token for token in step.candidates if token.b and token.b.chosen), None)
    if a and b:
        return say("A takes {a} and B takes {b}", a=compared_token(a), b=compared_token(b))
    return say("A goes on, B has ended") if a else say("B goes on, A has ended")


def _outcome(result: Comparison) -> Iterator[str]:
    if result.first_divergence is None:
        yield say("both take the same tokens")
    elif result.first_divergence < len(result.steps):
        yield say(
            "they part at step {step}; from then on each is asked about its own text", step=result.first_divergence
        )
    else:
        yield say("they part at step {step}", step=result.first_divergence)
    if result.same_vocabulary:
        yield say(
            "KL(A||B): bits that a token drawn from A costs beyond need where B's probabilities are expected; 0 if "
            "both are the same"
        )
    else:
        yield say("KL: none, for the models have different vocabularies; tokens are matched by their bytes")
    if any(side.decoding.strategy == "sample" for side in (result.a, result.b)):
        yield say("probabilities are those after temperature and filters, which tokens are drawn with")


def _models(result: Comparison) -> Iterator[str]:
    """Which models and backends; one that both have once."""
    for a, b in zip(*map(model_and_backend, (result.a, result.b)), strict=True):
        if a == b:
            yield a
        else:
            yield say("{side}: {line}", side="A", line=a)
            yield say("{side}: {line}", side="B", line=b)
