"""`quiz`: what is said after each guess, and at the end a row for each round and the score."""

import math

from ...messages import say, say_n
from ...results import Candidate
from ...results.quiz import Quiz, Round
from ..formats import Page
from ..sections import Cell, Column, Facts, Grid, Row, Section
from ..signs import signs
from ..visible import visible_line
from . import decimal, model_and_backend, percent, visible

_TAIL = 22
"""Columns on a terminal for the end of a text."""


def sections(result: Quiz, page: Page) -> list[Section]:
    """The rounds, who was better, and how the bits are counted."""
    return [_rounds(result), Facts((*_score(result), *model_and_backend(result)))]


def welcome(rounds: int) -> list[Section]:
    """What is shown first."""
    line = say_n(
        "Guess the next word of a text. An empty line passes; Ctrl-D ends the quiz.",
        "Guess the next word, {n} times. An empty line passes; Ctrl-D ends the quiz.",
        n=rounds,
    )
    return [Facts((line,))]


def question(text: str, number: int, rounds: int) -> list[Section]:
    """What is shown before a guess."""
    return [
        Facts(
            (
                say(
                    "{number} of {rounds}: {text} {cut}",
                    cut=signs().cut,
                    number=number,
                    rounds=rounds,
                    text=visible_line(text),
                ),
            )
        )
    ]


def outcome(played: Round) -> list[Section]:
    """What is shown after it."""
    listed = list(played.top_logprobs)
    others = {each.id: each for each in (played.guess, played.truth) if each is not None}
    listed += sorted(
        (each for each in others.values() if all(each.id != other.id for other in listed)), key=lambda each: each.rank
    )
    grid = Grid(
        (
            Column(say("rank"), number=True),
            Column(say("token")),
            Column(say("prob"), number=True),
            Column(say("bits"), number=True),
            Column(""),
        ),
        tuple(_ranked(each, played) for each in listed),
    )
    return [grid, Facts((_verdict(played),))]


def _ranked(candidate: Candidate, played: Round) -> Row:
    true = candidate.id == played.truth.id
    guessed = played.guess is not None and candidate.id == played.guess.id
    mark = ""
    if true:
        mark = (
            say("{sign} you, and the text", sign=signs().chosen)
            if guessed
            else say("{sign} the text", sign=signs().chosen)
        )
    elif guessed:
        mark = say("{sign} you", sign=signs().chosen)
    return (
        Cell(str(candidate.rank)),
        Cell(visible(candidate), candidate.prob, true),
        Cell(percent(candidate.prob)),
        Cell(decimal(-candidate.logprob / math.log(2), 2)),
        Cell(mark, strong=true),
    )


def _verdict(played: Round) -> str:
    bits = {"you": decimal(played.student_bits, 2), "model": decimal(played.model_bits, 2)}
    if played.right:
        return say("Right! This round costs you {you} bits, the model {model}.", **bits)
    if played.guess is None:
        return say("No guess: this round costs you and the model {model} bits.", model=bits["model"])
    return say("No. This round costs you {you} bits, the model {model}.", **bits)


def _rounds(result: Quiz) -> Grid:
    return Grid(
        (
            Column("#", number=True),
            Column(say("after"), tail=_TAIL),
            *(Column(heading) for heading in (say("you"), say("text"), say("model"))),
            *(Column(heading, number=True) for heading in (say("your bits"), say("its bits"))),
        ),
        tuple(map(_row, result.rounds)),
        keys=1,
    )


def _row(played: Round) -> Row:
    best = played.top_logprobs[0]
    return (
        Cell(str(played.round)),
        Cell(visible_line(played.text)),
        Cell(signs().nothing if played.guess is None else visible(played.guess), strong=played.right),
        Cell(visible(played.truth)),
        Cell(visible(best), strong=played.model_right),
        Cell(decimal(played.student_bits, 2)),
        Cell(decimal(played.model_bits, 2)),
    )


def _score(result: Quiz) -> tuple[str, ...]:
    totals = result.totals
    if not totals.rounds:
        return (say("no round was played"),)
    sides = {"you": decimal(totals.student_bits, 2), "model": decimal(totals.model_bits, 2)}
    lead = totals.model_bits - totals.student_bits
    ahead = decimal(abs(lead), 2)
    if ahead == decimal(0, 2):
        verdict = say("you and the model are even")
    elif lead > 0:
        verdict = say("you beat the model by {bits} bits", bits=ahead)
    else:
        verdict = say("the model beat you by {bits} bits", bits=ahead)
    return (
        say_n(
            "{n} round: you {right} right and {you} bits, the model {model_right} right and {model} bits",
            "{n} rounds: you {right} right and {you} bits, the model {model_right} right and {model} bits",
            n=totals.rounds,
            right=totals.right,
            model_right=totals.model_right,
            **sides,
        ),
        verdict,
        say("bits: -log2 of the probability that the word of the text was given; fewer are better"),
        say("a guess is a bet of one half; the other half is spread as the model's probabilities are"),
    )
