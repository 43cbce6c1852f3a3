"""Pages without a browser: what is in them, --open, and `report` with the records inside its page."""

import json
import re
import shlex
import subprocess
import webbrowser
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from commands import TEXT
from gpt2_inspect import load
from gpt2_inspect.analysis import drawn
from gpt2_inspect.render import packing, render
from gpt2_inspect.render.html.chart import Line, chart
from gpt2_inspect.results.report import Report
from harness import check_error, run_cli, without_times
from loaded import HEAVY, RICH, check_absent, modules_of

WORDS = ("cat", "dog", "king", "child", "old woman", "teacher", "sailor")


class Tags(HTMLParser):
    """The elements of a page, and whether all that are opened are closed in their order.

    Parts of a table end where the next one begins, or the table does, as HTML allows.
    """

    void = ("meta", "link", "br", "input", "img")
    ended_by: ClassVar[dict[str, tuple[str, ...]]] = {
        "td": ("td", "th", "tr", "tbody"),
        "th": ("td", "th", "tr", "tbody"),
        "tr": ("tr", "tbody"),
        "thead": ("tbody",),
        "tbody": ("tbody",),
    }

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        while self.open and tag in self.ended_by.get(self.open[-1], ()):
            self.open.pop()
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while tag == "table" and self.open[-1] in self.ended_by:
            self.open.pop()
        assert self.open.pop() == tag, self.getpos()


@pytest.fixture(scope="module")
def report(tiny: Path) -> Report:
    return load(tiny).report(TEXT, steps=3)


def test_the_page_is_well_formed_stands_alone_and_has_no_id_twice(report: Report) -> None:
    tags = Tags("".join(render(report, "html")))
    assert tags.open == []
    links = [value for _, given in tags.seen for name, value in given.items() if name in ("src", "href")]
    assert links and all(link is not None and link.startswith(("#", "data:")) for link in links)
    ids = [given["id"] for _, given in tags.seen if "id" in given]
    assert len(ids) == len(set(ids))
    assert {link.removeprefix("#") for link in links if link and link.startswith("#")} <= set(ids)


def test_a_report_asks_what_the_commands_ask(tiny: Path, report: Report) -> None:
    session = load(tiny)
    assert report.score == session.score(TEXT)
    assert report.attention == session.attention(TEXT, rows=True)
    assert report.compare_search == session.compare_search(TEXT, steps=3)
    assert report.embeddings == session.embeddings(TEXT)


def test_its_command_lines_give_its_parts(tiny: Path, report: Report) -> None:
    tags = "".join(render(report, "html"))
    lines = re.findall(r"<pre[^>]*>gpt2-inspect (.*?)</pre>", tags)
    assert len(lines) == len(report.items()) == 9
    for line, part in zip(lines, report.items(), strict=True):
        arguments = shlex.split(line.replace("&#39;", "'"))
        arguments[arguments.index("--model") + 1] = str(tiny)
        document = json.loads(run_cli(*arguments).out)
        expected = json.loads("".join(render(part, "json")))
        for each in (document, expected):
            del each["model"]
        assert without_times(document) == without_times(expected)


