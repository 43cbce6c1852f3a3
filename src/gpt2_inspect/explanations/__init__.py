"""What a result means, in words: what was asked, how to read it, the idea behind it, and the same in transformers.

One file for each command, with a function `explain` that makes an Explanation of the command's record.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from .parts import Explanation, sections

if TYPE_CHECKING:
    from ..render.formats import Page
    from ..render.sections import Section
    from ..results import Document


class Explainer(Protocol):
    """What a command's file offers."""

    def explain(self, result: "Document", page: "Page") -> Explanation:
        """The words for this result, with its numbers, and for what the page shows of it."""


def explanation_of(result: "Document", page: "Page") -> Explanation:
    """The explanation of a result, of whatever command."""
    explainer = import_module(f".{result.command.replace('-', '_')}", __name__)
    return cast("Explainer", explainer).explain(result, page)


def explain(result: "Document", page: "Page") -> "tuple[Section, ...]":
    """What stands below the result where it is explained."""
    return sections(explanation_of(result, page))
