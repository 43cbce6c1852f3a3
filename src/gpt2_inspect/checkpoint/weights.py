"""The weights of a GPT-2, found by name in one safetensors file or several, checked against the configuration."""

import math
from collections.abc import Container, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import ModelUnusableError
from ..filenames import SAFETENSORS, SAFETENSORS_INDEX
from ..messages import Message
from .config import GPT2Config, read_json
from .safetensors import SafetensorsFile, TensorEntry, open_safetensors
from .shapes import expected_shapes

Array = npt.NDArray[np.float32]

_PREFIX = "transformer."
"""GPT2LMHeadModel saves its tensors with it, GPT2Model without."""

_HEAD = "lm_head.weight"


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
        head = self._array(_HEAD) if _HEAD in self.located else wte
        if self.config.tie_word_embeddings and _are_equal(head, wte):
            head = wte
        return GPT2Weights(
            wte=wte,
            wpe=self._array("wpe.weight"),
            blocks=tuple(self._block(f"h.{layer}") for layer in range(self.config.n_layer)),
            ln_f=self._layer_norm("ln_f"),
            lm_head=head,
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


def _are_equal(one: Array, other: Array, rows: int = 1024) -> bool:
    """Some rows at a time: the first that differ settle it."""
    return one is other or all(
        np.array_equal(one[first : first + rows], other[first : first + rows]) for first in range(0, len(one), rows)
    )


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

    Of wte and a tied head, transformers takes the one that is there for both. If both are, it keeps both, unless they
    are equal (PreTrainedModel.tie_weights).

    Raises:
        ModelUnusableError: a file is broken, or a tensor is missing, has another shape than `config` says or a
            dtype other than float32, float16 and bfloat16.
    """
    files = tuple(_files(folder))
    stored = {name: (file, entry) for file in files for name, entry in file.entries.items()}
    located = {}
    for name, shape in expected_shapes(config._replace(tie_word_embeddings=False)):
        full_name = _stored_name(name, stored)
        if full_name is None and config.tie_word_embeddings and name == "wte.weight":
            full_name = _stored_name(_HEAD, stored)
        if full_name is None and config.tie_word_embeddings and name == _HEAD:
            continue
        if full_name is None:
            prefix = _PREFIX if name != _HEAD and any(key.startswith(_PREFIX) for key in stored) else ""
            raise ModelUnusableError(
                Message("{folder!r}: its weights lack the tensor {tensor!r}", folder=str(folder), tensor=prefix + name)
            )
        _check_tensor(full_name, stored[full_name][1], shape, folder)
        located[name] = stored[full_name]
    return Checkpoint(config, files, located)


def _stored_name(name: str, stored: Container[str]) -> str | None:
    """The name under which a tensor is stored, None if it is not.

    transformers adds the prefix to a name or takes it away, for each tensor by itself. Of several that come to the
    same it takes the first in alphabetical order (convert_and_load_state_dict_in_model).
    """
    full_name = name if name == _HEAD else _PREFIX + name
    candidates = {name, full_name, _PREFIX + full_name}
    return min((candidate for candidate in candidates if candidate in stored), default=None)


def _files(folder: Path) -> Iterator[SafetensorsFile]:
    if (folder / SAFETENSORS).is_file():
        yield open_safetensors(folder / SAFETENSORS)
        return
    for name in shard_names(folder, SAFETENSORS_INDEX):
        yield open_safetensors(folder / name)


def shard_names(folder: Path, index_name: str) -> list[str]:
    """The files that an index names, in the order in which they are read.

    Raises:
        ModelUnusableError: the index is broken, or names a file that is not beside it.
    """
    index = folder / index_name
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ModelUnusableError(Message("{index!r} has no weight_map", index=str(index)))
    if not all(isinstance(name, str) for name in weight_map.values()):
        raise ModelUnusableError(
            Message("{index!r} maps a tensor to something that is no file's name", index=str(index))
        )
    names = sorted(set(weight_map.values()))
    beside = {path.name for path in folder.iterdir() if path.is_file()}
    for name in names:
        if name not in beside:
            raise ModelUnusableError(
                Message("{index!r} names the file {name!r}, which is not beside it", index=str(index), name=name)
            )
    return names


def _check_tensor(name: str, entry: TensorEntry, shape: tuple[int, ...], folder: Path) -> None:
    if entry.shape != shape:
        raise ModelUnusableError(
            Message(
                "{folder!r}: tensor {name!r} has shape {found}, config.json asks for {expected}",
                folder=str(folder),
                name=name,
                found=list(entry.shape),
                expected=list(shape),
            )
        )
    if entry.dtype not in _STORED:
        raise ModelUnusableError(
            Message(
                "{folder!r}: tensor {name!r} is stored as {dtype}, not as F32, F16 or BF16",
                folder=str(folder),
                name=name,
                dtype=entry.dtype,
            )
        )
