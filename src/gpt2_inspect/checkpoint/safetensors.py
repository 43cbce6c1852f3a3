"""Reading safetensors files through a memory map: nothing is copied, and nothing in the header is believed.

The format (https://huggingface.co/docs/safetensors): eight bytes with the length of the header, little-endian; the
header, JSON from tensor name to dtype, shape and byte offsets; then the bytes of the tensors, without gaps.
"""

import json
import math
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ModelUnusableError, system_reason
from ..messages import Counted, Message

_LENGTH_BYTES = 8
_MAX_HEADER = 100_000_000
"""The limit that the reference implementation sets as well."""

_MAX_DIMENSIONS = 32

_ITEM_SIZES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1,
    "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4,
    "U64": 8, "I64": 8, "F64": 8,
}  # fmt: skip


class TensorEntry(NamedTuple):
    """Where one tensor lies. `start` and `stop` count from the beginning of the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


class SafetensorsFile(NamedTuple):
    """An open file. `buffer` stays mapped as long as an array refers to it."""

    path: Path
    buffer: mmap.mmap
    entries: Mapping[str, TensorEntry]

    def announce(self) -> None:
        """Tell the system that all of the file will be wanted soon."""
        if hasattr(mmap, "MADV_WILLNEED"):
            self.buffer.madvise(mmap.MADV_WILLNEED)


def open_safetensors(path: Path) -> SafetensorsFile:
    """Map a file and check its header.

    Raises:
        ModelUnusableError: the file cannot be read, is cut off, or its header is broken: offsets out of range,
            overlapping or with gaps, sizes that do not fit dtype and shape, an unknown dtype.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size < _LENGTH_BYTES:
                raise _broken(path, Message("it has {size} bytes, too few for a header", size=size))
            buffer = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise ModelUnusableError(
            Message("cannot read {path!r}: {reason}", path=str(path), reason=system_reason(error))
        ) from error
    length = int.from_bytes(buffer[:_LENGTH_BYTES], "little")
    if length > min(size - _LENGTH_BYTES, _MAX_HEADER):
        raise _broken(path, Message("its header claims {length} bytes, the file has {size}", length=length, size=size))
    header = _parse_header(path, buffer[_LENGTH_BYTES : _LENGTH_BYTES + length])
    data_start = _LENGTH_BYTES + length
    entries = {name: _entry(path, name, value, data_start) for name, value in header.items()}
    _check_layout(path, entries, data_start, size)
    return SafetensorsFile(path, buffer, entries)


def _parse_header(path: Path, raw: bytes) -> dict[str, Any]:
    try:
        header = json.loads(raw, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise _broken(path, Message("its header is not JSON: {error}", error=error)) from error
    if not isinstance(header, dict):
        raise _broken(path, Message("its header is not a JSON object"))
    header.pop("__metadata__", None)
    return header


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two entries of one name could be read in two ways, by two programs."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a name stands in it twice")
    return content


def _entry(path: Path, name: str, value: Any, data_start: int) -> TensorEntry:
    match value:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [start, stop]}:
            pass
        case _:
            raise _broken(path, Message("the entry of tensor {name!r} lacks dtype, shape or data_offsets", name=name))
    if len(shape) > _MAX_DIMENSIONS or not all(_is_size(number) for number in (*shape, start, stop)):
        raise _broken(path, Message("tensor {name!r} has a shape or offsets that are not whole numbers", name=name))
    if dtype not in _ITEM_SIZES:
        raise _broken(path, Message("tensor {name!r} has the unknown dtype {dtype!r}", name=name, dtype=dtype))
    if stop - start != math.prod(shape) * _ITEM_SIZES[dtype]:
        raise _broken(
            path,
            Message(
                "tensor {name!r} has {size} bytes, which do not fit {dtype} {shape}",
                name=name,
                size=stop - start,
                dtype=dtype,
                shape=list(shape),
            ),
        )
    return TensorEntry(dtype, tuple(shape), data_start + start, data_start + stop)


def _is_size(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**63


def _check_layout(path: Path, entries: dict[str, TensorEntry], data_start: int, size: int) -> None:
    """The tensors must cover the rest of the file exactly: in some order, end to end."""
    position = data_start
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].stop)):
        if entry.start != position:
            if entry.start < position:
                raise _broken(path, Message("tensor {name!r} overlaps another one", name=name))
            raise _broken(path, Message("tensor {name!r} leaves a gap before it", name=name))
        position = entry.stop
    if position > size:
        raise _broken(
            path,
            Message("its tensors end at byte {end}, the file at {size}: it is cut off", end=position, size=size),
        )
    if position < size:
        raise _broken(
            path, Counted("{n} byte follows the last tensor", "{n} bytes follow the last tensor", n=size - position)
        )


def _broken(path: Path, why: Message) -> ModelUnusableError:
    return ModelUnusableError(
        Message("{path!r} is not a sound safetensors file: {why}", path=str(path), why=why),
        Message("the file may be cut off or damaged: fetch it again"),
    )
