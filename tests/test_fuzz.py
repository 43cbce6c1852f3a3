"""Files that are damaged at random: readers accept them or raise an InspectError, and never anything else."""

import json
import shutil
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from checkpoints import tokenizer_json
from gpt2_inspect.checkpoint.config import parse_config, read_config, read_json
from gpt2_inspect.checkpoint.safetensors import open_safetensors
from gpt2_inspect.checkpoint.tokenizer_files import load_tokenizer
from gpt2_inspect.checkpoint.weights import open_checkpoint
from gpt2_inspect.errors import InspectError, ModelUnusableError

fuzz = settings(
    max_examples=100, deadline=2000, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
few = settings(fuzz, max_examples=40)

numbers = st.one_of(
    st.integers(-(2**70), 2**70), st.sampled_from([0, 1, -1, 2**24, 2**31, 2**63, 2**64, 10**400]), st.floats()
)
scalars = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=20))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
)


@st.composite
def damaged(draw: st.DrawFn, make: Callable[[], Any], damages: int = 3) -> Any:
    """A copy of what `make` gives, JSON, with up to `damages` parts of it replaced, removed, doubled or added."""
    content = {"": json.loads(json.dumps(make()))}
    for _ in range(draw(st.integers(1, damages))):
        container, key = draw(places(content))
        action = draw(st.sampled_from(["replace", "replace", "remove", "wrap", "add"]))
        if action == "replace":
            container[key] = draw(values)
        elif action == "wrap":
            container[key] = [container[key]]
        elif action == "remove" and container is not content:
            del container[key]
        elif action == "add" and isinstance(container, dict) and container is not content:
            container[draw(st.text(max_size=9))] = container[key]
    return content[""]


@st.composite
def places(draw: st.DrawFn, content: dict[str, Any]) -> tuple[Any, Any]:
    """Some place inside: a dictionary or list and a key of it, with any depth as likely as the next."""
    container, key = content, ""
    while isinstance(container[key], (dict, list)) and container[key] and draw(st.booleans()):
        container = container[key]
        if isinstance(container, dict):
            key = draw(st.sampled_from(list(container)))
        else:
            key = draw(st.integers(0, len(container) - 1))
    return container, key


def flip(content: bytes, flips: list[tuple[int, int]]) -> bytes:
    """`content` with some bytes replaced; positions wrap around."""
    changed = bytearray(content)
    for position, byte in flips:
        changed[position % len(changed)] = byte
    return bytes(changed)


flips = st.lists(st.tuples(st.integers(0, 2**30), st.integers(0, 255)), max_size=5)


HEADER = {
    "__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
    "b": {"dtype": "BF16", "shape": [3], "data_offsets": [16, 22]},
    "c": {"dtype": "I64", "shape": [], "data_offsets": [22, 30]},
    "d": {"dtype": "U8", "shape": [0, 5], "data_offsets": [30, 30]},
}
DATA = bytes(30)
"""Those of a sound file."""


def safetensors(header: Any, data: bytes = DATA) -> bytes:
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


class TestSafetensors:
    def check(self, path: Path, content: bytes) -> None:
        """Either it is refused, or all that it promises lies inside the file."""
        path.unlink(missing_ok=True)  # a memory map may still refer to the old one
        path.write_bytes(content)
        try:
            file = open_safetensors(path)
        except ModelUnusableError as error:
            assert "\n" not in error.message
            return
        assert all(0 <= entry.start <= entry.stop <= len(content) for entry in file.entries.values())

    def test_sound_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(safetensors(HEADER))
        assert set(open_safetensors(tmp_path / "file").entries) == set("abcd")

    @fuzz
    @given(content=st.binary(max_size=200))
    def test_any_bytes(self, tmp_path: Path, content: bytes) -> None:
        self.check(tmp_path / "file", content)

    @fuzz
    @given(raw=st.binary(max_size=200), data=st.binary(max_size=20), lie=st.integers(-20, 20))
    def test_any_header(self, tmp_path: Path, raw: bytes, data: bytes, lie: int) -> None:
        self.check(tmp_path / "file", struct.pack("<Q", max(0, len(raw) + lie)) + raw + data)

    @fuzz
    @given(data=st.data())
    def test_damaged_header(self, tmp_path: Path, data: st.DataObject) -> None:
        self.check(tmp_path / "file", safetensors(data.draw(damaged(lambda: HEADER))))

    @fuzz
    @given(changes=flips, length=st.integers(0, 500))
    def test_flipped_bytes_and_cuts(self, tmp_path: Path, changes: list[tuple[int, int]], length: int) -> None:
        self.check(tmp_path / "file", flip(safetensors(HEADER), changes)[:length])

    @few
    @given(data=st.data())
    def test_shard_index(self, tmp_path: Path, tiny: Path, data: st.DataObject) -> None:
        index = {"metadata": {"total_size": 1}, "weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
        content = data.draw(damaged(lambda: index))
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps(content))
        for name in ("one", "two"):
            shutil.copyfile(tiny / "model.safetensors", tmp_path / f"{name}.safetensors")
        with suppress(ModelUnusableError):
            open_checkpoint(tmp_path, read_config(tiny / "config.json"))


