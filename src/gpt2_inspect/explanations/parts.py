"""What an explanation is made of, and how it is laid out below a table."""

import math
from typing import NamedTuple

from ..messages import one_of, say, say_n
from ..render.sections import Cell, Facts, Listing, Prose, Section


class Term(NamedTuple):
    """A heading of the table, in the words that it has there, and how to read what stands below it."""

    heading: str
    meaning: str


class Explanation(NamedTuple):
    """Of one result."""

    asked: tuple[str, ...]
    """A paragraph each, as all others."""
    columns: tuple[Term, ...]
    idea: tuple[str, ...]
    code: tuple[str, ...]
    """Lines of Python that compute the same with transformers. Of a language there are the comments alone."""
    topics: tuple[str, ...]
    """What `gpt2-inspect explain` says more about."""


def sections(explanation: Explanation) -> tuple[Section, ...]:
    """What people see of it."""
    terms = (say("{heading}: {meaning}", heading=heading, meaning=meaning) for heading, meaning in explanation.columns)
    return (
        Prose(say("What was asked"), explanation.asked),
        Prose(say("How to read it"), tuple(terms), listed=True),
        Prose(say("The idea"), explanation.idea),
        code_section(say("The same in transformers"), explanation.code),
        Facts((see(explanation.topics),)),
    )


def code_section(title: str, code: tuple[str, ...]) -> Listing:
    """Lines of Python, to be copied and run."""
    return Listing(tuple(map(Cell, code)), title=title)


def see(topics: tuple[str, ...]) -> str:
    """Where to read on."""
    return say("`gpt2-inspect explain TOPIC` says more; TOPIC can be {topics}", topics=one_of(topics))


def whole(number: int) -> str:
    """A number that may be large."""
    return f"{number:,}"


def tokens(count: int) -> str:
    """A number of tokens, as a part of a sentence."""
    return say_n("{n} token", "{n} tokens", n=count)


def steps(count: int) -> str:
    """A number of steps, as a part of a sentence."""
    return say_n("{n} step", "{n} steps", n=count)


def top(count: int) -> str:
    """The headings of the best candidates, as one."""
    return say("top 1") if count == 1 else say("top 1 to {last}", last=count)


def e_to_the(exponent: float) -> str:
    """A factor between two probabilities."""
    try:
        return f"{math.exp(exponent):.3g}"
    except OverflowError:
        return say("beyond 1e308")
