"""Random folders of tokenizer files, which contradict each other: the ids and texts are those of AutoTokenizer."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer
from transformers.utils import logging

from checkpoints import VOCAB_SIZE, tokenizer_json
from gpt2_inspect.checkpoint.tokenizer_files import load_tokenizer
from gpt2_inspect.errors import ModelUnusableError

END_OF_TEXT = "<|endoftext|>"

TEXTS = [
    "",
    f"Hello <x> the cat{END_OF_TEXT} 你好 é🙂",
    f" hello{END_OF_TEXT}  {END_OF_TEXT}\n<pad>12 é。 <y>the <x>word",
    "\t<x><x> <pad> hé sat on theKING king [b]  ",
]

TOKENS = ["<x>", "<y>", "<pad>", "é。", "the", " sat", END_OF_TEXT, "Ġcat"]
FLAGS = ["single_word", "lstrip", "rstrip", "normalized", "special"]


class Folder:
    """Draws the files of one folder."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.files: dict[str, Any] = {"config.json": {"model_type": "gpt2", "vocab_size": VOCAB_SIZE}}
        content = json.loads(tokenizer_json())
        kinds = self.one_of("json", "json", "both", "both", "pair", "stale")
        if kinds != "json":
            self.pair(content["model"], stale=kinds == "stale")
        if kinds != "pair":
            self.files["tokenizer.json"] = self.tokenizer_json(content)
        if self.often():
            self.files["tokenizer_config.json"] = self.settings()
        if self.seldom():
            self.files["special_tokens_map.json"] = self.special_tokens()
        if self.seldom():
            self.files["added_tokens.json"] = {token: VOCAB_SIZE + i for i, token in enumerate(self.tokens())}

    def one_of(self, *values: Any) -> Any:
        return self.random.choice(values)

    def often(self) -> bool:
        return self.random.random() < 0.7

    def seldom(self) -> bool:
        return self.random.random() < 0.15

    def tokens(self) -> list[str]:
        return self.random.sample(TOKENS, self.random.randint(1, 3))

    def flags(self, content: str) -> dict[str, Any]:
        token = {"content": content, **dict.fromkeys(FLAGS, False)}
        for name in FLAGS:
            token[name] = self.random.random() < (0.5 if name in ("normalized", "special") else 0.1)
        return token

    def pair(self, model: dict[str, Any], *, stale: bool) -> None:
        vocabulary, merges = dict(model["vocab"]), [" ".join(merge) for merge in model["merges"]]
        if stale:
            vocabulary |= dict(zip(vocabulary, self.random.sample(range(VOCAB_SIZE), VOCAB_SIZE), strict=True))
            merges = merges[: self.random.randint(0, len(merges))]
        self.files["vocab.json"] = vocabulary
        self.files["merges.txt"] = "".join(f"{line}\n" for line in ["#version: 0.2", *merges])

    def tokenizer_json(self, content: dict[str, Any]) -> dict[str, Any]:
        if self.seldom():
            content["pre_tokenizer"].update(add_prefix_space=True)
        if self.seldom():
            content["pre_tokenizer"].update(use_regex=False)
        if self.seldom():
            content.update(normalizer={"type": self.one_of("Lowercase", "NFD", "StripAccents")})
        if self.seldom():
            digits = {"type": "Digits", "individual_digits": True}
            content.update(pre_tokenizer={"type": "Sequence", "pretokenizers": [digits, content["pre_tokenizer"]]})
        if self.seldom():
            content["model"].update(self.one_of({"ignore_merges": True}, {"unk_token": END_OF_TEXT}, {"dropout": None}))
        if self.seldom():
            content.update(decoder={"type": "BPEDecoder", "suffix": "</w>"})
        if self.seldom():
            del content["model"]["vocab"][END_OF_TEXT]
        if self.often():
            content["model"]["merges"] = [" ".join(merge) for merge in content["model"]["merges"]]
        listed = self.one_of([], [END_OF_TEXT], [END_OF_TEXT], [END_OF_TEXT, "<x>"], self.tokens())
        content["added_tokens"] = []
        for token in dict.fromkeys(listed):
            number = VOCAB_SIZE + len(content["added_tokens"])
            token_id = content["model"]["vocab"].get(token, number)
            content["added_tokens"].append({"id": token_id, **self.flags(token)})
        return content

    def named(self, *, spelt_out: bool) -> Any:
        content = self.one_of(END_OF_TEXT, END_OF_TEXT, END_OF_TEXT, *TOKENS)
        if not spelt_out:
            return content
        token = self.flags(content)
        return token if self.often() else {"content": content}

    def special_tokens(self) -> dict[str, Any]:
        names = self.random.sample(["bos_token", "eos_token", "unk_token", "pad_token", "mask_token"], 2)
        special: dict[str, Any] = {name: self.named(spelt_out=self.seldom()) for name in names}
        if self.seldom():
            special[self.one_of("additional_special_tokens", "extra_special_tokens")] = self.tokens()
        return special

    def settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = {"model_max_length": 1024}
        if self.often():
            settings["tokenizer_class"] = self.one_of(
                *("GPT2Tokenizer", "GPT2TokenizerFast", "PreTrainedTokenizerFast", "TokenizersBackend", None, "Unheard")
            )
        if self.seldom() or self.seldom():
            settings["add_prefix_space"] = self.one_of(True, False)
        if self.seldom() or self.seldom():
            tokens = enumerate(self.tokens(), start=VOCAB_SIZE - 1)
            settings["added_tokens_decoder"] = {str(token_id): self.flags(token) for token_id, token in tokens}
        if self.seldom():
            settings |= {key: self.marked(value) for key, value in self.special_tokens().items()}
        if self.seldom():
            settings |= self.one_of(
                {"pad_token": None, "bos_token": None},
                dict.fromkeys(["bos_token", "eos_token", "unk_token"]),
                {"split_special_tokens": True},
                {"my_token": "<y>"},
                {"add_bos_token": True, "errors": "replace"},
                {"padding_side": "left", "backend": "tokenizers", "is_local": True},
                {"extra_special_tokens": ["<x>", "<pad>"]},
            )
        return settings

    @staticmethod
    def marked(value: Any) -> Any:
        return {"__type": "AddedToken", **value} if isinstance(value, dict) else value

    def write(self, folder: Path) -> None:
        folder.mkdir()
        for name, content in self.files.items():
            text = content if isinstance(content, str) else json.dumps(content, indent=self.one_of(None, 2))
            (folder / name).write_text(text, encoding="utf-8")


