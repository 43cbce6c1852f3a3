"""The habits of a shell: names that people guess, help, completion, and runs that can be compared and asserted on."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from commands import ARGUMENTS, OTHERS, VARIANTS
from gpt2_inspect.cli.app import COMMANDS, EVERY, EXPLAINED, GROUPS, Commands, app
from gpt2_inspect.cli.completion import VALUES
from gpt2_inspect.cli.names import SAME_AS
from gpt2_inspect.cli.refusals import MEANT, NOT_OPTIONS
from gpt2_inspect.render import FORMATS
from gpt2_inspect.session import load
from harness import Run, check_error, run_cli

pytestmark = pytest.mark.usefixtures("one_torch_thread")

NAMES = (*EVERY, *(f"models {name}" for name in ("list", "pull", "path", "check")))


def test_names() -> None:
    assert {name.split()[0] for name in NAMES if " " in name} == set(GROUPS)
    assert [f"models {name}" for name in built("models").commands] == [name for name in NAMES if " " in name]


def built(name: str) -> Any:
    command = typer.main.get_command(app)
    for word in name.split():
        command = command.get_command(None, word)
    return command


def options_of(name: str) -> set[str]:
    return {option for parameter in built(name).params for option in parameter.opts if option.startswith("--")}


ALL_OPTIONS = set().union(*map(options_of, NAMES))


class TestNames:
    @pytest.mark.parametrize(
        ("arguments", "hint"),
        [
            (["next-token", "hi"], "did you mean `gpt2-inspect next-tokens`?"),
            (["beam-search", "hi"], "`gpt2-inspect compare-search`"),
            (["generate", "hi"], "`gpt2-inspect next-tokens`"),
            (["Tokenize", "hi"], "`gpt2-inspect encode`"),
            (["argmax", "hi"], "`gpt2-inspect decode --prompt`"),
            (["compare-models", "a"], "`gpt2-inspect compare`"),
            (["download", "gpt2"], "`gpt2-inspect models pull`"),
            (["models", "lst"], "`gpt2-inspect models list`"),
            (["models", "zzz"], "`gpt2-inspect models --help`"),
            (["hello, you"], "`gpt2-inspect next-tokens 'hello, you'` ranks"),
            (["hello", "--steps", "3"], "`gpt2-inspect next-tokens hello --steps 3` ranks"),
            (["--model", "pocket", "score", "hi"], "`gpt2-inspect next-tokens TEXT --model`"),
            (["score", "hi", "--do-sample"], "--temperature"),
            (["score", "hi", "--do_sample=True"], "--temperature"),
            (["next-tokens", "hi", "--num-return-sequences", "3"], "compare-search"),
            (["score", "hi", "--frmat", "csv"], "--format"),
            (["next-tokens", "hi", "-steps", "3"], "did you mean --steps?"),
            (["models", "pull", "gpt2", "--json"], "see `gpt2-inspect models pull --help`"),
            (["next-tokens", "-5"], "goes after `--`"),
            (["next-tokens", "hello", "you"], "put quotes around"),
            (["next-tokens"], "next-tokens --help"),
            (["next-tokens", "hi", "--steps", "x"], "next-tokens --help"),
        ],
    )
    def test_what_was_meant(self, arguments: list[str], hint: str) -> None:
        check_error(run_cli(*arguments), 2, hint, hint=True)

    @pytest.mark.parametrize(
        ("arguments", "line"),
        [
            (["score", "hi", "--max_new-tokens", "3"], "there is no option --max_new-tokens"),
            (["next-tokens", "hi", "--steps"], "--steps needs a value"),
            (["next-tokens", "hi", "--json=3"], "--json takes no value"),
            (["next-tokens", "hi", "--top_k", "x"], "--top-k is 'x'; it must be a whole number"),
            (["next-tokens", "hi", "-t", "warm"], "--temperature is 'warm'; it must be a number"),
            (["logits"], "TEXT is missing"),
            (["next-tokens"], "neither TEXT nor --input is given"),
            (["next-tokens", "a", "b", "c"], "there is an argument too many: b c"),
        ],
    )
    def test_what_is_wrong(self, arguments: list[str], line: str) -> None:
        done = run_cli(*arguments)
        assert (done.code, done.err.splitlines()[0]) == (2, f"error: {line}")

    def test_other_spellings_do_the_same(self, tiny: Path) -> None:
        ours = ["next-tokens", "hi", "--steps", "2", "--top-k", "3", "--model", str(tiny), "-f", "csv"]
        theirs = ["next_tokens", "hi", "--max_new_tokens", "2", "--top_k", "3", "--model", str(tiny), "-f", "csv"]
        assert run_cli(*theirs) == run_cli(*ours)
        assert run_cli(*ours).code == 0

    def test_tables_are_about_what_there_is_and_hide_nothing(self) -> None:
        own = {option[2:] for option in ALL_OPTIONS}
        assert set(SAME_AS.values()) <= own and not set(SAME_AS) & own
        assert {line.partition(" --")[0] for line in MEANT} <= set(NAMES)
        guessed = [name for names in MEANT.values() for name in names]
        assert len(guessed) == len(set(guessed)) and not set(guessed) & set(NAMES)
        assert all(name == name.lower().replace("_", "-") for name in (*SAME_AS, *guessed, *NOT_OPTIONS))


class TestHelp:
    @pytest.mark.parametrize("columns", [40, 80, 200])
    @pytest.mark.parametrize("name", ["", *NAMES])
    def test_fits(self, name: str, columns: int) -> None:
        lines = run_cli(*name.split(), "--help", environ={"COLUMNS": str(columns)}).out.splitlines()
        examples = [line for line in lines if line.startswith("  gpt2-inspect ")]
        assert max(map(len, examples)) <= 80  # they are not broken
        assert max(len(line) for line in lines if line not in examples) <= min(columns, 80)

    @pytest.mark.parametrize("name", NAMES)
    def test_each_option_stands_in_one_panel(self, name: str) -> None:
        text = run_cli(*name.split(), "--help").out
        for parameter in built(name).params:
            if parameter.param_type_name == "option":
                assert len(re.findall(rf"^  .*{max(parameter.opts, key=len)}(?![\w-])", text, re.M)) >= 1, parameter
        panels = re.findall(r"^(\w+)[^\n]*:$", text, re.MULTILINE)
        assert name in GROUPS or (panels[0], panels[-1]) == ("Examples", "Output")
        if name in COMMANDS:
            assert (panels[1], panels[-2]) == ("Input", "Model")

    @pytest.mark.parametrize("name", NAMES)
    def test_two_examples_that_run(self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        examples = built(name).examples
        assert len(examples) == 2
        for line in examples:
            self.check(line, name)

    def test_examples_of_all(self) -> None:
        for line in Commands.examples:
            self.check(line, line.split()[1])

    @staticmethod
    def check(line: str, name: str) -> None:
        words = subprocess.run(["bash", "-c", f'printf "%s\\0" {line}'], capture_output=True, check=True).stdout
        program, *arguments = words.decode().split("\0")[:-1]
        assert (program, arguments[: len(name.split())]) == ("gpt2-inspect", name.split())
        if name == "models pull":  # which asks the network
            built(name).make_context(name, arguments[2:])
            return
        done = run_cli(*arguments, stdin=b"much\n")
        written = Path(arguments[arguments.index("--output") + 1]) if "--output" in arguments else None
        assert done.code == 0 and (done.out or (written and written.stat().st_size)), done.err

    def test_top_k_says_that_it_only_shows(self) -> None:
        assert "no bearing on the choice" in " ".join(run_cli("next-tokens", "--help").out.split())


class TestCompletion:
    @staticmethod
    def ask(*words: str, shell: str = "bash") -> list[str]:
        done = run_cli(*words, environ={"GPT2_INSPECT_COMPLETE": shell})
        assert (done.code, done.err) == (0, "")
        return done.out.splitlines()

    @pytest.mark.parametrize(
        ("words", "found"),
        [
            (["nex"], ["next-tokens"]),
            (["next-tokens", "hi", "--form"], ["--format"]),
            (["next-tokens", "--format", ""], list(FORMATS)),
            (["next-tokens", "--format", "j"], ["json", "jsonl"]),
            (["next-tokens", "--format", "=", "j"], ["json", "jsonl"]),
            (["next-tokens", "-f", "j"], ["json", "jsonl"]),
            (["score", "--model", "pocket-"], ["pocket-zh"]),
            (["score", "--backend", "n"], ["numpy"]),
            (["score", "--input-format", "t"], ["text", "tsv"]),
            (["completion", ""], ["bash", "zsh", "fish"]),
            (["models", "p"], ["pull", "path"]),
            (["models", "check", "--form"], ["--format"]),
            (["--vers"], ["--version"]),
            (["next-tokens", ""], []),
            (["next-tokens", "--output", ""], []),
            (["nonsense", ""], []),
            (["next-tokens", "--", "--form"], []),
        ],
    )
    def test_candidates(self, words: list[str], found: list[str]) -> None:
        assert self.ask(*words) == found

    def test_all_commands_and_options(self) -> None:
        assert tuple(self.ask("")) == EVERY
        assert [f"models {name}" for name in self.ask("models", "")] == [name for name in NAMES if " " in name]
        for name in NAMES:
            assert set(self.ask(*name.split(), "--")) == options_of(name) | {"--help"}

    def test_other_shells_are_told_what_it_is(self) -> None:
        assert self.ask("next", shell="zsh") == [f"next-tokens:{built('next-tokens').get_short_help_str(80)}"]
        assert self.ask("next", shell="fish") == [f"next-tokens\t{built('next-tokens').get_short_help_str(80)}"]
        assert self.ask("score", "--format=c", shell="zsh") == ["--format=csv"]

    def test_values_are_accepted(self, tiny: Path) -> None:
        assert set(VALUES) <= ALL_OPTIONS
        for option, values in VALUES.items():
            for value in values:
                if option not in ("--model", "--device", "--input-format") and value not in (
                    "torch",
                    "bfloat16",
                    "float16",
                ):
                    assert run_cli("score", "hi", "--model", str(tiny), option, value).code == 0

    @pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
    def test_bash(self, tmp_path: Path) -> None:
        program = tmp_path / "gpt2-inspect"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m gpt2_inspect "$@"\n')
        program.chmod(0o755)
        (tmp_path / "script").write_text(run_cli("completion", "bash").out)
        asked = """
            source ./script
            complete -p gpt2-inspect
            try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gpt2_inspect "$1"; echo "${COMPREPLY[*]}"; }
            try ./gpt2-inspect hid
            try ./gpt2-inspect next-tokens "hello you" --format js
        """
        done = subprocess.run(["bash", "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines() == [
            "complete -o default -F _gpt2_inspect gpt2-inspect",
            "hidden-states",
            "json jsonl",
        ]
        assert done.stderr == ""

    @pytest.mark.parametrize("shell", ["zsh", "fish"])
    def test_syntax_elsewhere(self, shell: str, tmp_path: Path) -> None:
        if shutil.which(shell) is None:
            pytest.skip(f"there is no {shell}")
        (tmp_path / "script").write_text(run_cli("completion", shell).out)
        subprocess.run([shell, "-n", "script"], cwd=tmp_path, check=True)

    def test_another_shell(self) -> None:
        check_error(run_cli("completion", "tcsh"), 2, "tcsh", "bash, zsh or fish", hint=True)


class TestOutput:
    @pytest.mark.parametrize("name", ["a.htm", "a.xlsx", "a.JSONX"])
    def test_an_ending_of_no_format_is_refused(self, tiny: Path, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        done = run_cli("score", "hi", "--model", str(tiny), "--output", str(path))
        check_error(done, 2, path.suffix, ".csv", "--format", hint=True)
        assert not path.exists()
        assert run_cli("score", "hi", "--model", str(tiny), "-o", str(path), "-f", "csv").code == 0

    @pytest.mark.parametrize("name", ["a", "a.txt"])
    def test_a_table_in_a_file(self, tiny: Path, tmp_path: Path, name: str) -> None:
        assert run_cli("score", "hi", "--model", str(tiny), "-o", str(tmp_path / name)).code == 0
        assert (tmp_path / name).read_text() == run_cli("score", "hi", "--model", str(tiny)).out

    def test_lengths_are_told(self) -> None:
        out = run_cli("next-tokens", "Once upon a", "-n", "2").out
        assert "\n3 prompt + 2 new = 5 tokens\n" in out

    @pytest.mark.parametrize("form", FORMATS)
    @pytest.mark.parametrize(
        ("command", "arguments"),
        [
            *VARIANTS,
            ("next-tokens", ["hi", "--steps", "3", "--temperature", "1", "--seed", "2"]),
            *((command, [*arguments, "--seed", "2"]) for command, arguments in OTHERS if command == "compare"),
        ],
    )
    def test_two_runs_are_the_same(self, tiny: Path, command: str, arguments: list[str], form: str) -> None:
        timing = ["--no-timing"] if FORMATS[form].timed else []
        runs = [run_cli(command, *arguments, "--model", str(tiny), "-f", form, *timing) for _ in range(2)]
        assert runs[0] == runs[1]
        assert runs[0].code == 0
        assert not re.search(r"\d\\?\.\d ms|elapsed_ms\": \d", runs[0].out)

    def test_times_are_told_unless_they_are_not_wanted(self, tiny: Path) -> None:
        arguments = ["next-tokens", "hi", "--steps", "2", "--model", str(tiny)]
        timed, bare = (json.loads(run_cli(*arguments, "--json", *more).out) for more in ([], ["--no-timing"]))
        assert all(step["elapsed_ms"] > 0 for step in timed["steps"])
        assert [step["elapsed_ms"] for step in bare["steps"]] == [None, None]
        assert re.search(r"first step [\d.]+ ms", run_cli(*arguments).out)

    def test_quiet(self) -> None:
        arguments = ["next-tokens", "привет", "--steps", "1", "--seed", "3", "-f", "csv"]
        loud, quiet = run_cli(*arguments), run_cli(*arguments, "--quiet")
        assert loud.err.count("note: ") == 3
        assert (quiet.code, quiet.out, quiet.err) == (0, loud.out, "")
        check_error(run_cli("next-tokens", "hi", "--steps", "0", "-q"), 2, "--steps is 0")

    def test_csv_meta(self, tiny: Path) -> None:
        sampled = ["--temperature", "0.5", "--seed", "4"]
        for command, arguments in (*ARGUMENTS.items(), ("next-tokens", ["hi", *sampled])):
            plain = rows(run_cli(command, *arguments, "--model", str(tiny), "-f", "csv"))
            meta = rows(run_cli(command, *arguments, "--model", str(tiny), "-f", "csv", "--csv-meta"))
            names = list(plain[0])
            assert [{name: row[name] for name in names} for row in meta] == plain
            assert list(meta[0])[: len(names)] == names
            assert {row["model"] for row in meta} == {str(tiny)}
            document = json.loads(run_cli(command, *arguments, "--model", str(tiny), "--json").out)
            asked = document.get("options", document.get("decoding", document.get("search")))
            assert [name for name in meta[0] if name.startswith("option_")] == [f"option_{name}" for name in asked]
        assert (meta[0]["seed"], meta[0]["option_temperature"], meta[0]["option_ignore_eos"]) == ("4", "0.5", "false")

    def test_nobody_has_options_without_a_meaning(self) -> None:
        """What is not one model's answer has no columns of settings; what tells no times has none to leave out."""
        assert {name for name in EVERY if "--explain" in options_of(name)} == set(EXPLAINED)
        assert {name for name in NAMES if "--csv-meta" in options_of(name)} == set(COMMANDS)
        assert {name for name in NAMES if "--no-timing" in options_of(name)} == set(EXPLAINED)
        check_error(run_cli("models", "list", "--explain"), 2, "there is no option --explain", hint=True)
        check_error(run_cli("compare", "a", "b", "--csv-meta"), 2, "there is no option --csv-meta", hint=True)

    def test_csv_meta_of_another_format(self, tiny: Path) -> None:
        check_error(run_cli("score", "hi", "--model", str(tiny), "--csv-meta", "--json"), 2, "json", hint=True)


