"""Whether a model is what it should be: its files, its weights, its tokenizer, and the numbers that come out.

The checks stand in an order in which each can rely on those before it; after one that fails the others are skipped.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..analysis.next_tokens import NextTokensQuestion
from ..analysis.score import ScoreQuestion
from ..checkpoint.config import GPT2Config, read_config
from ..checkpoint.weights import open_checkpoint
from ..errors import BackendUnavailableError, InspectError, ModelNotFoundError, ModelUnusableError, UsageError
from ..filenames import CONFIG, has_safetensors
from ..loaded import Choice, LoadedGPT2
from ..messages import Message, Option, all_of
from ..results.models import Check, CheckedModel, ModelChecks
from ..sources import ModelFiles, local_model
from ..sources.base import missing_files
from ..sources.checksums import check_files
from ..sources.hub_cache import GPT2_124M, names_of
from ..sources.installed import installed_models
from . import is_gpt2
from .published import COMPLETIONS, TEXTS, PublishedText

TOLERANCE = 1e-4
"""What float32 leaves of the logprobs of a model when its sums are taken in another order (tests/test_parity.py)."""

PROMPT = "Hello, how are you? 你好！"
"""What both backends are asked about; every tokenizer has tokens for it, if only bytes or one for the unknown."""


class Found(NamedTuple):
    """What a check has looked at."""

    looked_at: int | None = None
    verified: int | None = None
    difference: float | None = None


def check_models(name: str | None = None, revision: str | None = None) -> tuple[ModelChecks, list[ModelUnusableError]]:
    """This model, or all GPT-2s on this machine; and what is wrong with those that fail.

    Raises ModelNotFoundError or UsageError as `local_model` does.
    """
    if name is None:
        if revision is not None:
            raise UsageError(
                Message("{option} is for a model that is named", option=Option("revision")),
                Message("without a name all versions of all models are checked"),
            )
        chosen = [installed.files for installed in installed_models() if is_gpt2(installed)]
    else:
        chosen = [_named(name, revision)]
    checked, errors = [], []
    for files in chosen:
        checks, error = _check(files)
        checked.append(
            CheckedModel(
                name=files.name, source=files.source, revision=files.revision, ok=error is None, checks=tuple(checks)
            )
        )
        errors += [] if error is None else [error]
    return ModelChecks(tolerance=TOLERANCE, models=tuple(checked)), errors


def _named(name: str, revision: str | None) -> ModelFiles:
    """The model, be it an incomplete one of the hub's cache."""
    try:
        return local_model(name, revision)
    except ModelNotFoundError:
        for installed in installed_models():
            versions = (installed.files.revision, *installed.refs)
            if installed.files.name in names_of(name) and (revision or "main") in versions:
                return installed.files._replace(name=name)
        raise


def _check(files: ModelFiles) -> tuple[list[Check], ModelUnusableError | None]:
    examined = _Examined(files)
    checks: list[Check] = []
    failed: ModelUnusableError | None = None
    for name, look in examined.checks():
        outcome, found, file = "skipped", Found(), None
        if failed is None:
            try:
                found, outcome = look(), "ok"
            except BackendUnavailableError:
                pass  # torch is not installed, or the numpy backend does not implement this model
            except ModelUnusableError as error:
                failed, outcome, file = error, "failed", _file_at_fault(error)
        checks.append(
            Check(
                check=name,
                outcome=outcome,
                file=file,
                count=found.looked_at,
                verified=found.verified,
                difference=found.difference,
            )
        )
    return checks, failed


def _file_at_fault(error: InspectError) -> str | None:
    path = error.values.get("path")
    return None if path is None else Path(str(path)).name


