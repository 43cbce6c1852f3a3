"""--input: many texts in one run, in order, each in its place, whatever becomes of the others or of the run."""

import csv
import gzip
import io
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

from crews import Echo
from gpt2_inspect import load
from gpt2_inspect.analysis import AttentionQuestion, NextTokensQuestion, ScoreQuestion
from gpt2_inspect.cli.ids import as_ids
from gpt2_inspect.cli.many import as_text
from gpt2_inspect.cli.progress import open_progress
from gpt2_inspect.cli.streams import Streams
from gpt2_inspect.errors import InputError, InspectError, ModelUnusableError, UsageError
from gpt2_inspect.many import crew
from gpt2_inspect.many.crew import answers
from gpt2_inspect.many.texts import LONGEST, Source, Text, open_source, read_texts
from gpt2_inspect.many.worker import Job
from gpt2_inspect.render.csv import cell_value
from harness import Run, Terminal, check_error, command, run_cli, run_process

TEXTS = ["hello, how are you", "the cat sat", "", "你好，世界", 'a, "b"\nc', "x" * 30]
LINES = [text for text in TEXTS if "\n" not in text]


def read(name: str | Path, stdin: bytes = b"", *, form: str | None = None, field: str = "text") -> list[Text]:
    with open_source(str(name), io.BytesIO(stdin), form) as source:
        return list(read_texts(source, field, as_ids if field == "ids" else as_text))


def asked(texts: list[Text]) -> list[Any]:
    return [text.error.message if text.error else text.asked for text in texts]


def table(separator: str, texts: list[str] = TEXTS) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator)
    writer.writerows([["id", "text"], *([f"no {index}", text] for index, text in enumerate(texts))])
    return out.getvalue().encode()


def json_lines(texts: list[str] = TEXTS) -> bytes:
    return b"".join(json.dumps({"id": [i], "text": text}).encode() + b"\n" for i, text in enumerate(texts))


