"""Print what a model writes after each of some fixed prompts, unedited, as markdown.

    python training/samples.py MODEL_DIR [--prompts FILE]

The prompts, a line each, stand in prompts.txt and were not chosen for what the model makes of them. Each is continued
twice by 40 tokens: greedily, and sampled at temperature 0.8 from the nucleus of 95 % (Holtzman et al. 2020,
https://arxiv.org/abs/1904.09751) with a fixed seed.
"""

import argparse
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

PROMPTS = Path(__file__).with_name("prompts.txt")
LENGTH = 40
SEED = 0
GREEDY = {"do_sample": False}
# top_k=0 turns off the limit of 50 that transformers would set.
SAMPLED = {"do_sample": True, "temperature": 0.8, "top_p": 0.95, "top_k": 0}


def continuation(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompt: str, strategy: dict) -> str:
    """The prompt and what the model adds to it."""
    torch.manual_seed(SEED)
    inputs = tokenizer(prompt, return_tensors="pt")
    ids = model.generate(**inputs, max_new_tokens=LENGTH, **strategy)
    return tokenizer.decode(ids[0])


def to_markdown(prompt: str, greedy: str, sampled: str) -> str:
    return f"### {prompt}\n\nGreedy:\n\n~~~text\n{greedy}\n~~~\n\nSampled:\n\n~~~text\n{sampled}\n~~~\n"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="folder that export.py has written")
    parser.add_argument("--prompts", type=Path, default=PROMPTS, help="file with a prompt a line")
    arguments = parser.parse_args(argv)

    model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    for prompt in arguments.prompts.read_text(encoding="utf-8").splitlines():
        greedy = continuation(model, tokenizer, prompt, GREEDY)
        sampled = continuation(model, tokenizer, prompt, SAMPLED)
        print(to_markdown(prompt, greedy, sampled))


if __name__ == "__main__":
    main()
