"""--engine ray: files on a cluster give what each would give here, whatever is lost on the way."""

import gzip
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
from pyarrow import parquet  # noqa: E402

import gpt2_inspect  # noqa: E402
from examples import DOCS, python_examples  # noqa: E402
from gpt2_inspect.analysis import DecodeQuestion, ScoreQuestion  # noqa: E402
from gpt2_inspect.cli.expect import Judge  # noqa: E402
from gpt2_inspect.cli.ids import as_ids  # noqa: E402
from gpt2_inspect.cli.many import as_text  # noqa: E402
from gpt2_inspect.cluster.actors import TRIES, Asking, FileActor, Model, Report, RowActor  # noqa: E402
from gpt2_inspect.cluster.storage import Folder, Found, find_files, output_names, reading  # noqa: E402
from gpt2_inspect.errors import (  # noqa: E402
    BackendUnavailableError,
    ExpectationError,
    InputError,
    ModelNotFoundError,
    OutputError,
    UsageError,
)
from gpt2_inspect.render import Page  # noqa: E402
from harness import check_error, command, run_cli, run_process  # noqa: E402

TEXTS = [f"{index}: the cat sat on the mat, and the dog ran." * (index % 4) for index in range(40)]


def json_lines(texts: list[str]) -> bytes:
    return b"".join(json.dumps({"id": index * 10, "text": text}).encode() + b"\n" for index, text in enumerate(texts))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Files of every form, one of them with lines that cannot be answered."""
    folder = tmp_path / "corpus"
    (folder / "below").mkdir(parents=True)
    (folder / "a.txt").write_text("the cat\nsat\n")
    (folder / "b.jsonl").write_bytes(json_lines(TEXTS) + b'{"id": "last"}\nno JSON\n')
    (folder / "below" / "c.csv.gz").write_bytes(gzip.compress(b"text,id\nhello there,x\n"))
    (folder / "_hidden.txt").write_text("hidden\n")
    (folder / "notes.md").write_text("no texts\n")
    return folder


class TestStorage:
    @pytest.mark.parametrize(
        ("pattern", "names"),
        [
            ("", ["a.txt", "b.jsonl"]),
            ("/", ["a.txt", "b.jsonl"]),
            ("/a.txt", ["a.txt"]),
            ("/*", ["_hidden.txt", "a.txt", "b.jsonl", "notes.md"]),
            ("/*.txt", ["_hidden.txt", "a.txt"]),
            ("/[!_]*.txt", ["a.txt"]),
            ("/?.jsonl", ["b.jsonl"]),
            ("/**/*.gz", ["below/c.csv.gz"]),
            ("/**/?.*", ["a.txt", "b.jsonl", "below/c.csv.gz"]),
            ("/be*/c*", ["below/c.csv.gz"]),
        ],
    )
    def test_a_pattern_finds_files(self, corpus: Path, pattern: str, names: list[str]) -> None:
        """A path and its URI the same, each by a name below the folder where the pattern begins."""
        found = find_files(f"{corpus}{pattern}")
        assert found == [Found(str(corpus / name), name) for name in names]
        assert find_files(f"file://{corpus}{pattern}") == [Found(f"file://{place}", name) for place, name in found]

    def test_a_name_with_signs_of_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "a [1] %20.txt").write_text("one\n")
        for place in (f"{tmp_path}/a [1] %20.txt", f"{tmp_path}/*", f"file://{tmp_path}/*"):
            (found,) = find_files(place)
            assert found.name == "a [1] %20.txt"
            with reading(found.place, None) as source:
                assert source.file.read() == b"one\n"

    def test_a_path_from_here(self, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(corpus.parent)
        assert find_files("corpus/a*") == [Found(str(corpus / "a.txt"), "a.txt")]

    @pytest.mark.parametrize("pattern", ["nowhere", "nowhere/*.txt", "*.xyz", "other://nowhere/x.txt"])
    def test_none(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(InputError, match=r"there is no file|cannot read"):
            find_files(pattern)

    def test_outputs_are_told_apart(self) -> None:
        files = [Found("/x/a.txt", "a.txt"), Found("/x/b/a.csv.gz", "b/a.csv.gz"), Found("/x/c.d", "c.d")]
        names = {"/x/a.txt": "a.jsonl", "/x/b/a.csv.gz": "b/a.jsonl", "/x/c.d": "c.d.jsonl"}
        assert output_names(files, ".jsonl") == names
        with pytest.raises(UsageError, match=r"'/x/a.txt' and '/x/a.csv' would both go to 'a.jsonl'"):
            output_names([*files, Found("/x/a.csv", "a.csv")], ".jsonl")

    def test_a_file_is_there_whole_or_not_at_all(self, tmp_path: Path) -> None:
        folder = Folder(f"{tmp_path}/out/")
        assert folder.names() == set()
        with folder.writing("below/a") as first, folder.writing("below/a") as second:
            first.write(b"one")
            second.write(b"two")
            assert (folder.names(), folder.begun("below/a"), folder.begun("a")) == (set(), 2, 0)
        assert folder.read("below/a") == b"one"  # the last to end, of two that did the same
        assert (folder.names(), folder.begun("below/a")) == ({"below/a"}, 0)
        with pytest.raises(ZeroDivisionError), folder.writing("b"):
            _ = 1 / 0
        (tmp_path / "out" / ".c.0123.part").touch()  # what a process leaves that is killed
        assert (folder.names(), folder.begun("c")) == ({"below/a"}, 1)
        folder.clear()
        assert (folder.names(), folder.begun("c")) == ({"below/a"}, 0)

    def test_what_the_system_refuses(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match="it is a file"):
            Folder(f"{tmp_path}/file").names()
        with pytest.raises(OutputError, match="cannot write"), Folder(f"{tmp_path}/file").writing("a"):
            pass
        with pytest.raises(InputError, match="cannot read"), reading(f"{tmp_path}/none", None):
            pass


def model(path: Path) -> Model:
    return Model(str(path), None, "auto", "cpu", "float32", offline=True)


def asking(folder: Path, form: str, question: Any = ScoreQuestion(), **others: Any) -> Asking:  # noqa: B008
    finds = others.get("finds")
    return Asking(question, "text", as_text, None, form, Page(timing=False), finds, Folder(str(folder)))


def same_rows(here: Path, there: Path) -> bool:
    """Whether two files of Parquet have the same rows in the same columns, with the same types."""
    return bool(parquet.read_table(here).equals(parquet.read_table(there)))


@pytest.fixture
def one_blas_thread() -> Iterator[None]:
    """As Ray sets it for an actor with one processor."""
    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.mark.usefixtures("one_blas_thread")
class TestActors:
    """Without Ray: they are classes like others."""

    @pytest.mark.parametrize("form", ["jsonl", "json", "parquet"])
    def test_a_file_as_the_local_engine_answers_it(self, tiny: Path, corpus: Path, tmp_path: Path, form: str) -> None:
        source, local = corpus / "b.jsonl", tmp_path / f"local.{form}"
        arguments = ["score", "-m", str(tiny), "-i", str(source), "--no-timing", "-o", str(local)]
        assert run_cli(*arguments, "-f", form, "--workers", "1").code == 5
        actor = FileActor(model(tiny), asking(tmp_path / "out", form))
        (pickled,) = actor({"place": [str(source)], "name": [f"b.{form}"]})["report"]
        report: Report = pickle.loads(pickled)
        assert (report.texts, report.failed, report.unmet, report.error) == (42, 12, 0, None)
        assert report.tokens == sum(len(line) for line in self._tokens(tiny))
        if form == "parquet":
            assert same_rows(local, tmp_path / "out" / "b.parquet")
            assert [text.id for text, _ in report.told] == [*range(0, 400, 40), "last", None]
        else:
            assert (tmp_path / "out" / f"b.{form}").read_bytes() == local.read_bytes()
            assert report.told == ()

    def _tokens(self, tiny: Path) -> Iterator[list[Any]]:
        session = model(tiny).session()
        return (session.encode_ids(text) for text in TEXTS if text)

    def test_what_is_not_as_expected(self, tiny: Path, corpus: Path, tmp_path: Path) -> None:
        question = ScoreQuestion(within=1)
        actor = FileActor(model(tiny), asking(tmp_path, "jsonl", question, finds=Judge(named=False).finds))
        report = actor.answer(str(corpus / "a.txt"), "a.jsonl")
        assert (report.texts, report.failed, report.unmet) == (2, 0, 2)
        assert all(isinstance(error, ExpectationError) for _, error in report.told)

    def test_token_ids(self, tiny: Path, tmp_path: Path) -> None:
        (tmp_path / "ids.jsonl").write_text('{"ids": [0, 1]}\n')
        asked = asking(tmp_path / "out", "json", DecodeQuestion())._replace(field="ids", parse=as_ids)
        report = FileActor(model(tiny), asked).answer(str(tmp_path / "ids.jsonl"), "ids.json")
        assert (report.texts, report.failed) == (1, 0)
        assert json.loads((tmp_path / "out" / "ids.json").read_text())["prompt_index"] == 0

    def test_a_file_that_cannot_be_read_is_no_reason_to_stop(self, tiny: Path, corpus: Path, tmp_path: Path) -> None:
        (corpus / "d.jsonl.gz").write_bytes(b"no gzip")
        actor = FileActor(model(tiny), asking(tmp_path / "out", "jsonl"))
        report = actor.answer(str(corpus / "d.jsonl.gz"), "d.jsonl")
        assert isinstance(report.error, InputError) and report.broken is None
        assert actor.answer(str(corpus / "a.txt"), "a.jsonl").error is None
        assert Folder(str(tmp_path / "out")).names() == {"a.jsonl"}
        assert not list((tmp_path / "out").glob(".*"))

    def test_a_file_that_ends_every_actor_is_given_up(self, tiny: Path, corpus: Path, tmp_path: Path) -> None:
        for index in range(TRIES):
            report = FileActor(model(tiny), asking(tmp_path, "jsonl")).answer(str(corpus / "a.txt"), "a.jsonl")
            assert report.error is None
            (tmp_path / f".a.jsonl.{index}.part").touch()
        report = FileActor(model(tiny), asking(tmp_path, "jsonl")).answer(str(corpus / "a.txt"), "a.jsonl")
        assert report.error is not None and report.error.message == "the actor that answers it ends every time"

    def test_what_no_file_can_be_answered_with(self, tmp_path: Path, corpus: Path) -> None:
        report = FileActor(model(tmp_path / "none"), asking(tmp_path, "jsonl")).answer(str(corpus / "a.txt"), "a.jsonl")
        assert isinstance(report.broken, ModelNotFoundError)
        assert pickle.loads(pickle.dumps(report)).broken.message == report.broken.message

    def test_rows(self, tiny: Path) -> None:
        """Those that the records have, each under its id; a text without an answer has a row that says why."""
        texts = ["the cat", None, "", "sat on the mat"]
        asked = pyarrow.table({"id": [4, 5, 6, 7], "line": pyarrow.array(texts, pyarrow.string())})
        table = RowActor(model(tiny), ScoreQuestion(top_k=1), "line")(asked)
        session = model(tiny).session()
        expected = [
            {"prompt_id": called, **row, "error": None}
            for called, answer in zip((4, 7), session.many(ScoreQuestion(top_k=1), [texts[0], texts[3]]), strict=True)
            for row in answer.rows()
        ]
        for row in expected:
            row.pop("prompt_index", None)
        rows = table.to_pylist()
        assert [row for row in rows if row["error"] is None] == expected
        errors = {row["prompt_id"]: row["error"] for row in rows if row["error"] is not None}
        assert errors == {5: "the row has no text", 6: "the text is empty"}
        none = RowActor(model(tiny), ScoreQuestion(), "text")(pyarrow.table({"text": [""]}))
        assert none.to_pylist() == [{"error": "the text is empty"}]


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (["--engine", "spark", "-o", "out"], ("'spark'", "local")),
            (["--engine", "ray"], ("--engine ray needs --output",)),
            (["--engine", "ray", "-o", "-"], ("--engine ray needs --output",)),
            (["--engine", "ray", "-o", "out", "--resume"], ("--engine ray goes on by itself", "leave --resume out")),
            (["--engine", "ray", "-o", "out", "--fail-fast"], ("--fail-fast",)),
            (["--engine", "ray", "-o", "out", "-f", "csv"], ("--engine ray writes no csv", "parquet")),
            (["--engine", "ray", "-o", "out", "--json", "--csv-meta"], ("--csv-meta is for CSV",)),
            (["--engine", "ray", "-o", "out", "--workers", "0"], ("--workers is 0",)),
            (["--engine", "ray", "-o", ".", "-i", "*"], ("--input has files that are in --output",)),
            (["--engine", "ray", "-o", "out", "-i", "-"], ("--engine ray reads files",)),
            (["--ray-address", "here:6379"], ("--ray-address is for --engine ray",)),
        ],
    )
    def test_options(
        self, corpus: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], words: tuple[str, ...]
    ) -> None:
        monkeypatch.chdir(corpus)
        others = [] if "-i" in options else ["-i", "a.txt"]
        check_error(run_cli("score", "-m", "pocket", *others, *options), 2, *words)
        assert not Path("out").exists()

    def test_without_ray(self, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "ray", None)
        arguments = ["score", "-m", "pocket", "-i", str(corpus), "-o", str(tmp_path / "out"), "--engine", "ray"]
        check_error(run_cli(*arguments), 6, "--engine ray needs", "pip install ray")
        with pytest.raises(BackendUnavailableError, match=r"Ray needs ray\[data\]"):
            gpt2_inspect.on_ray(None, ScoreQuestion())  # type: ignore[arg-type]

    def test_a_cluster_that_is_not_there(self, corpus: Path, tmp_path: Path) -> None:
        pytest.importorskip("ray", reason="ray is not installed")
        arguments = ["score", "-m", "pocket", "-i", str(corpus), "-o", str(tmp_path / "out"), "--engine", "ray"]
        check_error(run_process(*arguments, "--ray-address", "127.0.0.1:1"), 6, "Ray cannot be reached", "ray status")

    def test_a_folder_made_in_another_way(self, tiny: Path, corpus: Path, tmp_path: Path) -> None:
        """That is found out without Ray."""
        out = tmp_path / "out"
        out.mkdir()
        (out / "a.parquet").touch()
        arguments = ["score", "-m", str(tiny), "-i", str(corpus), "-o", str(out), "--engine", "ray"]
        check_error(run_cli(*arguments), 2, "nothing in '_gpt2-inspect.json' says how it was made", hint=True)
        (out / "_gpt2-inspect.json").write_text("{")
        check_error(run_cli(*arguments), 2, "nothing in '_gpt2-inspect.json' says how it was made", hint=True)


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Two nodes on this machine, with room for one actor each."""
    pytest.importorskip("ray", reason="ray is not installed")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.lost = made.add_node(num_cpus=1)
    yield made
    made.shutdown()


