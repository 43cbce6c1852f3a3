"""The records that commands return. JSON, CSV and tables are all made from these, and so is what Python code gets.

What all of them share stands here, what one command adds in the file that has its name.

Every record is frozen and holds plain Python values. Units stand in the names: `logprob` is in nats (natural
logarithm), `entropy_bits` in bits, `elapsed_ms` in milliseconds; `prob` is between 0 and 1. Ranks count from 1,
steps from 1, positions, layers and heads from 0.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, TypeVar, dataclass_transform

SCHEMA_VERSION = 1


_R = TypeVar("_R", bound="Record")


@dataclass_transform(frozen_default=True)
def record(kind: type[_R]) -> type[_R]:
    """A frozen dataclass that takes its other methods from Record: making them for each class slows every start."""
    return dataclass(frozen=True, eq=False, repr=False)(kind)


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
        first, *others = (field.name for field in fields(cls))  # type: ignore[arg-type]
        return (first, *others), attrgetter(first, *others) if others else lambda record: (getattr(record, first),)


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@record
class Token(Record):
    """One token of the vocabulary."""

    id: int
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
    """Number of weights; tied weights count once."""


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
    """What the model saw: `text` in tokens, after the changes that the next two fields tell of."""
    bos_added: bool
    """True if `<|endoftext|>` was put first: in place of an empty prompt, or because that was asked for."""
    tokens_dropped: int
    """How many of the oldest tokens were cut off to fit the context."""


@record
class Result(Record):
    """The envelope of every command's result."""

    command: ClassVar[str]
    model: ModelInfo
    run: RunInfo
    prompt: Prompt | None
    """None where there is no text to start from."""

    def entries(self) -> dict[str, Any]:
        """Those of the JSON document: the schema version and the command's name, then the fields."""
        return {"schema_version": SCHEMA_VERSION, "command": self.command, **super().entries()}

    def items(self) -> Sequence[Record]:
        """The parts that make up the result, one a line in the jsonl format."""
        raise NotImplementedError
