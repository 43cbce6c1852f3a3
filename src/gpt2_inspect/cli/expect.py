"""What becomes of an expectation that is not met: an error with a code of its own, once the result is written."""

from typing import Any, NamedTuple

from ..errors import ExpectationError
from ..messages import Message
from ..render.visible import visible_line
from ..results import Token
from ..results.expectation import Expectation


class Judge(NamedTuple):
    """What tells whether a result is as expected."""

    named: bool
    """Whether a token was named, so that the expectation is about it."""
    at_step: int | None = None
    """Where `next-tokens` was to meet it."""

    def finds(self, result: Any) -> ExpectationError | None:
        """What a result with an expectation is to be told of."""
        expectation: Expectation | None = result.expectation
        if expectation is None or expectation.met:
            return None
        wanted = _wanted(expectation, self.named, self.at_step)
        return ExpectationError(_came(expectation, wanted, self.at_step), _confused(expectation))

    def check(self, result: Any) -> None:
        """Raise ExpectationError if it is not as expected."""
        if error := self.finds(result):
            raise error


def _came(expectation: Expectation, wanted: Message, at_step: int | None) -> Message:
    """What was expected, and what came instead."""
    if expectation.token is None:
        return Message("expected {wanted}, but no token was scored", wanted=wanted)
    if expectation.place is None and at_step is not None:
        return Message("expected {wanted} at step {step}, but the text ended before", wanted=wanted, step=at_step)
    if expectation.place is None:
        return Message("expected {wanted}, but the text does not have this token", wanted=wanted)
    if expectation.rank is None or expectation.prob is None:
        return Message("expected {wanted}, but nothing stands before it (--bos changes that)", wanted=wanted)
    values: dict[str, Any] = {
        "wanted": wanted,
        "place": expectation.place,
        "token": _quoted(expectation.token),
        "rank": expectation.rank,
        "prob": f"{expectation.prob:.3g}",
    }
    if expectation.best is None or expectation.best_prob is None or expectation.rank == 1:
        if at_step is not None:
            return Message("expected {wanted} at step {place}: {token} is first, probability {prob}", **values)
        return Message("expected {wanted}: {token} at index {place} is first, probability {prob}", **values)
    values |= {"best": _quoted(expectation.best), "best_prob": f"{expectation.best_prob:.3g}"}
    if at_step is not None:
        return Message(
            "expected {wanted} at step {place}: {token} has rank {rank}, probability {prob}; "
            "first is {best}, {best_prob}",
            **values,
        )
    return Message(
        "expected {wanted}: {token} at index {place} has rank {rank}, probability {prob}; first is {best}, {best_prob}",
        **values,
    )


def _wanted(expectation: Expectation, named: bool, at_step: int | None) -> Message:
    name: Message | str = Message("every token")
    if named and expectation.token is not None:
        name = _quoted(expectation.token)
    elif at_step is not None:
        name = Message("the chosen token")
    within, prob = expectation.within, expectation.min_prob
    if within is None:
        return Message("{name} with a probability of at least {prob}", name=name, prob=prob)
    if prob is not None:
        return Message(
            "{name} among the first {within} with a probability of at least {prob}", name=name, within=within, prob=prob
        )
    if within == 1:
        return Message("{name} first", name=name)
    return Message("{name} among the first {within}", name=name, within=within)


def _confused(expectation: Expectation) -> Message | None:
    if expectation.confused_with is None or expectation.token is None:
        return None
    return Message(
        "{token} is another token than {other}",
        token=_quoted(expectation.token),
        other=_quoted(expectation.confused_with),
    )


def _quoted(token: Token) -> str:
    """With its spaces as they are, to be typed."""
    return f"`{visible_line(token.token)}`"
