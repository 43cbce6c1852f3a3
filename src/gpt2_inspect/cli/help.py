"""`--help`: options in panels, two examples for each command, in plain text that fits a terminal."""

from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand

from ..messages import say

WIDEST = 80
"""Columns: longer lines are hard to read."""

_FOR_NAMES = 30
"""Columns that the names of options may take; one that is longer has a line of its own."""

PANELS = {
    "input": (
        *("truncate_left", "bos", "prompt", "text"),
        *("input", "input_format", "field", "workers", "fail_fast", "resume"),
    ),
    "decoding": (
        *("steps", "max_length", "temperature", "top_p", "sample_top_k", "seed", "ignore_eos"),
        *("num_beams", "length_penalty"),
    ),
    "question": (),
    "expectation": ("expect", "within", "min_prob", "at_step"),
    "model": ("model", "revision", "offline", "backend", "device", "dtype"),
    "output": (
        *(
            "top_k",
            "neighbors",
            "tree",
            "ids",
            "bare",
            "form",
            "json",
            "output",
            "save",
            "save_all",
            "csv_meta",
            "no_timing",
            "explain",
            "color",
            "theme",
            "ascii",
        ),
        *("quiet", "traceback", "help"),
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


def help_text(parameter: Any, record: tuple[str, str]) -> str:
    """What there is to say about a parameter; of --help the parser says it, in English alone."""
    return say("Show this help and exit.") if parameter.name == "help" else record[1]


def fit(context: Any, formatter: Any) -> None:
    """Have the formatter use the width of the terminal, up to WIDEST; by itself it uses 78, and never less than 50."""
    formatter.width = min(WIDEST, context.obj.width or WIDEST)


def write_examples(formatter: Any, examples: Sequence[str]) -> None:
    """Command lines, which are not broken: they are for copying."""
    if examples:
        with formatter.section(say("Examples")):
            for line in examples:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


class HelpfulCommand(TyperCommand):
    """A command that lists its options by what they are for."""

    examples: Sequence[str] = ()

    def format_help(self, ctx: Any, formatter: Any) -> None:
        fit(ctx, formatter)
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        write_examples(formatter, self.examples)
        rows: dict[str, list[tuple[str, str]]] = {panel: [] for panel in PANELS}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                rows[_panel(parameter)].append((record[0], help_text(parameter, record)))
        names = max(len(name) for panel in rows.values() for name, _ in panel)
        most = min(names, _FOR_NAMES, formatter.width // 2)
        for panel, records in rows.items():
            if records:
                with formatter.section(_heading(panel)):
                    formatter.write_dl([(name.ljust(most), text) for name, text in records], col_max=most)
