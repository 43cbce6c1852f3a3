"""When there are colours, on which background and how wide; what a terminal is asked; and signs in ASCII."""

import contextlib
import fcntl
import io
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

import gpt2_inspect
from commands import VARIANTS
from gpt2_inspect.cli.background import LIMIT_S
from gpt2_inspect.render.signs import ALL_ASCII, ASCII, UNICODE, use_signs
from gpt2_inspect.render.visible import safe_text, visible_line, visible_token
from harness import Terminal, check_error, command, run_cli

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")

QUESTION = b"\x1b]11;?"
ATTRIBUTES = b"\x1b[?62;22c"

ASK = """if True:
    import sys
    from gpt2_inspect.cli.background import ask_background
    from gpt2_inspect.cli.streams import Streams
    streams = Streams.of_process()
    print(ask_background(streams), file=sys.stderr)
"""

PATIENT = """if True:
    from gpt2_inspect.cli import background
    background.LIMIT_S = 30  # a test's terminal may be slow to answer
"""

PATIENTLY_ASK = PATIENT + ASK.removeprefix("if True:\n")

PATIENT_MAIN = PATIENT + "    from gpt2_inspect.cli import main\n    main()\n"


@dataclass
class Screen:
    """A terminal in front of which a process has run."""

    written: bytes = b""
    code: int = -1
    out: bytes = b""
    """What went into a pipe, if standard output was one."""
    err: bytes = b""
    restored: bool = False
    """Whether its settings are as before."""
    waiting: bytes = b""
    """What has been typed and not been read."""


