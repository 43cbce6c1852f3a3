"""transformers' own GPT-2 on torch: for GPUs, for reduced precision, and as the reference for numpy."""

import copy
import os
from collections.abc import Sequence
from functools import cache, partial
from itertools import accumulate
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
import transformers

from ..checkpoint.config import GPT2Config
from ..checkpoint.pickles import broken_pickle
from ..checkpoint.weights import open_checkpoint, shard_names
from ..errors import BackendUnavailableError, ModelUnusableError, first_line, not_finite
from ..filenames import PICKLE, PICKLE_INDEX, has_safetensors
from ..messages import Counted, Message, Option
from .base import Cache, Observer, Point, Ranking, Targets, backend, check_length, check_room, own_cache, read_only
from .ranking import LOGITS, best_first


@backend
class TorchGPT2:
    """A GPT-2 in any precision on any device that torch has."""

    name = "torch"

    def __init__(self, model: Any, device: str, dtype: str) -> None:
        self._model = model
        self.device = device
        self.dtype = dtype

    @staticmethod
    def obstacle(folder: Path, config: GPT2Config, device: str, dtype: str) -> Message | None:
        return None  # a device that is not there is an error of `load`

    @classmethod
    def load(cls, folder: Path, config: GPT2Config, device: str, dtype: str) -> Self:
        """Load the weights in `folder`. Raises what `load_causal_lm` does."""
        return cls(load_causal_lm(folder, config, device, dtype), device, dtype)

    @property
    def parameters(self) -> int:
        return count_parameters(self._model)

    def new_cache(self, batch: int, capacity: int) -> "TorchCache":
        return TorchCache(transformers.DynamicCache(), capacity)

    @torch.inference_mode()
    def forward(
        self,
        token_ids: npt.NDArray[np.int64],
        cache: Cache | None,
        *,
        every_position: bool = False,
        observe: Observer | None = None,
    ) -> "TorchLogits":
        inputs = torch.as_tensor(token_ids, device=self._model.device)
        stored = own_cache(cache, TorchCache)
        if stored is not None:
            check_room(stored, token_ids.shape[1])
        try:
            model = self._model.transformer
            hidden = (model if observe is None else _observed(model, observe))(
                input_ids=inputs, past_key_values=stored.past if stored else None, use_cache=stored is not None
            ).last_hidden_state  # (B, T, D)
            rows = hidden.flatten(0, 1) if every_position else hidden[:, -1]
            return TorchLogits(rows, self._model.lm_head)
        except torch.OutOfMemoryError as error:
            raise out_of_memory(self.device) from error

    def forward_many(
        self, texts: Sequence[Sequence[int]], caches: Sequence[Cache] | None = None, *, every_position: bool = False
    ) -> "ManyTorchLogits":
        """One after the other: padding, which transformers needs to take them together, would change the numbers."""
        stored = [None] * len(texts) if caches is None else list(caches)
        for text, own in zip(texts, stored, strict=True):
            if own is not None:
                check_room(own, len(text))
        return ManyTorchLogits(
            [
                self.forward(np.array([text]), own, every_position=every_position)
                for text, own in zip(texts, stored, strict=True)
            ]
        )

    @torch.inference_mode()
    def unembed(self, hidden: npt.NDArray[np.float32], *, with_ln_f: bool) -> "TorchLogits":
        rows = torch.as_tensor(hidden, device=self._model.device, dtype=self._model.dtype)
        return TorchLogits(self._model.transformer.ln_f(rows) if with_ln_f else rows, self._model.lm_head)

    def embeddings(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        return _to_host(self._model.transformer.wte.weight), _to_host(self._model.transformer.wpe.weight)


class TorchCache:
    """transformers' cache, which grows as it needs, up to `capacity` tokens."""

    def __init__(self, past: Any, capacity: int) -> None:
        self.past = past
        self.capacity = capacity

    @property
    def length(self) -> int:
        return int(self.past.get_seq_length())

    @property
    def layers(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        return [(layer.keys, layer.values) for layer in self.past.layers] if self.length else []

    def reorder(self, rows: Sequence[int]) -> None:
        if self.length == 0:
            return
        self.past.reorder_cache(torch.as_tensor(list(rows), device=self.past.layers[0].keys.device))

    def fork(self) -> "TorchCache":
        return TorchCache(self._first(self.length), self.capacity)

    def truncate(self, length: int) -> None:
        check_length(self, length)
        self.past = self._first(length)

    @torch.inference_mode()
    def _first(self, length: int) -> Any:
        """The first `length` tokens in a cache of their own (`crop` means another thing in each release)."""
        past: Any = transformers.DynamicCache()
        for index, (keys, values) in enumerate(self.layers if length else []):
            past.update(keys[..., :length, :], values[..., :length, :], index)
        return past


class TorchLogits:
    """Rows of the last layer norm and the head, on the device; multiplied when asked, some rows at a time."""

    _ROWS = 128

    def __init__(self, hidden: Any, lm_head: Any) -> None:
        self._hidden = hidden  # (N, D)
        self._lm_head = lm_head

    def __len__(self) -> int:
        return len(self._hidden)

    @torch.inference_mode()
    def top_k(self, k: int, targets: npt.NDArray[np.int64] | None = None) -> Ranking:
        ranked = []
        for first, rows in enumerate(self._hidden.split(self._ROWS)):
            wanted = None if targets is None else targets[first * self._ROWS :][: len(rows)]
            ranked.append(rank_rows(self._lm_head(rows).float(), k, wanted))
        return Ranking.concatenate(ranked)

    @torch.inference_mode()
    def to_numpy(self) -> npt.NDArray[np.float32]:
        parts = [_to_host(self._lm_head(rows)) for rows in self._hidden.split(self._ROWS)]  # as they are ranked
        return read_only(np.concatenate(parts))

    def last_hidden_state(self) -> npt.NDArray[np.float32]:
        return _to_host(self._hidden)


class ManyTorchLogits:
    """Those of several texts, which are ranked one after the other."""

    def __init__(self, each: Sequence[TorchLogits]) -> None:
        self.each = each

    def top_k(self, k: int, targets: npt.NDArray[np.int64] | None = None) -> Ranking:
        stops = list(accumulate(map(len, self.each)))
        wanted = [None] * len(stops) if targets is None else np.split(targets, stops[:-1])
        return Ranking.concatenate([each.top_k(k, some) for each, some in zip(self.each, wanted, strict=True)])


def _to_host(values: torch.Tensor) -> npt.NDArray[np.float32]:
    """In float32; of a tensor that is on the host and in float32 already, the very memory."""
    return read_only(np.asarray(values.detach().float().cpu().numpy(), dtype=np.float32))


def rank_rows(logits: torch.Tensor, k: int, targets: npt.NDArray[np.int64] | None = None) -> Ranking:
    """The best k of each row of float32 logits (N, V). Only those, and two to four numbers a row, leave the device.

    Raises:
        ModelUnusableError: a logit is NaN or infinite.
    """
    logprobs = logits.log_softmax(dim=-1)
    entropy = (logprobs.exp() * -logprobs).sum(dim=-1)
    best = logits.max(dim=-1)
    # by way of the best logit, so that no rounding puts its probability above 1
    log_normalizer = best.values - logprobs.gather(1, best.indices[:, None])[:, 0]
    if not torch.isfinite(entropy).all():  # 0 * inf is NaN, so no infinite logit is lost
        raise not_finite(LOGITS)
    # topk leaves the order of equal values open, so all that reach the k-th value are taken and then sorted
    row, ids = (logits >= logits.topk(k).values[:, -1:]).nonzero(as_tuple=True)
    values = logits[row, ids].cpu().numpy()
    bounds = np.cumsum(np.bincount(row.cpu().numpy(), minlength=len(logits)))[:-1]
    groups = zip(np.split(ids.cpu().numpy(), bounds), np.split(values, bounds), strict=True)
    best_ids, best_values = [], []
    for group_ids, group_values in groups:
        order = best_first(group_ids, group_values)[:k]
        best_ids.append(group_ids[order])
        best_values.append(group_values[order])
    return Ranking(
        np.stack(best_ids),
        np.stack(best_values),
        log_normalizer.cpu().numpy(),
        entropy.cpu().numpy(),
        None if targets is None else _rank_targets(logits, torch.as_tensor(targets, device=logits.device)[:, None]),
    )


def _rank_targets(logits: torch.Tensor, targets: torch.Tensor) -> Targets:
    """Logit and rank of the targets (N, 1) among logits (N, V)."""
    own = logits.gather(1, targets)
    lower_ids = torch.arange(logits.shape[1], device=logits.device) < targets
    ranks = 1 + (logits > own).sum(dim=1) + ((logits == own) & lower_ids).sum(dim=1)
    return Targets(own[:, 0].cpu().numpy(), ranks.cpu().numpy())


def count_parameters(module: Any) -> int:
    """Number of weights of a module and all in it; tied ones count once."""
    return sum(tensor.numel() for tensor in module.parameters())


def load_causal_lm(folder: Path, config: GPT2Config, device: str, dtype: str) -> Any:
    """What transformers' AutoModelForCausalLM makes of `folder`, on `device` (`cpu`, `cuda` or `cuda:N`).

    Raises:
        BackendUnavailableError: there is no such device here, or it has too little memory.
        ModelUnusableError: the weights are broken or do not fit `config`.
    """
    _check_device(device)
    _use_one_thread_in_forks()
    if has_safetensors(folder):
        open_checkpoint(folder, config)  # transformers would fill what is missing with random numbers
    elif not (folder / PICKLE).is_file():
        shard_names(folder, PICKLE_INDEX)  # transformers would open a file anywhere, and wait at a pipe
    model = _load_model(folder, dtype)
    model.config.return_dict = True  # the fields of a tuple would have no names
    try:
        return model.to(device).eval()
    except torch.OutOfMemoryError as error:
        raise out_of_memory(device) from error


@cache
def _use_one_thread_in_forks() -> None:
    """Have forked processes compute on one thread: they lack OpenMP's others, and would wait for them forever."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=partial(torch.set_num_threads, 1))


def _check_device(device: str) -> None:
    if device == "cpu":
        return
    if not torch.cuda.is_available():
        raise BackendUnavailableError(
            Message("device {device!r} is not available: torch finds no CUDA GPU", device=device),
            Message("use {device} cpu", device=Option("device")),
        )
    index = torch.device(device).index
    if index is not None and index >= torch.cuda.device_count():
        raise BackendUnavailableError(
            Counted(
                "there is no device {device!r}: torch finds {n} GPU",
                "there is no device {device!r}: torch finds {n} GPUs",
                n=torch.cuda.device_count(),
                device=device,
            )
        )


def _load_model(folder: Path, dtype: str) -> Any:
    """transformers' model, unless a weight is missing or does not fit. Runs no code from the folder."""
    library: Any = transformers
    library.utils.logging.set_verbosity_error()
    library.utils.logging.disable_progress_bar()
    try:
        model, report = library.AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=getattr(torch, dtype),
            local_files_only=True,
            use_safetensors=has_safetensors(folder),  # pickles are read with torch.load(weights_only=True)
            output_loading_info=True,
        )
    except Exception as error:  # transformers and torch raise many kinds for broken files
        if not has_safetensors(folder) and (broken := broken_pickle(_pickles(folder))) is not None:
            raise broken from error
        raise ModelUnusableError(
            Message(
                "transformers cannot open the weights in {folder!r}: {error}",
                folder=str(folder),
                error=first_line(error),
            )
        ) from error
    if missing := sorted(report["missing_keys"]):
        raise ModelUnusableError(
            Message("{folder!r}: its weights lack the tensor {tensor!r}", folder=str(folder), tensor=missing[0])
        )
    return model


def _pickles(folder: Path) -> list[Path]:
    """The files of its weights."""
    whole = folder / PICKLE
    return [whole] if whole.is_file() else [folder / name for name in shard_names(folder, PICKLE_INDEX)]


def _observed(model: Any, observe: Observer) -> Any:
    """A GPT2Model over the same weights, whose modules hand what is wanted of their outputs to the observer.

    Its modules are its own: hooks and the kind of attention belong to a module, and meanwhile other threads may run the
    model itself.
    """
    tensors = (*model.parameters(), *model.buffers())
    model = copy.deepcopy(model, {id(tensor): tensor for tensor in tensors})  # 10 ms for the modules of gpt2
    last = len(model.h) - 1
    watched: list[tuple[Point, int, Any]] = [("embedding", 0, model.drop), ("final", last, model.ln_f)]
    for layer, block in enumerate(model.h):
        watched += [("attention_weights", layer, block.attn), ("attention", layer, block.attn)]
        watched += [("mlp", layer, block.mlp), ("residual", layer, block)]
    watched = [(point, layer, module) for point, layer, module in watched if observe.wants(point, layer)]

    def hook(point: Point, layer: int) -> Any:
        def show(_module: Any, _inputs: Any, output: Any) -> None:
            if isinstance(output, tuple):  # of the attention: what it adds, and its weights
                output = output[1 if point == "attention_weights" else 0]
            observe.show(point, layer, _to_host(output).copy())

        return show

    if any(point == "attention_weights" for point, _, _ in watched):
        model.set_attn_implementation("eager")  # the others never hold the weights
    for point, layer, module in watched:
        module.register_forward_hook(hook(point, layer))
    return model


def out_of_memory(device: str) -> BackendUnavailableError:
    """The error for a device whose memory is full."""
    return BackendUnavailableError(
        Message("device {device!r} has too little memory for this", device=device),
        Message("use {dtype} bfloat16 or the CPU", dtype=Option("dtype")),
    )
