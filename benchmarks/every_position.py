"""Our side of the third workload: one forward pass, and the best tokens at every position of a text.

    python benchmarks/every_position.py MODEL TEXT [--top-k 5] [--json]

The package has no command for it, so this takes the parts behind a session: tokenizer and backend.
"""

import argparse
import json
import sys

import gpt2_inspect


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", help="a folder")
    parser.add_argument("text", help="the text; `-` reads it from standard input")
    parser.add_argument("--top-k", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print ids and probabilities for a program to compare")
    options = parser.parse_args()
    text = sys.stdin.read() if options.text == "-" else options.text

    session = gpt2_inspect.load(options.model)
    backend, tokenizer = session._backend, session._tokenizer_for(text)
    import numpy as np  # here, because loading the package does without

    ids = tokenizer.encode(text)
    ranking = backend.forward(np.array([ids]), backend.new_cache(1, len(ids)), every_position=True).top_k(options.top_k)
    probabilities = np.exp(ranking.logits - ranking.log_normalizer[:, None])
    rows = [list(zip(*row, strict=True)) for row in zip(ranking.ids.tolist(), probabilities.tolist(), strict=True)]
    if options.json:
        print(json.dumps(rows))
        return
    for position, row in enumerate(rows, start=1):
        cells = (f"{tokenizer.decode([token_id])!r:>14} {100 * probability:5.2f}%" for token_id, probability in row)
        print(f"{position:4}", *cells)


if __name__ == "__main__":
    main()
