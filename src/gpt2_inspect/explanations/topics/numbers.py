"""The numbers that a model gives, and those that are made of them."""

from ...messages import say
from .topic import POCKET, Topic


def logits() -> Topic:
    return Topic(
        say("one number for each token of the vocabulary"),
        (
            say(
                "After every token of a text the model gives a logit for each token of its vocabulary: the larger, "
                "the better that token would fit next. A logit can be any number. Alone it says nothing: only "
                "differences count, for softmax gives the same if all logits grow by the same amount."
            ),
            say(
                "The logits at position i rate the token at position i + 1. So those at the last position say what "
                "comes next, all others can be compared with what does stand there."
            ),
            say(
                "A logit stands at an index, and the index is the token's id. So argmax(logits), an index, can be "
                "decoded; max(logits), a logit, cannot."
            ),
        ),
        (
            *POCKET,
            "logits = model(ids).logits  # " + say("text, position, token of the vocabulary"),
            "print(list(logits.shape))  # [1, 4, 8192]",
            "print(tokenizer.decode(logits[0, -1].argmax()))",
        ),
        say('gpt2-inspect logits "Once upon a time" --explain'),
        ("softmax", "logprob", "head", "greedy"),
    )


def softmax() -> Topic:
    return Topic(
        say("from logits to probabilities"),
        (
            say(
                "softmax(logits)[i] = e^logits[i] / (e^logits[0] + e^logits[1] + ...). All results are above 0 and "
                "sum to 1; the order stays. A logit that is larger by 1 gives e = 2.718 times the probability."
            ),
            say("Of the logits 2, 1 and 0 come 66.5%, 24.5% and 9.0%. 12, 11 and 10 give the same."),
        ),
        (
            "import torch",
            "probs = torch.tensor([2.0, 1.0, 0.0]).softmax(dim=-1)",
            "print([round(prob, 3) for prob in probs.tolist()])  # [0.665, 0.245, 0.09]",
            "probs = torch.tensor([12.0, 11.0, 10.0]).softmax(dim=-1)",
            "print([round(prob, 3) for prob in probs.tolist()])  # [0.665, 0.245, 0.09]",
        ),
        say('gpt2-inspect next-tokens "Once upon a time" --explain'),
        ("logits", "logprob", "temperature", "entropy"),
    )


def logprob() -> Topic:
    return Topic(
        say("the logarithm of a probability"),
        (
            say(
                "logprob = ln(prob), in nats: 0 is certain, and the less probable, the further below 0. ln(50%) = "
                "-0.693, ln(1%) = -4.605. Softmax's logarithm is the logit less a number that is the same for all "
                "tokens."
            ),
            say(
                "The probability of a text is the product of those of its tokens, each given the ones before it. It "
                "soon gets too small to be written. Logprobs are added instead: ln(a b) = ln(a) + ln(b)."
            ),
        ),
        (
            "import math",
            "print(round(math.log(0.5), 3), round(math.log(0.01), 3))  # -0.693 -4.605",
            "total = math.log(0.5) + math.log(0.01)",
            "print(math.isclose(math.log(0.5 * 0.01), total))  # True",
        ),
        say('gpt2-inspect score "The cat sat on the mat." --explain'),
        ("softmax", "surprisal", "perplexity", "beam-search"),
    )


def surprisal() -> Topic:
    return Topic(
        say("how many bits a token costs"),
        (
            say(
                "surprisal = -log2(prob), in bits. What is certain has 0; each halving of the probability adds one "
                "bit: 50% is 1 bit, 25% are 2, 1% is 6.64. It is the logprob without its sign, divided by ln(2) = "
                "0.693."
            ),
            say("A compressor that knows the model's probabilities needs about so many bits to write the token down."),
        ),
        (
            "import math",
            "bits = [round(-math.log2(prob), 2) for prob in (0.5, 0.25, 0.01)]",
            "print(bits)  # [1.0, 2.0, 6.64]",
        ),
        say('gpt2-inspect score "The cat sat on the mat." --explain'),
        ("logprob", "entropy", "perplexity"),
    )


def entropy() -> Topic:
    return Topic(
        say("how unsure a distribution is"),
        (
            say(
                "The mean of the surprisals of all tokens, each weighted by its probability: the sum of -p log2(p), "
                "in bits. 0 if one token is certain; log2(n) if n tokens are equally probable, which is the most that "
                "n can have."
            ),
            say(
                "It is known before the next token is: the surprisal that the model itself expects. A token with more "
                "surprisal than the entropy was less likely than usual for that place."
            ),
        ),
        (
            "import torch",
            "probs = torch.tensor([0.5, 0.25, 0.25])",
            "print(-(probs * probs.log2()).sum().item())  # 1.5",
            "probs = torch.full((8,), 1 / 8)",
            "print(-(probs * probs.log2()).sum().item())  # 3.0",
        ),
        say('gpt2-inspect score "The cat sat on the mat." --explain'),
        ("surprisal", "softmax", "temperature", "attention"),
    )


def perplexity() -> Topic:
    return Topic(
        say("how unsure a model is about a text"),
        (
            say(
                "perplexity = e^(-(sum of the logprobs) / number of tokens). A model that gave each token of the text "
                "1/n would have perplexity n. Smaller is better; 1 would be to foresee every token."
            ),
            say(
                "transformers gives its logarithm: the loss of model(ids, labels=ids), the mean over all tokens but "
                "the first, which nothing stands before. labels are the ids themselves: the model moves them by one."
            ),
            say(
                "It counts tokens, so models with different tokenizers cannot be compared by it. Bits per byte can: "
                "the sum of the surprisals over the bytes of the text."
            ),
        ),
        (
            *POCKET,
            "loss = model(ids, labels=ids).loss",
            "logprobs = model(ids).logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])",
            "print(torch.allclose(loss.exp(), (-logprobs.mean()).exp()))  # True",
        ),
        say('gpt2-inspect score "The cat sat on the mat." --explain'),
        ("logprob", "surprisal", "tokenizer"),
    )
