"""`logits`: which place each position ranks, softmax step by step, and the same candidates at other temperatures."""

from collections.abc import Sequence
from itertools import pairwise

from ...messages import Option, listed, say, say_n
from ...results.logits import AtTemperature, Logits, LogitsPosition, Softmax, SoftmaxCandidate, TemperedCandidate
from ..formats import Page
from ..sections import Cell, Column, Facts, Grid, Row, Section
from ..signs import signs
from . import decimal, legend, model_and_backend, percent, visible

_LAST = 8
"""Positions of a long text that are shown."""


def sections(result: Logits, page: Page) -> list[Section]:
    """Which place each position ranks, the way from the logits of one to probabilities, and temperatures."""
    shown = _shown(result)
    left_out = len(result.positions) - len(shown)
    note = say_n(
        "{n} position is left out; {option} shows it",
        "{n} positions are left out; {option} shows them",
        n=left_out,
        option=Option("all_positions").on_command_line(),
    )
    notes = [Facts((note,))] if left_out else []
    above: list[Section] = [_places(result, shown), *notes, _softmax(result), *_temperatures(result)]
    return [*above, Facts((*legend(above), *model_and_backend(result)))]


def _shown(result: Logits) -> Sequence[LogitsPosition]:
    """All positions, or of a long text the last ones and the chosen one."""
    positions = result.positions
    if result.options["all_positions"]:
        return positions
    last = positions[-_LAST:]
    return last if result.position >= last[0].index else (positions[result.position], *last)


def _places(result: Logits, shown: Sequence[LogitsPosition]) -> Grid:
    columns = (
        Column(say("position i"), number=True),
        Column(say("token")),
        Column(say("logits[i] rank first")),
        Column(say("what stands at i + 1")),
        Column(say("its rank"), number=True),
    )
    rows: list[Row] = []
    gap = tuple(Cell(signs().cut) for _ in columns)
    if shown[0].index > 0:
        rows.append(gap)
    for place, after in pairwise((*shown, None)):
        assert place is not None
        rows.append(_place(place))
        if after is not None and after.index > place.index + 1:
            rows.append(gap)
    batch, tokens, vocabulary = result.shape
    title = say(
        "logits [{batch}, {tokens}, {vocabulary}]: batch, tokens, vocabulary. logits[i] ranks what stands at i + 1: no "
        "position ranks its own token.",
        batch=batch,
        tokens=tokens,
        vocabulary=vocabulary,
    )
    return Grid(columns, tuple(rows), title=title)


def _place(place: LogitsPosition) -> Row:
    following = place.next_token
    hit = following is not None and following.rank == 1
    return (
        Cell(str(place.index)),
        Cell(visible(place)),
        Cell(visible(place.argmax), place.argmax.prob, hit, percent(place.argmax.prob)),
        Cell(say("(the next token)")) if following is None else Cell(visible(following), following.prob, hit),
        Cell(signs().nothing if following is None else str(following.rank)),
    )


def _softmax(result: Logits) -> Grid:
    """A row for each candidate, one for the others together, and one for the sum."""
    softmax, size = result.softmax, result.model.vocab_size
    columns = (
        Column(say("rank"), number=True),
        Column(say("token")),
        Column(say("logit"), number=True),
        Column(say("minus {largest}", largest=decimal(softmax.largest_logit)), number=True),
        Column(say("exp"), number=True),
        Column(say("/ {sum} = prob", sum=decimal(softmax.sum_exp, 4)), number=True),
        Column(say("logprob"), number=True),
    )
    rows = [*map(_steps, softmax.candidates), *_others(softmax, size)]
    rows.append(_sum(say_n("all {n}", "all {n}", n=size), softmax.sum_exp, 1.0))
    title = say(
        "softmax of logits[{position}], after {token}; log-sum-exp {log_sum_exp}, entropy {entropy} bits",
        position=result.position,
        token=visible(result.prompt.tokens[result.position]),
        log_sum_exp=decimal(softmax.log_sum_exp),
        entropy=decimal(softmax.entropy_bits, 2),
    )
    return Grid(columns, tuple(rows), title=title, keys=2)


def _steps(candidate: SoftmaxCandidate) -> Row:
    return (
        Cell(str(candidate.rank)),
        Cell(visible(candidate)),
        Cell(decimal(candidate.logit)),
        Cell(decimal(candidate.shifted_logit)),
        Cell(_exponential(candidate.exp)),
        Cell(percent(candidate.prob), candidate.prob),
        Cell(decimal(candidate.logprob)),
    )


def _others(softmax: Softmax, size: int) -> list[Row]:
    """What is not listed, together."""
    others = size - len(softmax.candidates)
    if not others:
        return []
    exponentials = max(0.0, softmax.sum_exp - sum(candidate.exp for candidate in softmax.candidates))
    label = say_n("the other", "the other {n}", n=others)
    return [_sum(label, exponentials, exponentials / softmax.sum_exp)]


def _sum(label: str, exponentials: float, prob: float) -> Row:
    empty = Cell("")
    return (empty, Cell(label), empty, empty, Cell(_exponential(exponentials)), Cell(percent(prob)), empty)


def _exponential(value: float) -> str:
    """With four decimals, and no false zero."""
    return decimal(value, 4) if value >= 0.0005 or value == 0 else f"{value:.1e}"


def _temperatures(result: Logits) -> list[Grid]:
    if result.temperatures is None:
        return []
    filters = {"top-k": result.options["sample_top_k"], "top-p": result.options["top_p"]}
    given = [f"{name} {value}" for name, value in filters.items() if value is not None]
    title = say("the same with each logit divided by a temperature T")
    if given:
        title = say("{title}, then cut by {filters}", title=title, filters=listed(given))
    columns = (
        Column(say("rank"), number=True),
        Column(say("token")),
        *(
            Column(say("T = {temperature}", temperature=f"{at.temperature:g}"), number=True)
            for at in result.temperatures
        ),
    )
    rows = [
        (Cell(str(same[0].rank)), Cell(visible(same[0])), *(_tempered(candidate, bool(given)) for candidate in same))
        for same in zip(*(at.candidates for at in result.temperatures), strict=True)
    ]
    rows.append((Cell(""), Cell(say("entropy, bits")), *(_entropy(at, bool(given)) for at in result.temperatures)))
    if given:
        kept = (Cell(str(at.tokens_kept)) for at in result.temperatures)
        rows.append((Cell(""), Cell(say("tokens kept")), *kept))
    return [Grid(columns, tuple(rows), title=title, keys=2)]


def _tempered(candidate: TemperedCandidate, filtered: bool) -> Cell:
    """Shaded by what it would be drawn with."""
    before = percent(candidate.prob_at_temperature)
    if not filtered:
        return Cell(before, candidate.prob_at_temperature)
    return Cell(_then(before, percent(candidate.prob_final) if candidate.kept else say("cut")), candidate.prob_final)


def _entropy(at: AtTemperature, filtered: bool) -> Cell:
    before = decimal(at.entropy_bits, 2)
    return Cell(_then(before, decimal(at.entropy_final_bits, 2)) if filtered else before)


def _then(before: str, after: str) -> str:
    """Without a filter and with it; the arrows stand below each other in a column that goes to the right."""
    return f"{before} {signs().becomes} {after:>6}"
