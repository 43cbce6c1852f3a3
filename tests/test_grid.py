"""Grids and the other sections, for any text and any width: nothing is cut, nothing too wide, and no text is markup."""

import re
from collections.abc import Sequence
from itertools import groupby, pairwise, permutations
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len

from gpt2_inspect.render import Page, markdown, render, table
from gpt2_inspect.render.grid import grid_lines
from gpt2_inspect.render.lines import Line, fold, pad, tail, wrap
from gpt2_inspect.render.markdown_text import block_text, cell_text, inline_text
from gpt2_inspect.render.sections import Cell, Column, Facts, Grid, Listing, Passage, Row, Section
from gpt2_inspect.render.theme import Theme
from gpt2_inspect.render.visible import visible_line
from gpt2_inspect.results import Result, RunInfo
from harness import MODEL

HOSTILE = [
    *("[bold red]x[/] [link=http://x]", "\x1b[31mred\x1b[0m\x9b31m", "<script>alert(1)</script><!-- x &amp; y"),
    *("# *a* _b_ `c` [d](e) ![f](g) ~~h~~", "a|b\\|c\\", "--- | ---", "    code", "1. a", "- b", "```", "=====", "**"),
    *("a\n\n b\tc\u2028d", "abc\u202edef\u2066ghi", "&lt;", "http://x.y", "x" * 70, "很" * 40, "🙂👨‍👩‍👧🇩🇪☁\ufe0f"),
]

fuzz = settings(max_examples=200, deadline=2000, derandomize=True)

CHARACTERS = "aB9.,·⏎你很🙂☁\ufe0fe\u0301[]|*_`<>\\#~$&!-"
"""Narrow, wide and without width, and what Markdown or rich's markup could take for its own."""

words = st.text(CHARACTERS, min_size=1, max_size=6) | st.text(CHARACTERS, min_size=1, max_size=40)
texts = st.lists(words, max_size=5).map(" ".join) | st.text(CHARACTERS + " ", max_size=30)
"""Among them the empty one, and some with several spaces at a place or at an end."""

numbers = st.sampled_from(["0", "-12.345", "–", "", "1,234,567", ">99.9%", "1e-10", "123456789.123"])
probs = st.none() | st.floats(0, 1)
widths = st.integers(20, 40) | st.integers(20, 200)


def cells_of(shown_texts: st.SearchStrategy[str]) -> st.SearchStrategy[Cell]:
    return st.builds(Cell, shown_texts, probs, st.booleans(), st.just(""))


@st.composite
def grids(draw: st.DrawFn, cells: st.SearchStrategy[str] = texts) -> Grid:
    headings = draw(st.lists(st.tuples(texts, st.booleans()), min_size=1, max_size=7))
    columns = tuple(Column(heading, number) for heading, number in headings)
    strategies = [cells_of(numbers if column.number else cells) for column in columns]
    rows = tuple(draw(st.lists(st.tuples(*strategies), max_size=5)))
    return Grid(columns, rows, draw(cells), draw(st.integers(0, len(columns))), draw(st.integers(1, 3)))


@st.composite
def live_grids(draw: st.DrawFn) -> Grid:
    """Rows that come one by one: a number, the end of a text, cells with asides, and what stands below a row."""
    probs = draw(st.sampled_from(["99.9%", "99.9% → 100.0%"]))
    count = draw(st.integers(1, 8))
    asides = st.sampled_from(["0.0%", ">99.9%", "12.3% → <0.1%", ""])
    cells = st.builds(Cell, texts.map(lambda text: text.replace(" ", "·")), st.just(0.5), st.just(False), asides)
    rows = st.tuples(st.integers(1, 999), texts, st.lists(cells, min_size=count, max_size=count), texts)
    columns = (Column("step", number=True), Column("text", tail=40), *[Column("top")] * count, Column("b", below=True))
    return Grid(
        columns,
        tuple(
            (Cell(str(number)), Cell(text), *best, Cell(below, 0.7, aside=probs if below else ""))
            for number, text, best, below in draw(st.lists(rows, min_size=1, max_size=4))
        ),
        sample=(Cell("1000"), Cell(""), *[Cell("·possible ◀", aside=probs)] * count, Cell("")),
    )


def without_spaces(text: str) -> str:
    return text.replace(" ", "")


def text_of(line: Line) -> str:
    return "".join(segment.text for segment in line)