def in_terminal(
    arguments: list[str],
    *,
    answers: list[bytes] | None = None,
    typed: bytes = b"",
    columns: int = 60,
    piped: bool = False,
    environ: dict[str, str] | None = None,
) -> Screen:
    """Run a process in a terminal of its own, which it controls.

    Args:
        answers: what the terminal answers to its question, with a pause behind each.
        typed: before the process starts.
        piped: standard output is a pipe.
    """
    primary, secondary = pty.openpty()
    fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    before = termios.tcgetattr(secondary)
    os.write(primary, typed)
    variables = {**os.environ, "TERM": "xterm-256color"}
    for name in (
        "COLUMNS",
        "COLORTERM",
        "COLORFGBG",
        "NO_COLOR",
        "FORCE_COLOR",
        "SSH_CONNECTION",
        "SSH_CLIENT",
        "SSH_TTY",
    ):
        variables.pop(name, None)
    process = subprocess.Popen(
        arguments,
        stdin=secondary,
        stdout=subprocess.PIPE if piped else secondary,
        stderr=subprocess.PIPE,
        env=variables | (environ or {}),
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    screen = Screen()
    try:
        while process.poll() is None or select.select([primary], [], [], 0)[0]:
            if select.select([primary], [], [], 0.02)[0]:
                screen.written += os.read(primary, 65536)
            if answers and QUESTION in screen.written:
                for answer in answers:
                    os.write(primary, answer)
                    time.sleep(0.002)
                answers = None
        out, screen.err = process.communicate(timeout=60)
        screen.out = out or b""
        screen.code = process.returncode
        screen.restored = termios.tcgetattr(secondary) == before
        os.set_blocking(secondary, False)
        with contextlib.suppress(BlockingIOError):
            screen.waiting = os.read(secondary, 1000)
    finally:
        os.close(primary)
        os.close(secondary)
    return screen


class TestBackground:
    @pytest.mark.parametrize(
        ("answer", "colour"),
        [
            (b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\", (255, 255, 255)),
            (b"\x1b]11;rgb:0000/2b2b/3636\x07", (0, 43, 54)),
            (b"\x1b]11;rgb:1e/1E/1e\x07", (30, 30, 30)),
            (b"\x1b]11;rgb:f/0/8\x1b\\", (255, 0, 136)),
            (b"\x1b]11;rgba:2828/2c2c/3434/dddd\x1b\\", (40, 44, 52)),
            (b"", None),
            (b"\x1b]11;#123456\x07", None),
        ],
    )
    def test_answer(self, answer: bytes, colour: Any) -> None:
        screen = in_terminal([sys.executable, "-c", PATIENTLY_ASK], answers=[answer, ATTRIBUTES])
        assert (screen.err.decode().strip(), screen.code) == (str(colour), 0)
        assert screen.restored
        assert screen.waiting == b""
        assert b"11;rgb" not in screen.written  # no echo

    def test_no_answer_at_all(self) -> None:
        """Nor does what the user types pass for one; where the system allows it, it is there for the next to read."""
        for answers in (None, [b"ls"]):
            screen = in_terminal([sys.executable, "-c", ASK], answers=answers)
            assert (screen.err, screen.code, screen.restored) == (b"None\n", 0, True)

    def test_typed_ahead(self) -> None:
        """Nothing is asked, for the answer would stand behind it."""
        screen = in_terminal([sys.executable, "-c", ASK], typed=b"ls\n", answers=[b"\x1b]11;rgb:f/f/f\x07"])
        assert (screen.err, screen.code, screen.restored) == (b"None\n", 0, True)
        assert QUESTION not in screen.written
        assert screen.waiting == b"ls\n"

    def test_typed_while_the_answer_is_on_its_way(self) -> None:
        answers = [b"l", b"\x1b]11;rgb:ff/ff/ff\x07", ATTRIBUTES + b"s"]
        screen = in_terminal([sys.executable, "-c", PATIENTLY_ASK], answers=answers)
        assert (screen.err, screen.restored) == (b"(255, 255, 255)\n", True)
        assert screen.waiting in (b"sl", b"s")  # the second where a system forbids to put anything back

    @pytest.mark.parametrize("environ", [{"SSH_CONNECTION": "1"}, {"SSH_TTY": "/dev/pts/1"}])
    def test_from_afar(self, environ: dict[str, str]) -> None:
        screen = in_terminal([sys.executable, "-c", ASK], environ=environ)
        assert (screen.err, screen.written) == (b"None\n", b"")

    def test_limit(self) -> None:
        assert LIMIT_S <= 0.05


LIGHT_TEXT, DARK_TEXT = "38;5;16", "38;5;231"
"""On a light background, and on a dark one."""


@pytest.fixture(scope="module")
def ask(tiny: Path) -> list[str]:
    return ["next-tokens", "hello", "-m", str(tiny), "-n", "1", "--top-k", "3"]


class TestColours:
    def test_in_a_terminal(self, ask: list[str]) -> None:
        """The table that appears step by step takes the background that the terminal tells."""
        for colour, text in ((b"f/f/f", LIGHT_TEXT), (b"0/0/0", DARK_TEXT)):
            answers = [b"\x1b]11;rgb:" + colour + b"\x07" + ATTRIBUTES]
            screen = in_terminal([sys.executable, "-c", PATIENT_MAIN, *ask], answers=answers)
            assert (screen.code, screen.restored, screen.waiting) == (0, True, b"")
            assert text in screen.written.decode()

    @pytest.mark.parametrize("more", [["--json"], ["--theme", "light"], ["--color", "never"], ["-o", os.devnull]])
    def test_nothing_is_asked_where_nothing_depends_on_it(self, ask: list[str], more: list[str]) -> None:
        assert QUESTION not in in_terminal(command(*ask, *more)).written

    def test_pager(self, ask: list[str]) -> None:
        """Behind `| less -R` stands the terminal that the table has to fit."""
        screen = in_terminal(command(*ask, "--color", "always"), piped=True, columns=44)
        out = screen.out.decode()
        assert ESCAPES.search(out)
        assert QUESTION not in screen.written
        bare = ESCAPES.sub("", out).splitlines()
        assert max(map(cell_len, bare[: bare.index("")])) <= 44
        wide = in_terminal(command(*ask), piped=True, columns=44).out.decode()
        assert not ESCAPES.search(wide)
        assert max(map(cell_len, wide.splitlines())) > 44

    @pytest.mark.parametrize(
        ("options", "environ", "terminal", "coloured"),
        [
            ([], {}, True, True),
            ([], {}, False, False),
            ([], {"TERM": "dumb"}, True, False),
            ([], {"NO_COLOR": "1"}, True, False),
            ([], {"NO_COLOR": ""}, True, True),
            ([], {"FORCE_COLOR": "1"}, False, True),
            ([], {"FORCE_COLOR": ""}, False, False),
            ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
            ([], {"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
            (["--color", "always"], {"NO_COLOR": "1"}, False, True),
            (["--color", "never"], {"FORCE_COLOR": "1"}, True, False),
            (["--color", "always", "-f", "csv"], {}, False, False),
            (["--color", "always", "-f", "markdown"], {}, True, False),
        ],
    )
    def test_when(
        self, ask: list[str], options: list[str], environ: dict[str, str], terminal: bool, coloured: bool
    ) -> None:
        environ = {"TERM": "xterm-256color", "COLUMNS": "80"} | environ
        out = Terminal() if terminal else io.StringIO()
        done = run_cli(*ask, *options, environ=environ, out=out)
        assert done.code == 0
        assert bool(ESCAPES.search(done.out)) is coloured

    @pytest.mark.parametrize(
        ("options", "environ", "text"),
        [
            ([], {}, DARK_TEXT),
            ([], {"COLORFGBG": "0;15"}, LIGHT_TEXT),
            ([], {"COLORFGBG": "0;default;7"}, LIGHT_TEXT),
            ([], {"COLORFGBG": "15;0"}, DARK_TEXT),
            ([], {"COLORFGBG": "0;8"}, DARK_TEXT),
            ([], {"COLORFGBG": "0;default"}, DARK_TEXT),
            ([], {"COLORFGBG": "9" * 5000}, DARK_TEXT),
            (["--theme", "light"], {"COLORFGBG": "15;0"}, LIGHT_TEXT),
            (["--theme", "dark"], {"COLORFGBG": "0;15"}, DARK_TEXT),
            (["--theme", "none"], {"COLORFGBG": "0;15"}, None),
        ],
    )
    def test_theme(self, ask: list[str], options: list[str], environ: dict[str, str], text: str | None) -> None:
        environ = {"TERM": "xterm-256color", "COLUMNS": "200"} | environ
        done = run_cli(*ask, *options, environ=environ, out=Terminal())
        assert {found for found in (LIGHT_TEXT, DARK_TEXT) if found in done.out} == ({text} if text else set())
        assert "\x1b[1m" in done.out  # what was chosen, and headings

    def test_theme_of_all_runs(self, ask: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GPT2_INSPECT_THEME", "light")
        forced = {"TERM": "xterm-256color", "FORCE_COLOR": "1", "COLUMNS": "80"}
        assert LIGHT_TEXT in run_cli(*ask, environ=forced).out
        assert DARK_TEXT in run_cli(*ask, "--theme", "dark", environ=forced).out
        monkeypatch.setenv("GPT2_INSPECT_THEME", "pink")
        check_error(run_cli(*ask, "--json"), 2, "--theme is 'pink'", "GPT2_INSPECT_THEME", hint=True)

    @pytest.mark.parametrize(("option", "value"), [("--color", "yes"), ("--color", ""), ("--theme", "Dark")])
    def test_no_such_value(self, ask: list[str], option: str, value: str) -> None:
        check_error(run_cli(*ask, option, value, "--json"), 2, f"{option} is {value!r}", hint=True)

    def test_the_shade_is_that_of_what_was_drawn_with(self, tiny: Path) -> None:
        """Cut to one token, that one has all of the probability and the others none."""
        arguments = ["next-tokens", "hello", "-m", str(tiny), "-n", "1", "--top-k", "3", "--sample-top-k", "1"]
        environ = {"TERM": "xterm", "COLORTERM": "truecolor", "FORCE_COLOR": "1", "COLUMNS": "200"}
        done = run_cli(*arguments, "--theme", "dark", environ=environ)
        assert set(re.findall(r"48;2;[\d;]+", done.out)) == {"48;2;21;101;192"}


class TestAscii:
    @pytest.mark.parametrize("form", ["table", "markdown"])
    def test_every_command(self, tiny: Path, form: str) -> None:
        for name, arguments in VARIANTS:
            done = run_cli(name, *arguments, "-m", str(tiny), "--ascii", "-f", form, environ={"COLUMNS": "80"})
            assert done.code == 0, done.err
            assert ascii_but_for_texts(done.out), (name, done.out)

    def test_what_programs_read_stays(self, tiny: Path) -> None:
        for form in ("json", "csv"):
            arguments = ["score", "a b_c\\d\n…", "-m", str(tiny), "-f", form]
            assert run_cli(*arguments, "--ascii").out == run_cli(*arguments).out

    def test_terminal_that_cannot_show_more(self, ask: list[str]) -> None:
        screen = in_terminal(command(*ask[:1], "naïve 你", *ask[2:]), environ={"PYTHONIOENCODING": "latin-1"})
        assert screen.code == 0
        assert screen.written.isascii()
        assert rb"na\xefve" in screen.written or rb"na\u00efve" in screen.written

    @given(st.text("\\_. \n\tntex0-…·é"))
    def test_signs_are_told_from_the_text(self, text: str) -> None:
        """Read by the rules of the help, what is shown gives back the text."""
        signs = {r"\n": "\n", r"\t": "\t", r"\_": "_", r"\\": "\\", "_": " ", r"\empty": ""}
        try:
            use_signs(ASCII)
            shown, line = visible_token(text, text.encode()), visible_line(text)
        finally:
            use_signs(UNICODE)
        assert re.sub(r"\\empty|\\.|_", lambda found: signs[found[0]], shown) == text
        in_lines = signs | {"_": "_", r"\.": "."}
        assert re.sub(r"\\.|_", lambda found: in_lines[found[0]], line) == text
        assert not line.startswith(ASCII.cut)

    def test_all_in_ascii(self) -> None:
        text = "é 你🙂\u200d"
        try:
            use_signs(ALL_ASCII)
            shown = [visible_token(text, text.encode()), visible_line(text), safe_text(text)]
        finally:
            use_signs(UNICODE)
        assert shown == [rf"\u00e9{space}\u4f60\U0001f642\u200d" for space in ("_", " ", " ")]

    def test_signs_stand_in_one_place(self) -> None:
        folder = Path(gpt2_inspect.__file__).parent / "render"
        found = [path.name for path in folder.rglob("*.py") if not path.read_text(encoding="utf-8").isascii()]
        assert found == ["signs.py"]


def ascii_but_for_texts(text: str) -> bool:
    """The model may say what is not ASCII, but no sign of UNICODE is such a text of these."""
    return not set(text) & set("".join(part for part in UNICODE if isinstance(part, str)))
