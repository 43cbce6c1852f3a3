"""`--plot`: a picture shows what the record holds, read from the texts and shapes of an SVG, not from pixels."""

import json
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

import matplotlib
from matplotlib import colormaps

from gpt2_inspect.render.plots import SIZES, Size, fonts, size_named
from gpt2_inspect.render.views import percent
from gpt2_inspect.render.visible import visible_token
from harness import Run, check_error, run_cli

pytestmark = pytest.mark.usefixtures("one_torch_thread")

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "a $x_2^3$ <b>&amp;\x00\u202e\\frac $"
COMMANDS = {
    "score": ["hello, how are you"],
    "next-tokens": ["hello, how are you", "--steps", "3"],
    "attention": ["hello, how are you", "--layer", "1"],
    "hidden-states": ["hello, how are you", "--lens"],
    "compare-search": ["hello, how are you", "--steps", "3"],
}


class Picture:
    """An SVG as what stands in it."""

    def __init__(self, file: Path) -> None:
        self.root = ET.fromstring(file.read_text(encoding="utf-8"))
        self.texts = ["".join(text.itertext()) for text in self.root.iter(f"{SVG}text")]
        self.groups = {name: group for group in self.root.iter() if (name := group.get("id"))}

    def text_of(self, name: str) -> str:
        """What stands in the group, lines one after the other."""
        return " ".join("".join(text.itertext()) for text in self.groups[name].iter(f"{SVG}text"))

    def cell(self, name: str) -> str:
        """What stands in a rectangle of a heat map."""
        return " ".join(self.text_of(part) for part in (f"{name}-text", f"{name}-number") if part in self.groups)

    def fill_of(self, name: str) -> str:
        """The colour of a rectangle."""
        (path,) = self.groups[name].iter(f"{SVG}path")
        found = re.search(r"fill: (#\w+)", path.get("style", ""))
        assert found is not None
        return found[1]

    def curve_of(self, name: str) -> list[tuple[float, float]]:
        """The points of a line."""
        path = next(self.groups[name].iter(f"{SVG}path"))
        numbers = [float(number) for number in re.findall(r"[\d.]+", path.get("d", ""))]
        return list(zip(numbers[::2], numbers[1::2], strict=True))


def plot(tiny: Path, file: Path, *arguments: str) -> tuple[dict[str, Any], Run]:
    """The record as JSON, beside a plot of it."""
    run = run_cli(*arguments, "-m", str(tiny), "--json", "--no-timing", "--plot", str(file))
    assert run.code == 0, run
    return json.loads(run.out), run


def shade(value: float) -> str:
    return matplotlib.colors.to_hex(colormaps["cividis"](value))


def seen(token: dict[str, Any]) -> str:
    return visible_token(token["token"], tuple(token["bytes"]))


def check_proportional(curve: list[tuple[float, float]], axis: int, values: list[float]) -> None:
    """One axis of the points shows these values on some linear scale."""
    assert len(curve) == len(values)
    assert abs(np.corrcoef([point[axis] for point in curve], values)[0, 1]) > 1 - 1e-6


@pytest.mark.parametrize("text", ["hello, how are you", HOSTILE])
def test_score(tiny: Path, tmp_path: Path, text: str) -> None:
    run = run_cli("score", "-", "-m", str(tiny), "--json", "--plot", str(tmp_path / "a.svg"), stdin=text.encode())
    record = json.loads(run.out)
    picture = Picture(tmp_path / "a.svg")
    labels = [seen(token) for token in record["positions"]]
    ticks = [found for name in sorted(picture.groups) if name.startswith("xtick_") for found in [picture.text_of(name)]]
    assert sorted(ticks) == sorted(labels)
    measured = record["positions"][1:]
    check_proportional(picture.curve_of("surprisal-0"), 1, [token["surprisal_bits"] for token in measured])
    check_proportional(picture.curve_of("entropy-0"), 1, [token["entropy_bits"] for token in measured])


def test_score_goes_on_in_further_rows(tiny: Path, tmp_path: Path) -> None:
    record, _ = plot(tiny, tmp_path / "a.svg", "score", "how are you " * 15, "--plot-size", "12x20")
    picture = Picture(tmp_path / "a.svg")
    rows = [picture.curve_of(name) for name in sorted(picture.groups) if re.fullmatch(r"surprisal-\d", name)]
    assert len(rows) > 1
    assert sum(map(len, rows)) == len(record["positions"]) - 1
    left = [token["surprisal_bits"] for token in record["positions"][1:]]
    slopes = []
    for row in rows:
        values, left = left[: len(row)], left[len(row) :]
        check_proportional(row, 1, values)
        slopes.append(np.polyfit(values, [height for _, height in row], 1)[0])
    assert slopes == pytest.approx([slopes[0]] * len(rows), rel=1e-4)  # one scale for all


