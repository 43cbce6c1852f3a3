"""How the next token is chosen, and when that ends."""

from ...messages import say
from .topic import POCKET, Topic


def greedy() -> Topic:
    return Topic(
        say("take the most probable token each time"),
        (
            say(
                "Greedy search appends the argmax of the logits and asks again. It is quick and always gives the same "
                "text. In transformers: generate(do_sample=False, num_beams=1)."
            ),
            say(
                "It cannot go back. If a token of 60% leads to a best next one of 10%, the two together have 6%; one "
                "of 40% that leads to 90% would have given 36%. Long greedy texts also tend to repeat themselves."
            ),
        ),
        (
            *POCKET,
            "text = ids",
            "for step in range(5):",
            "    text = torch.cat([text, model(text).logits[:, -1:].argmax(-1)], dim=1)",
            "mask = torch.ones_like(ids)",
            "settings = dict(attention_mask=mask, max_new_tokens=5, do_sample=False)",
            "print(torch.equal(text, model.generate(ids, **settings)))  # True",
        ),
        say('gpt2-inspect next-tokens "Once upon a time" --explain'),
        ("beam-search", "sampling", "logits", "max-length"),
    )


def beam_search() -> Topic:
    return Topic(
        say("keep the best few texts"),
        (
            say(
                "Beam search with B beams keeps B unfinished texts. At each step all are extended by every token, and "
                "the B extensions with the largest sum of logprobs go on; an end token finishes a text. With B = 1 "
                "that is greedy search."
            ),
            say(
                "A text with a weaker start can win that way, though one that was pruned early cannot: it is no "
                "search of all texts. What it finds is mostly, and not always, more probable than the greedy text, "
                "and more probable is not better written: it is often dull."
            ),
            say(
                "Finished texts are ranked by score = (sum of logprobs) / tokens^length_penalty. Sums are negative, "
                "so a penalty above 0 helps long texts, one below 0 short ones."
            ),
        ),
        (
            *POCKET,
            "mask = torch.ones_like(ids)",
            "settings = dict(attention_mask=mask, max_new_tokens=5, do_sample=False)",
            "settings |= dict(num_beams=3, num_return_sequences=3, length_penalty=1.0)",
            "for beam in model.generate(ids, **settings):",
            "    print(tokenizer.decode(beam))",
        ),
        say('gpt2-inspect compare-search "The cat sat on" --explain'),
        ("greedy", "logprob", "sampling"),
    )


def sampling() -> Topic:
    return Topic(
        say("draw the next token at random"),
        (
            say(
                "Each token is drawn as often as its probability says: one of 20% in every fifth draw, on average. "
                "Texts become varied; a long tail of improbable tokens is drawn now and then, too, and derails them."
            ),
            say(
                "Three settings change the distribution before the draw, in this order: temperature makes it sharper "
                "or flatter, top-k and top-p cut off the tail. What is left is scaled to sum to 1. A seed fixes the "
                "random numbers, and so the text."
            ),
        ),
        (
            "import torch",
            "generator = torch.Generator().manual_seed(0)",
            "probs = torch.tensor([0.7, 0.2, 0.1])",
            "draws = torch.multinomial(probs, 10_000, replacement=True, generator=generator)",
            "counts = draws.bincount().tolist()",
            "print([round(count / 10_000, 1) for count in counts])  # [0.7, 0.2, 0.1]",
        ),
        say('gpt2-inspect next-tokens "Once upon a time" --temperature 0.8 --seed 3 --explain'),
        ("temperature", "top-k", "top-p", "greedy"),
    )