def lines_of(grid: Grid, width: int | None) -> list[Line]:
    return list(grid_lines(grid, width, cell_len))


def shown(grid: Grid, width: int | None) -> list[str]:
    return [text_of(line).rstrip() for line in lines_of(grid, width)]


def bands_of(grid: Grid, width: int | None) -> list[list[Line]]:
    """The lines below the title, apart where there is an empty one."""
    title = (1 if width is None else len(wrap(grid.title, width, cell_len))) if grid.title else 0
    groups = groupby(lines_of(grid, width)[title:], bool)
    return [list(lines) for filled, lines in groups if filled]


def is_table(bands: Sequence[Sequence[Line]]) -> bool:
    """Whether there are columns, rather than a list for each row, whose lines are of a heading and a value."""
    return all(len(line) % 2 for band in bands for line in band)


def read_columns(grid: Grid, bands: Sequence[Sequence[Line]]) -> list[tuple[int, list[str], list[str]]]:
    """The columns of a table: the index of each, its cells, and the texts that are drawn, its heading's first.

    Below the first columns, rows that have nothing there but their keys are left out.
    """
    found = []
    start = 0
    for band in bands:
        across = len(band[0]) // 2 + 1
        indices = [*range(grid.keys if start else 0), *range(start, start + across - (grid.keys if start else 0))]
        others = [index for index in indices if index >= grid.keys]
        rows = [row for row in grid.rows if start == 0 or any(row[index].text for index in others)]
        start = indices[-1] + 1
        found += [
            (index, [row[index].text for row in rows], [line[2 * at].text for line in band])
            for at, index in enumerate(indices)
        ]
    return found


class TestGrid:
    @given(grids(), widths)
    @example(Grid((Column("heading"), Column("x" * 30, number=True)), ((Cell(""), Cell("123456789.123")),)), 20)
    @example(Grid((Column("n", number=True), Column("text")), ((Cell("1" * 18), Cell("很" * 20)),)), 20)
    @example(Grid((Column("n", number=True),), ((Cell("1" * 40),),)), 20)
    @fuzz
    def test_no_line_is_wider_than_the_terminal(self, grid: Grid, width: int) -> None:
        assert max((cell_len(text_of(line)) for line in lines_of(grid, width)), default=0) <= width

    @given(grids(), st.none() | widths)
    @example(Grid((Column("x" * 12), Column("y" * 12)), ()), 20)
    @fuzz
    def test_nothing_is_cut(self, grid: Grid, width: int | None) -> None:
        """Every heading and every cell is there once, in order, whatever the form; only key columns come again."""
        bands = bands_of(grid, width)
        title = shown(grid, width)[: len(lines_of(grid, width)) - sum(map(len, bands)) - max(0, len(bands) - 1)]
        assert without_spaces("".join(title)) == without_spaces(grid.title)
        if not is_table(bands):
            rows = grid.rows or [[Cell("")] * len(grid.columns)]
            pairs = [zip(grid.columns, row, strict=True) for row in rows]
            expected = "".join(column.heading + cell.text for row in pairs for column, cell in row)
            drawn = "".join(text_of(line) for band in bands for line in band)
            assert without_spaces(drawn) == without_spaces(expected)
            return
        columns = read_columns(grid, bands)
        for index, cells, drawn_texts in columns:
            expected = "".join([grid.columns[index].heading, *cells])
            assert without_spaces("".join(drawn_texts)) == without_spaces(expected)
        indices = [index for index, *_ in columns]
        assert [index for index in indices if index >= grid.keys or len(bands) == 1] == [
            *range(grid.keys if len(bands) > 1 else 0, len(grid.columns))
        ]
        assert all(indices.count(key) == len(bands) for key in range(grid.keys if len(bands) > 1 else 0))

    @given(grids(), st.none() | widths)
    @fuzz
    def test_columns_line_up(self, grid: Grid, width: int | None) -> None:
        bands = bands_of(grid, width)
        for band in bands if is_table(bands) else []:
            starts = {tuple(cell_len(text_of(line[:index])) for index in range(len(line) + 1)) for line in band}
            assert len(starts) == 1
            assert {segment.text for line in band for segment in line[1::2]} <= {" " * grid.gap}

    @given(grids(), st.none() | widths)
    @example(Grid((Column("cosine", number=True), Column("a")), ((Cell("123456789.123"), Cell("x" * 12)),)), 20)
    @fuzz
    def test_numbers_are_whole(self, grid: Grid, width: int | None) -> None:
        """And in columns they stand at the right."""
        bands = bands_of(grid, width)
        if not is_table(bands):
            drawn = [line[1].text for band in bands for line in band if len(line) == 2]
            whole = {
                cell.text for row in grid.rows for column, cell in zip(grid.columns, row, strict=True) if column.number
            }
            assert whole <= set(drawn)
            return
        for index, cells, drawn in read_columns(grid, bands):
            if grid.columns[index].number:
                numbers_of_column = [cell for cell in cells if cell]
                assert [text.strip() for text in drawn if text.strip()][-len(numbers_of_column) or len(drawn) :] == (
                    numbers_of_column
                )
                assert all(text.endswith(text.strip()) for text in drawn if text.strip() in numbers_of_column)

    @given(grids())
    @fuzz
    def test_what_fits_is_not_broken(self, grid: Grid) -> None:
        unlimited = lines_of(grid, None)
        widest = max(20, *(cell_len(text_of(line)) for line in unlimited))
        assert lines_of(grid, widest) == unlimited
        assert len(unlimited) == bool(grid.title) + 1 + len(grid.rows)


