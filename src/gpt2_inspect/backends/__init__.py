"""Running the model. `load_backend` picks the backend; each has a file of its own, imported only when picked."""

import re
from typing import TYPE_CHECKING

from ..checkpoint.config import GPT2Config
from ..checkpoint.safetensors import has_safetensors
from ..errors import BackendUnavailableError, UsageError, importing
from ..messages import Message
from ..sources import ModelFiles
from .base import Backend

if TYPE_CHECKING:
    from .heads import Heads

BACKENDS = ("auto", "numpy", "torch")
DTYPES = ("float32", "bfloat16", "float16")

__all__ = ["BACKENDS", "DTYPES", "Backend", "check_choice", "load_backend", "load_heads"]


def check_choice(backend: str, device: str, dtype: str) -> None:
    """Raise UsageError if there is no such backend, device or dtype, on any machine."""
    if backend not in BACKENDS:
        raise UsageError(
            Message("there is no backend {backend!r}", backend=backend),
            Message("choose one of {names}", names=", ".join(BACKENDS)),
        )
    if dtype not in DTYPES:
        raise UsageError(
            Message("there is no dtype {dtype!r}", dtype=dtype),
            Message("choose one of {names}", names=", ".join(DTYPES)),
        )
    if not (isinstance(device, str) and re.fullmatch(r"cpu|cuda(:\d+)?", device, re.ASCII)):
        raise UsageError(Message("there is no device {device!r}", device=device), Message("choose cpu, cuda or cuda:N"))


def load_backend(files: ModelFiles, config: GPT2Config, backend: str, device: str, dtype: str) -> Backend:
    """The backend that runs this model. The three names have passed `check_choice`.

    `auto` is numpy where that can do it: on the CPU, in float32, for a checkpoint within what it implements; else
    torch. It never loads torch to find out whether there is a GPU.

    Raises:
        BackendUnavailableError: the backend cannot run this model or is not installed, or there is no such device here.
        ModelUnusableError: the weights are broken or do not fit the configuration.
    """
    obstacle = _obstacle_to_numpy(files, config, device, dtype)
    if backend == "numpy" and obstacle:
        raise BackendUnavailableError(
            Message("the numpy backend does not do {obstacle}", obstacle=obstacle), Message("use --backend torch")
        )
    if backend == "torch" or obstacle:
        with importing("torch and transformers", obstacle or "the torch backend"):
            from .torch_gpt2 import TorchGPT2  # loads torch and transformers: seconds

        return TorchGPT2.load(files.folder, config, device, dtype)
    from .numpy_gpt2 import NumpyGPT2

    return NumpyGPT2.load(files.folder, config)


def load_heads(files: ModelFiles, config: GPT2Config, backend: str, device: str, dtype: str) -> "Heads":
    """transformers' own models with and without the head. The three names have passed `check_choice`.

    Raises:
        BackendUnavailableError: numpy was asked for, torch is not installed, or there is no such device here.
        ModelUnusableError: the weights are broken or do not fit the configuration.
    """
    if backend == "numpy":
        raise BackendUnavailableError(
            Message("compare-heads looks at transformers' own classes, and the numpy backend has none"),
            Message("leave --backend out"),
        )
    with importing("torch and transformers", "compare-heads"):
        from .torch_heads import TorchHeads  # loads torch and transformers: seconds

    return TorchHeads.load(files.folder, config, device, dtype)


def _obstacle_to_numpy(files: ModelFiles, config: GPT2Config, device: str, dtype: str) -> str | None:
    """What keeps the numpy backend from running this, by name; None if nothing does."""
    from .activations import ACTIVATIONS  # loads NumPy, which both backends need

    if device != "cpu":
        return f"device {device!r}"
    if dtype != "float32":
        return f"dtype {dtype!r}"
    if config.activation_function not in ACTIVATIONS:
        return f"activation_function {config.activation_function!r}"
    if config.unsupported:
        return config.unsupported[0]
    if not has_safetensors(files.folder):
        return "pickled weights (pytorch_model.bin)"
    return None
