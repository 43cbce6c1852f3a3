"""The command line: help, streams, terminals, and that it says the same as the Python API."""

import csv
import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

import gpt2_inspect
from gpt2_inspect import session
from gpt2_inspect.cli.app import COMMANDS, OTHER_COMMANDS
from gpt2_inspect.render import FORMATS
from gpt2_inspect.render.visible import safe_text
from harness import Run, Terminal, command, run_cli, run_process, without_times

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def run(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """next-tokens with the tiny checkpoint."""
    monkeypatch.setenv("GPT2_INSPECT_MODEL", str(tiny))

    def next_tokens(*arguments: str, **options: Any) -> Run:
        return run_cli("next-tokens", *arguments, **options)

    return next_tokens


class TestHelp:
    @pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
    def test_commands(self, arguments: list[str]) -> None:
        run = run_cli(*arguments)
        assert (run.code, run.err) == (0, "")
        assert {*COMMANDS, *OTHER_COMMANDS} <= set(run.out.split()) and "--version" in run.out
        assert "..." not in run.out.partition("Commands:")[2]  # what a command does stands in one line

    def test_options(self) -> None:
        run = run_cli("next-tokens", "--help", "--steps", "nonsense is not looked at")
        assert run.code == 0
        for option in ("--steps", "--top-k", "--temperature", "--model", "--format", "--json", "--output", "--offline"):
            assert option in run.out

    def test_version(self) -> None:
        run = run_cli("--version")
        assert (run.code, run.out, run.err) == (0, f"gpt2-inspect {gpt2_inspect.__version__}\n", "")

    def test_module_and_api(self) -> None:
        assert run_process("--version").out == run_cli("--version").out
        assert set(gpt2_inspect.__all__) <= set(dir(gpt2_inspect)) | {"InspectError", "Session", "load"}
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            gpt2_inspect.nothing  # noqa: B018


class TestResult:
    @pytest.mark.parametrize("sampling", [{}, {"temperature": 0.7, "top_p": 0.9, "sample_top_k": 50, "seed": 3}])
    def test_json_is_what_python_gets(self, run: Any, tiny: Path, sampling: dict[str, Any]) -> None:
        text = "hello,how are you"
        options = [f"--{name.replace('_', '-')}={value}" for name, value in sampling.items()]
        done = run(text, "--json", "-n", "3", "-k", "4", *options)
        assert (done.code, done.err) == (0, "")
        document = json.loads(done.out, parse_constant=pytest.fail)
        result = gpt2_inspect.load(str(tiny)).next_tokens(text, steps=3, top_k=4, **sampling)
        assert without_times(document) == without_times(result.to_dict())
        assert document["decoding"]["strategy"] == ("sample" if sampling else "greedy")
        assert len(document["steps"]) == 3 and len(document["steps"][0]["top_logprobs"]) == 4

    @pytest.mark.parametrize("form", FORMATS)
    def test_output_file(self, run: Any, tmp_path: Path, form: str) -> None:
        done = run("hello 你好", "-n", "2", "-f", form)
        written = run("hello 你好", "-n", "2", "-f", form, "--output", str(tmp_path / "result"))
        assert (written.code, written.out, written.err) == (0, "", "")
        text = (tmp_path / "result").read_bytes().decode()
        assert self.timeless(text) == self.timeless(done.out)
        assert text.endswith("\n")

    @pytest.mark.parametrize(
        ("name", "form"),
        [
            ("a.json", "json"),
            ("a.JSONL", "jsonl"),
            ("a.csv", "csv"),
            ("a.md", "markdown"),
            ("a.html", "html"),
            ("a", "table"),
        ],
    )
    def test_ending_of_the_output_file(self, run: Any, tmp_path: Path, name: str, form: str) -> None:
        assert run("hello", "-n", "2", "-o", str(tmp_path / name)).code == 0
        assert self.timeless((tmp_path / name).read_text()) == self.timeless(run("hello", "-n", "2", "-f", form).out)
        assert run("hello", "-n", "2", "-o", str(tmp_path / name), "-f", "csv").code == 0
        assert (tmp_path / name).read_text() == run("hello", "-n", "2", "-f", "csv").out

    def test_output_file_called_dash(self, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert run("hello", "-n", "2", "-f", "csv", "-o", "-").out == run("hello", "-n", "2", "-f", "csv").out
        assert list(tmp_path.iterdir()) == []

    @staticmethod
    def timeless(text: str) -> str:
        text = re.sub(r"(\d+\\?\.\d) ms", "ms", text)
        return re.sub(r'"elapsed_ms": [\d.e-]+', '"elapsed_ms"', text)

    @pytest.mark.parametrize("form", [form for form in FORMATS if form != "table"])
    def test_same_everywhere(self, run: Any, form: str) -> None:
        """Whatever terminal, width and language; but that CSV is exact only where it does not reach a terminal.

        Markdown and HTML are for people, in their language.
        """
        plain = run("hello 你好 é", "-n", "2", "-f", form).out
        language = "C.GBK" if FORMATS[form].for_people else "zh_CN.GBK"
        environ = {"COLUMNS": "20", "TERM": "dumb", "LANG": "de_DE", "LC_ALL": language}
        assert self.timeless(run("hello 你好 é", "-n", "2", "-f", form, environ=environ).out) == self.timeless(plain)
        on_terminal = run("hello 你好 é", "-n", "2", "-f", form, out=Terminal(), environ={"TERM": "xterm-256color"})
        assert self.timeless(on_terminal.out) == self.timeless(safe_text(plain) if form == "csv" else plain)

    def test_bytes_are_utf8_in_any_locale(self, tiny: Path) -> None:
        arguments = ["next-tokens", "你好 é", "-m", str(tiny), "-n", "1", "--json"]
        for locale in ("C", "C.UTF-8"):
            run = run_process(*arguments, environ={"LC_ALL": locale, "PYTHONIOENCODING": "latin-1"})
            assert json.loads(run.out)["prompt"]["text"] == "你好 é"
            assert (run.code, run.err) == (0, "")

    def test_seed_is_told(self, run: Any) -> None:
        first = json.loads(run("hello", "-t", "1", "--json").out)
        again = json.loads(run("hello", "-t", "1", "--json", "--seed", str(first["run"]["seed"])).out)
        assert without_times(first) == without_times(again)
        greedy = run("hello", "--json", "--seed", "5")
        assert json.loads(greedy.out)["run"]["seed"] is None
        assert greedy.err.startswith("note: --seed does nothing") and len(greedy.err.splitlines()) == 1

    def test_prompt_like_an_option(self, run: Any) -> None:
        assert json.loads(run("--json", "-n", "1", "--", "--steps").out)["prompt"]["text"] == "--steps"

    @pytest.mark.parametrize(
        "text", ["[bold]x[/bold]", "\x1b[31mx", "a\rb\n\nc", "\u202eabc", "<b>|`*", " ", "\t\n", '"']
    )
    def test_prompt_comes_through(self, run: Any, text: str) -> None:
        document = json.loads(run(text, "--json", "-n", "2").out)
        assert document["prompt"]["text"] == document["steps"][0]["context"] == text
        assert b"".join(bytes(token["bytes"]) for token in document["prompt"]["tokens"]).decode() == text
        rows = list(csv.DictReader(io.StringIO(run(text, "-f", "csv", "-n", "2").out, newline="")))
        assert rows[0]["context"] == text
        for form in ("table", "markdown"):
            for out in (io.StringIO(), Terminal()):
                shown = ESCAPES.sub("", run(text, "-f", form, "-n", "2", out=out).out)
                assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", shown)


class TestTerminal:
    def test_rows_come_as_they_are_computed(self, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """When a step is computed, the rows of those before it are already on the terminal."""
        terminal, seen = Terminal(), []
        original = session.Session.ask

        def ask(self: Any, question: Any, text: str, on_part: Any) -> Any:
            def on_step(step: Any) -> None:
                seen.append(terminal.getvalue().count("\n"))
                on_part(step)

            return original(self, question, text, on_step)

        monkeypatch.setattr(session.Session, "ask", ask)
        assert run("hello", "-n", "3", "--ignore-eos", out=terminal, environ={"COLUMNS": "200"}).code == 0
        assert seen == [0, 2, 3]

    def test_colours(self, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TERM", "xterm-256color")
        coloured = run("hello", "-n", "2", out=Terminal(), environ={"TERM": "xterm-256color", "COLUMNS": "90"}).out
        assert ESCAPES.search(coloured)
        plain = run("hello", "-n", "2", environ={"COLUMNS": "90"}).out
        stripped = [line.rstrip() for line in ESCAPES.sub("", coloured).splitlines()]
        assert stripped[:-1] == plain.splitlines()[:-1]

    @pytest.mark.parametrize("environ", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}])
    def test_no_colours(self, run: Any, environ: dict[str, str]) -> None:
        done = run("hello", "-n", "2", out=Terminal(), environ=environ)
        assert done.code == 0
        assert "\x1b" not in done.out

    @pytest.mark.parametrize("columns", ["20", "40", "80", "120", "1", "0", "-5", "wide", "", "9" * 30, "9" * 5000])
    def test_any_width(self, run: Any, columns: str) -> None:
        for out in (io.StringIO(), Terminal()):
            done = run("hello 你好", "-n", "2", out=out, environ={"COLUMNS": columns, "NO_COLOR": "1"})
            assert done.code == 0
            table = done.out.splitlines()[: done.out.splitlines().index("")]
            if columns.isdecimal() and int(columns[:40]) >= 20:
                assert max(map(cell_len, table)) <= int(columns[:40])

    @pytest.mark.parametrize("lines", ["9" * 5000, "²"])
    def test_any_height(self, run: Any, monkeypatch: pytest.MonkeyPatch, lines: str) -> None:
        monkeypatch.setenv("LINES", lines)
        assert run("hello", "-n", "2", out=Terminal(), environ={"TERM": "xterm", "COLUMNS": "80"}).code == 0

    def test_real_terminal(self, tiny: Path) -> None:
        """Of 60 columns: width, colours, and a prompt with an escape sequence that stays text."""
        primary, secondary = pty.openpty()
        fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        environ = {**os.environ, "TERM": "xterm-256color"}
        environ.pop("COLUMNS", None)
        arguments = ["next-tokens", "red \x1b[31m alert", "-m", str(tiny), "-n", "3", "--ignore-eos"]
        process = subprocess.Popen(command(*arguments), stdout=secondary, stderr=subprocess.PIPE, env=environ)
        os.close(secondary)
        written = read_all(primary)
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
        process.stderr.close()
        assert "\x1b[31m" not in written
        lines = ESCAPES.sub("", written).replace("\r\n", "\n").splitlines()
        assert ESCAPES.search(written)
        assert max(map(cell_len, lines[: lines.index("")])) <= 60
        assert "\\x1b[31m" in written

    def test_terminal_is_not_used_for_files(self, run: Any, tmp_path: Path) -> None:
        run("hello", "-n", "1", "-o", str(tmp_path / "table"), out=Terminal(), environ={"COLUMNS": "20"})
        text = (tmp_path / "table").read_text(encoding="utf-8")
        assert "\x1b" not in text
        assert text.startswith("step  text")


def read_all(terminal: int) -> str:
    """What a process writes to a pseudo-terminal until it ends."""
    written = b""
    try:
        while piece := os.read(terminal, 65536):
            written += piece
    except OSError:  # how Linux reports the end
        pass
    finally:
        os.close(terminal)
    return written.decode()