class TestLiveGrid:
    @given(live_grids(), widths)
    @fuzz
    def test_nothing_is_cut_but_the_text(self, grid: Grid, width: int) -> None:
        """Whatever comes later, a row is the same; nothing of it is wider than the terminal; its shades are whole."""
        lines = lines_of(grid, width)
        assert max(cell_len(text_of(line)) for line in lines) <= width
        alone = [lines_of(grid._replace(rows=(row,)), width) for row in grid.rows]
        head = len(lines_of(grid._replace(rows=()), width)) if len(lines[0]) > 2 else 0  # a list has two parts a line
        between = [] if head else [[]]
        expected = alone[0]
        for one in alone[1:]:
            expected = [*expected, *between, *one[head:]]
        assert lines == expected
        for row, drawn in zip(grid.rows, alone, strict=True):
            best = "".join(sorted(without_spaces("".join(cell.text + cell.aside for cell in row[2:-1]))))
            shades = [part for line in drawn for part in line if part.prob == 0.5]
            assert "".join(sorted(without_spaces("".join(part.text for part in shades)))) == best
            below = "".join(part.text for line in drawn for part in line if part.prob == 0.7)
            assert without_spaces(below) == without_spaces(row[-1].text + row[-1].aside if row[-1].text else "")
            assert any(
                tail(row[1].text.rstrip(), width - 14, cell_len)[-6:].lstrip("…") in text_of(line) for line in drawn
            )

    @pytest.mark.parametrize(
        ("width", "expected"),
        [
            (
                None,
                [
                    "step  text                                  top 1       top 2",
                    "   1  one and the same and the other        ·a ◀ 60.0%  <|endoftext|> <0.1%",
                    "      drawn: ·c 0.1%",
                    "   2  …and the same and the other and more  ·b ◀  9.1%  ·c             6.2%",
                ],
            ),
            (
                90,
                [
                    "step  text                                      top 1                 top 2",
                    "   1  one and the same and the other            ·a ◀           60.0%  <|endoftext|>  <0.1%",
                    "      drawn: ·c 0.1%",
                    "   2  one and the same and the other and more   ·b ◀            9.1%  ·c              6.2%",
                ],
            ),
            (
                76,
                [
                    "step  text                              top 1              top 2",
                    "   1  one and the same and the other    ·a ◀      60.0%  <|endoftext|> <0.1%",
                    "      drawn: ·c 0.1%",
                    "   2  one and the same and the other and more",
                    "                                        ·b ◀         9.1%  ·c           6.2%",
                ],
            ),
            (
                36,
                [
                    "step  text",
                    "  top 1             top 2",
                    "   1  one and the same and the other",
                    "  ·a ◀    60.0%  <|endoftext|> <0.1%",
                    "  drawn: ·c 0.1%",
                    "   2  …e same and the other and more",
                    "  ·b ◀        9.1%  ·c          6.2%",
                ],
            ),
            (
                31,
                [
                    "step  text",
                    "  top 1           top 2",
                    "   1  …d the same and the other",
                    "  ·a ◀            <|endoftext|>",
                    "           60.0%          <0.1%",
                    "  drawn: ·c 0.1%",
                    "   2  …e and the other and more",
                    "  ·b ◀      9.1%  ·c       6.2%",
                ],
            ),
            (
                24,
                [
                    "step   1",
                    "text   …me and the other",
                    "top 1  ·a ◀        60.0%",
                    "top 2  <|endoftext|>",
                    "                   <0.1%",
                    "drawn: ·c 0.1%",
                    "",
                    "step   2",
                    "text   …e other and more",
                    "top 1  ·b ◀         9.1%",
                    "top 2  ·c           6.2%",
                ],
            ),
        ],
    )
    def test_forms(self, width: int | None, expected: list[str]) -> None:
        rows: list[Row] = [
            (
                Cell("1"),
                Cell("one and the same and the other"),
                Cell("·a ◀", 0.6, aside="60.0%"),
                Cell("<|endoftext|>", aside="<0.1%"),
                Cell("·c", aside="0.1%"),
            ),
            (
                Cell("2"),
                Cell("one and the same and the other and more"),
                Cell("·b ◀", aside="9.1%"),
                Cell("·c", aside="6.2%"),
                Cell(""),
            ),
        ]
        columns = (Column("step", number=True), Column("text", tail=36), Column("top 1"), Column("top 2"))
        sample = (Cell("1000"), Cell(" " * 32), *[Cell("·possible ◀", aside="99.9%")] * 2, Cell(""))
        grid = Grid((*columns, Column("drawn", below=True)), tuple(rows), sample=sample)
        assert shown(grid, width) == expected