@pytest.mark.parametrize("sampling", [[], ["--temperature", "3", "--seed", "2"]], ids=["greedy", "sampled"])
def test_next_tokens(tiny: Path, tmp_path: Path, sampling: list[str]) -> None:
    record, _ = plot(tiny, tmp_path / "a.svg", "next-tokens", HOSTILE.replace("\0", ""), "--steps", "6", *sampling)
    picture = Picture(tmp_path / "a.svg")
    framed = set()
    for step in record["steps"]:
        for candidate in [*step["top_logprobs"], step["chosen"]]:
            name = f"step-{step['step']}-rank-{candidate['rank']}"
            assert picture.cell(name) == f"{seen(candidate)} {percent(candidate['prob'])}"
            assert picture.fill_of(name) == shade(candidate["prob"])
        framed.add(f"step-{step['step']}-rank-{step['chosen']['rank']}-chosen")
    assert {name for name in picture.groups if name.endswith("-chosen")} == framed
    assert any("$x_2^3$ <b>&amp;\\u202e\\frac $" in text for text in picture.texts)  # the title
    assert ("taken" in picture.texts) is bool(sampling)


def test_attention_of_one_head(tiny: Path, tmp_path: Path) -> None:
    record, _ = plot(tiny, tmp_path / "a.svg", "attention", "how are you", "--layer", "1", "--head", "2")
    picture = Picture(tmp_path / "a.svg")
    cells = {
        f"query-{query}-key-{key}": weight
        for query, row in enumerate(record["matrix"])
        for key, weight in enumerate(row[: query + 1])
    }
    assert {name for name in picture.groups if re.fullmatch(r"query-\d+-key-\d+", name)} == set(cells)
    for name, weight in cells.items():
        assert picture.fill_of(name) == shade(weight)
        assert picture.cell(name) == f"{100 * weight:.0f}"


@pytest.mark.parametrize("chosen", [[], ["--layer", "1"]], ids=["all", "layer"])
def test_attention_of_all_heads_beside_their_arrays(tiny: Path, tmp_path: Path, chosen: list[str]) -> None:
    """Which are the same with a plot, and the plot with them."""
    arrays = tmp_path / "a.npz"
    record, _ = plot(tiny, tmp_path / "a.svg", "attention", "how are you", *chosen, "--save", str(arrays))
    plot(tiny, tmp_path / "b.svg", "attention", "how are you", *chosen)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    picture = Picture(tmp_path / "a.svg")
    heads = {f"layer-{head['layer']}-head-{head['head']}" for head in record["heads"]}
    assert {name for name in picture.groups if re.fullmatch(r"layer-\d+-head-\d+", name)} == heads
    assert sorted(np.load(arrays)) == [f"attentions_{layer}" for layer in range(record["model"]["n_layer"])]


def test_hidden_states(tiny: Path, tmp_path: Path) -> None:
    record, _ = plot(tiny, tmp_path / "a.svg", "hidden-states", "how are you", "--lens")
    picture = Picture(tmp_path / "a.svg")
    for state in record["layers"]:
        for candidate in state["top_logprobs"]:
            name = f"state-{state['index']}-rank-{candidate['rank']}"
            assert picture.cell(name) == f"{seen(candidate)} {percent(candidate['prob'])}"
            assert picture.fill_of(name) == shade(candidate["prob"])
    check_proportional(picture.curve_of("norm"), 0, [state["norm"] for state in record["layers"]][::-1])
    record, _ = plot(tiny, tmp_path / "b.svg", "hidden-states", "how are you")
    cosines = [state["cosine_to_previous"] for state in record["layers"]][:0:-1]
    check_proportional(Picture(tmp_path / "b.svg").curve_of("cosine"), 0, cosines)


def test_compare_search(tiny: Path, tmp_path: Path) -> None:
    record, _ = plot(tiny, tmp_path / "a.svg", "compare-search", "how are you", "--steps", "4")
    picture = Picture(tmp_path / "a.svg")
    best = []
    for step in record["tree"]:
        for candidate in step["candidates"]:
            name = f"step-{step['step']}-parent-{candidate['parent']}-id-{candidate['id']}"
            assert picture.text_of(f"{name}-text") == seen(candidate)
            fill = picture.fill_of(name)
            if fill == "#00224e":
                best.append(candidate["id"])
            else:
                assert (fill == "#ffffff") is candidate["kept"]
    assert best == record["beams"][0]["token_ids"]
    scores = {f"#{rank}: {beam['score']:.2f}" for rank, beam in enumerate(record["beams"], 1)}
    assert scores <= set(picture.texts)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_same_run_gives_the_same_bytes(tiny: Path, tmp_path: Path, command: str) -> None:
    """Whatever a user's own settings of matplotlib are, which the run leaves alone."""
    suffixes = (".svg", ".png", ".pdf") if command == "score" else (".svg",)
    for suffix in suffixes:
        for name in "ab":
            with matplotlib.rc_context({"font.size": 10 if name == "a" else 30}):
                plot(tiny, tmp_path / f"{name}{suffix}", command, *COMMANDS[command], "--plot-size", "column")
                assert matplotlib.rcParams["font.size"] == (10 if name == "a" else 30)
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_the_result_goes_where_it_goes_without_a_plot(tiny: Path, tmp_path: Path) -> None:
    arguments = ["score", "hello", "-m", str(tiny)]
    plain = run_cli(*arguments)
    assert run_cli(*arguments, "--plot", str(tmp_path / "A.SVG")) == plain
    assert (tmp_path / "A.SVG").read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize(
    ("typed", "size"),
    [
        ("slide", SIZES["slide"]),
        ("column", SIZES["column"]),
        ("25.4x12.7", Size(10, 5)),
        ("25.4x12.7cm", Size(10, 5)),
        ("10X5in", Size(10, 5)),
        *((wrong, None) for wrong in ("", "16", "16x", "-1x5", "1x1", "nanx5", "1e3x5", "999x999", "Slide", "٣x٤")),
    ],
)
def test_sizes(typed: str, size: Size | None) -> None:
    assert size_named(typed) == (None if size is None else pytest.approx(size))


