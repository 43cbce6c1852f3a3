"""What the reference and its peers are told and what they print. Not all of them use torch: it is not imported here."""

import argparse
import json
import sys

Row = list[tuple[int, float]]
"""The best tokens of one position with their probabilities."""


def parse_arguments(description: str) -> argparse.Namespace:
    """The command line, with the text read."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("model", help="a folder")
    parser.add_argument("text", help="the prompt; `-` reads it from standard input")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--top-k", type=int, default=5)
    parser.add_argument("--every-position", action="store_true")
    parser.add_argument("--json", action="store_true", help="print ids and probabilities for a program to compare")
    options = parser.parse_args()
    if options.text == "-":
        options.text = sys.stdin.read()
    return options


def show(rows: list[Row], tokenizer, as_json: bool) -> None:
    """Print a line for each row."""
    if as_json:
        print(json.dumps(rows))
        return
    for step, row in enumerate(rows, start=1):
        cells = (f"{tokenizer.decode([token_id])!r:>14} {100 * probability:5.2f}%" for token_id, probability in row)
        print(f"{step:4}", *cells)