def wait_for(what: Callable[[], Any], process: "subprocess.Popen[bytes]") -> Any:
    for _ in range(6000):
        if found := what():
            return found
        assert process.poll() is None, "it ended before"
        time.sleep(0.01)
    raise AssertionError("it takes too long")


def actors() -> list[int]:
    """The processes of actors that answer files."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"FileActor" in entry.read_bytes() and entry.read_bytes().startswith(b"ray::"):
                found.append(int(entry.parent.name))
        except OSError:  # it has ended meanwhile
            pass
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
class TestOnRay:
    def test_nothing_is_lost_and_nothing_twice(self, cluster: Any, tmp_path: Path) -> None:
        """An actor and then a node are killed in the middle; and the same command again has nothing to do."""
        source, out = tmp_path / "in", tmp_path / "out"
        source.mkdir()
        for index in range(16):
            texts = [f"{index} {number}: the cat sat on the mat, and the dog ran." for number in range(60)]
            (source / f"{index}.jsonl").write_bytes(json_lines([*texts, ""][index % 2 :]))
        arguments = ["score", "-m", "pocket", "-i", f"{source}/*.jsonl", "-o", str(out)]
        arguments += ["--engine", "ray", "--ray-address", cluster.address]
        process = subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        def done() -> int:
            return len(list(out.glob("*.parquet")))

        wait_for(lambda: done() >= 1 and list(out.glob(".*.part")), process)
        os.kill(wait_for(actors, process)[0], signal.SIGKILL)
        before = done()
        wait_for(lambda: done() > before and list(out.glob(".*.part")), process)
        cluster.remove_node(cluster.lost, allow_graceful=False)
        assert done() < 16
        printed, told = process.communicate(timeout=120)
        assert (process.returncode, printed) == (5, b""), told
        notes = [line for line in told.decode().splitlines() if line.startswith("note: Ray: (raylet) ")]
        assert notes, told
        others = [line for line in told.decode().splitlines() if line not in notes]
        files = {f"{source}/{index}.jsonl: prompt {60 - index % 2} " for index in range(16)}
        assert {line.partition("(")[0] for line in others[:-1]} == files and len(others) == 17
        assert others[-1] == "error: 16 of 968 texts could not be answered"
        assert {path.name for path in out.iterdir()} == {
            "_gpt2-inspect.json",
            *(f"{index}.parquet" for index in range(16)),
        }
        for index in (0, 7, 15):
            run_cli("score", "-m", "pocket", "-i", f"{source}/{index}.jsonl", "-o", str(tmp_path / "local.parquet"))
            assert same_rows(tmp_path / "local.parquet", out / f"{index}.parquet")
        for index in range(16):
            rows = parquet.read_table(out / f"{index}.parquet", columns=["prompt_id"])
            assert len(set(rows["prompt_id"].to_pylist())) == 60 - index % 2
        again = run_process(*arguments)
        assert (again.code, again.err) == (0, "note: 16 of 16 files are done already\n")

    def test_the_example_prints_what_the_page_shows(self) -> None:
        pytest.importorskip("ray", reason="ray is not installed")
        ((code, printed),) = python_examples(DOCS / "clusters.md")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120, check=True)
        assert done.stdout.decode() == printed