TWO_KEYS = Grid(
    (Column("at", number=True), Column("token"), *(Column(f"head {head}", number=True) for head in range(6))),
    tuple(
        (Cell(str(at)), Cell(token), *(Cell(f"{at}.{head}", at / 10) for head in range(6)))
        for at, token in enumerate(["·the", "·cat", "你好"])
    ),
    "a grid with keys",
    keys=2,
)


class TestForms:
    def test_bands(self) -> None:
        assert shown(TWO_KEYS, 40) == [
            "a grid with keys",
            "at  token  head 0  head 1  head 2",
            " 0  ·the      0.0     0.1     0.2",
            " 1  ·cat      1.0     1.1     1.2",
            " 2  你好      2.0     2.1     2.2",
            "",
            "at  token  head 3  head 4  head 5",
            " 0  ·the      0.3     0.4     0.5",
            " 1  ·cat      1.3     1.4     1.5",
            " 2  你好      2.3     2.4     2.5",
        ]

    def test_rows_that_end_before_the_last_columns(self) -> None:
        """As those of a triangle do: below, they are not named again."""
        columns = (Column("key"), Column("first", number=True), Column("second", number=True))
        one, two, three = map(Cell, ("1111111", "2222222", "3333333"))
        rows = ((Cell("a"), one, Cell("")), (Cell("b"), two, three), (Cell("c"), Cell(""), Cell("")))
        assert shown(Grid(columns, rows, "", keys=1), 20) == [
            *("key    first", "a    1111111", "b    2222222", "c", ""),
            *("key   second", "b    3333333"),
        ]

    def test_keys_give_way_to_the_rest(self) -> None:
        """A key as wide as the terminal does not leave one column a band."""
        long = (Cell("0"), Cell("x" * 60), *(Cell("0.123"),) * 6)
        lines = shown(TWO_KEYS._replace(rows=(*TWO_KEYS.rows, long)), 56)
        assert lines.count("") == 1
        assert lines[5:8] == [f" 0  {'x' * 28}   0.123   0.123   0.123", f"    {'x' * 28}", "    xxxx"]

    def test_list_in_place_of_bands_that_do_not_fit(self) -> None:
        """One list for each row, not one for each row and band."""
        columns = (*TWO_KEYS.columns[:2], Column("a long heading"), Column("another"))
        rows = tuple((*row[:2], Cell("abc"), Cell("defghijklmno")) for row in TWO_KEYS.rows[:2])
        assert shown(Grid(columns, rows, "", keys=2), 20) == [
            "at",
            "  0",
            "token",
            "  ·the",
            "a long heading",
            "  abc",
            "another",
            "  defghijklmno",
            "",
            "at",
            "  1",
            "token",
            "  ·cat",
            "a long heading",
            "  abc",
            "another",
            "  defghijklmno",
        ]

    def test_values_beside_their_headings(self) -> None:
        columns = (Column("index", number=True), Column("state"), Column("mean", number=True))
        rows = ((Cell("0"), Cell("wte + wpe, both of them"), Cell("-123.456789")), (Cell("1"), Cell(""), Cell("2")))
        assert shown(Grid(columns, rows, "a title of three lines or four"), 20) == [
            "a title of three",
            "lines or four",
            "index  0",
            "state  wte + wpe,",
            "       both of them",
            "mean   -123.456789",
            "",
            "index  1",
            "state",
            "mean   2",
        ]

    def test_asides_of_a_row_go_below_together(self) -> None:
        """And at the right, where their decimal points stand below each other, however wide the heading is."""
        columns = (Column("state", whole=True), Column("top 1"), Column("top 2"), Column("what comes last"))
        rows = (
            (Cell("wte + wpe"), Cell("·you", aside=">99.9%"), Cell("·your", aside="<0.1%"), Cell("·", aside="0.1%")),
            (Cell("block 4 + ln_f"), Cell("·something", aside="2.0%"), Cell("·some", aside="1.6%"), Cell("·a")),
        )
        assert shown(Grid(columns, rows), 80) == [
            "state           top 1            top 2        what comes last",
            "wte + wpe       ·you     >99.9%  ·your <0.1%  · 0.1%",
            "block 4 + ln_f  ·something 2.0%  ·some  1.6%  ·a",
        ]
        assert shown(Grid(columns, rows), 44)[3:] == [
            "wte + wpe       ·you          ·your   ·",
            "                      >99.9%   <0.1%    0.1%",
            "block 4 + ln_f  ·something    ·some   ·a",
            "                        2.0%    1.6%",
        ]

    def test_a_heading_of_many_lines_makes_a_list(self) -> None:
        columns = (Column("what stands at the next place"), Column("rank", number=True))
        rows = ((Cell("·cat"), Cell("8")),)
        assert shown(Grid(columns, rows), 20) == ["what stands at  rank", "the next place", "·cat               8"]
        assert shown(Grid(columns, rows), 12) == ["what stands", "at the next", "place", "  ·cat", "rank", "  8"]
        assert len(shown(Grid(columns, rows, keys=1), 12)) == 6  # it has no other form

    def test_a_cell_takes_what_its_neighbours_have_to_spare(self) -> None:
        """The later ones first; no text without an aside, and no number, moves."""
        columns = (Column("n", number=True), *(Column(f"top {rank}") for rank in range(1, 5)), Column("and"))

        def row(*texts: str) -> Row:
            return (Cell("1"), *(Cell(text, 0.5, aside="10.0%") for text in texts), Cell("end"))

        short, sample = row(*"abcd"), (Cell("1"), *(Cell("·typical", aside="99.9%"),) * 4, Cell("end"))
        grid = Grid(columns, (short, row("a", "<|endoftext|>", "c", "d"), row("a", "b", "c", "<|endoftext|>")))
        assert shown(grid._replace(sample=sample), 70) == [
            "n  top 1           top 2           top 3           top 4           and",
            "1  a        10.0%  b        10.0%  c        10.0%  d        10.0%  end",
            "1  a        10.0%  <|endoftext|> 10.0%  c    10.0%  d       10.0%  end",
            "1  a        10.0%  b       10.0%  c    10.0%  <|endoftext|> 10.0%  end",
        ]

    def test_headings_give_way_before_cells(self) -> None:
        """Between their words, which stay whole."""
        columns = (Column("id", number=True), Column("bytes"), Column("whole UTF-8"))
        rows = ((Cell("675"), Cell("4f 6e 63 65"), Cell("yes")), (Cell("258"), Cell("20 61"), Cell("yes")))
        assert shown(Grid(columns, rows), 23) == [
            " id  bytes        whole",
            "                  UTF-8",
            "675  4f 6e 63 65  yes",
            "258  20 61        yes",
        ]
        long = Grid((Column("AutoModelForCausalLM"), Column("AutoModel")), ((Cell("logits"), Cell("none")),))
        assert shown(long, 30) == ["AutoModelForCausalLM  logits", "AutoModel             none"]

    def test_a_mark_stays_with_its_token(self) -> None:
        columns = (Column("step", number=True), *(Column(f"beam {index}") for index in range(3)))
        texts = ("0 ·bench ◀", "1 ·big", "0 ·his")
        grid = Grid(columns, ((Cell("2"), *(Cell(text, aside="-3.418") for text in texts)),), keys=1)
        for width in range(20, 50):
            assert any("·bench ◀" in line for line in shown(grid, width))

    def test_a_shade_ends_with_the_aside(self) -> None:
        """Whatever its heading takes."""
        grid = Grid(
            (Column("a long heading"), Column("n", number=True)), ((Cell("·a", 0.5, aside="60.0%"), Cell("1")),)
        )
        heading, row = lines_of(grid, None)
        assert [text_of(line) for line in (heading, row)] == ["a long heading  n", "·a 60.0%        1"]
        assert [segment.text for segment in row if segment.prob] == ["·a 60.0%"]

    def test_text_gives_way_first(self) -> None:
        columns = (Column("number", number=True), Column("text"))
        rows = ((Cell("1,234,567.890123"), Cell("one two three")), (Cell("1"), Cell("four")))
        assert shown(Grid(columns, rows), 26) == [
            "          number  text",
            "1,234,567.890123  one two",
            "                  three",
            "               1  four",
        ]

    def test_no_rows(self) -> None:
        for keys in (0, 1):
            for width in (None, 40, 20):
                lines = shown(Grid((Column("key"), Column("value", number=True)), (), "none", keys), width)
                assert lines == ["none", "key  value"]

    def test_many_columns(self) -> None:
        """Thousands of candidates in a row."""
        columns = tuple(Column(f"top {rank}") for rank in range(1, 5001))
        lines = shown(Grid(columns, (tuple(Cell(f"token {rank}") for rank in range(5000)),)), 80)
        assert len(lines) == 5000
        assert lines[-1].split() == ["top", "5000", "token", "4999"]

    def test_shades_and_headings(self) -> None:
        """A cell is shaded over the whole width of its column, in each of its lines, and nowhere else."""
        grid = Grid((Column("a"), Column("b")), ((Cell("x" * 14, 0.5, strong=True), Cell("y", 0.25)),))
        heading, first, second = lines_of(grid, None) + lines_of(grid._replace(rows=grid.rows * 2), None)[2:]
        assert [segment.heading for segment in heading] == [True, False, True]
        assert first == second
        narrow = lines_of(Grid((Column("a"), Column("b")), ((Cell("x" * 24, 0.5), Cell("y " * 3, 0.25)),)), 20)
        for line in narrow[1:]:
            assert [segment.prob for segment in line] == [
                0.5 if line[0].text.strip() else None,
                None,
                0.25 if line[2].text.strip() else None,
            ]
        assert {cell_len(text_of(line)) for line in narrow} == {20}