class TestReading:
    @pytest.mark.parametrize(
        ("ending", "content", "texts", "ids"),
        [
            (".txt", "\n".join(LINES).encode(), LINES, [None] * len(LINES)),
            (".txt", "\r\n".join([*LINES, ""]).encode(), LINES, [None] * len(LINES)),
            (".jsonl", json_lines(), TEXTS, [[index] for index in range(len(TEXTS))]),
            (".csv", table(","), TEXTS, [f"no {index}" for index in range(len(TEXTS))]),
            (".tsv", table("\t"), TEXTS, [f"no {index}" for index in range(len(TEXTS))]),
        ],
    )
    def test_every_form(self, tmp_path: Path, ending: str, content: bytes, texts: list[str], ids: list[Any]) -> None:
        """By the ending, in gzip, with a byte-order mark, and by the first line."""
        (tmp_path / f"a{ending}").write_bytes(content)
        (tmp_path / f"b{ending}.gz").write_bytes(gzip.compress(content))
        (tmp_path / f"c{ending}").write_bytes(b"\xef\xbb\xbf" + content)
        (tmp_path / "d").write_bytes(content)
        expected = [Text(index, called, text) for index, (called, text) in enumerate(zip(ids, texts, strict=True))]
        for name in (f"a{ending}", f"b{ending}.gz", f"c{ending}", "d"):
            assert read(tmp_path / name) == expected, name
        assert read("-", content) == expected

    def test_parquet(self, tmp_path: Path) -> None:
        pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
        from pyarrow import parquet

        parquet.write_table(
            pyarrow.table({"text": [*TEXTS, None], "id": range(7), "x": range(7)}), tmp_path / "a.parquet"
        )
        found = read(tmp_path / "a.parquet")
        assert asked(found) == [*TEXTS, "its text is null, which is no string"]
        assert [text.id for text in found] == list(range(7))
        (tmp_path / "b.parquet").write_bytes(b"no such file")
        with pytest.raises(InputError, match="cannot read"):
            read(tmp_path / "b.parquet")

    def test_what_is_asked_for_wins(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("id,text\n1,b\n")
        assert asked(read(tmp_path / "a.csv", form="text")) == ["id,text", "1,b"]
        assert asked(read("-", b"a,text\n1,b\n", form="csv", field="a")) == ["1"]
        assert asked(read("-", b'{"text": 1, "b": "c"}\n', field="b")) == ["c"]

    def test_ids(self) -> None:
        lines = b'{"ids": [1, 2]}\n{"ids": "3, 4"}\n{"ids": [true]}\n{"ids": 5}\n{"ids": []}\n'
        assert asked(read("-", lines, field="ids")) == [
            [1, 2], [3, 4], "'true' is no token id", "'5' is no array of token ids", []
        ]  # fmt: skip
        assert asked(read("-", b"1 2\n[3]\nx\n", field="ids")) == [[1, 2], [3], "'x' is no token id"]

    def test_what_is_wrong_with_one_text_stands_in_its_place(self) -> None:
        lines = b'{"text": "a", "id": 1}\n\n[1]\n{"id": "x"}\n{"text": 3}\nno\n{"text": "b\\u0000", "id": NaN}\n' + (
            b"[" * 100_000 + b'\n{"text": "\\ud800"}\n{"text": "z", "id": 1e999}'
        )
        found = read("-", lines)
        no_object = "the line is no JSON object"
        assert asked(found) == [
            *("a", no_object, "the object has no 'text'", "its text is 3, which is no string", no_object, no_object),
            *(no_object, "\ud800", no_object),
        ]
        assert [text.id for text in found[:4]] == [1, None, "x", None]
        assert asked(read("-", b"id,text\n1\n2,b\n")) == ["the row has no 'text'", "b"]

    def test_a_line_that_is_too_long_is_read_over(self) -> None:
        lines = b"a\n" + b"x" * LONGEST + b"y" * LONGEST + b"\nb\n" + b"x" * LONGEST + b"\n"
        assert [len(text) for text in asked(read("-", lines))] == [1, len("the line is larger than 16 MiB"), 1, LONGEST]

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("a.csv", b"id,words\n1,b\n", ("'text'", "it has id, words", "--field")),
            ("a.csv", b"", ("it has none",)),
            (
                "a.csv",
                b"id,text\n" + b'1,"' + (b"x" * 2**20 + b"\n") * 17,
                ("field larger than field limit", "a quote"),
            ),
            ("a.txt", "a".encode("utf-16"), ("it is UTF-16", "iconv")),
            ("a.txt", gzip.compress(b"a", mtime=0), ("it is gzip",)),
            ("a.txt.gz", b"a", ("cannot read", "Not a gzipped file")),
            ("a.txt.gz", gzip.compress(b"a" * 999, mtime=0)[:-9], ("cannot read",)),
            ("a.txt", b"PAR1", ("Parquet",)),
            (".", None, ("cannot read", "Is a directory")),
            ("missing", None, ("cannot read", "No such file")),
        ],
    )
    def test_what_cannot_be_read(
        self, tiny: Path, tmp_path: Path, name: str, content: bytes | None, words: tuple[str, ...]
    ) -> None:
        if content is not None:
            (tmp_path / name).write_bytes(content)
        done = run_cli("encode", "-m", str(tiny), "--input", str(tmp_path / name), "--json")
        check_error(done, 5, *words)


ids = [Text(index, None, str(index)) for index in range(1000)]