def temperature() -> Topic:
    return Topic(
        say("sharper or flatter"),
        (
            say(
                "All logits are divided by the temperature before softmax. Below 1 their differences grow and the "
                "probable gets more probable; above 1 they shrink and the improbable gains; 1 changes nothing. "
                "Towards 0 it becomes greedy search. The order of the tokens never changes."
            ),
            say(
                "Logits 2, 1 and 0: at 0.5 they give 86.7%, 11.7% and 1.6%, at 1 66.5%, 24.5% and 9.0%, at 2 50.6%, "
                "30.7% and 18.6%."
            ),
        ),
        (
            "import torch",
            "logits = torch.tensor([2.0, 1.0, 0.0])",
            "cold = (logits / 0.5).softmax(-1).tolist()",
            "print([round(prob, 3) for prob in cold])  # [0.867, 0.117, 0.016]",
            "hot = (logits / 2.0).softmax(-1).tolist()",
            "print([round(prob, 3) for prob in hot])  # [0.506, 0.307, 0.186]",
        ),
        say('gpt2-inspect logits "Once upon a time" --temperatures 0.5,1,2 --explain'),
        ("sampling", "softmax", "top-k", "top-p"),
    )


def top_k() -> Topic:
    return Topic(
        say("draw from the k most probable tokens"),
        (
            say(
                "All but the k tokens with the largest logits get the probability 0; the others are scaled to sum to "
                "1. k = 1 is greedy search. k is the same whether the model is sure or not, which is what top-p was "
                "made to change."
            ),
            say(
                "Here the option is --sample-top-k; --top-k only says how many candidates a table shows. In "
                "transformers it is generate(do_sample=True, top_k=k), and 50 where nothing is said."
            ),
        ),
        (
            "import torch",
            "from transformers import TopKLogitsWarper",
            "logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()",
            "probs = TopKLogitsWarper(2)(None, logits).softmax(-1)",
            "kept = probs[0].tolist()",
            "print([round(prob, 3) for prob in kept])  # [0.625, 0.375, 0.0, 0.0]",
        ),
        say('gpt2-inspect next-tokens "Once upon a time" --sample-top-k 3 --explain'),
        ("top-p", "temperature", "sampling"),
    )


def top_p() -> Topic:
    return Topic(
        say("draw from as few tokens as reach p"),
        (
            say(
                "The tokens are sorted by probability, and the first ones are kept, as few as together reach p: the "
                "nucleus. They are scaled to sum to 1. Where the model is sure that is one token, elsewhere it may be "
                "hundreds."
            ),
            say(
                "Of 50%, 30%, 15% and 5% with p = 0.7 two are kept: 50% is not enough, 80% is. They become 62.5% and "
                "37.5%."
            ),
        ),
        (
            "import torch",
            "from transformers import TopPLogitsWarper",
            "logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()",
            "probs = TopPLogitsWarper(0.7)(None, logits).softmax(-1)",
            "kept = probs[0].tolist()",
            "print([round(prob, 3) for prob in kept])  # [0.625, 0.375, 0.0, 0.0]",
        ),
        say('gpt2-inspect next-tokens "Once upon a time" --top-p 0.9 --explain'),
        ("top-k", "temperature", "sampling"),
    )


def max_length() -> Topic:
    return Topic(
        say("how long a text may get"),
        (
            say(
                "transformers' max_new_tokens (here --steps) counts the tokens that are added. Its max_length (here "
                "--max-length) counts those of the text as well: with 4 tokens, max_length=10 adds at most 6. A text "
                "that has as many already leaves no room. A run ends early if the model chooses an end token."
            ),
            say(
                "No model reads more than n_positions tokens: 1024 in GPT-2, 512 in pocket. The last token that is "
                "added is never read, so text and completion can be one longer than that."
            ),
        ),
        (
            *POCKET,
            "settings = dict(attention_mask=torch.ones_like(ids), do_sample=False)",
            "one = model.generate(ids, max_length=10, **settings)",
            "other = model.generate(ids, max_new_tokens=6, **settings)",
            "print(ids.shape[1], torch.equal(one, other))  # 4 True",
        ),
        say('gpt2-inspect next-tokens "Once upon a time" --max-length 10 --explain'),
        ("end-of-text", "kv-cache", "positions", "greedy"),
    )
