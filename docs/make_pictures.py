"""Pictures of what the commands show on a terminal: each runs on a pseudo-terminal, Chromium photographs the screen.

    python docs/make_pictures.py               the pictures in the README and in plots.md, in docs/pictures
    python docs/make_pictures.py --all DIR     every example of the documentation at 40, 80, 120 and 200 columns, on
                                               black and on white, and DIR/index.html with all of them, to look at
    python docs/make_pictures.py --all DIR --only score,attention --widths 80 --colors 256

Needs Linux or macOS, Chromium or Chrome, and the environment that `scripts/setup dev` makes; no further packages.
Looks best with the fonts DejaVu Sans Mono, Noto Sans Mono CJK and Noto Color Emoji.
"""

import argparse
import fcntl
import html
import os
import pty
import re
import select
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests"))
from examples import examples, with_typed  # noqa: E402

README_PICTURE = DOCS / "pictures" / "next-tokens.png"
README_COMMAND = 'next-tokens "hello,how are you" --model pocket --steps 5'
README_WIDTH = 100

PAGE_PICTURE = DOCS / "pictures" / "score-page.png"
PAGE_COMMAND = ("score", "The cat sat on the moon because it was tired.", "--model", "pocket", "--no-timing")
PAGE_SIZE = (800, 608)
"""Of the window, in pixels: what is seen of the page without scrolling."""

OTHERS = (
    "--help",
    "next-tokens --help",
    "score --help",
    "next-tokens hello --top-k 0",
    "score hello --model none/such",
)
"""What is looked at beside the examples."""

PLOT = DOCS / "pictures" / "lens.png"
PLOT_COMMAND = 'hidden-states "Once upon a" --lens --model pocket --plot-size 11.5x7'
"""As plots.md has it, but for the name of the file."""