class TestLines:
    @given(texts, st.integers(2, 60))
    @fuzz
    def test_wrap(self, text: str, width: int) -> None:
        lines = wrap(text, width, cell_len)
        assert lines
        assert max(map(cell_len, lines)) <= width
        assert without_spaces("".join(lines)) == without_spaces(text)
        if len(lines) == 1 and cell_len(text) <= width:
            assert lines == [text]
        else:
            assert all(line.strip() for line in lines) or not text.strip()

    @given(texts, st.integers(2, 60))
    @fuzz
    def test_fold(self, text: str, width: int) -> None:
        lines = fold(text, width, cell_len)
        assert "".join(lines) == text
        assert max(map(cell_len, lines)) <= width

    def test_words_stay_whole(self) -> None:
        assert wrap("one two  three", 8, cell_len) == ["one two ", "three"]
        assert wrap("abc   defghij", 6, cell_len) == ["abc  ", "defghi", "j"]
        assert wrap("  + inner", 6, cell_len) == ["  +", "inner"]
        assert wrap("  + inner", 9, cell_len) == ["  + inner"]
        assert wrap("", 5, cell_len) == [""]
        assert wrap("      ", 5, cell_len) == [""]

    def test_pad(self) -> None:
        assert (pad("你", 4, cell_len), pad("你", 4, cell_len, right=True)) == ("你  ", "  你")