class _Examined:
    """A model that is being looked at; what one check has opened the next ones use."""

    def __init__(self, files: ModelFiles) -> None:
        self._files = files

    def checks(self) -> Iterator[tuple[str, Callable[[], Found]]]:
        """Each with its name, in order."""
        yield "files", self._look_at_files
        yield "config", self._look_at_config
        yield "weights", self._look_at_weights
        yield "tokenizer", self._look_at_tokenizer
        yield "backends", self._compare_backends
        if self._files.source == "hub" and self._files.name in GPT2_124M:
            yield "published", self._compare_with_published

    def _config(self) -> GPT2Config:
        return read_config(self._files.folder / CONFIG)

    def _loaded(self, backend: str) -> LoadedGPT2:
        return LoadedGPT2(self._files, self._config(), Choice(backend, "cpu", "float32"))

    def _look_at_files(self) -> Found:
        """All are there, and those with a known checksum have it."""
        count, verified = check_files(self._files)
        missing = missing_files(self._files.folder)
        if missing:
            raise ModelUnusableError(
                Message(
                    "{folder!r} is not a model: it lacks {names}", folder=str(self._files.folder), names=all_of(missing)
                )
            )
        return Found(count, verified=verified)

    def _look_at_config(self) -> Found:
        self._config()
        return Found()

    def _look_at_weights(self) -> Found:
        """Every tensor that the configuration asks for is there, in its shape, and each file is as long as it says."""
        if not has_safetensors(self._files.folder):
            _ = self._loaded("torch").backend  # torch itself reads a pickle, and refuses one that does not fit
            return Found()
        return Found(len(open_checkpoint(self._files.folder, self._config()).located))

    def _look_at_tokenizer(self) -> Found:
        """It can be made, and has as many tokens as the weights have rows."""
        return Found(self._loaded("numpy").tokenizer_for(PROMPT).vocab_size)

    def _compare_backends(self) -> Found:
        """Both give the same logprobs for a fixed text, and propose the same after each of its tokens."""
        numpy, torch = (ScoreQuestion().answer(self._loaded(backend), PROMPT) for backend in ("numpy", "torch"))
        pairs = []
        for one, other in zip(numpy.positions, torch.positions, strict=True):
            proposed = {candidate.id: candidate.logprob for candidate in other.next_top_logprobs}
            pairs += [(each.logprob, proposed[each.id]) for each in one.next_top_logprobs if each.id in proposed]
            if one.logprob is not None and other.logprob is not None:
                pairs.append((one.logprob, other.logprob))
        difference = _within_tolerance(pairs, Message("the numpy and the torch backend"))
        return Found(len(numpy.positions), difference=difference)

    def _compare_with_published(self) -> Found:
        """What others have published about gpt2 holds."""
        model = self._loaded("auto")
        pairs = [pair for fact in TEXTS for pair in _rated(model, fact)]
        difference = _within_tolerance(pairs, Message("the model and what is published about it"))
        for fact in COMPLETIONS:
            question = NextTokensQuestion(steps=len(fact.token_ids), top_k=1)
            if question.answer(model, fact.text).completion.token_ids != fact.token_ids:
                raise ModelUnusableError(
                    Message("after {text!r} it takes other tokens than are published", text=fact.text),
                    Message("see {source}", source=fact.source),
                )
        return Found(len(pairs) + sum(len(fact.token_ids) for fact in COMPLETIONS), difference=difference)


def _rated(model: LoadedGPT2, fact: PublishedText) -> list[tuple[float, float]]:
    """The logprob of each token, and the published one."""
    rated = ScoreQuestion(bos=fact.bos, top_k=1).answer(model, fact.text).positions[1:]
    if tuple(token.id for token in rated) != fact.token_ids:
        raise ModelUnusableError(
            Message("{text!r} has other tokens than are published", text=fact.text),
            Message("see {source}", source=fact.source),
        )
    scale = -math.log(2) if fact.bits else 1
    return [
        (token.logprob, scale * value)
        for token, value in zip(rated, fact.values, strict=True)
        if token.logprob is not None
    ]


def _within_tolerance(pairs: list[tuple[float, float]], who: Message) -> float:
    """The largest difference. Raises ModelUnusableError if one is too large."""
    for one, other in pairs:
        if abs(one - other) > TOLERANCE * max(1, abs(one), abs(other)):
            raise ModelUnusableError(
                Message("{who} differ: logprob {one} and {other}", who=who, one=f"{one:.6f}", other=f"{other:.6f}"),
                Message("the weights may be another model's"),
            )
    return max(abs(one - other) for one, other in pairs)
