"""`encode`: transformers' ids, exact bytes, and the place of every token in its text."""

import csv
import io
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

import gpt2_inspect
from checkpoints import make_checkpoint
from gpt2_inspect import Session
from gpt2_inspect.analysis.encode import place_tokens
from gpt2_inspect.errors import InputError
from gpt2_inspect.results import Token
from harness import Run, Terminal, check_error, run_cli
from loaded import HEAVY, NUMPY, RICH, check_absent, modules_of

N_POSITIONS = 64

TEXT = "hé 你好🙂!"

any_speed = settings(deadline=None)
any_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
mixed_text = st.lists(st.sampled_from(["a", " the", "é", "你", "世界", "🙂", "\r\n", "<|endoftext|>"])).map("".join)


@pytest.fixture(params=["tiny", "pair"])
def folder(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def encode(*arguments: str, **options: Any) -> Run:
    return run_cli("encode", *arguments, **options)


def token_of(raw: bytes) -> Token:
    return Token(id=0, token=raw.decode("utf-8", "replace"), bytes=tuple(raw))


def is_whole(raw: bytes) -> bool:
    return raw.decode("utf-8", "ignore").encode() == raw


class TestPlaces:
    @given(text=st.one_of(any_text, mixed_text), cuts=st.sets(st.integers(0, 60)))
    @example(text="你好", cuts={2, 4})  # one token ends a character and begins the next
    @example(text="你好a", cuts={1, 5})
    @example(text="ab", cuts=set())
    def test_any_cuts(self, text: str, cuts: set[int]) -> None:
        """A tokenizer may cut anywhere; what its tokens hold is counted character by character."""
        raw = text.encode()
        bounds = [0, *sorted(cut for cut in cuts if 0 < cut < len(raw)), len(raw)]
        pieces = [raw[first:last] for first, last in pairwise(bounds)]
        tokens, groups = place_tokens(text, [token_of(piece) for piece in pieces])
        owners = [index for index, character in enumerate(text) for _ in character.encode()]  # of each byte
        for index, (token, (first, last)) in enumerate(zip(tokens, pairwise(bounds), strict=True)):
            held = sorted(set(owners[first:last]))
            assert (token.index, token.start, token.end) == (index, *(([held[0], held[-1] + 1]) if held else (0, 0)))
            assert {type(token.start), type(token.end), type(token.group)} == {int}
            assert token.complete_utf8 is is_whole(pieces[index])
        assert groups is not None
        assert "".join(group.text for group in groups) == text
        assert [index for group in groups for index in group.token_indices] == list(range(len(tokens)))
        for number, group in enumerate(groups):
            assert group.text == text[group.start : group.end]
            parts = [pieces[index] for index in group.token_indices]
            assert b"".join(parts).decode() == group.text
            assert not any(is_whole(b"".join(parts[:count])) for count in range(1, len(parts)))
            assert {tokens[index].group for index in group.token_indices} == {number}

    def test_other_bytes_than_those_of_the_text(self) -> None:
        tokens, groups = place_tokens("Ab", [token_of(b"a"), token_of(b"b")])
        assert groups is None
        assert [(token.index, token.start, token.end, token.group) for token in tokens] == [
            (0, None, None, None),
            (1, None, None, None),
        ]


@pytest.fixture(scope="module")
def models(tiny: Path, pair: Path) -> list[tuple[Session, Any]]:
    """Sessions, each with transformers' tokenizer of the same files."""
    from transformers import GPT2Tokenizer

    return [(gpt2_inspect.load(str(folder)), GPT2Tokenizer.from_pretrained(folder)) for folder in (tiny, pair)]


class TestAgainstTransformers:
    @any_speed
    @given(text=st.one_of(any_text, mixed_text.filter(bool)))
    @example(text="x" * 600 + "你")
    def test_ids(self, models: list[tuple[Session, Any]], text: str) -> None:
        for session, reference in models:
            result = session.encode(text)
            ids = reference.encode(text, add_special_tokens=False)
            assert [token.id for token in result.tokens] == ids
            assert [token.id for token in result.prompt.tokens] == ids
            assert b"".join(bytes(token.bytes) for token in result.tokens) == text.encode()
            assert result.groups is not None and "".join(group.text for group in result.groups) == text
            assert session.decode([token.id for token in result.tokens]).text == text

    def test_places_are_those_of_the_library(self, tiny: Path) -> None:
        """Its offsets are of characters as well."""
        from transformers import GPT2Tokenizer

        text = "the cat, 你好 é🙂 <|endoftext|>\n"
        offsets = GPT2Tokenizer.from_pretrained(tiny)(text, return_offsets_mapping=True, add_special_tokens=False)
        result = gpt2_inspect.load(str(tiny)).encode(text)
        assert [(token.start, token.end) for token in result.tokens] == list(map(tuple, offsets["offset_mapping"]))


class TestPipe:
    @any_speed
    @given(text=st.one_of(any_text, mixed_text.filter(bool)))
    @example(text="-")
    @example(text="--ids")
    @example(text="\n")
    @example(text="a\r\n")
    @example(text="\ufeff\0\u2028\x1b[31m")
    def test_encode_then_decode_is_the_identity(self, tiny: Path, text: str) -> None:
        options = ("-m", str(tiny))
        arguments = ("--", text) if text != "-" else ("-",)
        ids = encode("--ids", *options, *arguments, stdin=b"-").out
        assert run_cli("decode", "--text", *options, stdin=ids.encode()).out == text + "\n"
        assert json.loads(run_cli("decode", "--json", *options, stdin=ids.encode()).out)["text"] == text

    def test_bare_ids(self, folder: Path, tmp_path: Path) -> None:
        ids = [token.id for token in gpt2_inspect.load(str(folder)).encode(TEXT).tokens]
        line = " ".join(map(str, ids)) + "\n"
        for out in (io.StringIO(), Terminal()):
            assert encode(TEXT, "--ids", "-m", str(folder), out=out) == Run(0, line, "")
        assert encode(TEXT, "--ids", "-m", str(folder), "-o", str(tmp_path / "ids")) == Run(0, "", "")
        assert (tmp_path / "ids").read_text() == line

    @pytest.mark.parametrize("form", [["--json"], ["--format", "jsonl"], ["--format", "table"]])
    def test_no_format_beside_them(self, tiny: Path, tmp_path: Path, form: list[str]) -> None:
        (tmp_path / "old").write_text("old")
        check_error(encode("a", "-m", str(tiny), "--ids", *form, "-o", str(tmp_path / "old")), 2, "--ids", *form)
        assert (tmp_path / "old").read_text() == "old"

    def test_standard_input(self, tiny: Path) -> None:
        for raw, text in ((b"a\n", "a"), (b"a\r\n", "a"), (b"a\n\n", "a\n"), ("你".encode(), "你")):
            done = encode("-", "-m", str(tiny), "--json", stdin=raw)
            assert json.loads(done.out)["prompt"]["text"] == text


class TestRecord:
    def test_json_is_what_python_gets(self, folder: Path) -> None:
        done = encode(TEXT, "-m", str(folder), "--json")
        assert (done.code, done.err) == (0, "")
        found = json.loads(done.out, parse_constant=pytest.fail)
        assert found == gpt2_inspect.load(str(folder)).encode(TEXT).to_dict()
        assert list(found)[2:] == ["model", "run", "prompt", "options", "tokens", "groups"]
        assert set(found["tokens"][0]) == {*("id", "token", "bytes", "index", "complete_utf8", "start", "end", "group")}
        assert list(found["groups"][0]) == ["text", "start", "end", "token_indices"]
        assert [found["run"][name] for name in ("backend", "device", "dtype", "seed")] == [None] * 4
        assert '"end": true' not in done.out and '"start": false' not in done.out

    def test_jsonl_and_csv(self, tiny: Path) -> None:
        tokens = [token.to_dict() for token in gpt2_inspect.load(str(tiny)).encode(TEXT).tokens]
        lines = list(map(json.loads, encode(TEXT, "-m", str(tiny), "-f", "jsonl").out.splitlines()))
        assert [{name: line[name] for name in tokens[0]} for line in lines] == tokens
        rows = list(csv.DictReader(io.StringIO(encode(TEXT, "-m", str(tiny), "-f", "csv").out)))
        for name in ("index", "id", "start", "end", "group"):
            assert [row[name] for row in rows] == [str(token[name]) for token in tokens]
        assert b"".join(bytes.fromhex(row["bytes_hex"]) for row in rows).decode() == TEXT

    def test_a_text_that_the_tokenizer_changes(self, bert: Path) -> None:
        """BERT's writes words in lower case and continues them with ##."""
        session = gpt2_inspect.load(str(bert))
        whole = session.encode("你好，hello")
        assert whole.groups is not None
        assert [(token.start, token.end) for token in whole.tokens] == [(0, 1), (1, 2), (2, 3), (3, 8)]
        for text in ("Hello", "hellol", "你 好", "x"):
            changed = session.encode(text)
            assert changed.groups is None
            assert {(token.start, token.end, token.group) for token in changed.tokens} == {(None, None, None)}
        assert [token.token for token in session.encode("Hellol").tokens] == ["hello", "##l"]
        for form in ("table", "markdown"):
            shown = encode("Hellol", "-m", str(bert), "-f", form).out
            assert "so they have no exact place in it" in shown
            assert "None" not in shown and "characters  " not in shown
        rows = list(csv.DictReader(io.StringIO(encode("Hellol", "-m", str(bert), "-f", "csv").out)))
        assert [(row["start"], row["end"], row["group"]) for row in rows] == [("", "", "")] * 2

    def test_a_space_that_the_tokenizer_puts_first(self, tmp_path: Path) -> None:
        folder = make_checkpoint(tmp_path / "prefix", n_layer=1)
        (folder / "tokenizer_config.json").write_text('{"add_prefix_space": true}')
        session = gpt2_inspect.load(str(folder))
        assert session.encode("the").groups is None
        assert session.encode(" the").groups is not None


class TestTable:
    @pytest.mark.parametrize("columns", [80, 40, 20])
    def test_all_there(self, tiny: Path, columns: int) -> None:
        text = "[b]\x1b[2J\n 你|é🙂"
        tokens = gpt2_inspect.load(str(tiny)).encode(text).tokens
        done = encode(text, "-m", str(tiny), environ={"COLUMNS": str(columns)})
        assert max(map(cell_len, done.out.splitlines())) <= columns
        assert "\x1b" not in done.out
        shown = done.out.split()
        for token in tokens:
            assert str(token.id) in shown
            assert f"{token.start}:{token.end}" in shown

    def test_a_character_is_shown_once_with_all_its_tokens(self, tiny: Path) -> None:
        result = gpt2_inspect.load(str(tiny)).encode("a🙂b🎈")
        assert result.groups is not None
        rows = encode("a🙂b🎈", "-m", str(tiny)).out.splitlines()[1:]
        for group in result.groups:
            lines = [rows[index] for index in group.token_indices]
            if len(lines) == 1:
                assert not any(corner in lines[0] for corner in "┌│└")
                continue
            assert lines[0].endswith(f"┌ {group.text}")
            assert all(line.endswith("│") for line in lines[1:-1])
            assert lines[-1].endswith("└")
        assert len([group for group in result.groups if len(group.token_indices) > 1]) == 2
        assert sum(row.count("🎈") for row in rows) == 1

    def test_nothing_to_hold_together(self, tiny: Path) -> None:
        assert "together" not in encode("hello", "-m", str(tiny)).out
        assert "1 token for 1 character\n" in encode("a", "-m", str(tiny)).out

    def test_markdown(self, tiny: Path) -> None:
        shown = encode("[b] 🎈|", "-m", str(tiny), "-f", "markdown").out
        assert "┌ ·🎈" in shown and "| [ |" in shown and r"\|" in shown


class TestBadInput:
    @pytest.mark.parametrize("ids", [[], ["--ids"]])
    def test_longer_than_the_context(self, tiny: Path, ids: list[str]) -> None:
        """Counted, not refused."""
        assert encode("!?" * 32, "-m", str(tiny), *ids).err == ""
        done = encode("!?" * 33, "-m", str(tiny), *ids)
        assert (done.code, done.err) == (0, f"note: 66 tokens; the model's context is {N_POSITIONS}\n")

    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            ([""], 5, ["the text is empty"]),
            (["", "--ids"], 5, ["the text is empty"]),
            (["a\ud800"], 5, ["UTF-8"]),
            ([], 2, ["TEXT"]),
            (["a", "b"], 2, ["b"]),
            (["a", "--backend", "jax"], 2, ["jax"]),
            (["a", "--device", "tpu"], 2, ["tpu"]),
            (["a", "--dtype", "int8"], 2, ["int8"]),
            (["a", "-m", "./none"], 3, ["none"]),
        ],
        ids=range(9),
    )
    def test_refused(self, tiny: Path, tmp_path: Path, arguments: list[str], code: int, words: list[str]) -> None:
        (tmp_path / "old").write_text("old")
        check_error(encode("-m", str(tiny), "-o", str(tmp_path / "old"), *arguments), code, *words)
        assert (tmp_path / "old").read_text() == "old"

    def test_input(self, tiny: Path) -> None:
        check_error(encode("-", "-m", str(tiny)), 5, "the text is empty")
        check_error(encode("-", "-m", str(tiny), stdin=b"a\xff"), 5, "byte 1", hint=True)

    def test_python(self, bert: Path) -> None:
        session = gpt2_inspect.load(str(bert))
        for text in ("", " "):  # of the second BERT's tokenizer leaves nothing
            with pytest.raises(InputError):
                session.encode(text)


class TestLoaded:
    def test_no_weights(self, tiny: Path, pair: Path, tmp_path: Path) -> None:
        for file in tiny.iterdir():
            if file.name != "model.safetensors":
                (tmp_path / file.name).symlink_to(file)
        (tmp_path / "model.safetensors").write_bytes(b"never looked at")
        for arguments in (["--json"], ["--ids"], ["-f", "csv"]):
            loaded = modules_of("encode", TEXT, "-m", str(tmp_path), *arguments)
            assert "tokenizers" in loaded
            check_absent(loaded, HEAVY | RICH | (NUMPY - {"tokenizers"}) | {"gpt2_inspect.checkpoint.weights"})
        loaded = modules_of("encode", TEXT, "-m", str(pair), "--ids")
        check_absent(loaded, HEAVY | RICH | {"numpy", "gpt2_inspect.results.encode", "gpt2_inspect.analysis.encode"})
