"""`compare-heads`: what it says of transformers' two auto classes is what these say themselves."""

import csv
import io
import json
import shutil
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.cells import cell_len
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForCausalLM

from checkpoints import VOCAB_SIZE, fill_cache, make_checkpoint
from gpt2_inspect import load
from gpt2_inspect.backends.torch_auto_classes import TorchAutoClasses, base_model_of
from gpt2_inspect.checkpoint.config import read_config
from gpt2_inspect.cli import run
from gpt2_inspect.cli.streams import Streams
from gpt2_inspect.errors import BackendUnavailableError, ModelUnusableError
from gpt2_inspect.render import Page, render
from gpt2_inspect.results.compare_heads import CompareHeads
from harness import Terminal, check_error, run_cli, run_process
from loaded import HEAVY, RICH, check_absent, modules_of

pytestmark = pytest.mark.usefixtures("one_torch_thread")

TEXT = "hello, how are you? 你好 🙂"
WIDTH, LAYERS, HEADS = 48, 3, 4

CHECKPOINTS: dict[str, dict[str, Any]] = {
    "tied": {},
    "untied": {"tie_word_embeddings": False},
    "names without prefix": {"prefix": False},
    "untied shards in bfloat16": {"tie_word_embeddings": False, "dtype": "bfloat16", "max_shard_size": "50KB"},
}


@dataclass
class Case:
    """A checkpoint, our result, and transformers' own models, each loaded by itself."""

    folder: Path

    @cached_property
    def result(self) -> CompareHeads:
        return load(str(self.folder)).compare_heads(TEXT, top_k=7, tree=True)

    @cached_property
    def models(self) -> list[Any]:
        classes = (AutoModelForCausalLM, AutoModel)
        return [auto_class.from_pretrained(self.folder, dtype=torch.float32).eval() for auto_class in classes]

    @cached_property
    def outputs(self) -> list[Any]:
        inputs = torch.tensor([[token.id for token in self.result.prompt.tokens]])
        with torch.inference_mode():
            return [model(inputs) for model in self.models]


