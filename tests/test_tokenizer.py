"""Our tokenizer against transformers': the same ids for the same files, the same text back, and exact bytes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, BertTokenizer, GPT2Tokenizer

from checkpoints import BERT_VOCABULARY, VOCAB_SIZE, make_bert_style_checkpoint, tokenizer_json, write_tokenizer
from gpt2_inspect.checkpoint import short_texts
from gpt2_inspect.checkpoint.tokenizer import Tokenizer, byte_alphabet
from gpt2_inspect.checkpoint.tokenizer_files import load_tokenizer
from gpt2_inspect.errors import InputError, ModelUnusableError
from gpt2_inspect.session import load

END_OF_TEXT = "<|endoftext|>"

any_speed = settings(deadline=None)

any_text = st.text(st.characters(exclude_categories=["Cs"]))
pieces = [
    *(END_OF_TEXT, "<|endoftext", "|>", "<", " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "\0"),
    *("hello", " the", "'s", "'LL", "don't", "12345", "²", "x_1", "!?...", "—"),
    *("你好", "，世界", "日本語", "한국어", "안", "🙂", "👩‍👩‍👧", "🇫🇷"),
    *("é", "e\u0301", "\u0301", "नि", "ﷺ", "\ufeff", "\ufffd"),
]
mixed_text = st.lists(st.one_of(st.sampled_from(pieces), any_text)).map("".join)


@pytest.fixture(scope="module", params=["tokenizer.json", "vocab.json and merges.txt", "all three files"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    if request.param != "tokenizer.json":
        write_tokenizer(folder, as_pair=True)
    if request.param != "vocab.json and merges.txt":
        write_tokenizer(folder)
    return folder


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Tokenizer:
    return load_tokenizer(folder)


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    return GPT2Tokenizer.from_pretrained(folder)


def in_order(vocabulary: dict[str, int]) -> list[str]:
    return sorted(vocabulary, key=vocabulary.__getitem__)


class TestAgainstTransformers:
    @any_speed
    @given(text=mixed_text)
    @example(text="")
    @example(text=f" {END_OF_TEXT}\n{END_OF_TEXT}{END_OF_TEXT} hello")
    @example(text=f"two line breaks\n\n{END_OF_TEXT}")
    @example(text="hello" * 200)  # one long word
    @example(text="the cat sat on the mat. " * 500)
    def test_ids_and_text(self, tokenizer: Tokenizer, reference: Any, text: str):
        token_ids = tokenizer.encode(text)
        assert token_ids == reference.encode(text, add_special_tokens=False)
        assert tokenizer.decode(token_ids) == text

    @any_speed
    @given(text=mixed_text)
    def test_the_bytes_of_the_tokens_make_up_the_text(self, tokenizer: Tokenizer, text: str):
        assert b"".join(map(tokenizer.token_bytes, tokenizer.encode(text))) == text.encode()

    @any_speed
    @given(token_ids=st.lists(st.integers(0, VOCAB_SIZE - 1)))
    def test_the_text_of_any_ids(self, tokenizer: Tokenizer, reference: Any, token_ids: list[int]):
        """Mostly bytes that are no whole UTF-8: both put the same number of U+FFFD in their place."""
        assert tokenizer.decode(token_ids) == reference.decode(token_ids, clean_up_tokenization_spaces=False)

    def test_vocabulary(self, tokenizer: Tokenizer, reference: Any):
        assert tokenizer.vocab_size == len(reference) == VOCAB_SIZE
        assert tokenizer.end_of_text == reference.eos_token_id == VOCAB_SIZE - 1
        assert tokenizer.token_bytes(VOCAB_SIZE - 1) == END_OF_TEXT.encode()


class TestBytes:
    def test_every_byte_has_a_token(self, tokenizer: Tokenizer):
        vocabulary = json.loads(tokenizer_json())["model"]["vocab"]
        ids = [vocabulary[character] for character in byte_alphabet()]
        assert sorted(map(tokenizer.token_bytes, ids)) == [bytes([byte]) for byte in range(256)]

    def test_the_alphabet_is_that_of_the_library(self):
        from tokenizers.pre_tokenizers import ByteLevel

        assert set(byte_alphabet()) == set(ByteLevel.alphabet())
        assert sorted(byte_alphabet().values()) == list(range(256))

    @pytest.mark.parametrize(
        ("character", "byte"),
        [
            ("!", 0x21),
            ("~", 0x7E),
            ("¡", 0xA1),
            ("ÿ", 0xFF),
            ("Ā", 0x00),
            ("Ċ", 0x0A),
            ("Ġ", 0x20),
            ("ġ", 0x7F),
            ("Ń", 0xAD),
        ],
    )
    def test_known_characters_of_the_alphabet(self, character: str, byte: int):
        assert byte_alphabet()[character] == byte

    def test_a_token_may_be_a_part_of_a_character(self, tokenizer: Tokenizer):
        token_ids = tokenizer.encode("🎈")
        assert [tokenizer.token_bytes(token_id) for token_id in token_ids[-2:]] == [b"\x8e", b"\x88"]
        assert tokenizer.decode(token_ids[:-1]) == "\ufffd"
        assert tokenizer.decode(token_ids) == "🎈"

    def test_an_id_without_a_token_has_no_bytes(self, tokenizer: Tokenizer):
        assert tokenizer.token_bytes(VOCAB_SIZE) == b""
        assert tokenizer.decode([VOCAB_SIZE, VOCAB_SIZE + 100]) == ""


def write_model_folder(folder: Path, files: dict[str, Any]) -> Path:
    """`files` by name; what is no string is written as JSON. AutoTokenizer reads model_type from config.json."""
    config = {"model_type": "gpt2", "vocab_size": VOCAB_SIZE, "bos_token_id": 0, "eos_token_id": 0}
    for name, content in {"config.json": config, **files}.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def changed_tokenizer_json(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    content = json.loads(tokenizer_json())
    change(content)
    return content


def new_token(content: str, **flags: bool) -> dict[str, Any]:
    defaults = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": VOCAB_SIZE, "content": content, **defaults, **flags}


TEXTS = ["Hello <x> world", f"the {END_OF_TEXT} cat", "12 dogs", " hello", "word<x>"]
"""Each of the settings below changes the ids of one of these."""

IN_TOKENIZER_JSON: dict[str, Callable[[dict[str, Any]], object]] = {
    "add_prefix_space": lambda content: content["pre_tokenizer"].update(add_prefix_space=True),
    "an added token": lambda content: content["added_tokens"].append(new_token("<x>")),
    "an end of text that takes the spaces before it": lambda content: content["added_tokens"][0].update(lstrip=True),
    "an end of text that takes the spaces behind it": lambda content: content["added_tokens"][0].update(rstrip=True),
    "a normalizer": lambda content: content.update(normalizer={"type": "Lowercase"}),
    "words not split": lambda content: content["pre_tokenizer"].update(use_regex=False),
    "digits split": lambda content: content.update(
        pre_tokenizer={
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": True}, content["pre_tokenizer"]],
        }
    ),
    "no end of text": lambda content: content.update(added_tokens=[]),
}


class TestOtherSettings:
    """Files that look like GPT-2's and are not quite."""

    @pytest.mark.parametrize("name", [None, "GPT2TokenizerFast", "PreTrainedTokenizerFast", "Unheard"])
    @pytest.mark.parametrize("setting", IN_TOKENIZER_JSON)
    def test_tokenizer_json_counts_more_than_the_pair(self, tmp_path: Path, setting: str, name: str | None):
        """GPT2Tokenizer takes its vocabulary and merges, the classes that have no name of their own all of it."""
        content = changed_tokenizer_json(IN_TOKENIZER_JSON[setting])
        write_tokenizer(tmp_path, as_pair=True)
        write_model_folder(tmp_path, {"tokenizer.json": content, "tokenizer_config.json": {"tokenizer_class": name}})
        (tmp_path / "merges.txt").write_text("#version: 0.2\nh e\n")
        assert_same_tokenizer(load_tokenizer(tmp_path), AutoTokenizer.from_pretrained(tmp_path))

    @pytest.mark.parametrize("as_pair", [True, False], ids=["pair", "tokenizer.json"])
    @pytest.mark.parametrize(
        "settings",
        [
            {"add_prefix_space": True},
            {"add_prefix_space": False, "tokenizer_class": "GPT2Tokenizer", "bos_token": END_OF_TEXT},
            {"tokenizer_class": None, "pad_token": None, "add_bos_token": False, "model_max_length": 8},
            {"eos_token": {"__type": "AddedToken", "content": END_OF_TEXT, "lstrip": False}},
            {"added_tokens_decoder": {str(VOCAB_SIZE - 1): new_token(END_OF_TEXT)}},
        ],
        ids=["prefix space", "plain", "nothing said", "end of text spelt out", "end of text among the added"],
    )
    def test_tokenizer_config(self, tmp_path: Path, as_pair: bool, settings: dict[str, Any]):
        write_tokenizer(tmp_path, as_pair=as_pair)
        write_model_folder(tmp_path, {"tokenizer_config.json": settings})
        assert_same_tokenizer(load_tokenizer(tmp_path), AutoTokenizer.from_pretrained(tmp_path))

    def test_tokenizer_config_takes_the_prefix_space_back(self, tmp_path: Path):
        content = changed_tokenizer_json(IN_TOKENIZER_JSON["add_prefix_space"])
        write_model_folder(tmp_path, {"tokenizer.json": content, "tokenizer_config.json": {"add_prefix_space": False}})
        assert_same_tokenizer(load_tokenizer(tmp_path), AutoTokenizer.from_pretrained(tmp_path))

    @pytest.mark.parametrize(
        "files",
        [
            {"tokenizer_config.json": {"added_tokens_decoder": {str(VOCAB_SIZE): new_token("<x>")}}},
            {"added_tokens.json": {"<x>": VOCAB_SIZE}},
            {"special_tokens_map.json": {"pad_token": "<x>"}},
            {"special_tokens_map.json": {"additional_special_tokens": ["<x>"]}},
            {"tokenizer_config.json": {"pad_token": {"__type": "AddedToken", "content": "<x>", "lstrip": True}}},
        ],
        ids=["added_tokens_decoder", "added_tokens.json", "pad_token", "additional_special_tokens", "tokenizer_config"],
    )
    def test_tokens_added_to_the_pair(self, tmp_path: Path, files: dict[str, Any]):
        write_tokenizer(tmp_path, as_pair=True)
        write_model_folder(tmp_path, files)
        tokenizer = load_tokenizer(tmp_path)
        assert_same_tokenizer(tokenizer, AutoTokenizer.from_pretrained(tmp_path))
        assert tokenizer.token_bytes(VOCAB_SIZE) == b"<x>"
        assert b"".join(map(tokenizer.token_bytes, tokenizer.encode("你好<x>é a"))) == "你好<x>é a".encode()

    def test_an_added_token_outside_ascii(self, tmp_path: Path):
        content = changed_tokenizer_json(lambda content: content["added_tokens"].append(new_token("é。")))
        tokenizer = load_tokenizer(write_model_folder(tmp_path, {"tokenizer.json": content}))
        token_ids = tokenizer.encode("café。")
        assert token_ids[-1] == VOCAB_SIZE
        assert tokenizer.token_bytes(VOCAB_SIZE) == "é。".encode()
        assert tokenizer.decode(token_ids) == "café。"

    def test_truncation_and_padding_are_off(self, tmp_path: Path):
        limits = {
            "truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0},
            "padding": {
                **{"strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": None},
                **{"pad_id": 0, "pad_type_id": 0, "pad_token": "!"},
            },
        }
        content = changed_tokenizer_json(lambda content: content.update(limits))
        tokenizer = load_tokenizer(write_model_folder(tmp_path, {"tokenizer.json": content}))
        for text in ("a", "the cat sat on the mat"):
            assert tokenizer.decode(tokenizer.encode(text)) == text

    def test_nothing_is_put_around_the_text(self, tmp_path: Path):
        """Some GPT-2s have a post-processor that adds tokens; a prompt is what the user typed."""
        adding = {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": END_OF_TEXT, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {END_OF_TEXT: {"id": END_OF_TEXT, "ids": [VOCAB_SIZE - 1], "tokens": [END_OF_TEXT]}},
        }
        content = changed_tokenizer_json(lambda content: content.update(post_processor=adding))
        tokenizer = load_tokenizer(write_model_folder(tmp_path, {"tokenizer.json": content}))
        assert VOCAB_SIZE - 1 not in tokenizer.encode("hello")


