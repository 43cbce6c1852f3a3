"""`gpt2-inspect explain`: an idea in words, without a run."""

from typing import Annotated

import typer

from ..errors import UsageError
from ..messages import Message, say
from .app import EXPLAINED
from .streams import Streams


def explain(
    streams: Streams,
    topic: Annotated[
        str | None,
        typer.Argument(
            metavar="[TOPIC]",
            help=say("What to explain, such as softmax, top-p or kv-cache; without it all topics are listed."),
            show_default=False,
        ),
    ] = None,
) -> None:
    """Explain an idea, without a run.

    A few paragraphs, and lines of Python that show it. After most commands --explain explains the answer.

    Examples:
        gpt2-inspect explain
        gpt2-inspect explain softmax
    """
    from ..explanations.topics import TOPICS, list_sections, topic_sections
    from ..render.table import painter, section_lines
    from .terminal import choose_theme

    name = None if topic is None else topic.lower().replace("_", "-").replace(" ", "-")
    if name is not None and name not in TOPICS:
        raise _unknown(topic or "", name, list(TOPICS))
    sections = list_sections() if name is None else topic_sections(name)
    theme = choose_theme(streams, "auto", "none", shows=True)
    streams.stdout.writelines(section_lines(list(sections), streams.width, painter(theme)))


def _unknown(typed: str, name: str, topics: list[str]) -> UsageError:
    from difflib import get_close_matches

    hint = Message("`gpt2-inspect explain` lists the topics")
    if name in EXPLAINED:
        hint = Message("`gpt2-inspect {command} --explain` explains what that command answers", command=name)
    elif near := [topic for topic in topics if name and name in topic] or get_close_matches(name, topics, 1, 0.5):
        hint = Message("did you mean {topic}? `gpt2-inspect explain` lists them all", topic=near[0])
    return UsageError(Message("there is no topic {topic!r}", topic=typed), hint)
