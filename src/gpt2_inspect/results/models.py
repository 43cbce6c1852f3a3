"""The records of `models list` and `models check`."""

from collections.abc import Sequence
from typing import Any, ClassVar

from . import Document, Record, record


@record
class ListedModel(Record):
    """A GPT-2 on this machine."""

    name: str
    """What `--model` takes."""
    source: str
    """`bundled` or `hub`."""
    revision: str | None
    """The commit in the hub's repository; None for a bundled model."""
    refs: tuple[str, ...]
    """The branches and tags of the hub that stand for this commit here; `main` is what a name alone means."""
    state: str
    """`whole`: all files are there. `incomplete`: some are missing. `unusable`: config.json is broken, or of no GPT-2
    that can be run."""
    missing: tuple[str, ...]
    """The files that an incomplete model lacks."""
    size_bytes: int
    """Of its files on disk; versions of one model may share some."""
    parameters: int | None
    """Number of weights as config.json says, tied weights once; None if that is unusable."""
    languages: tuple[str, ...]
    """What it was trained on, in codes of ISO 639-1; empty if nothing here says so."""
    default: bool
    """True for the model that answers where none is named; of the bundled ones, that for a text without Chinese."""
    folder: str


@record
class ModelList(Document):
    """The result of `models list`."""

    command: ClassVar[str] = "models list"
    cache: str
    """The folder of the hub's cache."""
    models: tuple[ListedModel, ...]

    def items(self) -> Sequence[ListedModel]:
        return self.models

    def tidy(self) -> tuple[list[str], list[list[Any]]]:
        """One row for each model."""
        return list(ListedModel.reader()[0]), [list(model.to_dict().values()) for model in self.models]


@record
class Check(Record):
    """One thing that was looked at."""

    check: str
    """`files`, `config`, `weights`, `tokenizer`, `backends` or `published`."""
    outcome: str
    """`ok`, `failed`, or `skipped`: it cannot be done here, or one before it failed."""
    file: str | None
    """The file at fault, where it is a single one."""
    count: int | None
    """How many were looked at: files, tensors, tokens of the vocabulary, tokens that both backends rated, published
    numbers. None if none were."""
    verified: int | None
    """Of the files, how many have a known checksum; None for other checks."""
    difference: float | None
    """Between the backends, or from the published numbers: the largest difference in logprob, in nats."""


@record
class CheckedModel(Record):
    """A model and what was looked at."""

    name: str
    source: str
    """`bundled`, `directory` or `hub`."""
    revision: str | None
    ok: bool
    """True if nothing failed."""
    checks: tuple[Check, ...]


@record
class ModelChecks(Document):
    """The result of `models check`."""

    command: ClassVar[str] = "models check"
    tolerance: float
    """How far two logprobs may differ, in nats; above 1 nat, as a part of the larger one."""
    models: tuple[CheckedModel, ...]

    def items(self) -> Sequence[CheckedModel]:
        return self.models

    def tidy(self) -> tuple[list[str], list[list[Any]]]:
        """One row for each check of each model."""
        rows: list[list[Any]] = []
        for model in self.models:
            head = [model.name, model.source, model.revision, model.ok]
            rows += [[*head, *check.entries().values()] for check in model.checks]
        return ["name", "source", "revision", "ok", *Check.reader()[0]], rows
