"""The records that commands return. JSON, CSV and tables are all made from these, and so is what Python code gets.

What all of them share stands here, what one command adds in the file that has its name.

Every record is frozen and holds plain Python values. Units stand in the names: `logprob` is in nats (natural
logarithm), `entropy_bits` in bits, `elapsed_ms` in milliseconds; `prob` is between 0 and 1. Ranks count from 1,
steps from 1, positions, layers and heads from 0.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

SCHEMA_VERSION = 1


_R = TypeVar("_R", bound="Record")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(kind: type[_R]) -> type[_R]:
    """A frozen dataclass made with keywords, since positions tell `logit` from `logprob` to nobody.

    It takes its other methods from Record: making them for each class slows every start.
    """
    return dataclass(frozen=True, eq=False, repr=False, kw_only=True)(kind)


class Record:
    """Base of all records: gives `to_dict()`, the form that JSON has."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record) or type(self) is not type(other):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        values = (f"{field.name}={getattr(self, field.name)!r}" for field in fields(self))  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(values)})"

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Any]:
        """Nested dictionaries, lists and plain values, in the order of the fields; NaN and infinities become None."""
        return {name: _plain(value) for name, value in self.entries().items()}

    def entries(self) -> dict[str, Any]:
        """The fields by the names that they have in JSON, in their order, each as it is."""
        names, values_of = type(self).reader()
        return dict(zip(names, values_of(self), strict=True))

    @classmethod
    @cache
    def reader(cls) -> tuple[tuple[str, ...], Callable[["Record"], tuple[Any, ...]]]:
        """The names of the fields, and what reads them all at once: there may be millions of records."""
        names = [field.name for field in fields(cls)]  # type: ignore[arg-type]
        plain_names = tuple(map(json_name, names))
        if len(names) < 2:  # attrgetter gives no tuple
            return plain_names, lambda record: tuple(getattr(record, name) for name in names)
        return plain_names, attrgetter(*names)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What `to_dict` was called on, but for NaN and infinities, which became None.

        Raises ValueError if a field is missing, unknown or of another type.
        """
        return cls._read(values, command=None)

    @classmethod
    def _read(cls, values: Any, command: str | None) -> Self:
        """Options become those of this command, if the file of its question has been imported."""
        from .reading import Reader  # loads what only reading needs

        reader = Reader(
            json_name,
            lambda kind: not issubclass(kind, Options) or kind.command == command,
            lambda kind, values: kind.content(values) if issubclass(kind, Document) else values,
        )
        return reader.read(cls, values, cls.__name__)


def json_name(field: str) -> str:
    """The name of a field in JSON; one that would be a keyword of Python ends in an underscore here."""
    return field.removesuffix("_")


_AS_THEY_ARE = {int, str, bool, type(None)}
"""Types of values that are plain already; most are, and there may be millions."""


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return list(value) if _AS_THEY_ARE.issuperset(map(type, value)) else [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@record
class Token(Record):
    """One token of the vocabulary."""

    id: int
    """Its place in the vocabulary, from 0."""
    token: str
    """The text of the bytes; U+FFFD where they are not whole UTF-8."""
    bytes: tuple[int, ...]
    """The exact bytes, each 0 to 255."""


@record
class Candidate(Token):
    """A token that the model ranks as the next one."""

    rank: int
    """From 1. Equal logits are ranked by the lower id."""
    logit: float
    """What the model computes; only differences between logits mean anything."""
    logprob: float
    """Natural logarithm of `prob`, in nats."""
    prob: float
    """The model's own probability: softmax of the logits over the whole vocabulary, before any temperature."""


@record
class SampledCandidate(Candidate):
    """A candidate under sampling."""

    prob_final: float
    """Its probability after temperature and filters: what was drawn from. 0 if it was filtered out."""
    kept: bool
    """True if it passed the filters."""


@record
class ModelInfo(Record):
    """Which model answered. The names are those of GPT-2's config.json."""

    name: str
    """As it was named."""
    source: str
    """`bundled`, `directory` or `hub`."""
    revision: str | None
    """The commit in the hub's repository; None for a model that is not from the hub."""
    n_layer: int
    n_head: int
    n_embd: int
    n_positions: int
    vocab_size: int
    parameters: int
    """Number of weights; tied weights count once. Where none are opened, as many as config.json says."""


@record
class RunInfo(Record):
    """What computed the answer."""

    version: str
    """Of gpt2-inspect."""
    backend: str | None
    """None where no model ran, as are the next two: tokens alone need none."""
    device: str | None
    dtype: str | None
    seed: int | None
    """None where nothing was drawn at random."""


@record
class Prompt(Record):
    """What the model was given."""

    text: str
    """As typed."""
    tokens: tuple[Token, ...]
    """What the model saw: `text` in tokens, after the changes that the next two tell of."""
    bos_added: bool
    """True if the token that begins a text, for GPT-2 `<|endoftext|>`, was put first: in place of an empty prompt, or
    because that was asked for."""
    tokens_dropped: int
    """How many of the oldest tokens were cut off to fit the context."""


class Options(Record):
    """What was asked: a question's options under their own names. It is the question itself (analysis/question.py)."""

    command: ClassVar[str]

    def __getitem__(self, name: str) -> Any:
        """The value of an option, for those who know no questions."""
        return getattr(self, name)


@record
class Document(Record):
    """What a command returns, and a JSON document is made from."""

    command: ClassVar[str]

    def entries(self) -> dict[str, Any]:
        """Those of the JSON document: the schema version and the command's name, then the fields."""
        return {**self.envelope(), **super().entries()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What a JSON document was made from. Its options are the question, if its file is imported.

        Raises ValueError if a field is missing, unknown or of another type, or the document is of another command or
        schema version.
        """
        return cls._read(values, cls.command)

    @classmethod
    def envelope(cls) -> dict[str, Any]:
        """How every document of this kind begins."""
        return {"schema_version": SCHEMA_VERSION, "command": cls.command}

    @classmethod
    def content(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values without the envelope. Raises ValueError if that is another one."""
        envelope = cls.envelope()
        for name, expected in envelope.items():
            if values.get(name) != expected:
                raise ValueError(f"{name} is {values.get(name)!r}, not {expected!r}")
        return {name: value for name, value in values.items() if name not in envelope}

    def about(self) -> dict[str, Any]:
        """What a part needs beside the envelope to stand alone."""
        return {}

    def items(self) -> Sequence[Record]:
        """The parts that make it up, one a line in the jsonl format."""
        raise NotImplementedError

    def tidy(self) -> tuple[list[str], list[list[Any]]]:
        """(header, rows): a row for each thing that was measured. What text they are about is not among it."""
        raise NotImplementedError

    def rows(self, prompt_index: int = 0) -> list[dict[str, Any]]:
        """The rows that CSV has, as they are: for `pandas.DataFrame` and its like.

        Args:
            prompt_index: which of several texts this is about.
        """
        header, rows = self.tidy()
        columns = ("prompt_index", *header)
        return [dict(zip(columns, (prompt_index, *row), strict=True)) for row in rows]

    def without_times(self) -> Self:
        """The same without how long anything took, which is all that differs from run to run."""
        return self


@record
class Result(Document):
    """What one model answers: the envelope of most commands."""

    model: ModelInfo
    run: RunInfo
    prompt: Prompt | None
    """None where there is no text to start from."""

    def about(self) -> dict[str, Any]:
        return {"model": self.model.name}

    @property
    def settings(self) -> Record:
        """What was asked for, under whatever name the result has it."""
        asked: Record = self.options  # type: ignore[attr-defined]  # the name that most have for it
        return asked
