"""The record of `report`: the answers to all questions about one text."""

import shlex
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

    def items(self) -> Sequence[Result]:
        """The answers, in the order in which they stand on the page."""
        values = (getattr(self, field.name) for field in fields(self))
        return [value for value in values if isinstance(value, Result)]

    def tidy(self) -> tuple[list[str], list[list[Any]]]:
        """One row for each answer: the line that gives it as CSV."""
        return ["part", "command_line"], [[part.command, self.command_line(part, "csv")] for part in self.items()]

    def command_line(self, part: Result, form: str = "json") -> str:
        """What gives this answer alone, in Bash and its like."""
        own = []
        match part:
            case NextTokens():
                own = ["--steps", str(part.decoding.steps)]
            case CompareSearch():
                own = ["--steps", str(part.search["steps"])]
            case Attention():
                own = ["--rows"] if part.options["rows"] else []
            case HiddenStates():
                position = ["--position", "all"] if part.options["every_position"] else []
                own = ["--lens", *position, "--top-k", str(part.options["top_k"])]
        model, run = self.model, self.next_tokens.run
        own += ["--model", model.name]
        if model.revision is not None:
            own += ["--revision", model.revision]
        if (run.backend, run.device, run.dtype) != ("numpy", "cpu", "float32"):
            own += ["--backend", str(run.backend), "--device", str(run.device), "--dtype", str(run.dtype)]
        text = [self.text]
        if part.command == "decode":
            text = [f"--prompt={self.text}"]
        elif self.text.startswith("-"):
            text = ["--", self.text]
        own += ["--format", form]
        return " ".join(map(_quoted, ["gpt2-inspect", part.command, *own, *text]))

    def without_times(self) -> Self:
        from dataclasses import replace

        return replace(self, next_tokens=self.next_tokens.without_times())


def _quoted(argument: str) -> str:
    """For the shell; what has no shape of its own by its codes, so that the line can be seen and copied."""
    if argument.isprintable():
        return shlex.quote(argument)
    return f"$'{''.join(map(_escaped, argument))}'"


def _escaped(character: str) -> str:
    """Inside `$'...'`, where `\\x` is a byte."""
    code = ord(character)
    if character.isprintable():
        return f"\\{character}" if character in "\\'" else character
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
