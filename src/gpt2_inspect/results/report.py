"""The record of `report`: the answers to all questions about one text."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, ClassVar, Self, get_type_hints

from . import Document, ModelInfo, Result, record
from .attention import Attention
from .compare_search import CompareSearch
from .decode import Decode
from .embeddings import Embeddings
from .encode import Encode
from .hidden_states import HiddenStates
from .logits import Logits
from .next_tokens import NextTokens
from .score import Score


@record
class Report(Document):
    """The result of `report`. Each answer is the document that its own command gives."""

    command: ClassVar[str] = "report"
    text: str
    """As typed."""
    model: ModelInfo
    next_tokens: NextTokens
    score: Score
    logits: Logits
    attention: Attention
    hidden_states: HiddenStates
    compare_search: CompareSearch
    embeddings: Embeddings
    encode: Encode
    decode: Decode

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Each answer is read as a document of its own, whose options are its own question."""
        content = cls.content(values)
        names = [field.name for field in fields(cls)]
        if set(names) != content.keys():
            raise ValueError(f"{cls.__name__} has the fields {', '.join(names)}, not {', '.join(content)}")
        kinds = get_type_hints(cls)
        if not isinstance(content["text"], str):
            raise ValueError(f"{cls.__name__}.text: {content['text']!r} is no str")
        read = {name: kinds[name].from_dict(content[name]) for name in names if name != "text"}
        return cls(text=content["text"], **read)

    def about(self) -> dict[str, Any]:
        return {"model": self.model.name}

    def items(self) -> Sequence[Result]:
        """The answers, in the order in which they stand on the page."""
        values = (getattr(self, field.name) for field in fields(self))
        return [value for value in values if isinstance(value, Result)]

    def without_times(self) -> Self:
        from dataclasses import replace

        return replace(self, next_tokens=self.next_tokens.without_times())