class TestCrew:
    """Processes that answer for texts in order."""

    @staticmethod
    def answered(texts: Any, workers: int = 2, session: Any = None, **options: Any) -> Iterator[str]:
        for text, reply in answers(Job(session or Echo(), None, None), texts, workers=workers, **options):
            assert reply.error is not None or reply.answer.prompt.text == text.asked
            yield reply.error.message if reply.error else reply.answer.prompt.text

    def test_in_order_whoever_is_faster(self) -> None:
        texts = ["sleep", *map(str, range(100)), "sleep", "", "print", "x"]
        expected = [text or "empty" for text in texts]
        assert list(self.answered([Text(place, None, text) for place, text in enumerate(texts)], 3)) == expected

    def test_reading_does_not_run_ahead(self) -> None:
        """So memory does not grow: of an endless input, so much is read as is waited for."""
        read = 0

        def endless() -> Iterator[Text]:
            nonlocal read
            for read in count(1):
                yield Text(read - 1, None, str(read - 1))

        with closing(self.answered(endless())) as found:
            for given, _ in enumerate(islice(found, 2000), 1):
                assert read - given <= 2 * crew.AHEAD + 1

    def test_large_texts_wait_for_each_other(self) -> None:
        read = 0

        def large() -> Iterator[Text]:
            nonlocal read
            for read in range(1, 9):
                yield Text(read - 1, None, "x" * crew.AHEAD_SIZE)

        with closing(self.answered(large())) as found:
            for given, _ in enumerate(found, 1):
                assert read - given <= 2

    def test_a_process_that_ends_is_replaced(self, tmp_path: Path) -> None:
        texts = [*map(str, range(50)), "die once", *map(str, range(50))]
        lost: list[str] = []
        found = self.answered(
            [Text(place, None, text) for place, text in enumerate(texts)],
            session=Echo(tmp_path),
            on_lost=lambda reason: lost.append(str(reason)),
        )
        assert list(found) == texts
        assert lost == ["signal 9"]

    def test_a_text_that_ends_every_process_has_no_answer(self) -> None:
        texts = [Text(place, None, text) for place, text in enumerate(["a", "die", "b", "c"])]
        assert list(self.answered(texts, 1)) == [
            "a", "the process that answers it ends every time: signal 9", "b", "c"
        ]  # fmt: skip

    def test_processes_that_cannot_start_end_the_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.executable", "/bin/false")
        with pytest.raises(InspectError, match="end again and again: exit code 1"):
            list(self.answered(islice(ids, 200)))

    def test_what_no_text_is_at_fault_for_ends_the_run(self) -> None:
        texts = [Text(place, None, text) for place, text in enumerate(["a", "break", "b"])]
        with pytest.raises(ModelUnusableError, match="broken"):
            list(self.answered(texts))

    def test_an_input_that_breaks_off(self) -> None:
        def broken() -> Iterator[Text]:
            yield from ids[:40]
            raise InputError("cut off")

        found = []
        with pytest.raises(InputError, match="cut off"):
            found.extend(self.answered(broken()))
        # extend keeps what came before the error
        assert found == [text.asked for text in ids[:40]]