def rows(run: Run) -> list[dict[str, str]]:
    assert run.code == 0, run.err
    return list(csv.DictReader(io.StringIO(run.out, newline="")))


class TestUnseen:
    @pytest.mark.parametrize(
        ("model", "text", "words"),
        [
            ("pocket", "привет", ["pocket", "п р и …", "gpt2"]),
            ("pocket", "ok, 你好", ["你 好 in", "pocket-zh"]),
            ("pocket-zh", "你好 ж", ["pocket-zh has", "ж in", "gpt2"]),
        ],
    )
    def test_a_note(self, model: str, text: str, words: list[str]) -> None:
        done = run_cli("score", text, "--model", model, "-f", "csv")
        assert done.code == 0 and len(done.err.splitlines()) == 1
        assert done.err.startswith("note: ") and all(word in done.err for word in words)

    @pytest.mark.parametrize(("model", "text"), [("pocket", "hello, you"), ("pocket-zh", "你好，朋友")])
    def test_nothing_to_note(self, model: str, text: str) -> None:
        assert run_cli("score", text, "--model", model, "-f", "csv").err == ""

    def test_of_another_model_nothing_is_known(self, tiny: Path) -> None:
        assert run_cli("score", "привет", "--model", str(tiny), "-f", "csv").err == ""

    def test_rows_that_are_nearly_the_same(self) -> None:
        result = load("pocket").embeddings(" king пр")
        alike = {bytes(token.bytes): token.alike for token in result.tokens}
        assert alike[b" king"] == 0
        assert min(alike[raw] for raw in (b"\xd0", b"\xbf", b"\xd1")) >= 16
        out = " ".join(run_cli("embeddings", " king пр", "--model", "pocket").out.split())
        assert "hardly or never seen in training: \\xd0, \\xbf, \\xd1" in out
        assert "in training" not in run_cli("embeddings", " king", "--model", "pocket").out