class Nothing(Result):
    """A result that says nothing."""

    command = "nothing"


NOTHING = Nothing(model=MODEL, run=RunInfo(version="0", backend=None, device=None, dtype=None, seed=None), prompt=None)


def draw(form: str, *shown_sections: Section, width: int | None = None, theme: Theme | None = None) -> str:
    """The sections as a result that consists of them would be written."""
    view = SimpleNamespace(sections=lambda *_: list(shown_sections))
    with pytest.MonkeyPatch.context() as patch:
        for module in (markdown, table):
            patch.setattr(module, "view_of", lambda _: view)
        return "".join(render(NOTHING, form, Page(width, theme)))


def parse(text: str) -> list[Any]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def contents(tokens: Sequence[Any], kind: str) -> list[str]:
    """The texts of all the elements of a kind, as a reader sees them."""
    inside = [after for token, after in pairwise(tokens) if token.type == f"{kind}_open"]
    return ["".join(child.content for child in token.children or ()) for token in inside]


def markup(tokens: Sequence[Any]) -> set[str]:
    """Which kinds of markup stand inside of lines."""
    return {child.type for token in tokens for child in token.children or ()} - {"text", "text_special"}


PROSE = [
    *("4.8%", "<0.1%", ">99.9%", "-8.859", "99.9% → 100.0%", "1.", "5 * 3 + 2 - 1 = 16", "$5 and $6", "3 > 2", "a & b"),
    *("model: pocket (bundled; 4 layers, 256 wide, 5.4M parameters)", "past_key_values: [4, 2], layer.h[0]", "AT&T!"),
    *(
        "logprob / tokens ** 1 (the length penalty)",
        "#1: Well, \"he's\" here; isn't it? Yes!",
        "\\xe4\\xbd",
        "a:b",
        "C#",
    ),
    *("[8192, 256]", "+5", "-1", "…the end", "·you ◀", "a ~ b", "wte + wpe", "1.5 a", "{x}", "48 -> 384"),
]
"""Nothing of it is markup."""

