"""The weights of a GPT-2, found by name in one safetensors file or several, checked against the configuration."""

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import ModelUnusableError
from ..filenames import SAFETENSORS, SAFETENSORS_INDEX
from .config import GPT2Config, read_json
from .safetensors import SafetensorsFile, TensorEntry, open_safetensors
from .shapes import expected_shapes

Array = npt.NDArray[np.float32]

_PREFIX = "transformer."
"""GPT2LMHeadModel saves its tensors with it, GPT2Model without."""


class Linear(NamedTuple):
    """x @ weight + bias."""

    weight: Array  # (inputs, outputs)
    bias: Array  # (outputs,)


class LayerNorm(NamedTuple):
    """(x - mean) / standard deviation * weight + bias."""

    weight: Array  # (D,)
    bias: Array  # (D,)


class Block(NamedTuple):
    """One transformer block; the names are those of the checkpoint."""

    ln_1: LayerNorm
    c_attn: Linear  # D -> 3D: queries, keys, values
    attn_c_proj: Linear  # D -> D
    ln_2: LayerNorm
    c_fc: Linear  # D -> n_inner
    mlp_c_proj: Linear  # n_inner -> D


class GPT2Weights(NamedTuple):
    """All weights in float32, not to be written to. Float32 files are not copied: the arrays are views of them."""

    wte: Array  # (V, D)
    wpe: Array  # (n_positions, D)
    blocks: tuple[Block, ...]
    ln_f: LayerNorm
    lm_head: Array  # (V, D); `wte` itself if the head is tied


class Checkpoint(NamedTuple):
    """The tensors of a GPT-2, located and checked, not yet read."""

    config: GPT2Config
    files: tuple[SafetensorsFile, ...]
    located: dict[str, tuple[SafetensorsFile, TensorEntry]]

    def read(self) -> GPT2Weights:
        """All weights, as views of the files where those hold float32.

        A thread reads the files meanwhile, so that whoever uses the weights seldom waits for a page of them.
        """
        with suppress(RuntimeError):  # no thread is to be had: then they are read when they are used
            Thread(target=_read_ahead, args=(self.files,), daemon=True).start()
        wte = self._array("wte.weight")
        return GPT2Weights(
            wte=wte,
            wpe=self._array("wpe.weight"),
            blocks=tuple(self._block(f"h.{layer}") for layer in range(self.config.n_layer)),
            ln_f=self._layer_norm("ln_f"),
            lm_head=wte if self.config.tie_word_embeddings else self._array("lm_head.weight"),
        )

    def _block(self, name: str) -> Block:
        return Block(
            ln_1=self._layer_norm(f"{name}.ln_1"),
            c_attn=self._linear(f"{name}.attn.c_attn"),
            attn_c_proj=self._linear(f"{name}.attn.c_proj"),
            ln_2=self._layer_norm(f"{name}.ln_2"),
            c_fc=self._linear(f"{name}.mlp.c_fc"),
            mlp_c_proj=self._linear(f"{name}.mlp.c_proj"),
        )

    def _linear(self, name: str) -> Linear:
        return Linear(self._array(f"{name}.weight"), self._array(f"{name}.bias"))

    def _layer_norm(self, name: str) -> LayerNorm:
        return LayerNorm(self._array(f"{name}.weight"), self._array(f"{name}.bias"))

    def _array(self, name: str) -> Array:
        file, entry = self.located[name]
        stored = np.frombuffer(file.buffer, _STORED[entry.dtype], math.prod(entry.shape), entry.start)
        array = _to_float32(stored, entry.dtype).reshape(entry.shape)
        array.flags.writeable = False  # as those that are views of the file are anyway
        return array


_NEIGHBOURS = 65536
"""Bytes around a page that the kernel maps along with it, if they are in memory."""


def _read_ahead(files: tuple[SafetensorsFile, ...]) -> None:
    """Touch the pages of the files. NumPy does it without holding up other threads."""
    for file in files:
        file.announce()
        np.frombuffer(file.buffer, np.uint8)[::_NEIGHBOURS].max()


_STORED: dict[str, npt.DTypeLike] = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def _to_float32(stored: npt.NDArray[Any], dtype: str) -> Array:
    if dtype == "BF16":  # the upper half of a float32
        return (stored.astype(np.uint32) << 16).view(np.float32)
    if not stored.flags.aligned:  # BLAS would copy such an array at every use
        return stored.astype(np.float32)
    return stored.astype(np.float32, copy=False)


def open_checkpoint(folder: Path, config: GPT2Config) -> Checkpoint:
    """Locate every weight that `config` asks for.

    Raises:
        ModelUnusableError: a file is broken, or a tensor is missing, has another shape than `config` says or a
            dtype other than float32, float16 and bfloat16.
    """
    files = tuple(_files(folder))
    stored = {name: (file, entry) for file in files for name, entry in file.entries.items()}
    prefix = _PREFIX if f"{_PREFIX}wte.weight" in stored else ""
    located = {}
    for name, shape in expected_shapes(config):
        full_name = name if name == "lm_head.weight" else prefix + name
        if full_name not in stored:
            raise ModelUnusableError(f"{str(folder)!r}: its weights lack the tensor {full_name!r}")
        _check_tensor(full_name, stored[full_name][1], shape, folder)
        located[name] = stored[full_name]
    return Checkpoint(config, files, located)


def _files(folder: Path) -> Iterator[SafetensorsFile]:
    if (folder / SAFETENSORS).is_file():
        yield open_safetensors(folder / SAFETENSORS)
        return
    index = folder / SAFETENSORS_INDEX
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ModelUnusableError(f"{str(index)!r} has no weight_map")
    if not all(isinstance(name, str) for name in weight_map.values()):
        raise ModelUnusableError(f"{str(index)!r} maps a tensor to something that is no file's name")
    beside = {path.name for path in folder.iterdir() if path.is_file()}
    for name in sorted(set(weight_map.values())):
        if name not in beside:
            raise ModelUnusableError(f"{str(index)!r} names the file {name!r}, which is not beside it")
        yield open_safetensors(folder / name)


def _check_tensor(name: str, entry: TensorEntry, shape: tuple[int, ...], folder: Path) -> None:
    if entry.shape != shape:
        raise ModelUnusableError(
            f"{str(folder)!r}: tensor {name!r} has shape {list(entry.shape)}, config.json asks for {list(shape)}"
        )
    if entry.dtype not in _STORED:
        raise ModelUnusableError(
            f"{str(folder)!r}: tensor {name!r} is stored as {entry.dtype}, not as F32, F16 or BF16"
        )