@pytest.fixture(scope="module", params=CHECKPOINTS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(make_checkpoint(tmp_path_factory.mktemp("auto-classes"), **CHECKPOINTS[request.param]))


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the tiny checkpoint, to be changed."""
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


class TestAgainstTransformers:
    def test_classes_and_parameters(self, case: Case) -> None:
        models = (case.result.heads.causal_lm, case.result.heads.base)
        assert [model.auto_class for model in models] == ["AutoModelForCausalLM", "AutoModel"]
        assert [model.class_ for model in models] == [type(model).__name__ for model in case.models]
        assert [model.parameters for model in models] == [model.num_parameters() for model in case.models]
        assert models[0].parameters == case.result.model.parameters

    def test_outputs(self, case: Case) -> None:
        tokens = len(case.result.prompt.tokens)
        past = (LAYERS, 2, 1, HEADS, tokens, WIDTH // HEADS)
        found = [
            {output.name: output.shape for output in model.outputs}
            for model in (case.result.heads.causal_lm, case.result.heads.base)
        ]
        assert [list(shapes) for shapes in found] == [list(output) for output in case.outputs]
        assert found == [
            {"logits": (1, tokens, VOCAB_SIZE), "past_key_values": past},
            {"last_hidden_state": (1, tokens, WIDTH), "past_key_values": past},
        ]
        layers = case.outputs[0].past_key_values.layers
        assert (len(layers), *layers[0].keys.shape) == (past[0], *past[2:])

    def test_outputs_to_be_asked_for(self, case: Case) -> None:
        """None of them is there by default; asked for, they have these shapes."""
        tokens = len(case.result.prompt.tokens)
        for ours, auto_class in zip((case.result.heads.causal_lm, case.result.heads.base), (0, 1), strict=True):
            model = deepcopy(case.models[auto_class])
            model.set_attn_implementation("eager")
            inputs = torch.tensor([[token.id for token in case.result.prompt.tokens]])
            output = model(inputs, output_hidden_states=True, output_attentions=True)
            assert {one.name: one.shape for one in ours.on_request} == {
                name: (len(output[name]), *output[name][0].shape) for name in ("hidden_states", "attentions")
            }
            assert ours.on_request[1].shape == (LAYERS, 1, HEADS, tokens, tokens)

    def test_block(self, case: Case) -> None:
        block = case.models[0].transformer.h[0]
        ours = {module.name.removeprefix("transformer.h.0."): module for module in case.result.block}
        assert list(ours) == [name for name, _ in block.named_modules() if name]
        for name, module in ours.items():
            theirs = block.get_submodule(name)
            assert (module.type, module.p) == (type(theirs).__name__, getattr(theirs, "p", None))
            assert module.eps == getattr(theirs, "eps", None)
        assert ours["attn.c_attn"].type == "Conv1D" and ours["ln_1"].eps and ours["mlp.dropout"].p is not None

    def test_trees(self, case: Case) -> None:
        trees = case.result.trees
        assert trees is not None
        causal_lm, base = ([name for name, _ in model.named_modules() if name] for model in case.models)
        assert [module.name for module in trees.causal_lm] == causal_lm
        assert [module.name for module in trees.base] == base
        only_here = {module.name for module in trees.causal_lm if module.counterpart is None}
        assert only_here == set(causal_lm) - {f"transformer.{name}" for name in base} - {"transformer"}
        for module in trees.causal_lm:
            theirs = case.models[0].get_submodule(module.name)
            assert module.type == type(theirs).__name__
            assert module.parameters == sum(weight.numel() for weight in theirs.parameters())
            assert {weight.name: weight.shape for weight in module.weights} == {
                name: tuple(weight.shape) for name, weight in theirs.named_parameters(recurse=False)
            }
        pairs = {(module.name, module.counterpart) for module in trees.causal_lm[:-1]}
        assert pairs - {("transformer", "")} == {(module.counterpart, module.name) for module in trees.base}

    def test_what_the_causal_model_adds(self, case: Case) -> None:
        (added,) = case.result.only_in_causal_lm
        tied = case.models[0].config.tie_word_embeddings
        assert added.to_dict() == {
            "module": "lm_head",
            "type": "Linear",
            "in_features": WIDTH,
            "out_features": VOCAB_SIZE,
            "bias": False,
            "tied_to": "transformer.wte" if tied else None,
        }
        heads = case.result.heads
        assert heads.causal_lm.parameters - heads.base.parameters == (0 if tied else WIDTH * VOCAB_SIZE)

    def test_candidates(self, case: Case) -> None:
        """Those of `logits`, and those of `last_hidden_state @ lm_head.weight.T`, from models loaded apart."""
        result = case.result
        causal_lm, base = case.outputs
        product = base.last_hidden_state @ case.models[0].lm_head.weight.detach().T
        for candidates, logits in ((result.top_logprobs, causal_lm.logits), (result.identity.top_logprobs, product)):
            expected = logits[0, -1].double().log_softmax(-1).topk(7)
            assert [candidate.id for candidate in candidates] == expected.indices.tolist()
            assert [candidate.rank for candidate in candidates] == list(range(1, 8))
            logprobs = [candidate.logprob for candidate in candidates]
            np.testing.assert_allclose(logprobs, expected.values.numpy(), rtol=0, atol=1e-4)
        assert result.identity.same_top_k
        assert 0 <= result.identity.max_abs_difference < 1e-4


def open_auto_classes(folder: Path) -> TorchAutoClasses:
    return TorchAutoClasses.load(folder, read_config(folder / "config.json"), "cpu", "float32")


class TestOneLoad:
    def test_the_weights_are_read_once(self, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """They are not there any more when the second model is made."""
        read = AutoModelForCausalLM.from_pretrained
        opened: list[Path] = []

        def read_and_remove(folder: Path, **options: Any) -> Any:
            opened.append(folder)
            model = read(folder, **options)
            (copy / "model.safetensors").unlink()
            return model

        monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", read_and_remove)
        monkeypatch.setattr(AutoModel, "from_pretrained", pytest.fail)
        session = load(str(copy))
        first, second = session.compare_heads(TEXT), session.compare_heads(TEXT)
        assert first == second
        assert opened == [copy]

    def test_both_models_share_every_weight(self, tiny: Path) -> None:
        both = open_auto_classes(tiny)
        shared = dict(both.causal_lm.transformer.named_parameters())
        own = dict(both.base.named_parameters())
        assert both.base is not both.causal_lm.transformer
        assert list(own) == list(shared)
        assert all(own[name].data_ptr() == shared[name].data_ptr() for name in own)
        assert not both.base.training

    def test_buffers_that_are_not_saved(self, tiny: Path) -> None:
        """Some versions of transformers have masks among them."""
        causal_lm = open_auto_classes(tiny).causal_lm
        mask = torch.arange(3)
        causal_lm.transformer.h[1].attn.register_buffer("mask", mask, persistent=False)
        assert base_model_of(causal_lm).h[1].attn.mask is mask


class TestIdentity:
    def test_it_can_fail(self, tiny: Path) -> None:
        """The base model's own run is compared: turned round, its product is the logits turned round."""
        both = open_auto_classes(tiny)
        both.base.ln_f.register_forward_hook(lambda _module, _inputs, output: -output)
        token_ids = np.arange(100, 110)[None]
        with torch.inference_mode():
            logits = both.causal_lm(torch.from_numpy(token_ids)).logits
        facts = both.compare(token_ids, 4)
        assert facts.max_abs_difference == pytest.approx(2 * logits.abs().max().item(), rel=1e-5)
        assert facts.from_logits.ids[0].tolist() == logits[0, -1].topk(4).indices.tolist()
        assert facts.from_last_hidden_state.ids[0].tolist() == logits[0, -1].topk(4, largest=False).indices.tolist()

    def test_the_result_tells_if_it_fails(self, tiny: Path) -> None:
        session = load(str(tiny))
        session._loaded.auto_classes.base.ln_f.register_forward_hook(lambda _module, _inputs, output: -output)
        result = session.compare_heads(TEXT, top_k=3)
        assert result.identity.same_top_k is False
        assert result.identity.top_logprobs != result.top_logprobs
        text = "".join(render(result, "table", Page(200)))
        assert f"largest difference {result.identity.max_abs_difference:.2g}, another top 3\n" in text

    def test_people_are_told_how_large_the_difference_is(self, tiny: Path) -> None:
        """However small: both models run the same operations on the same numbers, and nothing hides that they do."""
        result = load(str(tiny)).compare_heads(TEXT)
        for difference, words in ((0.0, "difference 0,"), (1.234e-7, "difference 1.2e-07,"), (0.5, "difference 0.5,")):
            told = replace(result, identity=replace(result.identity, max_abs_difference=difference))
            assert f"largest {words} the same top 5\n" in "".join(render(told, "table", Page(200)))

    def test_every_position_counts(self, tiny: Path) -> None:
        both = open_auto_classes(tiny)

        def spoil(_module: Any, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
            return torch.cat([output[:, :1] + 1, output[:, 1:]], dim=1)

        both.base.ln_f.register_forward_hook(spoil)
        facts = both.compare(np.arange(100, 110)[None], 4)
        assert facts.max_abs_difference > 0.1
        assert facts.from_logits.ids.tolist() == facts.from_last_hidden_state.ids.tolist()

    def test_equal_values_alone_are_not_tied(self, tmp_path: Path) -> None:
        folder = make_checkpoint(tmp_path / "untied", tie_word_embeddings=False)
        tensors = load_file(folder / "model.safetensors")
        tensors["lm_head.weight"] = tensors["transformer.wte.weight"].clone()
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        result = load(str(folder)).compare_heads(TEXT)
        assert result.only_in_causal_lm[0].tied_to is None
        assert result.heads.causal_lm.parameters > result.heads.base.parameters

    @pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
    def test_reduced_precision(self, tmp_path: Path, dtype: str) -> None:
        folder = make_checkpoint(tmp_path / "model", initializer_range=0.05)
        result = load(str(folder), dtype=dtype).compare_heads(TEXT)
        assert (result.run.backend, result.run.dtype) == ("torch", dtype)
        assert result.identity.max_abs_difference < 0.05
        assert result.only_in_causal_lm[0].tied_to == "transformer.wte"


class TestCheckpoints:
    def test_pickled_weights(self, tiny: Path, copy: Path) -> None:
        torch.save(load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
        (copy / "model.safetensors").unlink()
        expected, actual = (load(str(folder)).compare_heads(TEXT, tree=True) for folder in (tiny, copy))
        assert (actual.heads, actual.trees) == (expected.heads, expected.trees)
        assert actual.top_logprobs == expected.top_logprobs

    def test_hub_cache(self, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
        fill_cache(tmp_path, "org/model", tiny)
        result = load("org/model").compare_heads(TEXT)
        assert result.model.source == "hub"
        assert result.top_logprobs == load(str(tiny)).compare_heads(TEXT).top_logprobs

    @pytest.mark.parametrize(
        ("settings", "extra"),
        [
            ({"return_dict": False}, {}),
            ({"use_cache": False}, {"past_key_values": None}),
            ({"output_hidden_states": True}, {"hidden_states": (LAYERS + 1, 1, 2, WIDTH)}),
            ({"output_attentions": True}, {}),  # fused attention returns an empty tuple, which holds nothing
        ],
    )
    def test_settings_of_the_checkpoint(self, copy: Path, settings: dict[str, Any], extra: dict[str, Any]) -> None:
        config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
        (copy / "config.json").write_text(json.dumps(config | settings))
        result = load(str(copy)).compare_heads("!!")
        usual = {"past_key_values": (LAYERS, 2, 1, HEADS, 2, WIDTH // HEADS)}
        expected = {name: shape for name, shape in (usual | extra).items() if shape}
        found = [
            {output.name: output.shape for output in model.outputs}
            for model in (result.heads.causal_lm, result.heads.base)
        ]
        assert found == [
            {"logits": (1, 2, VOCAB_SIZE)} | expected,
            {"last_hidden_state": (1, 2, WIDTH)} | expected,
        ]

    def test_whole_context(self, tiny: Path) -> None:
        result = load(str(tiny)).compare_heads("!" * 64)
        assert result.heads.causal_lm.outputs[0].shape == (1, 64, VOCAB_SIZE)


class TestCommandLine:
    def test_json_is_the_record(self, tiny: Path) -> None:
        for options, tree in (([], False), (["--tree"], True)):
            run = run_cli("compare-heads", TEXT, "-m", str(tiny), "--top-k", "3", "--json", *options)
            assert (run.code, run.err) == (0, "")
            document = json.loads(run.out, parse_constant=pytest.fail)
            assert document == load(str(tiny)).compare_heads(TEXT, top_k=3, tree=tree).to_dict()
            assert list(document["heads"]["base"]) == ["auto_class", "class", "parameters", "outputs", "on_request"]
            assert (document["trees"] is None) is not tree
            assert len(document["top_logprobs"]) == 3

    def test_table(self, case: Case) -> None:
        result = case.result
        arguments = ["compare-heads", TEXT, "-m", str(case.folder), "-k", "3"]
        for columns in (80, 40):
            run = run_cli(*arguments, environ={"COLUMNS": str(columns)})
            assert (run.code, run.err) == (0, "")
            assert max(map(cell_len, run.out.splitlines())) <= columns
            words = "".join(run.out.split())
            for word in (
                *("GPT2LMHeadModel", "GPT2Model", "+lm_head", "transformer.wte", "ModuleListof3", "Conv1D"),
                *("Dropout(p=", "LayerNorm(eps=1e-05)", "hidden_states", "batch,heads,tokens,width"),
            ):
                assert word in words
            for module in result.modules:
                assert f"{module.parameters:,}" in words
            assert f"difference{result.identity.max_abs_difference:.2g},thesametop3" in words
            tied = result.only_in_causal_lm[0].tied_to
            assert ("tiedtotransformer.wte" in words) is (tied is not None)
            assert ("withaweightofitsown" in words) is (tied is None)
            for candidate in result.top_logprobs[:3]:
                assert words.count(f"{100 * candidate.prob:.1f}%") >= 2

    def test_tree(self, tiny: Path) -> None:
        """Blocks that are alike are written once."""
        run = run_cli("compare-heads", "hi", "-m", str(tiny), "--tree", environ={"COLUMNS": "80"})
        lines = run.out.splitlines()
        assert next(line for line in lines if line.startswith("+ ")) == "+ lm_head: Linear  weight [384, 48]"
        assert [line for line in lines if "GPT2Block" in line] == ["      0-2: 3 x GPT2Block", "    0-2: 3 x GPT2Block"]
        assert sum("c_attn: Conv1D  weight [48, 144], bias [144]" in line for line in lines) == 2
        start = lines.index("AutoModel: GPT2Model")
        base = lines[start + 1 : lines.index("", start)]
        causal_lm = lines[lines.index("AutoModelForCausalLM: GPT2LMHeadModel") + 1 : start - 1]
        assert [line[2:] for line in causal_lm[1:-1]] == base

    def test_blocks_that_differ_are_written_out(self, tiny: Path) -> None:
        result = load(str(tiny)).compare_heads("hi", tree=True)
        assert result.trees is not None
        odd = tuple(
            replace(module, type="ReLU") if module.name == "h.1.mlp.act" else module for module in result.trees.base
        )
        text = "".join(render(replace(result, trees=replace(result.trees, base=odd)), "table", Page(80)))
        blocks = [line.strip() for line in text.splitlines() if "GPT2Block" in line]
        assert blocks == ["0-2: 3 x GPT2Block", "0: GPT2Block", "1: GPT2Block", "2: GPT2Block"]
        assert text.count("act: ReLU") == 1

    def test_markdown(self, tiny: Path) -> None:
        run = run_cli("compare-heads", "<b>|`*", "-m", str(tiny), "--tree", "-f", "markdown")
        assert run.code == 0
        assert "\n+ lm_head: Linear  weight [384, 48]\n" in run.out
        assert "| logits | [1, " in run.out

    def test_csv(self, tiny: Path) -> None:
        for options in (["--tree"], []):
            run = run_cli("compare-heads", "!!", "-m", str(tiny), "-f", "csv", *options)
            rows = list(csv.DictReader(io.StringIO(run.out)))
            names = [row["causal_lm"] for row in rows if row["part"] == "module"]
            expected = load(str(tiny)).compare_heads("!!", tree=True)
            assert expected.trees is not None
            listed = expected.trees.causal_lm if options else expected.modules
            assert names == [module.name for module in listed]
            assert {row["causal_lm"]: row["base"] for row in rows}["transformer"] == "."
            assert {row["causal_lm"]: row["base"] for row in rows}["lm_head"] == ""
            asked = {row["causal_lm"]: row["shape"] for row in rows if row["part"] == "on_request"}
            assert asked == {"hidden_states": "4 1 2 48", "attentions": "3 1 4 2 2"}
            outputs = {(row["causal_lm"], row["base"]): row["shape"] for row in rows if row["part"] == "output"}
            assert outputs == {
                ("logits", ""): "1 2 384",
                ("", "last_hidden_state"): "1 2 48",
                ("past_key_values", "past_key_values"): "3 2 1 4 2 12",
            }

    def test_jsonl(self, tiny: Path) -> None:
        lines = run_cli("compare-heads", "!!", "-m", str(tiny), "-f", "jsonl").out.splitlines()
        assert [json.loads(line)["class"] for line in lines] == ["GPT2LMHeadModel", "GPT2Model"]

    def test_a_terminal_is_told_that_it_works(self, tiny: Path) -> None:
        """On a line that is erased before anything else is written, also when it fails."""
        for arguments, code in ((["hi"], 0), (["hi", "--device", "cuda:99"], 6)):
            err = Terminal()
            streams = Streams(io.BytesIO(), io.StringIO(), err, {})
            assert run(["compare-heads", *arguments, "-m", str(tiny)], streams) == code
            line, erased, after = err.getvalue().partition("\r\x1b[K")
            assert "torch" in line and erased and ("error: " in after) is bool(code)
            assert bool(code) or not after

    def test_nothing_but_the_result(self, tiny: Path) -> None:
        """In a process of its own, whose standard error torch and transformers may write to as they like."""
        run = run_process("compare-heads", "hi", "-m", str(tiny))
        assert (run.code, run.err) == (0, "")
        assert run.out.startswith(" ") and "lm_head" in run.out


class TestRefused:
    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            (["x", "--backend", "numpy"], 6, ["transformers' own classes", "leave --backend out"]),
            (["x", "--top-k", "0"], 2, ["--top-k is 0"]),
            (["x", "--top-k", str(VOCAB_SIZE + 1)], 2, ["--top-k", str(VOCAB_SIZE)]),
            (["", "--top-k", "1"], 5, ["empty"]),
            (["!" * 65], 5, ["65 tokens", "64"]),
            (["\udcff"], 5, ["UTF-8"]),
            (["x", "--dtype", "int8"], 2, ["int8"]),
            pytest.param(
                ["x", "--device", "cuda"],
                6,
                ["cuda"],
                marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU"),
            ),
        ],
    )
    def test_bad_input(self, tiny: Path, tmp_path: Path, arguments: list[str], code: int, words: list[str]) -> None:
        old = tmp_path / "old"
        old.write_text("old")
        check_error(run_cli("compare-heads", "-m", str(tiny), "-o", str(old), *arguments), code, *words)
        assert (old.read_text(), list(tmp_path.iterdir())) == ("old", [old])

    def test_numpy_in_python(self, tiny: Path) -> None:
        with pytest.raises(BackendUnavailableError, match="transformers' own classes"):
            load(str(tiny), backend="numpy").compare_heads("x")

    @pytest.mark.parametrize("content", [b"", b"broken", b"\xff" * 100])
    def test_broken_weights(self, copy: Path, content: bytes) -> None:
        (copy / "model.safetensors").write_bytes(content)
        check_error(run_cli("compare-heads", "x", "-m", str(copy)), 4, "model.safetensors")

    def test_broken_pickle(self, copy: Path) -> None:
        (copy / "model.safetensors").unlink()
        (copy / "pytorch_model.bin").write_bytes(b"PK\x03\x04cut off")
        check_error(run_cli("compare-heads", "x", "-m", str(copy)), 4, "pytorch_model.bin", "cut off")

    @pytest.mark.parametrize("name", ["transformer.h.1.ln_2.bias", "transformer.wpe.weight"])
    def test_missing_tensor(self, copy: Path, name: str) -> None:
        tensors = load_file(copy / "model.safetensors")
        del tensors[name]
        save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
        check_error(run_cli("compare-heads", "x", "-m", str(copy)), 4, f"lack the tensor '{name}'")

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_weights_that_are_no_numbers(self, copy: Path, value: float) -> None:
        tensors = load_file(copy / "model.safetensors")
        tensors["transformer.wpe.weight"][0] = value  # seen by the first position alone; the others see it there
        save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(ModelUnusableError, match="not finite"):
            load(str(copy)).compare_heads("!!!")

    @pytest.mark.parametrize(
        ("arguments", "code"), [(["x", "--backend", "numpy"], 6), (["x", "-k", "0"], 2), (["", "-k", "1"], 5)]
    )
    def test_torch_is_not_loaded_for_an_error(self, tiny: Path, arguments: list[str], code: int) -> None:
        check_absent(modules_of("compare-heads", *arguments, "-m", str(tiny), code=code), HEAVY | RICH)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU")
class TestGPU:
    @pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-2), ("bfloat16", 1.0)])
    def test_the_same_as_on_the_cpu(self, tiny: Path, dtype: str, tolerance: float) -> None:
        expected = load(str(tiny)).compare_heads(TEXT, tree=True)
        result = load(str(tiny), device="cuda", dtype=dtype).compare_heads(TEXT, tree=True)
        assert (result.run.backend, result.run.device, result.run.dtype) == ("torch", "cuda", dtype)
        assert (result.heads, result.trees) == (expected.heads, expected.trees)
        assert result.only_in_causal_lm == expected.only_in_causal_lm
        assert result.identity.max_abs_difference < tolerance


def test_help_says_what_it_costs() -> None:
    run = run_cli("compare-heads", "--help")
    assert "takes seconds" in " ".join(run.out.split()) and "--tree" in run.out
