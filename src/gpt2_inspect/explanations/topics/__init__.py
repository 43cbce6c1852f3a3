"""What a topic is about, without a run: a function for each, in the file that its kind has."""

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from ...messages import say
from ...render.sections import Cell, Column, Facts, Grid, Prose
from ..parts import code_section, see

if TYPE_CHECKING:
    from ...render.sections import Section
    from .topic import Topic

TOPICS = {
    "tokenizer": "inside",
    "end-of-text": "inside",
    "embeddings": "inside",
    "positions": "inside",
    "attention": "inside",
    "kv-cache": "inside",
    "hidden-states": "inside",
    "layer-norm": "inside",
    "head": "inside",
    "logit-lens": "inside",
    "logits": "numbers",
    "softmax": "numbers",
    "logprob": "numbers",
    "surprisal": "numbers",
    "entropy": "numbers",
    "perplexity": "numbers",
    "greedy": "choosing",
    "beam-search": "choosing",
    "sampling": "choosing",
    "temperature": "choosing",
    "top-k": "choosing",
    "top-p": "choosing",
    "max-length": "choosing",
}
"""By name, in the order in which a text goes through the model, each with its file."""


def topic_named(name: str) -> "Topic":
    """The topic with this name."""
    found: Topic = getattr(import_module(f".{TOPICS[name]}", __name__), name.replace("-", "_"))()
    return found


def topic_sections(name: str) -> "Iterator[Section]":
    """What people see of it."""
    found = topic_named(name)
    yield Prose(say("{heading}: {meaning}", heading=name, meaning=found.title), found.paragraphs)
    yield code_section(say("In Python"), found.code)
    yield Facts((say("To see it: {commands}", commands=found.shown_by), see(found.related)))


def list_sections() -> "Iterator[Section]":
    """All of them, with what they are about."""
    rows = tuple((Cell(name), Cell(topic_named(name).title)) for name in TOPICS)
    yield Grid((Column(say("topic")), Column(say("about"))), rows)
    yield Facts(
        (say("`gpt2-inspect explain TOPIC` explains one; `--explain` after most commands explains the answer."),)
    )
