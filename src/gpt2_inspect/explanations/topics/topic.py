"""What every topic consists of."""

from typing import NamedTuple


class Topic(NamedTuple):
    """A few paragraphs about one thing."""

    title: str
    paragraphs: tuple[str, ...]
    code: tuple[str, ...]
    """Lines of Python, but for comments the same in any language; `# ...` behind a print is what it prints."""
    shown_by: str
    """A command that shows it, with a text in the language in use."""
    related: tuple[str, ...]
    """Other topics."""


POCKET = (
    "from importlib.resources import files",
    "import torch",
    "from transformers import AutoModelForCausalLM, AutoTokenizer",
    'name = str(files("gpt2_inspect") / "data" / "pocket")',
    "tokenizer = AutoTokenizer.from_pretrained(name)",
    "model = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32)",
    'ids = tokenizer("Once upon a time", return_tensors="pt").input_ids',
)
"""The bundled model, and a text of four tokens."""
