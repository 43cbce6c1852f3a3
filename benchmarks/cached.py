"""A peer: transformers with its key-value cache, so that each step runs one new token.

    python benchmarks/cached.py MODEL TEXT [--steps 10] [--top-k 5] [--json]

The arguments and the output are those of reference.py.
"""

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from program import parse_arguments, show
from reference import best


@torch.no_grad()
def main() -> None:
    options = parse_arguments(__doc__.partition("\n")[0])
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = AutoModelForCausalLM.from_pretrained(options.model)
    new = tokenizer(options.text, return_tensors="pt")["input_ids"]
    rows, past = [], None
    for _ in range(options.steps):
        output = model(new, past_key_values=past, use_cache=True, logits_to_keep=1)
        past = output.past_key_values
        rows += best(torch.softmax(output.logits[:, -1], dim=-1), options.top_k)
        new = torch.tensor([[rows[-1][0][0]]])
    show(rows, tokenizer, options.json)
    if not options.json:
        print(options.text + tokenizer.decode([row[0][0] for row in rows]))


if __name__ == "__main__":
    main()