def test_the_file_has_the_size(tiny: Path, tmp_path: Path) -> None:
    plot(tiny, tmp_path / "a.svg", "score", "hello", "--plot-size", "6x4in")
    root = Picture(tmp_path / "a.svg").root
    assert (root.get("width"), root.get("height")) == ("432pt", "288pt")


@pytest.mark.parametrize(
    "arguments",
    [
        ["next-tokens", "hi", "--steps", "30", "--ignore-eos"],
        ["compare-search", "hi", "--steps", "12", "--num-beams", "8"],
        ["score", "how are you " * 15],
        ["attention", "how are you " * 5, "--layer", "0", "--head", "0"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_what_has_no_room_is_refused_with_a_size_that_has(tiny: Path, tmp_path: Path, arguments: list[str]) -> None:
    file = tmp_path / "a.png"
    file.write_text("old")
    arguments = [*arguments, "-m", str(tiny), "--json", "--plot", str(file), "--plot-size"]
    run = run_cli(*arguments, "5x4")
    check_error(run, 2, "no room for", hint=True)
    assert file.read_text() == "old"
    assert run_cli(*arguments, run.err.split()[-1]).code == 0
    assert file.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [file]


def test_what_cannot_be_is_refused_before_a_model_is_looked_for(tmp_path: Path) -> None:
    def refused(*arguments: str) -> Run:
        return run_cli("attention", "hi", "-m", "./nowhere", *arguments)

    path = str(tmp_path / "a.svg")
    check_error(refused("--plot", "a.gif"), 2, "--plot is 'a.gif'", "FILE.svg, FILE.png or FILE.pdf")
    check_error(refused("--plot", ""), 2, "--plot is empty")
    check_error(refused("--plot", path, "--output", path, "--json"), 2, "--plot and --output are the same file")
    check_error(refused("--plot-size", "column"), 2, "--plot-size is for --plot", hint=True)
    check_error(refused("--plot", path, "--plot-size", "big"), 2, "'big'", "slide", "column", hint=True)
    check_error(refused("--plot", f"{tmp_path}/none/a.svg"), 2, "cannot write")
    check_error(refused("--plot", path), 3)
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is missed before a model is looked for, and only by who asks for a plot."""
    monkeypatch.delitem(sys.modules, "gpt2_inspect.render.plots.drawing", raising=False)
    monkeypatch.delattr("gpt2_inspect.render.plots.drawing", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    arguments = ["score", "hi", "-m", "./nowhere"]
    check_error(run_cli(*arguments, "--plot", str(tmp_path / "a.svg")), 6, "matplotlib", "pip install matplotlib")
    check_error(run_cli(*arguments), 3)
    assert list(tmp_path.iterdir()) == []


def test_characters_that_no_font_has(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_OTHERS", ())
    _, run = plot(tiny, tmp_path / "a.svg", "next-tokens", "从前 \U000e0100", "--steps", "1")
    assert "从前" in run.err and "fonts-noto-cjk" in run.err and run.err.count("\n") == 1
    assert any(text.startswith("从前") for text in Picture(tmp_path / "a.svg").texts)
    _, run = plot(tiny, tmp_path / "b.svg", "next-tokens", "𓀀", "--steps", "1")
    assert "𓀀" in run.err and "fonts-noto-cjk" not in run.err
    assert plot(tiny, tmp_path / "c.svg", "next-tokens", "从前", "--steps", "1", "-q")[1].err == ""


def test_a_font_of_this_machine_is_taken_for_chinese(tiny: Path, tmp_path: Path) -> None:
    families = fonts.with_any_of({"从"})
    if not families:
        pytest.skip("no font here has Chinese characters")
    _, run = plot(tiny, tmp_path / "a.svg", "next-tokens", "从前", "--steps", "1")
    assert run.err == ""
    assert families[0] in (tmp_path / "a.svg").read_text(encoding="utf-8")
