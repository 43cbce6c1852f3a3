"""The notebook's way, which the benchmarks measure against: transformers, and the whole text again at every step.

    python benchmarks/reference.py MODEL TEXT [--steps 10] [--top-k 5] [--every-position] [--json]

Loads the model, and for each step runs all tokens so far, takes the softmax of the last position's logits, lists the
best and appends the first. `--every-position` does one forward pass instead and lists the best at each position.
"""

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from program import Row, parse_arguments, show


def best(probabilities: torch.Tensor, k: int) -> list[Row]:
    """The k best of each row of probabilities (N, V)."""
    top = probabilities.topk(k)
    return [list(zip(*row, strict=True)) for row in zip(top.indices.tolist(), top.values.tolist(), strict=True)]


@torch.no_grad()
def main() -> None:
    options = parse_arguments(__doc__.partition("\n")[0])
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = AutoModelForCausalLM.from_pretrained(options.model)
    ids = tokenizer(options.text, return_tensors="pt")["input_ids"]
    if options.every_position:
        show(best(torch.softmax(model(ids, use_cache=False).logits[0], dim=-1), options.top_k), tokenizer, options.json)
        return
    rows = []
    for _ in range(options.steps):
        logits = model(ids, use_cache=False).logits[:, -1]
        rows += best(torch.softmax(logits, dim=-1), options.top_k)
        ids = torch.cat([ids, torch.tensor([[rows[-1][0][0]]])], dim=1)
    show(rows, tokenizer, options.json)
    if not options.json:
        print(tokenizer.decode(ids[0]))


if __name__ == "__main__":
    main()