anything = (st.text(max_size=20) | st.text(CHARACTERS + " ", max_size=20) | st.sampled_from(HOSTILE)).map(visible_line)
"""As the views make it of texts."""


class TestMarkdown:
    @given(grids(anything))
    @fuzz
    def test_cells_are_text(self, grid: Grid) -> None:
        tokens = parse(draw("markdown", grid))
        assert markup(tokens) <= {"strong_open", "strong_close"}
        assert contents(tokens, "th") == [column.heading.strip() for column in grid.columns]
        assert contents(tokens, "td") == [cell.text.strip() for row in grid.rows for cell in row]
        assert contents(tokens, "paragraph") == ([grid.title.strip()] if grid.title.strip() else [])

    @given(anything)
    @example("[a]: http://x")
    @example("[x] done")
    @example("a\\")
    @example("1. a")
    @example("- - -")
    @example("__a__ _b_ a_b_ c")
    @fuzz
    def test_any_text_in_any_place(self, text: str) -> None:
        """Twice each, for a mark may close what another one opened."""
        text = text.strip()
        for drawn, kind in (
            (f"- {block_text(text)}\n- {block_text(text)}\n", "paragraph"),
            (f"{block_text(text)}\n\n{block_text(text)}\n", "paragraph"),
            (f"**{inline_text(text)}**\n\n**{inline_text(text)}**\n" if text else "", "paragraph"),
            (f"| a | b |\n| --- | --- |\n| {cell_text(text)} | {cell_text(text)} |\n", "td"),
        ):
            tokens = parse(drawn)
            assert markup(tokens) <= ({"strong_open", "strong_close"} if "**" in drawn[:2] else set())
            assert contents(tokens, kind) == ([text, text] if (text and drawn) or kind == "td" else [])

    @pytest.mark.parametrize("text", PROSE)
    def test_prose_stays_as_it_is(self, text: str) -> None:
        assert inline_text(text) == cell_text(text) == text
        assert block_text(text) == text or text in ("1.", ">99.9%")  # an empty item, a quotation

    @pytest.mark.parametrize(
        ("text", "written"),
        [
            ("http://x.y", r"http\://x.y"),
            ("www.x.y", r"www\.x.y"),
            ("~~a~~", r"\~\~a\~\~"),
            ("$a$", r"\$a\$"),
            ("$$", r"\$\$"),
            ("[^1]", r"\[^1]"),
            ("[ ] a", r"\[ ] a"),
            ("[x] a", r"\[x] a"),
        ],
    )
    def test_what_github_adds(self, text: str, written: str) -> None:
        """Which the parser of these tests does not know: https://github.github.com/gfm/."""
        assert block_text(text) == written

    def test_strong_cells_are_strong(self) -> None:
        cells = (Cell("a", strong=True), Cell("  * b* ", strong=True), Cell("", strong=True), Cell(" ", strong=True))
        tokens = parse(draw("markdown", Grid((Column("x"),) * 4, ((*cells,),))))
        strong = [
            {"strong_open", "strong_close"} <= {child.type for child in token.children}
            for token in tokens
            if token.type == "inline"
        ]
        assert strong == [False] * 4 + [True, True, False, False]

    def test_numbers_stand_at_the_right(self) -> None:
        text = draw("markdown", Grid((Column("a"), Column("b", number=True)), ((Cell("x"), Cell("1")),)))
        assert text == "| a | b |\n| --- | ---: |\n| x | 1 |\n"

    @given(st.lists(anything, min_size=1, max_size=4), anything, st.lists(anything, max_size=4))
    @example(["a list"], "- b", ["# a", "```", "    ````", "", "</pre>"])
    @fuzz
    def test_sections_stay_apart(self, facts: list[str], passage: str, listing: list[str]) -> None:
        """In any order: a list before a listing or a passage does not take it in."""
        shown_sections = [Facts(tuple(facts)), Passage(passage), Listing(tuple(map(Cell, listing)))]
        for order in permutations(shown_sections):
            tokens = parse(draw("markdown", *order))
            assert not markup(tokens)
            kinds = [token.type for token in tokens if token.level == 0 and token.nesting >= 0]
            names = {Facts: ["bullet_list_open"], Passage: ["paragraph_open"] * bool(passage.strip())}
            names[Listing] = ["fence"]
            assert kinds == [name for section in order for name in names[type(section)]]
            code = next(token.content for token in tokens if token.type == "fence")
            assert code == "".join(f"{line}\n" for line in listing)
            texts_shown = [token.content for token in tokens if token.type == "inline"]
            assert len(texts_shown) == sum(bool(text.strip()) for text in (*facts, passage))

    def test_two_listings_are_two(self) -> None:
        tokens = parse(draw("markdown", Listing((Cell("a"), Cell("  b"))), Listing((Cell("c"),))))
        assert [token.content for token in tokens if token.type == "fence"] == ["a\n  b\n", "c\n"]


