"""Where a model's files are found: named, by default, in the hub's cache, on the hub."""

import json
import os
import socket
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from checkpoints import COMMIT, fill_cache
from gpt2_inspect.errors import InspectError, ModelNotFoundError, ModelUnusableError, NetworkError, UsageError
from gpt2_inspect.sources import find_model, hub_cache
from gpt2_inspect.sources.hub_download import download, files_to_fetch
from harness import check_error, run_cli, run_process
from hub import local_hub

OTHER = "f" * 40


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache that the environment points to."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def bundled(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny checkpoint in the place of the bundled model."""
    from gpt2_inspect import sources
    from gpt2_inspect.sources.base import ModelFiles

    monkeypatch.setattr(sources, "bundled_model", lambda name: ModelFiles(name, "bundled", tiny))


@pytest.mark.usefixtures("cache")
class TestBundled:
    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("", "pocket"),
            ("hello,how are you", "pocket"),
            ("naïve 🙂 … «…»！，。", "pocket"),
            ("カタカナ", "pocket"),
            ("한국어", "pocket"),
            ("春天来了，", "pocket-zh"),
            ("say 你 in English", "pocket-zh"),
            ("𠮷", "pocket-zh"),
            ("〇㐀", "pocket-zh"),
        ],
    )
    def test_the_text_chooses_the_language(self, text: str, name: str) -> None:
        done = run_cli("encode", text or "<|endoftext|>", "--json")
        assert json.loads(done.out)["model"]["name"] == name
        assert done.err.startswith("note: ") and f"this is {name}, not GPT-2" in done.err

    def test_a_named_model_answers_whatever_the_text(self) -> None:
        for name, text in (("pocket", "春天来了，"), ("pocket-zh", "hello")):
            done = run_cli("next-tokens", text, "--steps", "1", "--model", name, "--json")
            assert json.loads(done.out)["model"]["name"] == name and "not GPT-2" not in done.err

    def test_a_cached_gpt2_answers_chinese_too(self, cache: Path, tiny: Path) -> None:
        fill_cache(cache, "gpt2", tiny)
        assert json.loads(run_cli("encode", "你好", "--json").out)["model"]["name"] == "gpt2"

    def test_ids_that_the_text_has_chosen_the_model_for_say_which(self) -> None:
        assert "decode --model pocket-zh" in run_cli("encode", "--ids", "你好").err
        assert run_cli("encode", "--ids", "你好", "--model", "pocket-zh").err == ""


