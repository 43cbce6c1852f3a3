"""An example of each command, for the tests of what holds for all of them."""

TEXT = "hello, how are you"

ARGUMENTS: dict[str, list[str]] = {
    "next-tokens": [TEXT, "--steps", "3"],
    "compare-search": [TEXT, "--steps", "3"],
    "score": [TEXT],
    "logits": [TEXT],
    "encode": [TEXT],
    "decode": ["104", "101"],
    "embeddings": [TEXT],
    "attention": [TEXT],
    "hidden-states": [TEXT, "--lens"],
    "compare-heads": [TEXT],
}
"""For each command, enough to get an answer from the tiny checkpoint."""

VARIANTS: list[tuple[str, list[str]]] = [
    *ARGUMENTS.items(),
    ("decode", ["--prompt", TEXT]),
    ("attention", [TEXT, "--layer", "1", "--head", "2"]),
    ("score", [TEXT, "--bos"]),
    ("score", [TEXT, "--within", "100000"]),
    ("logits", [TEXT, "--temperatures", "0.5,1", "--top-p", "0.9"]),
    ("compare-heads", [TEXT, "--tree"]),
    ("attention", [TEXT, "--rows"]),
    ("hidden-states", [TEXT, "--lens", "--position", "all"]),
]
"""And the other forms that an answer can take."""

OTHERS: list[tuple[str, list[str]]] = [
    ("compare", [TEXT, "hello"]),
    ("compare", [TEXT, "--temperature", "1", "--temperature", "2"]),
    ("report", [TEXT, "--steps", "3"]),
    ("quiz", ["hello, how are you? I am fine, thank you."]),
    ("models", ["list"]),
    ("models", ["check", "pocket"]),
]
"""Of the commands that ask more, or something else, than one question."""

NO_MODEL_RUNS = ("encode", "decode")
OWN_CLASSES = ("compare-heads",)
"""Commands that look at transformers' classes, and so need torch."""
