"""The page of `encode`: the text in pieces over their ids and bytes."""

from collections.abc import Sequence

from markupsafe import Markup

from ....results.encode import Encode
from ...sections import Section
from ..pieces import over_bytes


def arrange(result: Encode, sections: Sequence[Section], id_: str) -> list[Section | Markup]:
    """The pieces, and the tables."""
    return [over_bytes(result.tokens), *sections]