class TestTogether:
    """Several texts in one forward pass."""

    @pytest.mark.parametrize(
        "question",
        [
            ScoreQuestion(top_k=3),
            ScoreQuestion(bos=True),
            NextTokensQuestion(steps=1),
            NextTokensQuestion(steps=5, top_k=2),
            NextTokensQuestion(max_length=30),
            NextTokensQuestion(steps=3, temperature=1.5, seed=3),
            ScoreQuestion(expect="a", within=3),
            NextTokensQuestion(steps=3, expect="a", at_step=2),
            NextTokensQuestion(max_length=20, min_prob=0.5, at_step=9),
        ],
    )
    def test_neighbours_change_nothing(self, tiny: Path, question: Any) -> None:
        session = load(tiny)
        texts = [*TEXTS, *(f"number {index} " + "on " * (index % 5) for index in range(20)), "y" * 300]
        alone = [answer for text in texts for answer in session.ask_together(question, [text])]
        together = list(session.ask_together(question, texts))
        assert list(map(plain, together)) == list(map(plain, alone))
        for text, answer in zip(texts, together, strict=True):
            check_close(plain(answer), plain(answer_of(session, question, text)))

    @pytest.mark.parametrize("question", [ScoreQuestion(), NextTokensQuestion(steps=2)])
    @pytest.mark.parametrize("threads", [1, 2])
    def test_nor_does_the_order(self, question: Any, threads: int) -> None:
        """Rows of larger products, of which BLAS computes some in another way than others."""
        session = load("pocket")
        texts = [
            "The little cat sat on the mat and looked at the moon. "[: 3 + 5 * at] * (1 + at % 3) for at in range(40)
        ]
        with threadpool_limits(threads, user_api="blas"):
            forwards = list(session.ask_together(question, texts))
            backwards = list(session.ask_together(question, texts[::-1]))[::-1]
            shifted = list(session.ask_together(question, ["A", *texts]))[1:]
        assert list(map(plain, backwards)) == list(map(plain, forwards)) == list(map(plain, shifted))

    def test_on_torch(self, tiny: Path, one_torch_thread: None) -> None:
        session = load(tiny, backend="torch")
        for question in (ScoreQuestion(), NextTokensQuestion(steps=3)):
            for text, answer in zip(TEXTS, session.ask_together(question, TEXTS), strict=True):
                check_close(plain(answer), plain(answer_of(session, question, text)))

    def test_only_errors_about_a_text_stand_in_its_place(self, tiny: Path) -> None:
        found = list(load(tiny).ask_together(AttentionQuestion(position=2), ["a", "hello, how"]))
        assert isinstance(found[0], UsageError) and not isinstance(found[1], InspectError)
        for question in (AttentionQuestion(layer=99), ScoreQuestion(top_k=0)):
            with pytest.raises(UsageError):
                list(load(tiny).ask_together(question, ["a", "hello, how"]))


def answer_of(session: Any, question: Any, text: str) -> Any:
    try:
        return session.ask(question, text)
    except InspectError as error:
        return error


def plain(answer: Any) -> Any:
    if isinstance(answer, InspectError):
        return answer.message
    values = answer.to_dict()
    for step in values.get("steps", ()):
        del step["elapsed_ms"]
    return values


def check_close(found: Any, expected: Any) -> None:
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        found, expected = list(found.values()), list(expected.values())
    if isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            check_close(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1e-4, rel=1e-4)
    else:
        assert found == expected


@pytest.fixture
def many(tiny: Path) -> Any:
    def ask(name: str, *arguments: str, stdin: bytes = json_lines(), **options: Any) -> Run:
        return run_cli(name, "-m", str(tiny), "--input", "-", "--workers", "1", *arguments, stdin=stdin, **options)

    return ask


