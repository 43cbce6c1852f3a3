"""The page of `decode`: the tokens in pieces over their ids and bytes."""

from collections.abc import Sequence

from markupsafe import Markup

from ....results.decode import Decode
from ...sections import Section
from ..pieces import over_bytes


def arrange(result: Decode, sections: Sequence[Section], id_: str) -> list[Section | Markup]:
    """The pieces, and the rest; with a prompt there is but one token, that of the argmax."""
    return [over_bytes(result.tokens), *sections] if result.argsort is None else list(sections)