def test_the_records_come_back_from_the_page(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("".join(render(report, "html")), encoding="utf-8")
    done = run_cli("report", "--from", str(path), "--json")
    assert (done.code, done.err) == (0, "")
    assert done.out == "".join(render(report, "json"))
    again = tmp_path / "again.html"
    assert run_cli("report", "--from", str(path), "--output", str(again)).code == 0
    assert again.read_text(encoding="utf-8") == path.read_text(encoding="utf-8")


def test_the_page_of_a_long_text_is_not_large_and_the_records_come_back(tmp_path: Path) -> None:
    text = " ".join(f"The {word} sat on the {number} mats." for number in range(7) for word in WORDS)
    paths = tmp_path / "report.html", tmp_path / "score.html"
    for path in paths:
        assert run_cli(path.stem, text, "-m", "pocket", "--output", str(path)).code == 0
    size, size_of_score = (path.stat().st_size for path in paths)
    asked = Report.from_dict(json.loads(run_cli("report", "--from", str(paths[0]), "--json").out))
    n_tokens = len(asked.score.prompt.tokens)
    assert 400 < n_tokens <= 512
    assert size < 3300 * n_tokens and size_of_score < 1100 * n_tokens
    assert asked.text == text and asked.without_times() == load("pocket").report(text).without_times()


@pytest.mark.parametrize(
    "damage", [("application/gzip", "application/zip"), ("H4sI", "H4sJ"), ("</script>", "!</script>")]
)
def test_compressed_records_that_are_damaged(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: tuple[str, str]
) -> None:
    monkeypatch.setattr(packing, "MOST", 0)
    path = tmp_path / "page.html"
    page = "".join(render(report, "html"))
    path.write_text(page, encoding="utf-8")
    assert run_cli("report", "--from", str(path), "--json").out == "".join(render(report, "json"))
    path.write_text(page.replace(*damage), encoding="utf-8")
    check_error(run_cli("report", "--from", str(path)), 5, str(path), hint=True)


@pytest.mark.parametrize(
    ("content", "code"), [("<p>", 5), ("{}", 5), ("[" * 100_000, 5), ('{"schema_version": 1}', 5), (None, 5)]
)
def test_what_is_no_report(tmp_path: Path, content: str | None, code: int) -> None:
    path = tmp_path / "page.html"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    check_error(run_cli("report", "--from", str(path)), code, str(path))


def test_a_text_or_a_page() -> None:
    check_error(run_cli("report"), 2, "--from")
    check_error(run_cli("report", "hello", "--from", "x"), 2, "--from")


def test_a_usual_page_is_small_and_loads_nothing_heavy(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    loaded = modules_of("report", "The cat sat on the mat", "-m", "pocket", "--output", str(path))
    check_absent(loaded, HEAVY | RICH | {"asyncio", "webbrowser"})
    assert path.stat().st_size < 200_000
    check_absent(modules_of("score", "hello", "-m", "pocket"), {"jinja2", "webbrowser"})


class TestOpen:
    """--open"""

    @pytest.fixture
    def opened(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
        addresses: list[str] = []
        monkeypatch.setattr(webbrowser, "open", lambda url: addresses.append(url) or True)
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        return addresses

    def test_a_page_of_its_own(self, tiny: Path, opened: list[str], tmp_path: Path) -> None:
        done = run_cli("score", TEXT, "--open", "--model", str(tiny))
        (page,) = tmp_path.glob("*/*.html")
        assert (done.code, done.out, opened) == (0, "", [page.as_uri()])
        assert str(page) in done.err and "<!doctype html>" in page.read_text(encoding="utf-8")

    def test_a_named_file(self, tiny: Path, opened: list[str], tmp_path: Path) -> None:
        path = tmp_path / "a b.html"
        assert run_cli("score", TEXT, "--open", "-o", str(path), "--model", str(tiny)).code == 0
        assert opened == [path.as_uri()] and path.is_file()

    def test_nothing_is_opened_or_left_after_an_error(self, tiny: Path, opened: list[str], tmp_path: Path) -> None:
        check_error(run_cli("score", "", "--open", "--model", str(tiny)), 5)
        assert opened == [] and list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("options", [["--json"], ["--format", "csv"], ["-o", "x.md"]])
    def test_other_formats(self, opened: list[str], options: list[str]) -> None:
        check_error(run_cli("score", TEXT, "--open", *options), 2, "--open", hint=True)

    def test_no_browser(self, tiny: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(webbrowser, "open", lambda url: False)
        done = run_cli("score", TEXT, "--open", "--model", str(tiny))
        assert done.code == 0 and "no browser" in done.err


@pytest.mark.parametrize(
    ("options", "named"), [(["--format", "html"], "html"), (["-o", "x.html"], "html"), (["--open"], "--open")]
)
def test_many_texts_get_no_page(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_cli("score", "--input", "-", *options, "-m", str(tiny), stdin=b"hello\n")
    check_error(done, 2, named, "--input", hint=named == "html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [[], ["--no-tree"]])
def test_a_tree_is_drawn_if_it_is_wanted(tiny: Path, options: list[str]) -> None:
    page = run_cli("compare-search", TEXT, "--steps", "2", "-m", str(tiny), "--format", "html", *options).out
    assert ("<svg" in page) == (not options)


def test_what_has_no_shape_stands_as_its_code_in_a_command_line(tiny: Path) -> None:
    text = "a'b\\\u202e\x85\n"
    asked = load(tiny).report(text, steps=1)
    line = asked.command_line(asked.score)
    assert line.endswith(r"$'a\'b\\\u202e\u0085\x0a'") and line.isprintable()
    shown = subprocess.run(
        ["bash", "-c", f'printf "%s\\0" {line}'], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}
    )
    assert shown.stdout.decode().split("\0")[-2] == text


def test_rows_of_attention_are_the_matrix_of_each_head(tiny: Path) -> None:
    session = load(tiny)
    everything = session.attention(TEXT, rows=True, position=2)
    assert everything.heads[5].top == session.attention(TEXT, position=2).heads[5].top
    one = everything.heads[5]
    (alone,) = session.attention(TEXT, layer=one.layer, head=one.head, rows=True).heads
    matrix = session.attention(TEXT, layer=one.layer, head=one.head).matrix
    assert one.rows == alone.rows and one.rows is not None and matrix is not None
    for index, (row, whole) in enumerate(zip(one.rows, matrix, strict=True)):
        assert row == pytest.approx(whole[: index + 1], abs=1e-8)


@pytest.mark.parametrize("command", ["attention", "report"])
def test_of_a_long_text_one_position_is_drawn(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    path = tmp_path / "page.html"
    shown = []
    for most in (drawn.MOST_WEIGHTS, 100):
        monkeypatch.setattr(drawn, "MOST_WEIGHTS", most)
        assert run_cli(command, TEXT, "-m", str(tiny), "--output", str(path)).code == 0
        page = path.read_text(encoding="utf-8")
        shown.append((' data-weights="' in page, "--rows" in page))
    assert shown == [(True, command == "report"), (False, False)]


def test_every_position_has_what_one_has(tiny: Path) -> None:
    session = load(tiny)
    everything = session.hidden_states(TEXT, lens=True, every_position=True)
    assert everything.positions is not None and everything.positions[-1] == everything.layers
    assert everything.positions[2] == session.hidden_states(TEXT, lens=True, position=2).layers
    check_error(run_cli("hidden-states", TEXT, "--position", "every"), 2, "--position", "all")


def test_the_plane_is_that_of_pca(tiny: Path) -> None:
    session = load(tiny)
    result = session.embeddings(f"{TEXT} hello")
    ids = sorted({token.id for token in result.tokens})
    rows = session.embedding_weights()["wte.weight"][ids].astype(float)
    variances, axes = np.linalg.eigh(np.cov(rows.T))
    expected = (rows - rows.mean(axis=0)) @ axes[:, [-1, -2]]
    places = {token.id: token.plane for token in result.tokens}
    found = np.array([places[each] for each in ids])
    assert np.abs(found) == pytest.approx(np.abs(expected), abs=1e-6)
    assert result.plane_share == pytest.approx(variances[-2:].sum() / variances.sum())
    alone = session.embeddings("h")
    assert (alone.tokens[0].plane, alone.plane_share) == ((0.0, 0.0), None)


@pytest.mark.parametrize("values", [[0.0], [None, 0.3], [-0.5, 0.25], [1e-9, 2e-9], [12345.6, 3.0], [0.0, 0.0]])
def test_curves_stay_on_their_paper(values: list[float | None]) -> None:
    drawn = str(chart("a", ["<b>" * 9] * len(values), [Line("b", values)], "c"))
    height = int(re.search(r'<svg class="chart" viewBox="0 0 \d+ (\d+)', drawn)[1])  # type: ignore[index]
    points = [float(y) for y in re.findall(r"cy=([\d.-]+)", drawn)]
    assert len(points) == sum(value is not None for value in values)
    assert all(0 <= y <= height for y in points) and "<b>" not in drawn