WIDTHS = (40, 80, 120, 200)
DEPTHS = {
    "16": {"TERM": "xterm"},
    "256": {"TERM": "xterm-256color"},
    "24bit": {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
}
"""How a terminal says how many colours it has."""

Colour = tuple[int, int, int]

ANSI: tuple[Colour, ...] = (
    *((0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229)),
    *((127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255)),
    (255, 255, 255),
)
"""xterm's own sixteen."""


@dataclass(frozen=True)
class Theme:
    """The colours of a terminal."""

    name: str
    text: Colour
    background: Colour


DARK = Theme("black", (204, 204, 204), (12, 12, 12))
LIGHT = Theme("white", (36, 36, 36), (255, 255, 255))


# The screen


@dataclass(frozen=True)
class Style:
    """How a character looks. None is the terminal's own colour."""

    text: Colour | None = None
    background: Colour | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False


@dataclass(frozen=True)
class Cell:
    """A character, with what combines with it. The second cell of a wide one is empty."""

    text: str = " "
    style: Style = Style()


BLANK = Cell()

_ESCAPE = re.compile(
    r"\x1b\[(?P<arguments>[0-9;:?]*)[ -/]*(?P<final>[@-~])"  # CSI
    r"|\x1b\](?P<osc>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    r"|\x1b[@-Z\\^_=>]"
)


@dataclass
class Screen:
    """What a terminal of `width` columns shows, as long as need be: text, colours, what progress bars do."""

    width: int
    rows: list[list[Cell]] = field(default_factory=lambda: [[]])
    row: int = 0
    column: int = 0
    style: Style = Style()

    @property
    def shown(self) -> list[list[Cell]]:
        """The rows down to the last that has something."""
        used = [number for number, row in enumerate(self.rows, start=1) if row]
        return self.rows[: max(used, default=0)]

    def feed(self, text: str) -> None:
        """Write what a program has written."""
        at = 0
        for escape in _ESCAPE.finditer(text):
            self._write(text[at : escape.start()])
            if escape["final"] == "m":
                self.style = styled(self.style, [int(each or 0) for each in re.split("[;:]", escape["arguments"])])
            elif escape["final"] and not escape["arguments"].startswith("?"):
                self._move(escape["final"], int(escape["arguments"].partition(";")[0] or 0))
            at = escape.end()
        self._write(text[at:])

    def _write(self, text: str) -> None:
        for character in text:
            if character == "\n":
                self._go(self.row + 1)
            elif character == "\r":
                self.column = 0
            elif character == "\t":
                self.column = min(self.width - 1, self.column // 8 * 8 + 8)
            elif character >= " ":
                self._put(character)

    def _put(self, character: str) -> None:
        size = columns_of(character)
        line = self.rows[self.row]
        if size == 0:
            if 0 < self.column <= len(line):
                line[self.column - 1] = replace(line[self.column - 1], text=line[self.column - 1].text + character)
            return
        if self.column + size > self.width:
            self._go(self.row + 1)
            self.column = 0
            line = self.rows[self.row]
        line += [BLANK] * (self.column + size - len(line))
        line[self.column] = Cell(character, self.style)
        if size == 2:
            line[self.column + 1] = Cell("", self.style)
        self.column += size

    def _go(self, row: int) -> None:
        self.row = max(0, row)
        self.rows += [[] for _ in range(self.row + 1 - len(self.rows))]

    def _move(self, final: str, n: int) -> None:
        line = self.rows[self.row]
        if final in "AF":
            self._go(self.row - max(1, n))
        elif final in "BE":
            self._go(self.row + max(1, n))
        elif final == "C":
            self.column = min(self.width - 1, self.column + max(1, n))
        elif final == "D":
            self.column = max(0, self.column - max(1, n))
        elif final == "G":
            self.column = max(0, n - 1)
        elif final == "K":
            line[:] = {0: line[: self.column], 1: [BLANK] * self.column + line[self.column :]}.get(n, [])
        elif final == "J":
            line[:] = line[: self.column]
            del self.rows[self.row + 1 :]
        if final in "EF":
            self.column = 0


def columns_of(character: str) -> int:
    """How many columns a terminal gives a character."""
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def styled(style: Style, codes: Sequence[int]) -> Style:
    """The style after an SGR sequence (ECMA-48 8.3.117, with 38 and 48 as ISO 8613-6 and xterm have them)."""
    rest = iter(codes)
    for code in rest:
        if code == 0:
            style = Style()
        elif code in (38, 48):
            colour = _indexed(next(rest)) if next(rest) == 5 else (next(rest), next(rest), next(rest))
            style = replace(style, **{"text" if code == 38 else "background": colour})
        else:
            style = replace(style, **_CHANGES.get(code, {}))
    return style


def _indexed(index: int) -> Colour:
    """One of 256 colours: sixteen, a cube of six steps, and greys."""
    if index < 16:
        return ANSI[index]
    if index >= 232:
        return (8 + 10 * (index - 232),) * 3
    red, green, blue = (0 if step == 0 else 55 + 40 * step for step in _cube(index - 16))
    return red, green, blue


def _cube(index: int) -> tuple[int, int, int]:
    """The three digits of a number to base six."""
    return index // 36, index // 6 % 6, index % 6


_CHANGES: dict[int, dict[str, object]] = {
    1: {"bold": True},
    2: {"dim": True},
    3: {"italic": True},
    4: {"underline": True},
    7: {"reverse": True},
    22: {"bold": False, "dim": False},
    23: {"italic": False},
    24: {"underline": False},
    27: {"reverse": False},
    39: {"text": None},
    49: {"background": None},
    **{30 + index: {"text": ANSI[index]} for index in range(8)},
    **{40 + index: {"background": ANSI[index]} for index in range(8)},
    **{90 + index: {"text": ANSI[8 + index]} for index in range(8)},
    **{100 + index: {"background": ANSI[8 + index]} for index in range(8)},
}


# The program


def run(command: str, width: int, theme: Theme, depth: str) -> Screen:
    """What a terminal shows after `$ gpt2-inspect command`, error messages and all."""
    own = re.compile("COLUMNS|LINES|NO_COLOR|FORCE_COLOR|COLORTERM|COLORFGBG|GPT2_INSPECT_.*")
    environ = {name: value for name, value in os.environ.items() if not own.fullmatch(name)}
    environ |= {"LANG": "C.UTF-8", "HF_HUB_OFFLINE": "1", **DEPTHS[depth]}
    line, typed = with_typed(command)
    line = line.removesuffix(" 2>&1")  # a terminal shows both
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    program = subprocess.Popen(
        [sys.executable, "-m", "gpt2_inspect", *shlex.split(line)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environ,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(follower)
    screen = Screen(width)
    screen.feed(f"\x1b[1m$ gpt2-inspect {line}\x1b[0m\r\n")
    screen.feed(b"".join(_listen(leader, theme, typed)).decode())
    if code := program.wait():
        print(f"{command}: exit code {code}", file=sys.stderr)
    return screen


def _listen(leader: int, theme: Theme, typed: str = "") -> Iterator[bytes]:
    """What comes out; who asks for the background (OSC 11) gets the theme's, who prompts the next line of `typed`."""
    lines = iter(typed.splitlines(keepends=True))
    answer = "\x1b]11;rgb:" + "/".join(f"{part:02x}{part:02x}" for part in theme.background) + "\x1b\\"
    while True:
        try:
            select.select([leader], [], [])
            part = os.read(leader, 1 << 16)
        except OSError:  # Linux says so that nobody has it open any more
            part = b""
        if not part:
            os.close(leader)
            return
        if b"\x1b]11;?" in part:
            os.write(leader, answer.encode())
        elif part.endswith(b": "):
            os.write(leader, next(lines, "").encode())
        yield part


# The picture

FONT = "'DejaVu Sans Mono', 'Menlo', 'Noto Sans Mono CJK SC', monospace"
FONT_SIZE = 14
ADVANCE = FONT_SIZE * 1233 / 2048
"""Pixels of a column: the advance of DejaVu Sans Mono."""
LINE = 18
MARGIN = 14
WIDEST = 1500
"""Pixels that screens side by side may take."""

PAGE = """<!doctype html><meta charset="utf-8"><style>
html, body {{ margin: 0; background: transparent }}
pre {{ margin: 0; font: {size}px/{line}px {font}; font-variant-ligatures: none; white-space: pre; float: left;
      padding: {margin}px; width: {width}px; height: {height}px; border-radius: 8px }}
i {{ font-style: normal; display: inline-block; height: {line}px; vertical-align: top; overflow: hidden }}
</style>{screens}"""


def css(colour: Colour) -> str:
    """A colour in CSS."""
    return "rgb({},{},{})".format(*colour)


def mixed(colour: Colour, other: Colour, part: float) -> Colour:
    """`part` of the first colour over the other: how terminals draw dim text."""
    red, green, blue = (round(part * a + (1 - part) * b) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def span(cells: Sequence[Cell], style: Style, theme: Theme) -> str:
    """Cells of one style. Each has the width that a terminal gives it, whatever the font thinks."""
    text, background = style.text or theme.text, style.background or theme.background
    if style.reverse:
        text, background = background, text
    if style.dim:
        text = mixed(text, background, 0.6)
    look = f"color:{css(text)};background:{css(background)}"
    look += ";font-weight:bold" * style.bold + ";font-style:italic" * style.italic
    look += ";text-decoration:underline" * style.underline
    parts = []
    for plain, group in groupby(cells, key=lambda cell: cell.text.isascii()):
        if plain:
            shown = "".join(cell.text or "" for cell in group)
            parts.append((shown, len(shown)))
        else:
            parts += [(cell.text, columns_of(cell.text[0])) for cell in group]
    return "".join(
        f'<i style="{look};width:{columns * ADVANCE:.4f}px">{html.escape(text)}</i>' for text, columns in parts if text
    )


def page_of(shots: Sequence[tuple[Screen, Theme]]) -> tuple[str, int, int]:
    """The screens as HTML, side by side if they are narrow, with the width and height of the picture in pixels."""
    width = round(max(screen.width for screen, _ in shots) * ADVANCE + 0.5)
    height = max(len(screen.shown) for screen, _ in shots) * LINE
    text = ""
    for screen, theme in shots:
        lines = (
            "".join(span(list(cells), style, theme) for style, cells in groupby(row, key=lambda cell: cell.style))
            for row in screen.shown
        )
        text += (
            f'<pre style="color:{css(theme.text)};background:{css(theme.background)}">' + "\n".join(lines) + "</pre>"
        )
    values = {"size": FONT_SIZE, "line": LINE, "font": FONT, "margin": MARGIN, "width": width, "height": height}
    beside = len(shots) if len(shots) * width <= WIDEST else 1
    across, down = beside * (width + 2 * MARGIN), len(shots) // beside * (height + 2 * MARGIN)
    return PAGE.format(screens=text, **values), across, down


def photograph(shots: Sequence[tuple[Screen, Theme]], picture: Path, scale: float = 1) -> None:
    """Write the screens as a PNG with nothing around them."""
    text, width, height = page_of(shots)
    photograph_page(text, (width, height), picture, scale)


def photograph_page(text: str, size: tuple[int, int], picture: Path, scale: float = 1) -> None:
    """Write what a window of this size shows of the HTML as a PNG."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        sys.exit("error: there is no Chromium\nhint: install it, or see the screens themselves in a terminal")
    width, height = size
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(text, encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}/user"]
        options += ["--default-background-color=00000000", f"--force-device-scale-factor={scale}"]
        options += ["--run-all-compositor-stages-before-draw", "--virtual-time-budget=2000"]  # or parts may be missing
        options += [f"--window-size={width},{height}", f"--screenshot={picture.resolve()}"]
        subprocess.run([browser, *options, page.as_uri()], check=True, capture_output=True, timeout=120)


# What is photographed


def made_small(picture: Path) -> None:
    """Keep 64 colours of it, and say how large it is: a screen has few."""
    from PIL import Image  # comes with matplotlib

    Image.open(picture).convert("RGB").quantize(64).save(picture, optimize=True)
    print(f"{picture.relative_to(DOCS.parent)}: {picture.stat().st_size / 1000:.0f} kB")


def pictures_for_readme() -> None:
    """One command on black, and one page."""
    README_PICTURE.parent.mkdir(exist_ok=True)
    photograph([(run(README_COMMAND, README_WIDTH, DARK, "24bit"), DARK)], README_PICTURE)
    made_small(README_PICTURE)
    command = [sys.executable, "-m", "gpt2_inspect", *PAGE_COMMAND, "--format", "html"]
    page = subprocess.run(command, check=True, capture_output=True, encoding="utf-8", timeout=60).stdout
    photograph_page(page, PAGE_SIZE, PAGE_PICTURE)
    made_small(PAGE_PICTURE)


def plot_for_its_page() -> None:
    """What --plot draws, which needs no Chromium."""
    arguments = [*shlex.split(PLOT_COMMAND), "--plot", str(PLOT)]
    subprocess.run([sys.executable, "-m", "gpt2_inspect", *arguments], check=True, stdout=subprocess.DEVNULL)
    made_small(PLOT)


def pictures_of_all(folder: Path, widths: Sequence[int], depth: str, wanted: Callable[[str], bool]) -> None:
    """Each example of the documentation at each width, and some more; the README's are those of the commands."""
    folder.mkdir(parents=True, exist_ok=True)
    commands = [example.command for example in examples() if example.page.name != "README.md"]
    commands += OTHERS
    listed = []
    for number, command in enumerate(filter(wanted, commands)):
        for width in widths:
            name = f"{number:02}-{command.split()[0]}-{width}.png"
            photograph([(run(command, width, theme, depth), theme) for theme in (DARK, LIGHT)], folder / name)
            print(folder / name)
            listed.append(f'<h2>{html.escape(command)}, {width} columns</h2><img src="{name}" style="max-width: 100%">')
    page = '<!doctype html><meta charset="utf-8"><body style="background: #888">' + "\n".join(listed)
    (folder / "index.html").write_text(page, encoding="utf-8")


def main() -> None:
    """Read the options and do one or the other."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--all", type=Path, metavar="DIR", help="pictures of every command, in this folder")
    parser.add_argument("--only", metavar="COMMANDS", help="with --all: of these commands alone")
    parser.add_argument("--widths", default=",".join(map(str, WIDTHS)), help="with --all: columns")
    parser.add_argument("--colors", choices=DEPTHS, default="24bit", help="with --all: of how many the terminal has")
    options = parser.parse_args()
    if options.all is None:
        plot_for_its_page()
        pictures_for_readme()
        return
    only = options.only.split(",") if options.only else None
    widths = [int(width) for width in options.widths.split(",")]
    pictures_of_all(options.all, widths, options.colors, lambda command: only is None or command.split()[0] in only)


if __name__ == "__main__":
    main()
