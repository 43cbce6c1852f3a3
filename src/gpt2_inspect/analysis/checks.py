"""Checking the numbers that a question comes with. Options are named as Python spells them."""

from ..errors import UsageError
from ..messages import Counted, Message, Option


def check_positive(name: str, count: int) -> None:
    """Raise UsageError unless `count` is 1 or more."""
    if count < 1:
        raise UsageError(Message("{option} is {value}; it must be 1 or more", option=Option(name), value=count))


def check_count(name: str, count: int, most: int, what: Message) -> None:
    """Raise UsageError unless `count` is 1 to `most`; `what` says where that limit comes from."""
    if not 1 <= count <= most:
        raise UsageError(
            Message(
                "{option} is {value}; it must be between 1 and {what}, {most}",
                option=Option(name),
                value=count,
                what=what,
                most=most,
            )
        )


def check_top_k(top_k: int, vocab_size: int, name: str = "top_k") -> None:
    """Raise UsageError if there are not so many candidates."""
    check_count(name, top_k, vocab_size, Message("the vocabulary's size"))


def check_index(name: str, index: int, count: int, what: Message) -> None:
    """Raise UsageError unless `index` is 0 to `count` - 1; `what` names the things that it counts."""
    if not 0 <= index < count:
        raise UsageError(
            Message(
                "{option} is {value}; {what} go from 0 to {last}",
                option=Option(name),
                value=index,
                what=what,
                last=count - 1,
            )
        )


def check_position(position: int, tokens: int) -> int:
    """The position in a text, negative ones counted from its end, as one counted from 0. Raises UsageError."""
    if not -tokens <= position < tokens:
        raise UsageError(
            Message(
                "{option} is {value}; the text has {counted}, from 0 to {last} or -{tokens} to -1",
                option=Option("position"),
                value=position,
                counted=Counted("{n} token", "{n} tokens", n=tokens),
                last=tokens - 1,
                tokens=tokens,
            )
        )
    return position % tokens
