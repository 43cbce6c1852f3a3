"""Sentences go through one place, so that a translation changes what is said and nothing else."""

import gettext
import pickle
from collections.abc import Iterator

import pytest

from gpt2_inspect.messages import Counted, Message, Option, say, say_n, use_catalogue


class Upper(gettext.NullTranslations):
    """A language in capitals; its plural is used from two on."""

    def gettext(self, message: str) -> str:
        return message.upper().replace("{OPTION}", "{option}").replace("{N}", "{n}").replace("{INNER}", "{inner}")

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        return self.gettext(singular if n < 2 else plural)


@pytest.fixture
def in_capitals() -> Iterator[None]:
    use_catalogue(Upper())
    yield
    use_catalogue(None)


SENTENCE = Message("{option} is wrong: {inner}", option=Option("top_k"), inner=Counted("{n} token", "{n} tokens", n=2))


def test_english_in_both_spellings() -> None:
    assert str(SENTENCE) == "top_k is wrong: 2 tokens"
    assert SENTENCE.say(Option.on_command_line) == "--top-k is wrong: 2 tokens"
    assert [say_n("{n} step", "{n} steps", n=n) for n in (0, 1, 2)] == ["0 steps", "1 step", "2 steps"]


def test_another_language_reaches_sentences_made_before(in_capitals: None) -> None:
    assert str(SENTENCE) == "top_k IS WRONG: 2 TOKENS"
    assert say("the text is empty") == "THE TEXT IS EMPTY"
    assert say_n("{n} step", "{n} steps", n=1) == "1 STEP"


def test_messages_travel() -> None:
    copy = pickle.loads(pickle.dumps(SENTENCE))
    assert copy.say(Option.on_command_line) == SENTENCE.say(Option.on_command_line)


def test_values_are_not_templates() -> None:
    assert say("the model is {name}", name="{x} {}") == "the model is {x} {}"