def assert_same_tokenizer(tokenizer: Tokenizer, reference: Any) -> None:
    assert tokenizer.vocab_size == len(reference)
    for text in TEXTS:
        token_ids = reference.encode(text, add_special_tokens=False)
        assert tokenizer.encode(text) == token_ids
        assert tokenizer.decode(token_ids) == reference.decode(token_ids, clean_up_tokenization_spaces=False)


BROKEN: dict[str, dict[str, Any]] = {
    "tokenizer.json is cut off": {"tokenizer.json": tokenizer_json()[:-40]},
    "tokenizer.json is empty": {"tokenizer.json": ""},
    "tokenizer.json is no tokenizer": {"tokenizer.json": {"added_tokens": "many"}},
    "tokenizer.json is nested too deeply": {"tokenizer.json": "[" * 100_000},
    "tokenizer.json beside a pair is cut off": {"tokenizer.json": "{", "vocab.json": {"a": 0}, "merges.txt": ""},
    "tokenizer.json beside a pair holds other types": {
        **{"tokenizer.json": '{"added_tokens": [1], "pre_tokenizer": "x", "model": {}}'},
        **{"vocab.json": {"a": 0}, "merges.txt": ""},
    },
    "tokenizer.json with broken settings": {"tokenizer.json": tokenizer_json(), "tokenizer_config.json": "{"},
    "vocab.json is a list": {"vocab.json": ["a"], "merges.txt": ""},
    "vocab.json is cut off": {"vocab.json": '{"a": 0, ', "merges.txt": ""},
    "merges.txt merges what is not there": {"vocab.json": {"a": 0}, "merges.txt": "#version: 0.2\nb c\n"},
    "merges.txt has a line of one word": {"vocab.json": {"a": 0}, "merges.txt": "#version: 0.2\na\n"},
    "settings of the pair are no object": {
        **{"vocab.json": {"a": 0}, "merges.txt": ""},
        "tokenizer_config.json": ["GPT2Tokenizer"],
    },
    "settings of the pair name an unknown class": {
        **{"vocab.json": {"a": 0}, "merges.txt": ""},
        "tokenizer_config.json": {"tokenizer_class": 7},
    },
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_files(tmp_path: Path, what: str):
    with pytest.raises(ModelUnusableError):
        load_tokenizer(write_model_folder(tmp_path, BROKEN[what]))


def test_files_that_are_not_utf8(tmp_path: Path):
    write_tokenizer(tmp_path, as_pair=True)
    (tmp_path / "vocab.json").write_bytes(b'{"\xff\xfe": 0}')
    with pytest.raises(ModelUnusableError, match=r"vocab\.json"):
        load_tokenizer(tmp_path)


def test_a_merge_of_a_token_that_is_not_there(tmp_path: Path):
    """A short text needs only some merges, and may need that one."""
    write_tokenizer(tmp_path, as_pair=True)
    merges = (tmp_path / "merges.txt").read_text(encoding="utf-8")
    (tmp_path / "merges.txt").write_text(merges.replace("\nĠt he\n", "\nĠ the\n"), encoding="utf-8")
    assert merges != (tmp_path / "merges.txt").read_text(encoding="utf-8")
    with pytest.raises(ModelUnusableError, match="`the`"):
        load_tokenizer(tmp_path, "the cat").encode("in the house")


CHINESE = "你好，世界。Hello world 今天01 [SEP]天 x"


class TestBertStyle:
    """The Chinese GPT-2s come with BERT's vocab.txt."""

    @pytest.mark.parametrize(
        "settings",
        [None, {"tokenizer_class": "BertTokenizer"}, {"do_lower_case": False}],
        ids=["no settings", "BertTokenizer", "case kept"],
    )
    def test_a_whole_run(self, tmp_path: Path, settings: dict[str, Any] | None):
        folder = make_bert_style_checkpoint(tmp_path, settings)
        reference = BertTokenizer.from_pretrained(folder)
        expected = reference.encode(CHINESE, add_special_tokens=False)
        result = load(str(folder)).next_tokens(CHINESE, steps=3)
        assert [token.id for token in result.prompt.tokens] == expected
        assert result.run.backend == "numpy"
        tokens = [BERT_VOCABULARY[token_id] for token_id in expected]
        assert [token.token for token in result.prompt.tokens] == tokens
        assert [bytes(token.bytes) for token in result.prompt.tokens] == [token.encode() for token in tokens]
        assert result.completion.text == reference.decode(list(result.completion.token_ids))

    def test_the_tokens_of_a_text(self, tmp_path: Path):
        tokenizer = load_tokenizer(make_bert_style_checkpoint(tmp_path))
        tokens = [tokenizer.token_bytes(token_id).decode() for token_id in tokenizer.encode("你好 hellol, World")]
        assert tokens == ["你", "好", "hello", "##l", "[UNK]", "w", "##or", "##ld"]
        assert tokenizer.vocab_size == len(BERT_VOCABULARY)
        assert tokenizer.end_of_text is None
        assert tokenizer.token_bytes(len(BERT_VOCABULARY)) == b""

    def test_as_transformers_saves_it(self, tmp_path: Path):
        """tokenizer.json with BERT's pieces in it, and settings that name the class."""
        folder = make_bert_style_checkpoint(tmp_path)
        expected = load_tokenizer(folder).encode(CHINESE)
        BertTokenizer.from_pretrained(folder).save_pretrained(folder)
        (folder / "vocab.txt").unlink(missing_ok=True)
        assert load_tokenizer(folder).encode(CHINESE) == expected

    def test_an_empty_prompt_has_nothing_to_start_from(self, tmp_path: Path):
        session = load(str(make_bert_style_checkpoint(tmp_path)))
        with pytest.raises(InputError, match="no token to start from"):
            session.next_tokens("", steps=1)

    def test_an_empty_prompt_starts_from_the_token_that_the_configuration_names(self, tmp_path: Path):
        session = load(str(make_bert_style_checkpoint(tmp_path, bos_token_id=2)))
        prompt = session.next_tokens("", steps=1).prompt
        assert ([token.token for token in prompt.tokens], prompt.bos_added) == (["[CLS]"], True)

    def test_a_vocabulary_that_is_not_utf8(self, tmp_path: Path):
        folder = make_bert_style_checkpoint(tmp_path)
        (folder / "vocab.txt").write_bytes(b"[UNK]\n\xff\xfe\n")
        with pytest.raises(ModelUnusableError, match="cannot open the tokenizer"):
            load_tokenizer(folder)


class TestVocabularySizes:
    @pytest.fixture
    def resized(self, tiny: Path, tmp_path: Path) -> Callable[[int], Path]:
        """A checkpoint with so many rows more (or fewer) in its embedding than the tokenizer has tokens."""
        import torch
        from safetensors.torch import load_file, save_file

        def resize(rows: int) -> Path:
            folder = shutil.copytree(tiny, tmp_path / "model")
            tensors = load_file(folder / "model.safetensors")
            table = tensors["transformer.wte.weight"]
            torch.manual_seed(0)
            padding = torch.randn(max(rows, 0), table.shape[1])
            tensors["transformer.wte.weight"] = torch.cat([table[: VOCAB_SIZE + rows], padding])
            save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            write_model_folder(folder, {"config.json": config | {"vocab_size": VOCAB_SIZE + rows}})
            return folder

        return resize

    @pytest.mark.parametrize("rows", [1, 127])
    def test_rows_without_a_token_have_no_bytes(self, resized: Callable[[int], Path], rows: int):
        result = load(str(resized(rows))).next_tokens("hello", steps=1, top_k=VOCAB_SIZE + rows)
        padding = [candidate for candidate in result.steps[0].top_logprobs if candidate.id >= VOCAB_SIZE]
        assert len(padding) == rows
        assert {(candidate.token, candidate.bytes) for candidate in padding} == {("", ())}

    @pytest.mark.parametrize("rows", [-1, -100, 128])
    def test_tokenizer_and_weights_of_different_models(self, resized: Callable[[int], Path], rows: int):
        with pytest.raises(ModelUnusableError, match=f"tokenizer has {VOCAB_SIZE} tokens, its weights") as caught:
            load(str(resized(rows))).next_tokens("hello", steps=1)
        assert caught.value.hint == "tokenizer and weights belong to different models"


def test_of_many_texts_all_is_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of the tokenizer for each text is quicker for the first few alone; the ids are the same."""
    write_tokenizer(tmp_path, as_pair=True)
    built: list[int] = []
    original = short_texts.gpt2_tokenizer

    def count(model: Any) -> Any:
        built.append(1)
        return original(model)

    monkeypatch.setattr(short_texts, "gpt2_tokenizer", count)
    few = load_tokenizer(tmp_path, "a")
    texts = [f"hello {number} you" for number in range(8)]
    found = [few.encode(text) for text in texts]
    after_the_few = len(built)
    whole = load_tokenizer(tmp_path, "x" * 20_000)
    assert found == [whole.encode(text) for text in texts]
    assert [few.encode(text) for text in texts] == found and len(built) == after_the_few > 0
