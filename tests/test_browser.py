"""Pages in a real browser: they open without an error or a request, work by mouse and keyboard, and fit a phone."""

from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from browser import THEMES, WIDTHS, Browser, started
from checkpoints import copy_with_last_token
from commands import OTHERS, TEXT, VARIANTS
from gpt2_inspect import load
from gpt2_inspect.cli.app import OTHER_COMMANDS
from gpt2_inspect.render import packing
from gpt2_inspect.results.attention import Attention
from harness import run_cli

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("one_torch_thread")]

ADDED = "</script><img src=x onerror=\"document.title='owned'\"><!--\u202e\0" + "x" * 400
"""One token that nobody would train, but that anybody can add."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as window:
        yield window


@pytest.fixture(scope="module")
def hostile(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose last token is markup."""
    folder = tmp_path_factory.mktemp("models") / "<b>hostile"
    return copy_with_last_token(tiny, folder, ADDED)


def page(folder: Path, *arguments: str, model: Path | None = None) -> Path:
    path = folder / "page.html"
    of_model = [] if model is None else ["--model", str(model)]
    done = run_cli(*arguments, *of_model, "--output", str(path), stdin=b"fine\n" * 9)
    assert done.code == 0, done.err
    return path


@pytest.mark.parametrize(
    ("command", "arguments"),
    [*VARIANTS, *OTHERS, ("next-tokens", [TEXT, "--temperature", "1", "--seed", "1", "--steps", "3"])],
    ids=lambda value: value if isinstance(value, str) else value[-1],
)
def test_every_page(browser: Browser, tiny: Path, tmp_path: Path, command: str, arguments: list[str]) -> None:
    explained = [] if command in OTHER_COMMANDS else ["--explain"]
    check(browser, page(tmp_path, command, *arguments, *explained, model=None if command == "models" else tiny))


def check(browser: Browser, path: Path) -> None:
    """No error, no request, nothing beyond the window, no barrier."""
    for width, theme in zip(WIDTHS, reversed(THEMES), strict=True):
        browser.open(path, width=width, theme=theme)
        assert browser.run("return document.documentElement.scrollWidth") <= width
        assert [url for url in browser.requests() if not url.startswith("data:")] == [path.as_uri()]
        assert browser.messages() == []
        assert browser.violations() == []


def test_a_click_or_the_keyboard_shows_what_a_token_was_taken_from(
    browser: Browser, tiny: Path, tmp_path: Path
) -> None:
    result = load(tiny).next_tokens(TEXT, steps=3)
    browser.open(page(tmp_path, "next-tokens", TEXT, "--steps", "3", model=tiny))
    shown = "return [...document.querySelectorAll('.panel')].filter(e => e.offsetHeight).map(e => e.innerText)"
    assert len(browser.run(shown)) == 1
    pieces = browser.driver.find_elements("css selector", ".pieces a")
    assert len(pieces) == len(result.steps)
    pieces[1].click()
    (text,) = browser.run(shown)
    percentages = [f"{100 * candidate.prob:.1f}%" for candidate in result.steps[1].top_logprobs]
    assert [each for each in percentages if each in text] == percentages
    pieces[1].send_keys("\ue014")  # the right arrow
    (text,) = browser.run(shown)
    assert text.startswith("step 3")


def test_without_a_script_everything_is_there(browser: Browser, tiny: Path, tmp_path: Path) -> None:
    browser.open(page(tmp_path, "score", TEXT, model=tiny), script=False)
    panels = browser.driver.find_elements("css selector", ".panel")
    assert len(panels) > 1 and all(panel.is_displayed() for panel in panels)


def test_layer_and_head_by_keyboard(browser: Browser, tiny: Path, tmp_path: Path) -> None:
    result: Attention = load(tiny).attention(TEXT, rows=True)
    browser.open(page(tmp_path, "attention", TEXT, model=tiny))
    for name, key in (("layer", "\ue015"), ("head", "\ue014")):  # down, right
        browser.driver.find_element("css selector", f"input[data-choice={name}]:checked").send_keys(key)
    (head,) = (head for head in result.heads if (head.layer, head.head) == (1, 1))
    cells = browser.run(
        "return [...document.querySelectorAll('.matrix tbody tr')].map(r => [...r.querySelectorAll('td')]"
        ".filter(c => c.innerText).map(c => Number(c.innerText)))"
    )
    assert head.rows is not None
    assert cells == [[pytest.approx(100 * weight, abs=0.75) for weight in row] for row in head.rows]
    assert browser.run("return document.querySelectorAll('.multiples [aria-pressed=true]').length") == 1
    browser.driver.find_elements("css selector", ".links svg")[0].is_displayed()


@pytest.mark.parametrize("command", ["report", "score", "decode"])
def test_hostile_tokens_stay_text(browser: Browser, hostile: Path, tmp_path: Path, command: str) -> None:
    text = f"a{ADDED} <b>c</b>"
    arguments = ["0", "383"] if command == "decode" else [text]
    path = page(tmp_path, command, *arguments, model=hostile)
    browser.open(path, width=360)
    title: Any = browser.run("return document.title")
    assert "owned" not in title and browser.run("return document.images.length") == 0
    assert browser.run("return document.querySelectorAll('main b').length") == 0
    shown = browser.run("return document.querySelector('main').innerText")
    assert "</script><img" in shown, shown
    assert "\u202e" not in path.read_text(encoding="utf-8") and "\0" not in path.read_text(encoding="utf-8")
    check(browser, path)


@pytest.mark.parametrize("most", [0, 10**9])
def test_the_button_saves_the_records(
    browser: Browser, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(packing, "MOST", most)
    path = page(tmp_path, "report", TEXT, model=tiny)
    browser.open(path)
    browser.run(
        "URL.createObjectURL = blob => (blob.text().then(text => window.saved = text), 'data:,');"
        "HTMLAnchorElement.prototype.click = () => {}; document.querySelector('button.save').click()"
    )
    for _ in range(100):
        if saved := browser.run("return window.saved"):
            break
        sleep(0.05)
    assert saved and saved == packing.unpack(path.read_text(encoding="utf-8"))
    assert browser.messages() == []
