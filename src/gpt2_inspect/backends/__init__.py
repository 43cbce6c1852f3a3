"""Running the model. `load_backend` picks the backend; each has a file of its own, imported only when picked."""

import re
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from ..checkpoint.config import GPT2Config
from ..errors import BackendUnavailableError, UsageError, importing
from ..messages import Message, Option, listed
from .base import Backend, BackendClass

if TYPE_CHECKING:
    from .auto_classes import AutoClasses


class Row(NamedTuple):
    """A backend, told of before anything of it is imported."""

    name: str
    module: str
    """Its file in this folder."""
    kind: str
    """Its class in that file: a BackendClass."""
    needs: tuple[str, ...]
    """The packages that the file imports."""


BACKENDS = (
    Row("numpy", "numpy_gpt2", "NumpyGPT2", ("numpy",)),
    Row("torch", "torch_gpt2", "TorchGPT2", ("torch", "transformers")),
)
"""The faster one first. The last runs whatever transformers runs."""

AUTO = "auto"
"""The first of them that can do what is asked."""

DTYPES = ("float32", "bfloat16", "float16")

__all__ = ["AUTO", "BACKENDS", "DTYPES", "Backend", "check_choice", "load_auto_classes", "load_backend"]


def check_choice(backend: str, device: str, dtype: str) -> None:
    """Raise UsageError if there is no such backend, device or dtype, on any machine."""
    names = [AUTO, *(row.name for row in BACKENDS)]
    if backend not in names:
        raise UsageError(
            Message("there is no backend {backend!r}", backend=backend),
            Message("choose one of {names}", names=listed(names)),
        )
    if dtype not in DTYPES:
        raise UsageError(
            Message("there is no dtype {dtype!r}", dtype=dtype),
            Message("choose one of {names}", names=listed(tuple(DTYPES))),
        )
    if not (isinstance(device, str) and re.fullmatch(r"cpu|cuda(:\d+)?", device, re.ASCII)):
        raise UsageError(Message("there is no device {device!r}", device=device), Message("choose cpu, cuda or cuda:N"))


def load_backend(folder: Path, config: GPT2Config, backend: str, device: str, dtype: str) -> Backend:
    """The backend that runs the model in a folder. The three names have passed `check_choice`.

    `auto` is numpy where that can do it: on the CPU, in float32, for a checkpoint within what it implements; else
    torch. It never loads torch to find out whether there is a GPU.

    Raises:
        BackendUnavailableError: the backend cannot run this model, lacks a package, or there is no such device here.
        ModelUnusableError: the weights are broken or do not fit the configuration.
    """
    rows = [row for row in BACKENDS if backend in (AUTO, row.name)]
    obstacle = None
    for row in rows:
        purpose = obstacle or Message("the {backend} backend", backend=row.name)
        kind: BackendClass = getattr(_imported(row.module, row.needs, purpose), row.kind)
        obstacle = kind.obstacle(folder, config, device, dtype)
        if obstacle is None:
            return kind.load(folder, config, device, dtype)
    raise BackendUnavailableError(
        Message("the {backend} backend does not do {obstacle}", backend=rows[-1].name, obstacle=obstacle),
        Message("use {backend} {other}", backend=Option("backend"), other=BACKENDS[-1].name),
    )


def load_auto_classes(folder: Path, config: GPT2Config, backend: str, device: str, dtype: str) -> "AutoClasses":
    """transformers' own models with and without the head. The three names have passed `check_choice`.

    Raises:
        BackendUnavailableError: another backend than torch was asked for, torch or transformers is missing, or there is
            no such device here.
        ModelUnusableError: the weights are broken or do not fit the configuration.
    """
    torch = BACKENDS[-1]
    if backend not in (AUTO, torch.name):
        raise BackendUnavailableError(
            Message(
                "compare-heads looks at transformers' own classes, and the {backend} backend has none", backend=backend
            ),
            Message("leave {backend} out", backend=Option("backend")),
        )
    module = _imported("torch_auto_classes", torch.needs, Message("compare-heads"))
    loaded: AutoClasses = module.TorchAutoClasses.load(folder, config, device, dtype)
    return loaded


def _imported(module: str, needs: tuple[str, ...], purpose: Message) -> ModuleType:
    """A file of this folder; for that of torch it takes seconds."""
    with importing(needs, purpose):
        return import_module(f".{module}", __name__)
