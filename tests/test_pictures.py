"""docs/make_pictures.py sees what a terminal shows. Chromium, which photographs it, is not needed here."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("termios")


@pytest.fixture(scope="module")
def pictures() -> Any:
    name = "make_pictures"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent.parent / "docs" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def shown(pictures: Any, width: int, text: str) -> list[str]:
    screen = pictures.Screen(width)
    screen.feed(text)
    return ["".join(cell.text for cell in row) for row in screen.shown]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("abcde\r\nf\r\n", ["abcd", "e", "f"]),
        ("abcd\r\nf", ["abcd", "f"]),  # a full line breaks when more comes
        ("abc你d", ["abc", "你d"]),
        ("e\u0301x", ["e\u0301x"]),
        ("50%\r100%\r\x1b[Kdone", ["done"]),
        ("ab\x1b[2K\r\x1b]11;?\x1b\\\x1b[?25lc", ["c"]),
        ("a\r\nb\x1b[1Fx", ["x", "b"]),
    ],
)
def test_a_screen_shows_what_a_terminal_does(pictures: Any, text: str, rows: list[str]) -> None:
    assert shown(pictures, 4, text) == rows


def test_colours_of_all_depths(pictures: Any) -> None:
    screen = pictures.Screen(80)
    screen.feed("\x1b[1;31ma\x1b[22;38;5;21;48;2;1;2;3mb\x1b[39;7mc\x1b[0md\x1b[38;5;244;101me")
    look = [(cell.style.text, cell.style.background, cell.style.bold, cell.style.reverse) for cell in screen.rows[0]]
    assert look == [
        ((205, 0, 0), None, True, False),
        ((0, 0, 255), (1, 2, 3), False, False),
        (None, (1, 2, 3), False, True),
        (None, None, False, False),
        ((128, 128, 128), (255, 0, 0), False, False),
    ]


def test_a_token_is_no_markup_and_has_the_width_of_its_columns(pictures: Any) -> None:
    screen = pictures.Screen(80)
    screen.feed("<b>你")
    page, width, height = pictures.page_of([(screen, pictures.DARK), (screen, pictures.LIGHT)])
    assert page.count("&lt;b&gt;") == 2 and "<b>" not in page
    assert page.count(f'width:{2 * pictures.ADVANCE:.4f}px">你') == 2
    assert (width, height) == (2 * (675 + 2 * pictures.MARGIN), pictures.LINE + 2 * pictures.MARGIN)


def test_what_is_typed_is_seen_where_it_was_asked_for(pictures: Any) -> None:
    screen = pictures.run("quiz --rounds 2 --seed 3 --model pocket 2>&1 <<< $'much\\nmy'", 80, pictures.LIGHT, "24bit")
    rows = ["".join(cell.text for cell in row).rstrip() for row in screen.shown]
    assert rows[0] == "$ gpt2-inspect quiz --rounds 2 --seed 3 --model pocket"
    assert [row for row in rows if ": " in row][:4] == [
        "1 of 2: Thank you very …",
        "your guess: much",
        "2 of 2: My grandmother makes the best soup in …",
        "your guess: my",
    ]


def test_pictures_are_small(pictures: Any) -> None:
    kept = sorted((pictures.DOCS / "pictures").iterdir())
    assert {pictures.README_PICTURE, pictures.PAGE_PICTURE, pictures.PLOT} == set(kept)
    assert max(picture.stat().st_size for picture in kept) < 60_000
