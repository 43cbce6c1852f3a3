"""The tokens that end a text, and the one that begins it: what generate() of transformers goes by."""

from pathlib import Path
from typing import NamedTuple

from ..filenames import GENERATION_CONFIG
from .config import Fields, GPT2Config, read_json


class SpecialIds(NamedTuple):
    """Names are those of transformers' GenerationConfig."""

    eos_token_ids: tuple[int, ...]
    """Each of them ends a text; empty if none does."""
    bos_token_id: int | None


def special_ids(folder: Path, config: GPT2Config) -> SpecialIds:
    """Those of generation_config.json, if there is one, whatever it lacks; else those of config.json.

    That is the order of GenerationMixin.adjust_generation_fn: a generation_config.json is never completed from
    config.json, and the defaults of GPT2Config do not count.

    Raises:
        ModelUnusableError: generation_config.json is broken, or holds something else in their place. (transformers
            would pass over one that is not JSON.)
    """
    path = folder / GENERATION_CONFIG
    if not path.is_file():
        return SpecialIds(config.eos_token_ids, config.bos_token_id)
    fields = Fields(read_json(path), path)
    return SpecialIds(fields.token_ids("eos_token_id"), fields.token_id("bos_token_id"))
