"""The exact text of a JSON document, in whatever pieces it is written: the json module's, but for lists of numbers.

On one line, as one of many has it, it is the json module's without exception.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpt2_inspect
from commands import VARIANTS
from gpt2_inspect.render import Page, render
from gpt2_inspect.results import Token
from gpt2_inspect.results.decode import Decode, DecodedToken
from harness import run_cli

NUMBERS = re.compile(r"\[\n\s+([-+.\deE,\s]+?)\n\s+\]")
STEERING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def whole(document: Any) -> str:
    """The text, made at once."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2)
    text = STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return NUMBERS.sub(lambda numbers: f"[{' '.join(numbers[1].split())}]", text) + "\n"


def line(document: Any) -> str:
    """The text on one line, made at once."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    return STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


@pytest.mark.usefixtures("one_torch_thread")
@pytest.mark.parametrize(("command", "arguments"), VARIANTS)
def test_commands(tiny: Path, command: str, arguments: list[str]) -> None:
    text = run_cli(command, *arguments, "--json", "-m", str(tiny)).out
    assert text == whole(json.loads(text))


@settings(max_examples=40, deadline=None)
@given(values=st.data())
def test_any_values(tiny: Path, values: st.DataObject) -> None:
    """Whatever stands in the fields; the types of the records do not hold it back."""
    anything = st.recursive(
        st.one_of(
            *(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
            st.sampled_from([True, 1, 1.0, -0.0, "\x7f\u202e\u2028", '"\\\n', "é🙂"]),
        ),
        lambda inner: st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple) | tokens(inner),
    )
    model = gpt2_inspect.load(str(tiny)).model
    names = ("run", "prompt", "options", "tokens", "text", "argmax", "argsort")
    result = Decode(model=model, **{name: values.draw(anything) for name in names})
    assert "".join(render(result, "json")) == whole(result.to_dict())
    called = values.draw(st.one_of(st.none(), st.text(), st.dictionaries(st.text(), st.lists(st.integers()))))
    page = Page(many=True, prompt_index=3, prompt_id=called)
    place = {"id": called, "prompt_index": 3}
    assert "".join(render(result, "json", page)) == line({**result.envelope(), **place, **result.to_dict()})


def tokens(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    token = {"id": inner, "token": inner, "bytes": inner}
    return st.builds(Token, **token) | st.builds(DecodedToken, **token, complete_utf8=inner)


def test_a_long_text(tiny: Path) -> None:
    """In pieces that do not grow with it."""
    session = gpt2_inspect.load(str(tiny))
    result = session.encode("The cat 你好 🙂\n" * 1000)
    pieces = list(render(result, "json"))
    assert "".join(pieces) == whole(result.to_dict())
    assert max(map(len, pieces)) < len("".join(pieces)) / 8
    assert session.encode_ids("The cat 你好 🙂\n" * 1000) == [token.id for token in result.tokens]
