"""Checking the numbers that a question comes with; the names are those of the command line."""

from ..errors import UsageError


def check_positive(name: str, count: int) -> None:
    """Raise UsageError unless `count` is 1 or more."""
    if count < 1:
        raise UsageError(f"{name} is {count}; it must be 1 or more")


def check_count(name: str, count: int, most: int, what: str) -> None:
    """Raise UsageError unless `count` is 1 to `most`; `what` says where that limit comes from."""
    if not 1 <= count <= most:
        raise UsageError(f"{name} is {count}; it must be between 1 and {what}, {most}")


def check_top_k(top_k: int, vocab_size: int, name: str = "--top-k") -> None:
    """Raise UsageError if there are not so many candidates."""
    check_count(name, top_k, vocab_size, "the vocabulary's size")


def check_index(name: str, index: int, count: int, what: str) -> None:
    """Raise UsageError unless `index` is 0 to `count` - 1; `what` names the things that it counts."""
    if not 0 <= index < count:
        raise UsageError(f"{name} is {index}; {what} go from 0 to {count - 1}")


def check_position(position: int, tokens: int) -> int:
    """The position in a text, negative ones counted from its end, as one counted from 0. Raises UsageError."""
    if not -tokens <= position < tokens:
        counted = f"{tokens} token{'s' * (tokens != 1)}"
        raise UsageError(f"--position is {position}; the text has {counted}, from 0 to {tokens - 1} or -{tokens} to -1")
    return position % tokens