TEXT = "Once upon a"


class TestExpectations:
    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            (["--expect", " time"], 0, []),
            (["--expect", " time", "--min-prob", "0.9"], 0, []),
            (["--expect", ",", "--at-step", "2"], 0, []),
            (["--min-prob", "0.99"], 0, []),
            (
                ["--expect", "time"],
                8,
                ["expected `time` first at step 1", "first is ` time`, 0.999", "hint: `time` is an"],
            ),
            (["--expect", " king", "--within", "3"], 8, ["` king` among the first 3 at step 1", "has rank 150"]),
            (["--expect", " time", "--min-prob", "0.9999"], 8, ["` time` is first, probability 0.999"]),
            (["--min-prob", "0.99", "--at-step", "2"], 8, ["the chosen token with a probability", "`,` is first"]),
            (["--expect", "·time"], 5, ["--expect is '·time', which is", "stands for a space"]),
            (["--expect", ""], 5, ["--expect is empty"]),
            (["--expect", ",", "--at-step", "3"], 2, ["--at-step is 3; there are 2 steps"]),
            (["--within", "3"], 2, ["--within is for", "--expect"]),
            (["--at-step", "1"], 2, ["--at-step is for"]),
            (["--expect", "a", "--within", "0"], 2, ["--within is 0"]),
            (["--min-prob", "0"], 2, ["--min-prob is 0"]),
        ],
    )
    def test_next_tokens(self, arguments: list[str], code: int, words: list[str]) -> None:
        done = run_cli("next-tokens", TEXT, "-n", "2", *arguments, "--model", "pocket", "--no-timing", "-f", "csv")
        assert done.code == code, done
        assert all(word in done.err for word in words), done.err
        if code in (0, 8):  # the result is there all the same
            assert done.out == run_cli("next-tokens", TEXT, "-n", "2", "--model", "pocket", "-f", "csv").out
        if code == 8:
            assert done.err.startswith("error: expected ") and len(done.err.splitlines()) <= 2

    @pytest.mark.parametrize(
        ("text", "arguments", "code", "words"),
        [
            ("Once upon a time", ["--expect", " time"], 0, []),
            ("Once upon a time", ["--expect", " time", "--min-prob", "0.9"], 0, []),
            ("Once upon a time", ["--within", "100", "--min-prob", "0.0001"], 0, []),
            (
                "Once upon a time",
                ["--expect", "time"],
                8,
                ["does not have this token", "`time` is another token than ` time`"],
            ),
            (
                "Once upon a king",
                ["--expect", " king"],
                8,
                ["` king` at index 3 has rank 150", "first is ` time`, 0.999"],
            ),
            ("Once upon a king", ["--within", "100"], 8, ["every token among the first 100", "` king` at index 3"]),
            ("Once upon a king", ["--min-prob", "0.01"], 8, ["every token with a probability", "` king` at index 3"]),
            ("Once", ["--expect", "Once"], 8, ["nothing stands before it (--bos"]),
            ("Once", ["--within", "3"], 8, ["no token was scored"]),
        ],
    )
    def test_score(self, text: str, arguments: list[str], code: int, words: list[str], tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        done = run_cli("score", text, *arguments, "--model", "pocket", "--output", str(path))
        assert done.code == code, done
        assert all(word in done.err for word in words), done.err
        assert json.loads(path.read_text())["expectation"]["met"] is (code == 0)

    def test_the_record_is_of_the_models_own_ranking(self) -> None:
        session = load("pocket")
        result = session.next_tokens(TEXT, steps=1, top_k=200, temperature=2.0, seed=1, expect=" king", within=200)
        listed = next(each for each in result.steps[0].top_logprobs if each.token == " king")
        found = result.expectation
        assert found is not None and found.token is not None and found.best is not None
        assert (found.met, found.token.id, found.rank) == (True, listed.id, listed.rank)
        assert found.prob == pytest.approx(listed.prob)
        assert (found.best.token, found.place) == (" time", 1)
        assert session.next_tokens(TEXT, steps=1).expectation is None

    def test_a_text_that_ends_before(self, tiny: Path, tmp_path: Path) -> None:
        """For this model every token is an end."""
        shutil.copytree(tiny, tmp_path / "ends")
        path = tmp_path / "ends" / "generation_config.json"
        path.write_text(
            json.dumps({"eos_token_id": list(range(json.loads((tiny / "config.json").read_text())["vocab_size"]))})
        )
        done = run_cli("next-tokens", "hi", "-n", "3", "--expect", "a", "--at-step", "2", "-m", str(path.parent))
        assert done.code == 8 and "at step 2, but the text ended before" in done.err


class TestBrokenPickles:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "it is empty"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n", "Git LFS"),
            (b"PK\x03\x04" + bytes(100), "cut off"),
            (b"<html>Not found</html>", "neither an archive nor a pickle"),
        ],
    )
    def test_what_it_is(self, tiny: Path, tmp_path: Path, content: bytes, said: str) -> None:
        for file in tiny.iterdir():
            if file.name != "model.safetensors":
                (tmp_path / file.name).symlink_to(file)
        (tmp_path / "pytorch_model.bin").write_bytes(content)
        done = run_cli("score", "hi", "--model", str(tmp_path), "--backend", "torch")
        check_error(done, 4, "pytorch_model.bin", said, "model.safetensors", hint=True)