class TestTable:
    @given(grids(anything), st.lists(anything, min_size=1, max_size=3), widths)
    @fuzz
    def test_plain(self, grid: Grid, facts: list[str], width: int) -> None:
        text = draw("table", grid, Facts(tuple(facts)), Listing((Cell("a"),)), width=width)
        assert text.endswith("\n\na\n")
        lines = text.splitlines()
        assert max(map(cell_len, lines)) <= width
        assert all(line == line.rstrip() for line in lines[: len(shown(grid, width))])
        assert lines[: len(shown(grid, width))] == shown(grid, width)
        below = lines[len(shown(grid, width)) + 1 : -2]
        assert without_spaces("".join(below)) == without_spaces("".join(facts))

    @given(grids(anything), st.lists(cells_of(anything), max_size=3), widths)
    @settings(fuzz, max_examples=50)
    def test_colours_change_no_text(self, grid: Grid, listing: list[Cell], width: int) -> None:
        """Markup of rich is text like any other, in a listing that is wider than the terminal as well."""
        shown_sections = (grid, Listing(tuple(listing)))
        coloured = draw("table", *shown_sections, width=width, theme=Theme(24, (0, 0, 0)))
        plain = draw("table", *shown_sections, width=width)
        bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
        assert [line.rstrip() for line in bare.split("\n")] == plain.split("\n")
        assert "\x1b" not in plain

    def test_listing_and_passage_keep_their_lines(self) -> None:
        """One is indented, of the other every line may be copied: a narrow terminal breaks neither."""
        listing = Listing((Cell("top"), Cell("  " + "x" * 90, strong=True), Cell("")))
        passage = Passage("one\n\ttwo [bold]" + "y" * 90 + "\x1b[31m\u202e\x9b 你\u200d")
        text = draw("table", listing, passage, width=40)
        expected = "one\n\ttwo [bold]" + "y" * 90 + "\\x1b[31m\\u202e\\u009b 你\u200d"
        assert text == f"top\n  {'x' * 90}\n\n\n{expected}\n"

    def test_passage_in_markdown(self) -> None:
        tokens = parse(draw("markdown", Passage("    one\n\ttwo *three*\x1b[31m")))
        assert contents(tokens, "paragraph") == ["one⏎⇥two *three*\\x1b[31m"]
        assert not markup(tokens)