class TestCache:
    def test_model_is_found(self, cache: Path, tiny: Path) -> None:
        snapshot = fill_cache(cache, "gpt2", tiny)
        model = find_model("gpt2", offline=True)
        assert (model.name, model.source, model.folder, model.revision) == ("gpt2", "hub", snapshot, COMMIT)

    @pytest.mark.parametrize(
        ("name", "repository"),
        [
            ("gpt2", "openai-community/gpt2"),
            ("gpt2-xl", "openai-community/gpt2-xl"),
            ("distilgpt2", "distilbert/distilgpt2"),
            ("org/name.x-1_2", "org/name.x-1_2"),
        ],
    )
    def test_model_is_found_where_it_has_moved(self, cache: Path, tiny: Path, name: str, repository: str) -> None:
        fill_cache(cache, repository, tiny)
        model = find_model(name, offline=True)
        assert (model.name, model.revision) == (name, COMMIT)

    @pytest.mark.parametrize("revision", ["main", "v1.0", "refs/pr/3", OTHER])
    def test_revision(self, cache: Path, tiny: Path, revision: str) -> None:
        fill_cache(cache, "gpt2", tiny)
        fill_cache(cache, "gpt2", tiny, OTHER, ("v1.0", "refs/pr/3"))
        expected = COMMIT if revision == "main" else OTHER
        assert find_model("gpt2", revision, offline=True).revision == expected

    @pytest.mark.parametrize("revision", ["v2", "e" * 40, "0123456", "../../secret", "", "a" * 300])
    def test_revision_that_is_not_cached(self, cache: Path, tiny: Path, revision: str) -> None:
        fill_cache(cache, "gpt2", tiny, refs=())
        (cache / "secret").write_text("not a commit")
        with pytest.raises(ModelNotFoundError):
            find_model("gpt2", revision, offline=True)

    @pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "tokenizer.json"])
    def test_incomplete_snapshot_is_ignored(self, cache: Path, tiny: Path, missing: str) -> None:
        snapshot = fill_cache(cache, "gpt2", tiny)
        (snapshot / missing).unlink()
        with pytest.raises(ModelNotFoundError):
            find_model("gpt2", offline=True)

    def test_dangling_link_is_ignored(self, cache: Path, tiny: Path) -> None:
        snapshot = fill_cache(cache, "gpt2", tiny)
        (snapshot / "model.safetensors").resolve().unlink()
        with pytest.raises(ModelNotFoundError):
            find_model("gpt2", offline=True)

    def test_garbled_ref_is_ignored(self, cache: Path, tiny: Path) -> None:
        fill_cache(cache, "gpt2", tiny)
        (cache / "models--gpt2/refs/main").write_bytes(b"../\xff")
        with pytest.raises(ModelNotFoundError):
            find_model("gpt2", offline=True)

    def test_pipe_for_a_ref_is_ignored(self, cache: Path, tiny: Path) -> None:
        """Who opens one waits for somebody to write to it."""
        fill_cache(cache, "gpt2", tiny, refs=())
        (cache / "models--gpt2/refs").mkdir()
        os.mkfifo(cache / "models--gpt2/refs/main")
        with pytest.raises(ModelNotFoundError):
            find_model("gpt2", offline=True)

    def test_unreadable_cache_is_no_cache(
        self, cache: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, bundled: None
    ) -> None:
        def refuse(_folder: Path) -> list[str]:
            raise PermissionError(13, "Permission denied")

        fill_cache(cache, "gpt2", tiny)
        monkeypatch.setattr(hub_cache, "missing_files", refuse)
        assert find_model().source == "bundled"

    @pytest.mark.parametrize(
        ("environ", "expected"),
        [
            ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b", "XDG_CACHE_HOME": "/c"}, "/a"),
            ({"HUGGINGFACE_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
            ({"HF_HOME": "/b", "XDG_CACHE_HOME": "/c"}, "/b/hub"),
            ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
            ({}, "/home/me/.cache/huggingface/hub"),
            ({"HF_HOME": "", "XDG_CACHE_HOME": ""}, "/home/me/.cache/huggingface/hub"),
            ({"HF_HOME": "~/hf"}, "/home/me/hf/hub"),
            ({"HF_HOME": "~no-such-user/hf"}, "~no-such-user/hf/hub"),
        ],
    )
    def test_place(self, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], expected: str) -> None:
        for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("HOME", "/home/me")
        for variable, value in environ.items():
            monkeypatch.setenv(variable, value)
        assert hub_cache.cache_folder() == Path(expected)


class TestDefault:
    def test_bundled_with_a_note(self, cache: Path, bundled: None) -> None:
        run = run_cli("next-tokens", "hi", "--json", "-n", "1")
        assert run.code == 0
        assert run.err.startswith("note: ") and run.err.count("\n") == 1
        assert "not GPT-2" in run.err and "--model gpt2" in run.err
        assert json.loads(run.out)["model"]["name"] == "pocket"

    @pytest.mark.parametrize("how", ["option", "variable"])
    def test_no_note_when_named(self, bundled: None, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
        named = ["--model", "pocket"] if how == "option" else []
        if how == "variable":
            monkeypatch.setenv("GPT2_INSPECT_MODEL", "pocket")
        run = run_cli("next-tokens", "hi", "--json", "-n", "1", *named)
        assert (run.code, run.err) == (0, "")

    def test_gpt2_if_it_is_cached(self, cache: Path, tiny: Path, bundled: None) -> None:
        fill_cache(cache, "openai-community/gpt2", tiny)
        run = run_cli("next-tokens", "hi", "--json", "-n", "1")
        assert (run.code, run.err) == (0, "")
        model = json.loads(run.out)["model"]
        assert (model["name"], model["source"], model["revision"]) == ("gpt2", "hub", COMMIT)

    def test_variable(self, tiny: Path, bundled: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GPT2_INSPECT_MODEL", str(tiny))
        assert json.loads(run_cli("next-tokens", "hi", "--json", "-n", "1").out)["model"]["source"] == "directory"
        run = run_cli("next-tokens", "hi", "--json", "-n", "1", "--model", "pocket")
        assert json.loads(run.out)["model"]["source"] == "bundled"

    def test_empty_variable_is_none(self, bundled: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GPT2_INSPECT_MODEL", "")
        assert run_cli("next-tokens", "hi", "--json", "-n", "1").err.startswith("note: ")

    def test_bundled_files_are_there(self) -> None:
        from gpt2_inspect.sources.base import missing_files

        assert missing_files(find_model("pocket").folder) == []


class TestNames:
    def test_directory_wins_over_hub_id(
        self, cache: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill_cache(cache, "mine", tiny)
        (tmp_path / "mine").symlink_to(tiny)
        monkeypatch.chdir(tmp_path)
        assert find_model("mine").source == "directory"

    def test_home(self, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tiny.parent))
        assert find_model("~/tiny").folder == tiny

    @pytest.mark.parametrize("name", ["pocket", "."])
    def test_revision_is_for_the_hub(self, tiny: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.chdir(tiny)
        with pytest.raises(UsageError, match="revision is"):
            find_model(name, "main")

    def test_revision_without_a_name(self, cache: Path) -> None:
        with pytest.raises(UsageError, match="revision is"):
            find_model(None, "main")

    @pytest.mark.parametrize(
        "name", ["a b", "a/b/c", "a..b", "a--b", "-a", "你好", "a" * 97, "x\ny", "https://hf.co/gpt2"]
    )
    def test_no_hub_id(self, name: str) -> None:
        with pytest.raises(ModelNotFoundError, match="cannot be a hub id"):
            find_model(name)

    @pytest.mark.parametrize(
        "name", ["./none", "/none", "~/none", "none/", "~no-such-user/x", "/" + "a" * 300, "/dev/null"]
    )
    def test_no_directory(self, name: str) -> None:
        with pytest.raises(ModelNotFoundError, match="model directory"):
            find_model(name)

    @pytest.mark.parametrize(
        ("missing", "named"),
        [("config.json", "config.json"), ("model.safetensors", "model.safetensors"), ("tokenizer.json", "tokenizer")],
    )
    def test_incomplete_directory(self, tiny: Path, tmp_path: Path, missing: str, named: str) -> None:
        for file in tiny.iterdir():
            if file.name != missing:
                (tmp_path / file.name).symlink_to(file)
        with pytest.raises(ModelUnusableError, match=f"it lacks {named}") as caught:
            find_model(str(tmp_path))
        assert caught.value.hint

    @pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
    def test_pipe_or_device_in_a_directory(self, tiny: Path, tmp_path: Path, name: str) -> None:
        for file in tiny.iterdir():
            if file.name != name:
                (tmp_path / file.name).symlink_to(file)
        for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
            make(tmp_path / name)
            with pytest.raises(ModelUnusableError, match=f"it lacks {name}"):
                find_model(str(tmp_path))
            (tmp_path / name).unlink()

    def test_pipe_for_a_pickled_shard(self, tiny: Path, tmp_path: Path) -> None:
        for name in ("config.json", "tokenizer.json"):
            (tmp_path / name).symlink_to(tiny / name)
        (tmp_path / "pytorch_model.bin.index.json").write_text('{"weight_map": {"wte.weight": "pipe.bin"}}')
        os.mkfifo(tmp_path / "pipe.bin")
        check_error(run_cli("next-tokens", "a", "-m", str(tmp_path)), 4, "names the file 'pipe.bin', which is not")


class TestOffline:
    def test_option(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("HF_HUB_OFFLINE")
        run = run_cli("next-tokens", "hi", "--model", "gpt2-medium", "--offline")
        check_error(run, 3, "gpt2-medium", "--offline", hint=True)

    @pytest.mark.parametrize("value", ["1", "ON", "yes", "True"])
    def test_variable(self, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
        monkeypatch.setenv("HF_HUB_OFFLINE", value)
        check_error(run_cli("next-tokens", "hi", "--model", "gpt2-medium"), 3, "HF_HUB_OFFLINE", hint=True)

    def test_no_network(self, tmp_path: Path) -> None:
        """The real client, and an address where nobody answers."""
        environ = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_CACHE": str(tmp_path)}
        run = run_process("next-tokens", "hi", "--model", "org/none", environ=environ, timeout=30)
        check_error(run, 3, "org/none", "cannot be reached", hint=True)


class TestDownload:
    """huggingface_hub's own functions stand in for the hub, and raise what they raise."""

    @pytest.fixture(autouse=True)
    def _files(self, cache: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import huggingface_hub

        def model_info(_api: Any, hub_id: str, revision: str | None = None) -> Any:
            return MagicMock(siblings=[MagicMock(rfilename=name) for name in [*names, "model.py", "tf_model.h5"]])

        def snapshot_download(hub_id: str, revision: str | None, allow_patterns: list[str]) -> None:
            assert sorted(allow_patterns) == sorted(names)
            fill_cache(cache, hub_id, tiny, refs=(revision or "main",))

        names = [file.name for file in tiny.iterdir()]
        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
        monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)

    @staticmethod
    def http_error(kind: str) -> Exception:
        from huggingface_hub import errors

        error: Exception = getattr(errors, kind)("503 Service Unavailable\nmore", response=MagicMock())
        return error

    @pytest.mark.parametrize("revision", [None, "v1"])
    def test_success(self, revision: str | None) -> None:
        model = download("org/name", revision)
        assert (model.name, model.source, model.revision) == ("org/name", "hub", COMMIT)

    @pytest.mark.parametrize(
        ("kind", "expected", "message"),
        [
            ("RepositoryNotFoundError", ModelNotFoundError, "no model 'org/name'"),
            ("RevisionNotFoundError", ModelNotFoundError, "no revision 'v1' of 'org/name'"),
            ("GatedRepoError", ModelNotFoundError, "gated"),
            ("HfHubHTTPError", NetworkError, "refused 'org/name': 503 Service Unavailable$"),
        ],
    )
    def test_refusal(
        self, monkeypatch: pytest.MonkeyPatch, kind: str, expected: type[InspectError], message: str
    ) -> None:
        import huggingface_hub

        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", MagicMock(side_effect=self.http_error(kind)))
        with pytest.raises(expected, match=message):
            download("org/name", "v1")

    def test_hub_out_of_reach(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import huggingface_hub

        error = ConnectionError("[Errno -2] Name or service not known")
        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", MagicMock(side_effect=error))
        for cause, reason in ((None, "Errno -2"), (socket.gaierror(-2, "as the system says"), "not known here")):
            error.__cause__ = cause
            with pytest.raises(ModelNotFoundError, match=f"cannot be reached .*{reason}"):
                download("org/name", None)

    def test_answer_that_is_not_the_hubs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import huggingface_hub

        error = json.JSONDecodeError("Expecting value", "<html>", 0)
        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", MagicMock(side_effect=error))
        with pytest.raises(NetworkError, match="makes no sense"):
            download("org/name", None)

    def test_connection_lost(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import huggingface_hub

        for error in (ConnectionResetError(104, "Connection reset by peer"), self.http_error("HfHubHTTPError")):
            monkeypatch.setattr(huggingface_hub, "snapshot_download", MagicMock(side_effect=error))
            with pytest.raises(NetworkError, match="the download of 'org/name' failed: ") as caught:
                download("org/name", None)
            assert "\n" not in caught.value.message

    def test_repository_that_is_no_model(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import huggingface_hub

        monkeypatch.setattr(huggingface_hub, "snapshot_download", MagicMock())
        with pytest.raises(ModelUnusableError, match=r"lacks config\.json"):
            download("org/name", None)


def test_real_client(tiny: Path, tmp_path: Path) -> None:
    """The real huggingface_hub downloads once; the second run needs neither the hub nor huggingface_hub."""
    environ = {"HF_HUB_OFFLINE": "0", "HF_HUB_CACHE": str(tmp_path), "NO_PROXY": "127.0.0.1"}
    arguments = ["next-tokens", "hi", "-n", "1", "--json", "--model"]
    with local_hub(tiny) as address:
        first = run_process(*arguments, "org/tiny", environ={**environ, "HF_ENDPOINT": address})
        unknown = run_process(*arguments, "org/other", environ={**environ, "HF_ENDPOINT": address})
    second = run_process(*arguments, "org/tiny", environ={**environ, "HF_HUB_OFFLINE": "1"})
    assert first.code == second.code == 0, first.err
    assert second.err == ""
    assert json.loads(first.out)["model"] == json.loads(second.out)["model"]
    assert json.loads(first.out)["model"]["revision"] == COMMIT
    assert not list(tmp_path.rglob("*.py"))
    check_error(unknown, 3, "no model 'org/other'")


SHARDS = ["model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            [
                "config.json",
                "model.safetensors",
                "pytorch_model.bin",
                "tf_model.h5",
                "flax_model.msgpack",
                "vocab.json",
            ],
            {"config.json", "model.safetensors", "vocab.json"},
        ),
        (
            ["config.json", "pytorch_model.bin", "rust_model.ot", "merges.txt", "vocab.json", "README.md", "64.tflite"],
            {"config.json", "pytorch_model.bin", "merges.txt", "vocab.json"},
        ),
        (
            [*SHARDS, "pytorch_model.bin", "onnx/model.safetensors", "modeling_gpt2.py", "tokenizer.json"],
            {*SHARDS, "tokenizer.json"},
        ),
        (
            ["pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin", "model-x.bin", "vocab.txt"],
            {"pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin", "vocab.txt"},
        ),
        (["README.md"], set()),
    ],
)
def test_files_to_fetch(names: list[str], expected: set[str]) -> None:
    chosen = files_to_fetch(names)
    assert set(chosen) == expected
    assert len(chosen) == len(expected)
