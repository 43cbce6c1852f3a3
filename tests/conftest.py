"""Fixtures that several test files share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from checkpoints import make_bert_style_checkpoint, make_checkpoint


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with GPT-2's usual settings, and weights for nothing but tests."""
    return make_checkpoint(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with vocab.json and merges.txt, of which a short text loads a part only."""
    return make_checkpoint(tmp_path_factory.mktemp("models") / "pair", tokenizer_as_pair=True, n_layer=1)


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a BERT-style vocab.txt."""
    return make_bert_style_checkpoint(tmp_path_factory.mktemp("models") / "bert", n_layer=1)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the user's hub cache, settings or terminal, or asks the network."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path_factory.getbasetemp() / "empty-hub-cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("GPT2_INSPECT_LANG", "en")
    for variable in ("GPT2_INSPECT_MODEL", "COLUMNS", "NO_COLOR"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="session")
def one_torch_thread() -> Iterator[None]:
    """Matrices as small as these are slower on several threads, and very slow on a busy machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