class TestConfig:
    def check(self, content: dict[str, Any]) -> None:
        try:
            config = parse_config(content, Path("config.json"))
        except ModelUnusableError as error:
            assert "\n" not in error.message
            assert len(error.message) < 500
            return
        assert config.n_embd % config.n_head == 0
        assert 0 < config.layer_norm_epsilon < 1e39
        hash(config)

    @fuzz
    @given(content=st.dictionaries(st.text(max_size=9), values, max_size=5))
    def test_any_object(self, content: dict[str, Any]) -> None:
        self.check(content)
        self.check({**content, "model_type": "gpt2"})

    @fuzz
    @given(data=st.data())
    def test_damaged(self, tiny: Path, data: st.DataObject) -> None:
        content = data.draw(damaged(lambda: json.loads((tiny / "config.json").read_bytes())))
        if isinstance(content, dict):
            self.check(content)

    @fuzz
    @given(content=st.binary(max_size=100))
    @example(content=b'{"a":' * 995 + b"1" + b"}" * 995)
    @example(content=b"\xef\xbb\xbf{}")
    @example(content=b"\xff\xfe{\0}\0")
    @example(content=b"-Infinity")
    def test_any_bytes(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "config.json"
        path.write_bytes(content)
        with suppress(ModelUnusableError):
            assert isinstance(read_json(path), dict)
            read_config(path)

    @pytest.mark.parametrize(
        "name", ["model_type", "n_layer", "layer_norm_epsilon", "scale_attn_weights", "eos_token_id"]
    )
    @pytest.mark.parametrize("depth", [10, 900, 960, 980])
    def test_deep_values(self, tmp_path: Path, name: str, depth: int) -> None:
        path = tmp_path / "config.json"
        text = f'{{"model_type": "gpt2", "{name}": {"[" * depth + "]" * depth}}}'
        path.write_text(text)
        with pytest.raises(ModelUnusableError):
            read_config(path)

    @few
    @given(data=st.data())
    def test_weights_of_another_config(self, tiny: Path, data: st.DataObject) -> None:
        names = ["n_layer", "n_head", "n_embd", "n_positions", "vocab_size", "n_inner"]
        sizes = st.sampled_from([1, 2, 3, 4, 47, 48, 64, 96, 2**24])
        changes = data.draw(st.dictionaries(st.sampled_from(names), sizes, max_size=3))
        content = json.loads((tiny / "config.json").read_bytes()) | changes
        with suppress(ModelUnusableError):
            open_checkpoint(tiny, parse_config(content, tiny / "config.json"))


class TestTokenizer:
    def check(self, folder: Path) -> None:
        with suppress(InspectError):
            tokenizer = load_tokenizer(folder)
            ids = tokenizer.encode("hello 你好 <|endoftext|> \x00")
            tokenizer.decode(ids)
            for token_id in [*ids, 0, tokenizer.vocab_size, 10**6]:
                tokenizer.token_bytes(token_id)

    @few
    @given(data=st.data())
    def test_damaged(self, tmp_path: Path, data: st.DataObject) -> None:
        content = data.draw(damaged(small_tokenizer, damages=2))
        (tmp_path / "tokenizer.json").write_text(json.dumps(content))
        self.check(tmp_path)

    @few
    @given(data=st.data())
    def test_damaged_beside_a_pair(self, tmp_path: Path, data: st.DataObject) -> None:
        content = data.draw(damaged(small_tokenizer, damages=2))
        (tmp_path / "tokenizer.json").write_text(json.dumps(content))
        (tmp_path / "vocab.json").write_text(json.dumps(small_tokenizer()["model"]["vocab"]))
        (tmp_path / "merges.txt").write_text("#version: 0.2\nh e\n")
        self.check(tmp_path)

    @few
    @given(data=st.data())
    def test_damaged_pair(self, tmp_path: Path, data: st.DataObject) -> None:
        vocabulary = data.draw(damaged(lambda: small_tokenizer()["model"]["vocab"], damages=2))
        (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
        merges = data.draw(st.sampled_from(["h e", "h", "h e l", "", "#version: 0.2\nhe l l", "\ufffd x", "no such"]))
        (tmp_path / "merges.txt").write_text(merges, encoding="utf-8")
        self.check(tmp_path)

    @few
    @given(changes=flips, length=st.integers(0, 3000))
    def test_flipped_bytes_and_cuts(self, tmp_path: Path, changes: list[tuple[int, int]], length: int) -> None:
        content = flip(json.dumps(small_tokenizer()).encode(), changes)
        (tmp_path / "tokenizer.json").write_bytes(content[:length] if length % 3 == 0 else content)
        self.check(tmp_path)


def small_tokenizer() -> dict[str, Any]:
    """The test tokenizer with the 256 bytes, few merges and `<|endoftext|>`."""
    content: dict[str, Any] = json.loads(tokenizer_json())
    vocabulary = [token for token in content["model"]["vocab"] if len(token) == 1]
    merges = [["h", "e"], ["l", "l"], ["he", "ll"]]
    tokens = [*vocabulary, *("".join(pair) for pair in merges), "<|endoftext|>"]
    content["model"] |= {"vocab": {token: index for index, token in enumerate(tokens)}, "merges": merges}
    content["added_tokens"][0]["id"] = len(tokens) - 1
    return content
