"""Flattening a result, once for all formats that have rows: `render.views` has a file for each command."""

from importlib import import_module
from typing import Any

from ..results import Result
from .blocks import Block


def tidy_rows(result: Result) -> tuple[list[str], list[list[Any]]]:
    """(header, rows) of plain values, for programs."""
    header, rows = _view(result).tidy(result)
    return header, rows


def blocks(result: Result) -> list[Block]:
    """What people see, from top to bottom."""
    shown: list[Block] = _view(result).blocks(result)
    return shown


def _view(result: Result) -> Any:
    return import_module(f".views.{result.command.replace('-', '_')}", __package__)
