"""Other spellings of this command line's names: with underscores, and transformers' words for the same thing."""

SAME_AS = {
    "max-new-tokens": "steps",
    "torch-dtype": "dtype",
    "local-files-only": "offline",
    "pretrained-model-name-or-path": "model",
    "model-name-or-path": "model",
}
"""Names that transformers gives to exactly what an option does, and the option. No help shows them."""


def own_name(name: str) -> str:
    """The name of a command or option, without its dashes in front, as this command line spells it."""
    name = name.replace("_", "-")
    return SAME_AS.get(name, name)