def implied_end(reference: Any, tokenizer: Any) -> bool:
    """True if it is a token that transformers adds and no file has."""
    return tokenizer.end_of_text is None and END_OF_TEXT in reference.get_vocab()


@pytest.mark.parametrize("part", range(4))
def test_ids_and_texts(tmp_path: Path, part: int) -> None:
    logging.set_verbosity_error()
    compared = 0
    for seed in range(40 * part, 40 * part + 40):
        folder = tmp_path / str(seed)
        Folder(seed).write(folder)
        try:
            reference = AutoTokenizer.from_pretrained(folder)
        except Exception:
            reference = None
        try:
            tokenizer = load_tokenizer(folder, TEXTS[1])
        except ModelUnusableError:
            assert reference is None, seed
            continue
        assert reference is not None, seed
        compared += 1
        assert tokenizer.vocab_size + implied_end(reference, tokenizer) == len(reference), seed
        for text in TEXTS:
            ids = reference.encode(text, add_special_tokens=False)
            assert tokenizer.encode(text) == ids, (seed, text)
            for skip in (False, True):
                expected = reference.decode(ids, skip_special_tokens=skip, clean_up_tokenization_spaces=False)
                assert tokenizer.decode(ids, skip_special_tokens=skip) == expected, (seed, text, skip)
    assert compared > 20