class TestWriting:
    @pytest.mark.parametrize(
        ("name", "options"),
        [("score", ["--top-k", "2"]), ("attention", []), ("hidden-states", ["--lens"]), ("encode", [])],
    )
    def test_json_is_the_document_of_a_single_run_on_one_line(
        self, tiny: Path, many: Any, name: str, options: list[str]
    ) -> None:
        done = many(name, "--json", *options)
        assert (done.code, done.err) == (5, "error: 1 of 6 texts could not be answered\n")
        lines = list(map(json.loads, done.out.splitlines()))
        assert [(line["prompt_index"], line["id"]) for line in lines] == [(index, [index]) for index in range(6)]
        for text, line in zip(TEXTS, lines, strict=True):
            single = run_cli(name, "-m", str(tiny), "--json", *options, "--", text)
            if text:
                del line["id"], line["prompt_index"]
                check_close(line, json.loads(single.out))
            else:
                error = line.pop("error")
                assert line.keys() == {"id", "prompt_index"} and error["code"] == single.code
                assert single.err == f"error: {error['message']}\nhint: {error['hint']}\n"

    def test_next_tokens_and_decode(self, many: Any) -> None:
        done = many("next-tokens", "--steps", "2", "--json")
        assert (done.code, done.err) == (0, "")
        assert [json.loads(line)["prompt"]["bos_added"] for line in done.out.splitlines()] == [not t for t in TEXTS]
        done = many("decode", "--json", stdin=b'{"ids": [104, 101]}\n{"ids": [9999]}\n')
        first, second = map(json.loads, done.out.splitlines())
        assert len(first["text"]) == 2 and second["error"]["code"] == 5

    def test_rows_say_which_text_they_are_about(self, many: Any) -> None:
        done = many("encode", "--format", "csv")
        header, *rows = csv.reader(io.StringIO(done.out))
        assert header[:4] == ["prompt_index", "prompt_id", "index", "id"]
        assert sorted({(row[0], row[1]) for row in rows}) == [(str(i), f"[{i}]") for i in (0, 1, 3, 4, 5)]
        assert done.err.splitlines() == [
            "prompt 2 ([2]): the text is empty",
            "error: 1 of 6 texts could not be answered",
        ]
        lines = list(map(json.loads, many("encode", "--format", "jsonl").out.splitlines()))
        assert {(line["prompt_index"], line["prompt_id"][0]) for line in lines if "error" not in line} == {
            (i, i) for i in (0, 1, 3, 4, 5)
        }
        assert [line["id"] for line in lines if "error" in line] == [[2]]

    def test_tables_stand_below_their_prompts(self, many: Any) -> None:
        out = many("encode", environ={"COLUMNS": "40"}).out
        assert max(map(len, out.splitlines())) <= 40
        assert "prompt 1 ([1]): the cat sat\nindex" in out.replace("  ", " ").replace("\n ", "\n")
        assert "\n\nprompt 2 ([2])\nerror: the text is empty\nhint: " in out
        assert "## prompt 1 ([1]): the cat sat\n\n| index |" in many("encode", "-f", "markdown").out

    def test_expectations_are_about_each_text(self, tiny: Path, many: Any, tmp_path: Path) -> None:
        """Lines and an exit code say which and how many are not met, even if nobody wants notes."""
        options = ["--within", "200", "--quiet", "--json"]
        texts = [text for text in TEXTS if text]
        singles = [run_cli("score", "-m", str(tiny), *options, "--", text) for text in texts]
        unmet = {f"prompt {i} ([{i}]): {run.err[7:]}" for i, run in enumerate(singles) if run.code == 8}
        assert 0 < len(unmet) < len(texts)
        done = many("score", *options, stdin=json_lines(texts))
        assert [json.loads(line)["expectation"]["met"] for line in done.out.splitlines()] == [
            run.code == 0 for run in singles
        ]
        *lines, last = done.err.splitlines(keepends=True)
        assert (done.code, set(lines), last) == (
            8, unmet, f"error: {len(unmet)} of {len(texts)} texts are not as expected\n"
        )  # fmt: skip
        both = many("score", *options)
        assert both.code == 5 and both.err.endswith("1 of 6 texts could not be answered\n")
        arguments = ["score", *options, "--output", str(tmp_path / "out.json")]
        assert many(*arguments, stdin=json_lines(texts)).code == 8
        assert many(*arguments, "--resume", stdin=json_lines(texts)).code == 8  # what it need not answer again
        check_error(many("next-tokens", "--expect", "no token"), 5, "'no token'")

    def test_the_options_about_output_are_heard_by_all_processes(self, tiny: Path, many: Any) -> None:
        asked = ("next-tokens", "--steps", "2")
        runs = [many(*asked, "--json", "--no-timing", "--workers", str(workers)) for workers in (1, 3)]
        assert runs[0] == runs[1] and '"elapsed_ms": null' in runs[0].out
        header, *rows = csv.reader(
            io.StringIO(many(*asked, "--format", "csv", "--csv-meta", "--seed", "3", "-t", "1").out)
        )
        assert header[:2] == ["prompt_index", "prompt_id"]
        assert {(row[header.index("model")], row[header.index("seed")]) for row in rows} == {(str(tiny), "3")}
        assert {len(row) for row in rows} == {len(header)}
        plain = many(*asked, "--ascii", "--no-timing", stdin=b"a b\n\n")
        assert plain.out.isascii() and "·" in many(*asked, stdin=b"a b\n\n").out
        assert "\x1b[" in many(*asked, "--color", "always").out

    def test_quiet_keeps_what_is_wrong(self, many: Any) -> None:
        assert many("encode", "--format", "csv", "--quiet").err.splitlines() == [
            "prompt 2 ([2]): the text is empty",
            "error: 1 of 6 texts could not be answered",
        ]

    def test_unseen_characters_are_told_of_once(self) -> None:
        done = run_cli(
            "score", "-m", "pocket", "--input", "-", "--json", "--workers", "1", stdin="你好\n世界\n".encode()
        )
        assert (done.code, done.out.count("\n"), done.err.count("\n")) == (0, 2, 1)
        assert "has hardly or never seen 你 好" in done.err

    def test_parquet(self, many: Any, tmp_path: Path) -> None:
        parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
        for name in ("score", "encode", "next-tokens", "hidden-states"):
            expected = list(csv.reader(io.StringIO(many(name, "--format", "csv").out)))
            assert many(name, "--output", str(tmp_path / "a.parquet")).code == (5, 0)[name == "next-tokens"]
            found = parquet.read_table(tmp_path / "a.parquet")
            assert found.column_names == expected[0]
            rows = [
                ["" if cell is None else str(cell_value(cell)) for cell in row.values()] for row in found.to_pylist()
            ]
            assert rows == expected[1:]

    def test_without_pyarrow(self, many: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
        check_error(many("encode", "-o", str(tmp_path / "a.parquet")), 6, "pip install pyarrow")
        (tmp_path / "b.parquet").write_bytes(b"")
        check_error(many("encode", "--json", "--input", str(tmp_path / "b.parquet")), 6, "pip install pyarrow")

    def test_fail_fast(self, many: Any) -> None:
        done = many("encode", "--json", "--fail-fast")
        assert [json.loads(line)["prompt_index"] for line in done.out.splitlines()] == [0, 1, 2]
        assert done.code == 5
        assert done.err.splitlines()[-1] == "error: stopped at prompt 2, which has no answer"

    def test_a_broken_model_leaves_the_old_output(self, tiny: Path, many: Any, tmp_path: Path) -> None:
        (tmp_path / "out.json").write_text("old")
        check_error(many("score", "--top-k", "0", "-o", str(tmp_path / "out.json")), 2, "--top-k is 0")
        check_error(many("score", "--top-k", "0", "-o", str(tmp_path / "new.json")), 2)
        assert [path.name for path in tmp_path.iterdir()] == ["out.json"]
        assert (tmp_path / "out.json").read_text() == "old"

    def test_a_bar_on_a_terminal(self, many: Any) -> None:
        err = Terminal()
        streams = Streams(io.BytesIO(), io.StringIO(), err, {})
        with open_progress(streams, Source(io.BytesIO(), "-", None, io.BytesIO()), lambda: 11, 10, quiet=False) as bar:
            bar.advance(5, failed=True)
            bar.note("a note")
        assert "11 texts" in err.getvalue() and "1 without an answer" in err.getvalue() and "a note" in err.getvalue()

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["encode", "a", "--input", "b"], ("--input",)),
            (["encode", "--workers", "2", "a"], ("--workers is for --input",)),
            (["encode", "--input", "-", "--workers", "0"], ("--workers is 0",)),
            (["encode", "--input", "-", "--input-format", "xml"], ("'xml'",)),
            (["encode", "--input", "-", "--ids"], ("--ids",)),
            (["decode", "--input", "-", "--text"], ("--text",)),
            (["decode", "--input", "-", "--prompt", "a"], ("--input",)),
            (["hidden-states", "--input", "-", "--save", "a.npz"], ("--save",)),
            (["encode", "--input", "-", "--explain"], ("--explain is for a single text",)),
            (["encode", "--input", "-", "--resume"], ("--resume needs --output",)),
            (["encode", "--input", "-", "--resume", "-o", "a.parquet"], ("parquet",)),
            (["encode", "--input", "-", "--resume", "-o", "/dev/null"], ("/dev/null",)),
            (["encode", "--input", "-", "--format", "parquet"], ("--output",)),
            (["encode"], ("neither TEXT nor --input", "encode --help")),
        ],
    )
    def test_what_makes_no_sense(self, arguments: list[str], words: tuple[str, ...]) -> None:
        check_error(run_cli(*arguments, "-m", "pocket"), 2, *words)

    def test_the_input_is_not_overwritten(self, tiny: Path, tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        path.write_bytes(json_lines())
        (tmp_path / "link.jsonl").symlink_to(path)
        for output in ("a.jsonl", "link.jsonl"):
            done = run_cli("encode", "-m", str(tiny), "-i", str(path), "-o", str(tmp_path / output))
            check_error(done, 2, "--input and --output are the same file")
        with path.open("ab") as out:
            done = run_process("encode", "-m", str(tiny), "-i", str(path), stdout=out, capture_output=False)
        assert done.code == 2 and path.read_bytes() == json_lines()


LONG_TEXTS = [f"{index}: the cat sat on the mat, and the dog ran after the cat." * (index % 3) for index in range(150)]


@pytest.fixture(scope="module")
def uninterrupted(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """An input, and what becomes of it in each format."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "in.jsonl").write_bytes(json_lines(LONG_TEXTS))
    for form in ("json", "csv", "md"):
        arguments = ["score", "-m", str(tiny), "-i", str(folder / "in.jsonl"), "-o", str(folder / f"out.{form}")]
        assert run_cli(*arguments, "--workers", "3").code == 5
    return folder / "in.jsonl", {form: (folder / f"out.{form}").read_bytes() for form in ("json", "csv", "md")}


class TestResuming:
    @pytest.mark.parametrize(("form", "seed"), [("json", 0), ("csv", 1), ("md", 2)])
    def test_the_same_bytes_after_being_stopped(
        self, tiny: Path, tmp_path: Path, uninterrupted: tuple[Path, dict[str, bytes]], form: str, seed: int
    ) -> None:
        """At random points, by what can be caught and what cannot, and by a disk that loses the end."""
        source, expected = uninterrupted
        output = tmp_path / f"out.{form}"
        arguments = ["score", "-m", str(tiny), "-i", str(source), "-o", str(output), "--workers", "2", "--resume"]
        chance = random.Random(seed)
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            size = output.stat().st_size if output.exists() else 0
            goal = size + chance.randrange(1, len(expected[form]) // 4)
            process = subprocess.Popen(command(*arguments), stderr=subprocess.DEVNULL)
            while process.poll() is None and not (output.exists() and output.stat().st_size > goal):
                time.sleep(0.002)
            process.send_signal(number)
            process.wait(timeout=60)
            if number != signal.SIGKILL:
                assert output.read_bytes()[-1:] == b"\n"
            assert expected[form].startswith(output.read_bytes())
        os.truncate(output, chance.randrange(output.stat().st_size))
        done = run_cli(*arguments)
        assert output.read_bytes() == expected[form]
        assert (done.code, done.err.splitlines()[-1]) == (5, "error: 50 of 150 texts could not be answered")
        assert run_cli(*arguments).code == 5 and output.read_bytes() == expected[form]

    def test_what_differs_is_named(self, tiny: Path, pair: Path, tmp_path: Path) -> None:
        source, output = tmp_path / "in.jsonl", tmp_path / "out.json"
        source.write_bytes(json_lines())

        def resume(*options: str, name: str = "score") -> Run:
            arguments = [name, "-m", str(tiny), "-i", str(source), "-o", str(output), "--workers", "1"]
            return run_cli(*arguments, "--resume", *options)

        assert resume().code == 5  # there was nothing to go on with
        whole = output.read_bytes()
        for options, words in [
            (["--top-k", "3"], ("--top-k was 5, and is now 3",)),
            (["--model", str(pair)], ("--model was",)),
            (["--format", "csv"], ('--format was "json", and is now "csv"',)),
            (["--backend", "torch"], ("--backend was",)),
            (["--field", "id"], ("--field was",)),
            (["--no-timing"], ("--no-timing was false, and is now true",)),
        ]:
            check_error(resume(*options), 2, *words, hint=True)
        check_error(resume(name="encode"), 2, "command was")
        source.write_bytes(json_lines([*TEXTS[:3], "another", *TEXTS[4:]]))
        check_error(resume(), 2, "another input", hint=True)
        source.write_bytes(json_lines(TEXTS[:3]))
        check_error(resume(), 2, "another input", hint=True)
        assert output.read_bytes() == whole
        source.write_bytes(json_lines([*TEXTS, "one more"]))
        assert resume().code == 5
        assert output.read_bytes().startswith(whole) and output.read_bytes().count(b"\n") == 7
        (tmp_path / "out.json.resume").write_text("{")
        check_error(resume(), 2, "nothing in", "out.json.resume", hint=True)

    def test_another_model_of_the_same_name(self, tiny: Path, tmp_path: Path) -> None:
        model = tmp_path / "model"
        model.mkdir()
        for file in tiny.iterdir():
            (model / file.name).write_bytes(file.read_bytes())
        arguments = ["encode", "-m", str(model), "-i", "-", "-o", str(tmp_path / "out.json"), "--workers", "1"]
        assert run_cli(*arguments, stdin=b"a\n").code == 0
        weights = bytearray((model / "model.safetensors").read_bytes())
        weights[-1] ^= 1
        (model / "model.safetensors").write_bytes(weights)
        check_error(run_cli(*arguments, "--resume", stdin=b"a\nb\n"), 2, "the files of the model have changed")


class TestStopping:
    @pytest.mark.parametrize("named", [True, False])
    def test_a_full_disk_leaves_whole_lines(self, tiny: Path, tmp_path: Path, *, named: bool) -> None:
        """As if it had room for 40,000 bytes, be the file named or standard output."""
        resource = pytest.importorskip("resource", reason="only Unix limits the size of files")
        (tmp_path / "in.jsonl").write_bytes(json_lines(LONG_TEXTS))
        output = tmp_path / "out.json"
        arguments = ["score", "-m", str(tiny), "-i", str(tmp_path / "in.jsonl"), "--json", "--workers", "1"]
        with output.open("wb") as out:
            done = subprocess.run(
                [*command(*arguments), *(["-o", str(output)] if named else [])],
                stdout=subprocess.DEVNULL if named else out,
                stderr=subprocess.PIPE,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000)),
                timeout=60,
                check=False,
            )
        assert done.returncode == 2 and done.stderr.startswith(b"error: cannot write")
        lines = output.read_bytes().splitlines(keepends=True)
        assert len(lines) > 1 and all(line.endswith(b"\n") and json.loads(line) for line in lines)

    def test_a_reader_that_goes_away(self, tiny: Path, tmp_path: Path) -> None:
        (tmp_path / "in.jsonl").write_bytes(json_lines(LONG_TEXTS))
        arguments = ["encode", "-m", str(tiny), "-i", str(tmp_path / "in.jsonl"), "--json"]
        with subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stderr is not None
            assert json.loads(process.stdout.readline())["prompt_index"] == 0
            process.stdout.close()
            assert (process.stderr.read(), process.wait(timeout=60)) == (b"", 0)

    def test_a_pipe_is_answered_line_by_line(self, tiny: Path, tmp_path: Path) -> None:
        """Nothing waits for more than it needs; the input may be a named pipe."""
        os.mkfifo(tmp_path / "pipe")
        arguments = ["encode", "-m", str(tiny), "-i", str(tmp_path / "pipe"), "--json"]
        with subprocess.Popen(command(*arguments), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            with (tmp_path / "pipe").open("wb", buffering=0) as pipe:
                for text in ("hello", "you"):
                    pipe.write(text.encode() + b"\n")
                    assert json.loads(process.stdout.readline())["prompt"]["text"] == text
            assert process.wait(timeout=60) == 0
