"""Checkpoints in every spelling that transformers understands: the same numbers, the same ends, the same refusals."""

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub.errors import StrictDataclassFieldValidationError
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, GPT2Config

from checkpoints import VOCAB_SIZE, make_checkpoint
from gpt2_inspect.backends import load_backend
from gpt2_inspect.checkpoint.config import parse_config, read_config
from gpt2_inspect.errors import ModelUnusableError
from gpt2_inspect.session import load
from harness import both_backends, ids_of

pytestmark = pytest.mark.usefixtures("one_torch_thread")

Tensors = dict[str, torch.Tensor]

TEXT = "hello, how"
STEPS, BEAMS = 8, 3

SIZES = {"n_layer": 1, "n_head": 4, "n_embd": 24, "n_positions": 40}
HEADS = ["none", "equal", "other", "other, shorter floats", "in place of wte"]
NAMES = ["prefix", "no prefix", "some with", "both"]
ENDS = ["config", "config, a list", "generation", "generation, a list", "generation, none", "nowhere"]


def write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def write_tensors(folder: Path, tensors: Tensors, *, shards: int = 1) -> None:
    """One file, or an index and several."""
    (folder / "model.safetensors").unlink(missing_ok=True)
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    files = {name: f"model-{number % shards}.safetensors" for number, name in enumerate(tensors)}
    for file in set(files.values()):
        part = {name: tensor for name, tensor in tensors.items() if files[name] == file}
        save_file(part, folder / file, metadata={"format": "pt"})
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": files})


def spell(random: Random, settings: dict[str, Any]) -> None:
    """Sizes under their own names, under their aliases, or under both, of which the alias is the true one."""
    for alias, name in GPT2Config.attribute_map.items():
        way = random.choice(["name", "alias", "both"])
        if way != "name":
            settings[alias] = settings.pop(name)
        if way == "both":
            settings[name] = 2 * settings[alias]


def with_head(random: Random, tensors: Tensors, head: str) -> Tensors:
    wte = tensors["transformer.wte.weight"]
    other = wte.roll(1, 0)
    if head == "other, shorter floats":
        other = (wte + 1e-4).half()
    heads = {"none": {}, "equal": {"lm_head.weight": wte.clone()}, "in place of wte": {"lm_head.weight": wte}}
    tensors = tensors | heads.get(head, {random.choice(["lm_head.weight", "transformer.lm_head.weight"]): other})
    if head == "in place of wte":
        del tensors["transformer.wte.weight"]
    return tensors


def named(random: Random, tensors: Tensors, names: str) -> Tensors:
    """With the prefix or without it; under `both`, some tensors stand there twice and differ."""
    renamed = {}
    for name, tensor in tensors.items():
        short = name.removeprefix("transformer.")
        if names == "no prefix" or (names == "some with" and random.random() < 0.5):
            name = short
        elif names == "both" and random.random() < 0.5 and name != short:
            renamed[short] = tensor + 0.05
        renamed[name] = tensor
    return renamed


def write_ends(folder: Path, settings: dict[str, Any], ends: str, ids: list[int]) -> None:
    """Only those of one place count, so the other place names what the model takes first."""
    decoy, value = ids[0], ids[1:] if "list" in ends else ids[1]
    settings["eos_token_id"] = {"config": value, "generation": decoy}.get(ends.split(",")[0])
    if ends.startswith("generation"):
        write_json(folder / "generation_config.json", {} if "none" in ends else {"eos_token_id": value})
    if ends == "nowhere":
        del settings["eos_token_id"]


