"""`--help`: options in panels, two examples for each command, in plain text that fits a terminal."""

from collections.abc import Sequence
from functools import lru_cache, reduce
from typing import Any
from unicodedata import east_asian_width

from typer._click.formatting import HelpFormatter
from typer.core import TyperCommand

from ..messages import say
from ..render.lines import pad, wrap

WIDEST = 80
"""Columns: longer lines are hard to read."""

_FOR_NAMES = 30
"""Columns that the names of options may take; one that is longer has a line of its own."""

PANELS = {
    "input": (
        *("truncate_left", "bos", "prompt", "text"),
        *("input", "input_format", "field", "workers", "fail_fast", "resume"),
        *("engine", "ray_address"),
    ),
    "decoding": (
        *("steps", "max_length", "temperature", "top_p", "sample_top_k", "seed", "ignore_eos"),
        *("num_beams", "length_penalty"),
    ),
    "question": (),
    "expectation": ("expect", "within", "min_prob", "at_step"),
    "model": ("model", "revision", "offline", "backend", "device", "dtype"),
    "output": (
        *("top_k", "neighbors", "columns", "tree", "ids", "bare", "form", "json", "output", "open_page"),
        *("save", "save_all", "plot", "plot_size", "color", "theme", "ascii", "explain", "csv_meta", "no_timing"),
        *("quiet", "traceback", "lang", "help"),
    ),
}
"""Which parameters stand under which heading, in this order; what is in none is the command's own question."""


def _heading(panel: str) -> str:
    return {
        "input": say("Input"),
        "decoding": say("Decoding"),
        "question": say("Question"),
        "expectation": say("Expectation (exit code 8 if not met)"),
        "model": say("Model"),
        "output": say("Output"),
    }[panel]


def _panel(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return "input"
    return next((panel for panel, names in PANELS.items() if parameter.name in names), "question")


def help_text(parameter: Any, context: Any) -> str:
    """What there is to say about a parameter, which the parser says in English alone: of --help, and of defaults."""
    text = str(parameter.get_help_record(context)[1])
    if parameter.name == "help":
        return say("Show this help and exit.")
    about = text.removeprefix(parameter.help or "").strip(" []")
    if not about:
        return text
    facts = reduce(lambda some, fact: say("{some}; {fact}", some=some, fact=fact), map(_fact, about.split("; ")))
    return f"{parameter.help}  [{facts}]"


def _fact(fact: str) -> str:
    name, _, value = fact.partition(": ")
    match name:
        case "default":
            return say("default: {value}", value=value)
        case "env var":
            return say("env var: {value}", value=value)
        case "required":
            return say("required")
    return fact  # a range of numbers


class Page(HelpFormatter):
    """Help as it is laid out by the parser, but by the columns that characters take: Chinese ones take two."""

    def __init__(self, context: Any) -> None:
        super().__init__(width=min(WIDEST, context.obj.width or WIDEST))

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        start = say("Usage: {program}", program=prog) + " "
        indent = columns(start) if columns(start) <= self.width - _LEAST else _NESTED
        lines = wrap(args, self.width - indent, columns)
        self.write(f"{start}{lines[0]}\n" if indent > _NESTED else f"{start.rstrip()}\n{'':{indent}}{lines[0]}\n")
        self.write("".join(f"{'':{indent}}{line}\n" for line in lines[1:]))

    def write_heading(self, heading: str) -> None:
        self.write(f"{'':{self.current_indent}}{say('{heading}:', heading=heading)}\n")

    def write_text(self, text: str) -> None:
        self.write("\n".join(self._paragraph(paragraph) for paragraph in text.split("\n\n")))

    def _paragraph(self, text: str) -> str:
        lines = wrap(" ".join(text.split("\n")), self.width - self.current_indent, columns)
        return "".join(f"{'':{self.current_indent}}{line}\n" for line in lines)

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        names = min(max(columns(name) for name, _ in rows), col_max)
        indent = self.current_indent + names + col_spacing
        for name, text in rows:
            lines = [line.strip() for line in wrap(text, self.width - indent, columns)]
            if columns(name) > names:
                self.write(f"{'':{self.current_indent}}{name}\n")
                name = ""
            first = pad(name, names + col_spacing, columns)
            self.write(f"{'':{self.current_indent}}{first}{lines[0]}\n")
            self.write("".join(f"{'':{indent}}{line}\n" for line in lines[1:]))


_LEAST = 20
"""Columns that arguments need to stand beside the name of the program."""

_NESTED = 4
"""Columns by which what does not is indented."""


@lru_cache(4096)
def columns(text: str) -> int:
    """Columns of a text of this package on a terminal; those of any text, emoji included, are for rich to say."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


class HelpfulCommand(TyperCommand):
    """A command that lists its options by what they are for."""

    examples: Sequence[str] = ()

    def get_help(self, ctx: Any) -> str:
        return help_page(self, ctx)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        write_examples(formatter, self.examples)
        rows: dict[str, list[tuple[str, str]]] = {panel: [] for panel in PANELS}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                rows[_panel(parameter)].append((record[0], help_text(parameter, ctx)))
        names = max(len(name) for panel in rows.values() for name, _ in panel)
        most = min(names, _FOR_NAMES, formatter.width // 2)
        for panel, records in rows.items():
            if records:
                with formatter.section(_heading(panel)):
                    formatter.write_dl([(name.ljust(most), text) for name, text in records], col_max=most)


def help_page(command: Any, context: Any) -> str:
    """The help of a command that knows how to format it."""
    page = Page(context)
    command.format_help(context, page)
    return str(page.getvalue()).rstrip("\n")


def write_examples(formatter: Any, examples: Sequence[str]) -> None:
    """Command lines, which are not broken: they are for copying."""
    if examples:
        with formatter.section(say("Examples")):
            for line in examples:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
