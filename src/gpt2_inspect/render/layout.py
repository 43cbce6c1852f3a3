"""Laying out the steps in columns for a terminal of a given width: which form fits, and the lines of each step.

Three forms, the first that fits is taken:

    wide      a row per step, each candidate as `token percent` in one line
    stacked   a row per step, each candidate's percent below its token
    tall      a row per candidate, below a line with the step and its text

Nothing is cut: what is longer than its column goes on in the next line. Only the text column is what it is called,
the tail of the text.
"""

from collections.abc import Iterator, Sequence

from ..results.next_tokens import Step
from .lines import Line, Measure, Segment, fold, pad, tail, wrap
from .views.next_tokens import CHOSEN, Proposal, proposals
from .visible import visible_line

_STEP = 4
_TEXT_LEAST, _TEXT_MOST = 14, 40
_STACKED_LEAST = 9
_TALL_LEAST = 4
_GAP = 2


class Layout:
    """Columns for `columns` candidates a step, in a terminal `width` wide; without a width as wide as `known` needs."""

    def __init__(
        self, columns: int, width: int | None, measure: Measure, sampled: bool, known: Sequence[Step] = ()
    ) -> None:
        self._measure = measure
        self._columns = columns
        self._width = width
        if width is None:
            natural = [self._natural(cell) for step in known for cell in proposals(step)]
            self._form, self._cell = "wide", max(natural, default=_STACKED_LEAST)
            texts = (measure(visible_line(step.context)) for step in known)
            self._text = min(_TEXT_MOST, max(_TEXT_LEAST, *texts, 0))
            return
        percent = len("99.9% → 99.9%") if sampled else len("99.9%")
        typical = len("·typical") + 1 + percent + 2
        available = width - _STEP - _GAP - _TEXT_LEAST
        per_column = available // columns - _GAP
        if per_column >= typical:
            self._form, self._cell = "wide", min(per_column, typical + 4)
        elif per_column >= max(_STACKED_LEAST, percent):
            self._form, self._cell = "stacked", min(per_column, max(11, percent + 2))
        else:
            beside = width - _STEP - len(">99.9% → >99.9%" if sampled else ">99.9%") - 5
            self._percent_beside = beside >= _TALL_LEAST
            self._form, self._cell = "tall", min(beside if self._percent_beside else width - _STEP - 4, 30)
        self._text = min(_TEXT_MOST, width - _STEP - _GAP - columns * (self._cell + _GAP))

    def header(self) -> Iterator[Line]:
        """The names of the columns."""
        if self._form == "tall":
            return
        line = [Segment("step", heading=True), Segment("  "), Segment(self._pad("text", self._text), heading=True)]
        for rank in range(1, self._columns + 1):
            line += [Segment("  "), Segment(self._pad(f"top {rank}", self._cell), heading=True)]
        yield line

    def step(self, step: Step) -> Iterator[Line]:
        """The lines of one step."""
        return self._tall(step) if self._form == "tall" else self._row(step)

    def _row(self, step: Step) -> Iterator[Line]:
        listed = proposals(step)
        shown, unlisted = listed[: self._columns], listed[self._columns :]
        blocks = [self._cell_lines(cell) for cell in shown]
        end = tail(step.context, self._text, self._measure)
        for index in range(max(map(len, blocks))):
            number, text = (f"{step.step:>{_STEP}}", end) if index == 0 else ("", "")
            line = [Segment(self._pad(number, _STEP)), Segment("  "), Segment(self._pad(text, self._text))]
            for cell, block in zip(shown, blocks, strict=True):
                part = block[index] if index < len(block) else ""
                shade = cell.prob if index < len(block) else None
                line += [Segment("  "), Segment(self._pad(part, self._cell), shade, cell.chosen)]
            yield line
        for cell in unlisted:
            drawn = f"drawn from further down: {cell.marked_token} {cell.percent}"
            room = self._measure(drawn) if self._width is None else self._width - _STEP - 2
            for part in wrap(drawn, room, self._measure):
                yield [Segment(" " * (_STEP + 2)), Segment(part, cell.prob, cell.chosen)]

    def _cell_lines(self, cell: Proposal) -> list[str]:
        if self._form == "wide" and self._natural(cell) <= self._cell:
            space = self._cell - self._measure(cell.marked_token) - self._measure(cell.percent)
            return [cell.marked_token + " " * space + cell.percent]
        percent = wrap(cell.percent, self._cell, self._measure)  # `99.5% → 100.0%` may be too long
        return [*fold(cell.marked_token, self._cell, self._measure), *percent]

    def _tall(self, step: Step) -> Iterator[Line]:
        assert self._width is not None
        text = tail(step.context, max(8, self._width - len(f"step {step.step}  ")), self._measure)
        yield [Segment(f"step {step.step}", heading=True), Segment("  " + text)]
        for cell in proposals(step):
            mark = f" {CHOSEN}" if cell.chosen else ""
            first, *others = fold(cell.token, self._cell, self._measure)
            body = self._pad(first, self._cell)
            if self._percent_beside:
                body += f" {cell.percent:>6}"
            else:
                others.append(cell.percent)
            number = f"{cell.rank:>{_STEP}} ".ljust(_STEP + 2)
            yield [Segment(number), Segment(body, cell.prob, cell.chosen), Segment(mark)]
            for part in others:
                yield [Segment(" " * (_STEP + 2)), Segment(self._pad(part, self._cell), cell.prob, cell.chosen)]

    def _natural(self, cell: Proposal) -> int:
        return self._measure(cell.marked_token) + 1 + self._measure(cell.percent)

    def _pad(self, text: str, width: int) -> str:
        return pad(text, width, self._measure)
