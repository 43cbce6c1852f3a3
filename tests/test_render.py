"""The five formats: tokens and prompts stay text in all of them, and nothing of them is lost."""

import csv
import io
import json
import math
import re
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from rich.cells import cell_len

import gpt2_inspect
from gpt2_inspect.cli.app import COMMANDS
from gpt2_inspect.render import FORMATS, Page, render
from gpt2_inspect.render.grid import layouts
from gpt2_inspect.render.lines import Line, wrap
from gpt2_inspect.render.live import LiveTable
from gpt2_inspect.render.sections import Cell
from gpt2_inspect.render.views import percent
from gpt2_inspect.render.views.next_tokens import live
from gpt2_inspect.render.visible import safe_text, visible_line, visible_token
from gpt2_inspect.results import Candidate, Prompt, RunInfo, SampledCandidate
from gpt2_inspect.results.next_tokens import Completion, Decoding, NextTokens, Step
from harness import MODEL, Terminal, check_error, run_cli

HOSTILE = {
    "markup": "[bold red]x[/] [link=http://x]",
    "colour": "\x1b[31mred\x1b[0m",
    "title": "\x1b]0;title\x07",
    "C1": "\x9b31m \x85 \x90",
    "NUL": "a\0b",
    "bell": "\x07\x08\x7f",
    "carriage return": "one\rtwo\r\nthree",
    "lines": "a\n\n b\tc\u2028d\u2029e\x0bf\x0cg",
    "right to left": "abc\u202edef\u2066ghi\u200f",
    "zero width": "a\u200bb\ufeffc\u00add",
    "private": "\ue000\U000f0000\ufffe",
    "HTML": "<script>alert(1)</script><!-- x &amp; y",
    "markdown": "# *a* _b_ `c` [d](e) ![f](g) ~~h~~ $i$ \\| --- |",
    "pipes": "|a||b|\n|---|",
    "quotes": '"a",\'b\';=1+1,""',
    "indented": "    code",
    "Chinese": "你好，世界",
    "emoji": "🙂👨‍👩‍👧🇩🇪",
    "combining": "e\u0301\u0301 \u0301",
    "long": "x" * 70,
    "long Chinese": "很" * 40,
}

STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What must not reach a terminal, beside line feeds."""


def result(
    tokens: list[bytes], context: str = "", *, top_k: int = 2, sampled: bool = False, chosen: int = 0
) -> NextTokens:
    """A result of one step for each group of `top_k` tokens, with probabilities that tell them apart."""
    steps = []
    for number, first in enumerate(range(0, len(tokens), top_k), start=1):
        group = [candidate(raw, rank, sampled) for rank, raw in enumerate(tokens[first : first + top_k], start=1)]
        unlisted = candidate(b"unlisted", 50000, sampled)
        taken = group[chosen] if chosen < len(group) else unlisted
        steps.append(
            Step(
                step=number, context=context, entropy_bits=1.5, elapsed_ms=0.25, chosen=taken, top_logprobs=tuple(group)
            )
        )
    decoding = Decoding(
        strategy="sample" if sampled else "greedy",
        steps=len(steps),
        max_length=None,
        top_k=top_k,
        temperature=0.8 if sampled else None,
        top_p=None,
        sample_top_k=None,
        ignore_eos=False,
    )
    return NextTokens(
        model=MODEL,
        run=RunInfo(version="0", backend="numpy", device="cpu", dtype="float32", seed=7 if sampled else None),
        prompt=Prompt(text=context, tokens=(), bos_added=False, tokens_dropped=0),
        decoding=decoding,
        steps=tuple(steps),
        completion=Completion(text="".join(step.chosen.token for step in steps), token_ids=()),
        finish_reason="length",
    )


def candidate(raw: bytes, rank: int, sampled: bool) -> Candidate:
    prob = 0.2 / rank + 0.0001
    plain = Candidate(
        id=rank,
        token=raw.decode("utf-8", "replace"),
        bytes=tuple(raw),
        rank=rank,
        logit=-float(rank),
        logprob=math.log(prob),
        prob=prob,
    )
    if not sampled:
        return plain
    return SampledCandidate(**plain.to_dict() | {"bytes": plain.bytes}, prob_final=float(rank == 1), kept=rank == 1)


def candidates(step: Step) -> list[Cell]:
    """As they are shown, with the one that was drawn from further down."""
    (row,) = live(step, Page()).rows
    return [cell for cell in row[2:] if cell.text]


def text_of(made: NextTokens, form: str, width: int | None = None) -> str:
    return "".join(render(made, form, Page(width)))


@pytest.fixture(scope="module")
def real(tiny: Path) -> NextTokens:
    return gpt2_inspect.load(str(tiny)).next_tokens("hello, how are you", steps=4, top_k=3)


class TestVisible:
    @pytest.mark.parametrize(
        ("raw", "shown"),
        [
            (b" the", "·the"),
            (b"\n", "⏎"),
            (b"\t\r\0\x1b\x7f", "⇥\\x0d\\x00\\x1b\\x7f"),
            (b"", "∅"),
            ("你".encode(), "你"),
            ("你".encode()[:2], "\\xe4\\xbd"),
            (b" " + "你".encode()[:1], "·\\xe4"),
            ("你".encode()[1:] + b"a", "\\xbd\\xa0a"),
            (b"\xff", "\\xff"),
            (b"\xc2\x9b", "\\u009b"),
            (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),
            ("\u00a0\u3000\u202e\ufeff".encode(), "\\u00a0\\u3000\\u202e\\ufeff"),
            ("\U000e0001".encode(), "\\U000e0001"),
            (b"\xef\xbf\xbd", "\ufffd"),
            (b"[bold]\\x1b", "[bold]\\x1b"),
        ],
    )
    def test_token(self, raw: bytes, shown: str) -> None:
        assert visible_token("", raw) == shown

    @pytest.mark.parametrize("name", HOSTILE)
    def test_nothing_steers(self, name: str) -> None:
        text = HOSTILE[name]
        for shown in (visible_line(text), visible_token(text, text.encode()), safe_text(text).replace("\t", "")):
            assert not STEERING.search(shown)
        assert "\n" not in visible_line(text)

    def test_every_character(self) -> None:
        for code in range(0x11000):
            if not STEERING.fullmatch(chr(code)) and unicodedata.category(chr(code)) not in ("Cs", "Cc"):
                continue
            assert visible_line(chr(code)).isprintable(), hex(code)

    def test_percent(self) -> None:
        shown = {
            0: "0.0%",
            1e-9: "<0.1%",
            0.0005: "0.1%",
            0.5: "50.0%",
            0.9994: "99.9%",
            1 - 1e-9: ">99.9%",
            1: "100.0%",
        }
        for prob, expected in shown.items():
            assert percent(prob) == expected


@pytest.mark.parametrize("name", HOSTILE)
class TestHostileText:
    """As prompt and as token."""

    @pytest.fixture
    def made(self, name: str) -> NextTokens:
        text = HOSTILE[name]
        return result([text.encode(), text.encode()[:-1] + b"\xff"], context=text)

    def test_table(self, made: NextTokens, name: str) -> None:
        assert not STEERING.search(text_of(made, "table", 80).replace("\t", ""))

    def test_json(self, made: NextTokens, name: str) -> None:
        text = text_of(made, "json")
        parsed = json.loads(text, parse_constant=pytest.fail)
        assert parsed == made.to_dict() == json.loads(json.dumps(made.to_dict()))
        assert not STEERING.search(text)

    def test_jsonl(self, made: NextTokens, name: str) -> None:
        text = text_of(made, "jsonl")
        assert not STEERING.search(text)
        assert len(text.splitlines()) == text.count("\n") == 1
        parsed = json.loads(text, parse_constant=pytest.fail)
        head = {"schema_version": 1, "command": "next-tokens", "model": "name", "prompt_index": 0}
        assert list(parsed.items()) == list({**head, **made.steps[0].to_dict()}.items())

    def test_csv(self, made: NextTokens, name: str) -> None:
        rows = list(csv.DictReader(io.StringIO(text_of(made, "csv"), newline="")))
        assert len(rows) == 2
        for row, expected in zip(rows, made.steps[0].top_logprobs, strict=True):
            assert row["context"] == HOSTILE[name]
            assert row["token"] == expected.token
            assert bytes.fromhex(row["bytes_hex"]) == bytes(expected.bytes)

    def test_markdown(self, made: NextTokens, name: str) -> None:
        """A Markdown parser gives back the cells as they are, without markup or HTML in them."""
        text = text_of(made, "markdown")
        assert not STEERING.search(text)
        parsed = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
        kinds = {token.type for token in parsed} | {child.type for token in parsed for child in token.children or ()}
        assert not kinds & {"html_block", "html_inline", "link_open", "image", "em_open", "s_open", "code_inline"}
        assert not kinds & {"code_block", "fence", "heading_open", "hr", "blockquote_open", "softbreak"}
        inline = [
            "".join(child.content for child in token.children or ()) for token in parsed if token.type == "inline"
        ]
        header, row, after = inline[:4], inline[4:8], inline[8]
        assert header == ["step", "text", "top 1", "top 2"]
        assert row[1].split() == visible_line(HOSTILE[name]).split()
        assert row[2:] == [f"{cell.text} {cell.aside}" for cell in candidates(made.steps[0])]
        assert after.split() == visible_line(HOSTILE[name] * 2).split()


class TestLayout:
    @pytest.mark.parametrize("sampled", [False, True])
    @pytest.mark.parametrize("top_k", [1, 2, 5, 12])
    @pytest.mark.parametrize("width", [200, 120, 100, 80, 60, 40, 30, 20, None])
    def test_nothing_is_cut_and_nothing_too_wide(self, width: int | None, top_k: int, sampled: bool) -> None:
        tokens = [text.encode() for text in HOSTILE.values()]
        for chosen in (0, top_k):
            made = result(
                tokens[: len(tokens) // top_k * top_k], "很 text", top_k=top_k, sampled=sampled, chosen=chosen
            )
            lines = text_of(made, "table", width).splitlines()
            if width is not None:
                copied = safe_text(made.steps[0].context + made.completion.text).splitlines()
                assert [line for line in lines if cell_len(line) > width and line not in copied] == []
            for step in made.steps:
                grid = live(step, Page())
                (layout,) = layouts(grid, width, cell_len)  # one that saw nothing else
                (row,) = grid.rows
                told_apart = tuple(cell._replace(prob=index) for index, cell in enumerate(row))
                drawn = list(layout.row(told_apart))
                for cell in told_apart[2:]:
                    if not cell.text:
                        continue
                    shown = "".join(part.text for line in drawn for part in line if part.prob == cell.prob)
                    assert without_spaces(shown) == without_spaces(cell.text + cell.aside)

    @staticmethod
    def lines_of(step: Step, width: int | None, first: Step | None = None) -> list[Line]:
        """The lines of one step, from a layout that saw nothing but the first one."""
        (layout,) = layouts(live(first or step, Page()), width, cell_len)
        return list(layout.row(live(step, Page()).rows[0]))

    @pytest.mark.parametrize("sampled", [False, True])
    @pytest.mark.parametrize("top_k", [1, 5])
    @pytest.mark.parametrize("length", [12, 30, 60, 110, 300])
    def test_a_wider_terminal_shows_no_less(self, length: int, top_k: int, sampled: bool) -> None:
        """Of a text, whose characters all differ; and none is cut where two columns are left. Tokens stay whole."""
        text = "".join(chr(0x4E00 + number if number % 3 else 0x100 + number) for number in range(length))
        tokens = [b"<|endoftext|>", *[b" a"] * 4][:top_k]
        first, step = (result(tokens, context, top_k=top_k, sampled=sampled).steps[0] for context in ("hello", text))
        before = 0
        for width in range(40, 201):
            drawn = ["".join(part.text for part in line) for line in self.lines_of(step, width, first)]
            assert max(map(cell_len, drawn)) <= width
            (line,) = (line for line in drawn if text[-1] in line)
            shown = sum(character in line for character in text)
            assert shown >= before
            assert shown == length or cell_len(line.rstrip()) >= width - 1
            assert any("<|endoftext|>" in line for line in drawn)
            before = shown
        assert before == min(length, before) and (length > 100 or before == length)

    @pytest.mark.parametrize("length", [17, 60, 74])
    def test_prompt_is_whole_on_80_columns(self, length: int) -> None:
        prompt = "x" * length
        assert prompt in text_of(result([b" a"] * 5, prompt, top_k=5), "table", 80).split("\n\n")[0]

    @pytest.mark.parametrize("sampled", [False, True])
    @pytest.mark.parametrize("width", [200, 120, 100, 80, 60, 40, 20])
    def test_live_rows_are_those_of_the_whole_table(self, width: int, sampled: bool) -> None:
        tokens = [text.encode() for text in HOSTILE.values()]
        made = result(tokens[:20], HOSTILE["markdown"] * 2, top_k=5, sampled=sampled, chosen=1 + 9 * sampled)
        terminal = Terminal()
        table = LiveTable("next-tokens", terminal, Page(width))
        for number, step in enumerate(made.steps, start=1):
            table.part(step)
            assert terminal.getvalue().count("20.0%") == number  # of the first candidate, on the terminal at once
        table.finish(made)
        assert terminal.getvalue() == text_of(made, "table", width)

    @pytest.mark.parametrize("width", [120, 80, 40, 20, None])
    def test_text_is_shown_by_its_end(self, width: int | None) -> None:
        """On one line; Markdown has all of it."""
        context = "the beginning, " * 9 + "很 end"
        made = result([b"a", b"b"], context)
        table = text_of(made, "table", width).split("\n\n")[0]
        (end,) = re.findall("….*?很 end", table)
        assert cell_len(end) >= 13
        assert f"| {context} |" in text_of(made, "markdown")

    def test_chosen_is_marked(self, real: NextTokens) -> None:
        for width in (None, 200, 80, 40, 20):
            text = text_of(real, "table", width)
            assert text.count("◀") == len(real.steps) + 1  # that of the legend
        lines = text_of(real, "table", 200).splitlines()
        for line, step in zip(lines[1:], real.steps, strict=False):
            assert f"{visible_token(step.chosen.token, step.chosen.bytes)} ◀" in line

    def test_sampling_shows_two_percentages(self) -> None:
        made = result([b"a", b"b"], sampled=True)
        for form, spaces in (("table", "   "), ("markdown", "")):
            text = text_of(made, form)
            assert "20.0% → 100.0%" in text
            assert f"10.0% → {spaces}cut" in text  # at the right, on a terminal

    def test_token_from_further_down(self) -> None:
        made = result([b"a", b"b"], sampled=True, chosen=5)
        for width in (None, 120, 60):
            assert "drawn from further down: unlisted ◀ <0.1% → cut, rank 50000 " in " ".join(
                text_of(made, "table", width).split()
            )
        assert "50000" in text_of(made, "table", 20)
        header, _, row, *_ = text_of(made, "markdown").splitlines()
        assert header.endswith("| drawn from further down |") and "**unlisted ◀" in row
        assert "drawn" not in text_of(result([b"a", b"b"], sampled=True), "markdown")
        last = text_of(made, "csv").splitlines()[-1].split(",")
        assert (last[3], last[-1]) == ("50000", "true")

    def test_columns_line_up(self, real: NextTokens) -> None:
        lines = text_of(real, "table", 120).splitlines()
        header, *rows = lines[: 1 + len(real.steps)]
        for start in (match.start() for match in re.finditer(r"text|top \d", header)):
            assert all(cell_len(row) < start or padded(row, start).endswith("  ") for row in rows)

    def test_wrap(self) -> None:
        assert wrap("a bc def", 4, cell_len) == ["a bc", "def"]
        assert wrap("abcdefgh i", 4, cell_len) == ["abcd", "efgh", "i"]
        for width in range(2, 30):
            lines = wrap("model: 你好 (directory; 12 layers)", width, cell_len)
            assert max(map(cell_len, lines)) <= width
            assert "".join("".join(lines).split()) == "model:你好(directory;12layers)"


def without_spaces(text: str) -> str:
    return "".join(text.split())


def padded(line: str, width: int) -> str:
    """The first `width` columns of a line."""
    shown = ""
    for character in line:
        if cell_len(shown) >= width:
            break
        shown += character
    return shown


class TestColumns:
    """`--columns` of next-tokens: what the table shows beside tokens and probabilities."""

    NAMES = ("entropy", "logprob", "id", "logit")

    def test_each_candidate_has_a_row(self, real: NextTokens) -> None:
        for width in (None, 200, 80):
            grid = "".join(render(real, "table", Page(width, columns=self.NAMES))).split("\n\n")[0]
            header = ["rank", "token", *self.NAMES, "prob"]
            assert [line.split() for line in grid.splitlines()[:2] if line.split()[-7:] == header]
            rows = [line.split() for line in grid.splitlines() if line.endswith("%")]
            assert len(rows) == 12
            for step, first in zip(real.steps, range(0, 12, 3), strict=True):
                assert rows[first][-5] == f"{step.entropy_bits:.2f}"
                for candidate, row in zip(step.top_logprobs, rows[first : first + 3], strict=True):
                    numbers = (f"{candidate.logprob:.3f}", str(candidate.id), f"{candidate.logit:.3f}")
                    assert row[-4:] == [*numbers, percent(candidate.prob)]

    def test_entropy_alone_leaves_candidates_side_by_side(self, real: NextTokens) -> None:
        header, row, *_ = "".join(render(real, "table", Page(200, columns=("entropy",)))).splitlines()
        assert header.split() == ["step", "text", "entropy", *("top", "1", "top", "2", "top", "3")]
        assert f"  {real.steps[0].entropy_bits:.2f}  " in row

    def test_markdown_and_a_drawn_token(self) -> None:
        made = result([b"a", b"b"], sampled=True, chosen=5)
        header, _, *rows = (
            "".join(render(made, "markdown", Page(columns=("id", "entropy")))).split("\n\n")[0].splitlines()
        )
        assert header == "| step | text | rank | token | id | entropy | prob | drawn with |"
        assert rows[0].startswith("| 1 |  | 1 | a | 1 | 1.50 | 20.0% | 100.0% |")
        assert rows[2] == "|  |  | 50000 | **unlisted ◀** | 50000 |  | **<0.1%** | **cut** |"

    @pytest.mark.parametrize("width", [200, 80, 40])
    def test_live(self, real: NextTokens, width: int) -> None:
        terminal = Terminal()
        table = LiveTable("next-tokens", terminal, Page(width, columns=self.NAMES))
        for step in real.steps:
            table.part(step)
        table.finish(real)
        assert terminal.getvalue() == "".join(render(real, "table", Page(width, columns=self.NAMES)))

    def test_command_line(self, tiny: Path) -> None:
        arguments = ("next-tokens", "hi", "-m", str(tiny), "-n", "1", "-k", "1")
        assert " rank  token " in run_cli(*arguments, "--columns", "logit, id").out
        for names in ("id,logits", "", "id,,logit"):
            check_error(run_cli(*arguments, "--columns", names), 2, "no column", "id,logit,logprob,entropy", hint=True)
        plain = run_cli(*arguments, "-f", "csv").out
        assert run_cli(*arguments, "-f", "csv", "--columns", "id").out == plain


class TestLegend:
    def test_only_signs_that_occur(self) -> None:
        def line(*tokens: bytes) -> str:
            return text_of(result([*tokens], "x"), "table", 80).split("\n\n")[-1].splitlines()[0]

        assert line(b" a", b"b") == "· a space   ◀ taken"
        assert line(b"a", b"\n") == "⏎ a line break   ◀ taken"
        assert line(b"\t", b"b") == "⇥ a tab   ◀ taken"

    @pytest.mark.parametrize("command", COMMANDS)
    def test_help(self, command: str) -> None:
        text = run_cli(command, "--help").out
        assert "`·` is a space" in " ".join(text.split()) and "`⏎` a line break" in " ".join(text.split())


class TestStructured:
    def test_envelope(self, real: NextTokens) -> None:
        document = json.loads(text_of(real, "json"), parse_constant=pytest.fail)
        assert list(document) == [
            *(
                "schema_version",
                "command",
                "model",
                "run",
                "prompt",
                "decoding",
                "steps",
                "completion",
                "finish_reason",
            ),
            "expectation",
        ]
        assert (document["schema_version"], document["command"]) == (1, "next-tokens")
        assert list(document["model"]) == [
            *("name", "source", "revision", "n_layer", "n_head", "n_embd", "n_positions", "vocab_size", "parameters")
        ]
        assert list(document["run"]) == ["version", "backend", "device", "dtype", "seed"]
        assert list(document["prompt"]) == ["text", "tokens", "bos_added", "tokens_dropped"]
        assert list(document["prompt"]["tokens"][0]) == ["id", "token", "bytes"]
        assert list(document["decoding"]) == [
            *("strategy", "steps", "max_length", "top_k", "temperature", "top_p", "sample_top_k", "ignore_eos")
        ]
        step = document["steps"][0]
        assert list(step) == ["step", "context", "entropy_bits", "elapsed_ms", "chosen", "top_logprobs"]
        assert list(step["chosen"]) == ["id", "token", "bytes", "rank", "logit", "logprob", "prob"]
        assert step["chosen"] == step["top_logprobs"][0]
        assert [candidate["rank"] for candidate in step["top_logprobs"]] == [1, 2, 3]
        assert list(document["completion"]) == ["text", "token_ids"]
        assert document == real.to_dict()

    def test_no_value_is_null(self) -> None:
        made = result([b"a", b"b"])
        step = made.steps[0]
        broken = Step(
            step=1,
            context="",
            entropy_bits=math.nan,
            elapsed_ms=math.inf,
            chosen=step.chosen,
            top_logprobs=step.top_logprobs,
        )
        document = json.loads(text_of(replace(made, steps=(broken,)), "json"), parse_constant=pytest.fail)
        assert document["steps"][0]["entropy_bits"] is document["steps"][0]["elapsed_ms"] is None

    def test_json_lines(self, real: NextTokens) -> None:
        lines = text_of(real, "jsonl").splitlines()
        assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4]

    def test_csv_columns(self, real: NextTokens) -> None:
        text = text_of(real, "csv")
        header = "prompt_index,step,context,rank,id,token,bytes_hex,logit,logprob,prob"
        assert text.splitlines()[0] == f"{header},chosen"
        sampled = text_of(result([b"a", b"b"], sampled=True), "csv").splitlines()
        assert sampled[0] == f"{header},prob_final,kept,chosen"
        assert sampled[1].endswith(",1.0,true,true") and sampled[2].endswith(",0.0,false,false")
        assert "\r" not in text

    def test_which_text_it_is_about(self, real: NextTokens) -> None:
        """Told by the writer, first in each row and behind the name of the model in each line."""
        rows = list(csv.DictReader(io.StringIO("".join(render(real, "csv", Page(prompt_index=7))), newline="")))
        assert {row["prompt_index"] for row in rows} == {"7"} and len(rows) == 12
        lines = [json.loads(line) for line in "".join(render(real, "jsonl", Page(prompt_index=7))).splitlines()]
        assert [(list(line).index("prompt_index"), line["prompt_index"]) for line in lines] == [(3, 7)] * 4

    def test_csv_numbers_are_exact(self, real: NextTokens) -> None:
        rows = list(csv.DictReader(io.StringIO(text_of(real, "csv"), newline="")))
        assert len(rows) == 12
        assert sum(row["chosen"] == "true" for row in rows) == 4
        for row, expected in zip(rows, (each for step in real.steps for each in step.top_logprobs), strict=True):
            assert (int(row["rank"]), int(row["id"])) == (expected.rank, expected.id)
            values = (expected.logit, expected.logprob, expected.prob)
            assert tuple(float(row[name]) for name in ("logit", "logprob", "prob")) == values

    @pytest.mark.parametrize("form", [form for form in FORMATS if form != "table"])
    def test_width_is_for_tables(self, real: NextTokens, form: str) -> None:
        assert text_of(real, form, 20) == text_of(real, form, None)

    def test_empty_prompt(self, tiny: Path) -> None:
        made = gpt2_inspect.load(str(tiny)).next_tokens("", steps=1, top_k=1)
        for form in FORMATS:
            assert text_of(made, form).endswith("\n")