def reference(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def generate(model: Any, prompt: list[int], num_beams: int) -> list[tuple[int, ...]]:
    inputs = torch.tensor([prompt])
    rows = model.generate(
        inputs,
        attention_mask=torch.ones_like(inputs),
        do_sample=False,
        num_beams=num_beams,
        num_return_sequences=num_beams,
        max_new_tokens=STEPS,
        pad_token_id=0,
    )
    ends = model.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    return [tuple(without_padding(row, ends)) for row in rows[:, len(prompt) :].tolist()]


def without_padding(row: list[int], ends: list[int]) -> Iterator[int]:
    for token_id in row:
        yield token_id
        if token_id in ends:
            return


def all_logits(folder: Path, backend: str, prompt: list[int]) -> np.ndarray:
    runner = load_backend(folder, read_config(folder / "config.json"), backend, "cpu", "float32")
    return runner.forward(np.array([prompt]), None, every_position=True).to_numpy()


def check_same(folder: Path) -> list[str]:
    """Numbers, texts and counts of both backends against transformers'; how the texts ended."""
    model = reference(folder)
    for backend in ("numpy", "torch"):
        session = load(str(folder), backend=backend)
        found = session.compare_search(TEXT, steps=STEPS, num_beams=BEAMS)
        prompt = ids_of(found)
        with torch.inference_mode():
            expected = model(torch.tensor([prompt])).logits[0].numpy()
        np.testing.assert_allclose(all_logits(folder, backend, prompt), expected, rtol=0, atol=1e-4)
        (greedy,) = generate(model, prompt, 1)
        assert found.greedy.token_ids == greedy
        assert [beam.token_ids for beam in found.beams] == generate(model, prompt, BEAMS)
        steps = session.next_tokens(TEXT, steps=STEPS)
        assert (steps.completion.token_ids, steps.finish_reason) == (greedy, found.greedy.finish_reason)
        assert found.model.parameters == steps.model.parameters == sum(p.numel() for p in model.parameters())
        assert found.model.n_head == model.config.n_head
    return [beam.finish_reason for beam in (found.greedy, *found.beams)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tied model, with weights small enough for logits that float32 holds to 1e-4."""
    return make_checkpoint(tmp_path_factory.mktemp("forms") / "base", initializer_range=0.3, **SIZES)


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    return shutil.copytree(base, tmp_path / "model")


@pytest.fixture(scope="module")
def continuation(base: Path) -> list[int]:
    """What greedy search takes, each token once."""
    model = reference(base)
    model.generation_config.eos_token_id = None
    prompt = ids_of(load(str(base)).encode(TEXT))
    return list(dict.fromkeys(generate(model, prompt, 1)[0]))


@pytest.mark.parametrize("seed", range(12))
def test_any_form_gives_what_transformers_gives(folder: Path, continuation: list[int], seed: int) -> None:
    """Random forms; but every kind of head, of names and of ends comes up among so many seeds."""
    random = Random(seed)
    settings = read_json(folder / "config.json")
    (folder / "generation_config.json").unlink()
    head = HEADS[seed % len(HEADS)]
    settings["tie_word_embeddings"] = head in ("none", "in place of wte") or random.random() < 0.6
    spell(random, settings)
    write_ends(folder, settings, ENDS[seed % len(ENDS)], continuation)
    tensors = with_head(random, load_file(folder / "model.safetensors"), head)
    write_tensors(folder, named(random, tensors, NAMES[seed % len(NAMES)]), shards=random.choice([1, 3]))
    write_json(folder / "config.json", settings)
    check_same(folder)


@pytest.mark.parametrize("ends", [ends for ends in ENDS if ends != "nowhere"])
def test_ends(folder: Path, continuation: list[int], ends: str) -> None:
    settings = read_json(folder / "config.json")
    (folder / "generation_config.json").unlink()
    write_ends(folder, settings, ends, continuation)
    write_json(folder / "config.json", settings)
    assert (check_same(folder)[0] == "eos") is ("none" not in ends)


def test_several_ends_leave_beams_to_run_on(folder: Path) -> None:
    """All but the least probable tokens end a text: the best 2 * num_beams extensions have ended, others run on."""
    prompt = ids_of(load(str(folder)).encode(TEXT))
    best_first = np.argsort(-all_logits(folder, "numpy", prompt)[-1])
    write_json(folder / "generation_config.json", {"eos_token_id": best_first[:-8].tolist()})
    assert "eos" in check_same(folder)
    first, *_ = load(str(folder)).compare_search(TEXT, steps=STEPS, num_beams=BEAMS).tree
    assert all(candidate.ended for candidate in first.candidates[: 2 * BEAMS])
    assert sum(candidate.beam is not None for candidate in first.candidates) == BEAMS


@pytest.mark.parametrize("content", ['{"eos_token_id": "x"}', '{"eos_token_id": []}', "[]", "{"])
def test_broken_generation_config(folder: Path, content: str) -> None:
    (folder / "generation_config.json").write_text(content)
    with pytest.raises(ModelUnusableError, match=r"generation_config\.json"):
        load(str(folder)).next_tokens(TEXT, steps=1)


def test_an_empty_prompt_starts_where_that_of_generate_does(folder: Path) -> None:
    write_json(folder / "generation_config.json", {"bos_token_id": 7})
    result = load(str(folder)).next_tokens("", steps=STEPS)
    assert ids_of(result) == [7]
    assert result.completion.token_ids == generate(reference(folder), [7], 1)[0]


@both_backends
def test_heads_of_one_count_their_weights(folder: Path, backend: str) -> None:
    """Before the weights are loaded, their number is that of config.json."""
    tensors = load_file(folder / "model.safetensors")
    write_tensors(folder, tensors | {"lm_head.weight": tensors["transformer.wte.weight"] + 1})
    session = load(str(folder), backend=backend)
    tied = session.encode(TEXT).model.parameters
    assert session.score(TEXT).model.parameters == tied + VOCAB_SIZE * SIZES["n_embd"]
    if backend == "torch":
        heads = load(str(folder), backend=backend).compare_heads(TEXT)
        assert heads.model.parameters == heads.heads.causal_lm.parameters
        assert heads.only_in_causal_lm[0].tied_to is None


@both_backends
@pytest.mark.parametrize("tie", [True, False])
def test_a_head_of_another_shape(folder: Path, backend: str, tie: bool) -> None:
    write_tensors(folder, load_file(folder / "model.safetensors") | {"lm_head.weight": torch.zeros(3, 24)})
    write_json(folder / "config.json", read_json(folder / "config.json") | {"tie_word_embeddings": tie})
    with pytest.raises(ModelUnusableError, match=r"lm_head\.weight"):
        load(str(folder), backend=backend).score(TEXT)


OWN_FIELDS = [field.name for field in dataclasses.fields(GPT2Config) if field.name in GPT2Config.__annotations__]


@pytest.mark.parametrize("name", OWN_FIELDS)
def test_what_transformers_refuses(name: str) -> None:
    """Values of each type: what GPT2Config takes is taken, and what it does not is refused."""
    for value in (None, "x", 1, 0.5, True, [1], {}):
        settings = {"n_embd": 24, "n_head": 1, name: value}
        try:
            GPT2Config(**settings)
        except StrictDataclassFieldValidationError:
            with pytest.raises(ModelUnusableError, match=name):
                parse_config({"model_type": "gpt2"} | settings, Path("config.json"))
        else:
            parse_config({"model_type": "gpt2"} | settings, Path("config.json"))


@pytest.mark.parametrize("name", GPT2Config.attribute_map)
@pytest.mark.parametrize("value", [None, "2"])
def test_aliases_of_a_wrong_type(folder: Path, name: str, value: Any) -> None:
    """transformers finds them out when it builds the model."""
    write_json(folder / "config.json", read_json(folder / "config.json") | {name: value})
    with pytest.raises(TypeError):
        reference(folder)
    with pytest.raises(ModelUnusableError, match=name):
        load(str(folder))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("configuration_files", ["config.4.0.0.json"]),
        ("transformers_weights", "other.safetensors"),
        ("sliding_window", 3),
        ("layer_types", ["sliding_attention"]),
    ],
)
def test_settings_that_neither_backend_follows(folder: Path, name: str, value: Any) -> None:
    write_json(folder / "config.json", read_json(folder / "config.json") | {name: value})
    with pytest.raises(ModelUnusableError, match=name):
        load(str(folder))
