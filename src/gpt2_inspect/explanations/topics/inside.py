"""What a text becomes on its way through the model."""

from ...messages import say
from ...render.signs import signs
from .topic import POCKET, Topic


def tokenizer() -> Topic:
    return Topic(
        say("from text to ids and back"),
        (
            say(
                "A model reads ids, numbers from 0 to the size of its vocabulary less 1. GPT-2's tokenizer is a "
                "byte-level BPE: it cuts a text into words, each with the space before it, takes their bytes in "
                "UTF-8, and merges neighbours in the order in which the merges were learnt, until none applies. So it "
                "can write every text."
            ),
            say(
                "A token is not a word: ` hello` with its space is another than `hello`, a rare word falls into "
                "several, and a Chinese character or an emoji may be split over two or three, none of which can be "
                "read alone."
            ),
            say(
                "transformers shows tokens in an alphabet that has a letter for every byte: Ġ is a space, Ċ a line "
                "break. Here a space is shown as `{space}`, a line break as `{line_feed}`, a byte that is no "
                "character as \\x and two digits.",
                space=signs().space,
                line_feed=signs().line_feed,
            ),
        ),
        (
            *POCKET,
            "print(tokenizer.convert_ids_to_tokens(ids[0]))",
            "print(tokenizer.decode(ids[0]))  # Once upon a time",
        ),
        say('gpt2-inspect encode "naïve 🙂, 你好" --explain'),
        ("end-of-text", "embeddings", "logits"),
    )


def end_of_text() -> Topic:
    return Topic(
        say("where a text begins and ends"),
        (
            say(
                "GPT-2 was trained on documents with the token <|endoftext|> between them. So it stands for both: put "
                "first, it asks how a document begins; chosen by the model, it says that this one is over."
            ),
            say(
                "next-tokens starts from it if the text is empty, and ends when it is chosen (--ignore-eos goes on). "
                "score --bos puts it first, so that the first token of the text has something before it."
            ),
        ),
        (
            *POCKET,
            "end = model.config.eos_token_id",
            "start = model.config.bos_token_id",
            "print(tokenizer.decode([end]), end == start)  # <|endoftext|> True",
        ),
        say('gpt2-inspect next-tokens "" --explain'),
        ("tokenizer", "max-length", "perplexity"),
    )


def embeddings() -> Topic:
    return Topic(
        say("a vector for each token"),
        (
            say(
                "wte is a matrix with a row for each token of the vocabulary; an id is the number of a row. The row "
                "is looked up, the row of wpe for the position is added, and that is what the first block reads: "
                "n_embd numbers for each token."
            ),
            say(
                "The numbers are learnt. Tokens that are used alike get rows that point the same way, which the "
                "cosine of their angle measures: 1 the same direction, 0 a right angle. In GPT-2 the head uses the "
                "same matrix once more, to turn the last hidden state into logits."
            ),
        ),
        (
            *POCKET,
            "wte, wpe = model.transformer.wte.weight, model.transformer.wpe.weight",
            "sums = wte[ids[0]] + wpe[: ids.shape[1]]",
            "states = model(ids, output_hidden_states=True).hidden_states",
            "print(torch.equal(sums, states[0][0]))  # True",
        ),
        say('gpt2-inspect embeddings "The king and the queen" --explain'),
        ("positions", "tokenizer", "head", "hidden-states"),
    )


def positions() -> Topic:
    return Topic(
        say("how a model knows the order"),
        (
            say(
                "A query meets the keys of earlier tokens without regard to where they stand. So GPT-2 adds to each "
                "token's vector that of its position, a row of wpe, counted from 0. Both are learnt."
            ),
            say(
                "wpe has n_positions rows: 1024 in GPT-2, 512 in pocket. There is none for a later position, so a "
                "longer text cannot be read."
            ),
        ),
        (
            *POCKET,
            "print(list(model.transformer.wpe.weight.shape))  # [512, 256]",
            'same = tokenizer(" very very", return_tensors="pt").input_ids',
            "first, second = model(same, output_hidden_states=True).hidden_states[0][0]",
            "print(torch.equal(first, second))  # False",
        ),
        say('gpt2-inspect embeddings "very very" --explain'),
        ("embeddings", "attention", "max-length"),
    )


def attention() -> Topic:
    return Topic(
        say("which tokens a token looks at"),
        (
            say(
                "In each head every token has a query, a key and a value, three vectors made of its hidden state. Its "
                "query is multiplied with the keys of all tokens up to itself, the products are divided by the square "
                "root of their width, and softmax makes weights of them, which sum to 1. The output is the sum of the "
                "values by these weights."
            ),
            say(
                "Later tokens are masked: in training the model must predict them from what stands before. So each "
                "line of the matrix of weights ends at the diagonal, and the first token sees itself alone."
            ),
            say(
                "A weight says how much is read from where, not what for: a large one need not be a reason for the "
                "prediction. Many heads give the first token most of the weight where they have nothing else to look "
                "at."
            ),
        ),
        (
            *POCKET,
            'model.set_attn_implementation("eager")  # ' + say("the others keep no weights"),
            "weights = model(ids, output_attentions=True).attentions[0]",
            "print(list(weights.shape))  # [1, 8, 4, 4]",
            "print(torch.allclose(weights.sum(-1), torch.ones(1, 8, 4)))  # True",
            "print(weights.triu(1).any().item())  # False",
        ),
        say('gpt2-inspect attention "The cat sat because it was tired." --explain'),
        ("kv-cache", "softmax", "positions", "hidden-states"),
    )


def kv_cache() -> Topic:
    return Topic(
        say("why the second token is quicker"),
        (
            say(
                "A later token looks at the keys and values of the earlier ones, and these never change, because no "
                "token looks ahead. So they are kept, for each layer and head. The first step reads the whole text; "
                "every later one reads the new token alone and gives the same logits, but for rounding."
            ),
            say(
                "The cache grows by 2 x n_layer x n_embd numbers a token: in GPT-2, in float32, 73,728 bytes. Queries "
                "are not kept: each is used once."
            ),
        ),
        (
            *POCKET,
            "cache = model(ids[:, :-1], use_cache=True).past_key_values",
            "cached = model(ids[:, -1:], past_key_values=cache).logits[0, -1]",
            "whole = model(ids).logits[0, -1]",
            "print(torch.allclose(cached, whole, atol=1e-3))  # True",
        ),
        say('gpt2-inspect hidden-states "Once upon a time" --explain'),
        ("attention", "max-length", "hidden-states"),
    )


def hidden_states() -> Topic:
    return Topic(
        say("what the layers hold"),
        (
            say(
                "For each token the model carries a vector of n_embd numbers from block to block: the residual "
                "stream. It starts as token plus position; each block adds to it what its attention, then what its "
                "MLP computes."
            ),
            say(
                "transformers returns n_layer + 1 states: the one before the first block, and the one after each. The "
                "last has gone through ln_f too, so it is last_hidden_state, what the head reads. It cannot be "
                "compared in size with the state before."
            ),
        ),
        (
            *POCKET,
            "output = model.transformer(ids, output_hidden_states=True)",
            "states = output.hidden_states",
            "print(len(states), list(states[0].shape))  # 5 [1, 4, 256]",
            "print(torch.equal(output.hidden_states[-1], output.last_hidden_state))  # True",
        ),
        say('gpt2-inspect hidden-states "Once upon a time" --explain'),
        ("layer-norm", "logit-lens", "embeddings", "head"),
    )


def layer_norm() -> Topic:
    return Topic(
        say("keeping vectors in size"),
        (
            say(
                "A layer norm takes the mean of a vector from its numbers, divides them by their standard deviation, "
                "and then multiplies and shifts each by learnt numbers. GPT-2 has one before each attention and each "
                "MLP, and ln_f after the last block, before the head."
            ),
            say(
                "What the blocks add up is never normed itself, so it tends to grow from state to state; only ln_f "
                "brings it down for the head."
            ),
        ),
        (
            "import torch",
            "vector = torch.tensor([1.0, 2.0, 3.0, 6.0])",
            "by_hand = (vector - vector.mean()) / (vector.var(correction=0) + 1e-5).sqrt()",
            "by_torch = torch.nn.functional.layer_norm(vector, (4,))",
            "print(torch.allclose(by_hand, by_torch))  # True",
        ),
        say('gpt2-inspect hidden-states "Once upon a time" --explain'),
        ("hidden-states", "logit-lens", "head"),
    )


def head() -> Topic:
    return Topic(
        say("from the last hidden state to logits"),
        (
            say(
                "AutoModel gives the last hidden state, n_embd numbers for each token. AutoModelForCausalLM is the "
                "same model and a head on top, a matrix with a row for each token of the vocabulary: a logit is the "
                "product of the state with that token's row."
            ),
            say(
                "GPT-2's head has no weights of its own: lm_head.weight is wte.weight, the matrix that tokens are "
                "looked up in (they are tied). So both classes have the same number of parameters."
            ),
        ),
        (
            *POCKET,
            "product = model.transformer(ids).last_hidden_state @ model.lm_head.weight.T",
            "print(torch.allclose(product, model(ids).logits, atol=1e-3))  # True",
            "print(model.lm_head.weight is model.transformer.wte.weight)  # True",
        ),
        say('gpt2-inspect compare-heads "hello, how are you" --explain'),
        ("logits", "hidden-states", "embeddings"),
    )


def logit_lens() -> Topic:
    return Topic(
        say("what a layer would say"),
        (
            say(
                "Each hidden state can be read out as if it were the last: through ln_f, through the head, and "
                "softmax. One sees how a prediction forms from block to block (nostalgebraist 2020)."
            ),
            say(
                "The head was trained for the last state alone, so what the lens shows of early ones is a rough "
                "reading, and no proof of what the model knows there. The last state has gone through ln_f already: a "
                "lens that puts it through once more shows wrong numbers."
            ),
        ),
        (
            *POCKET,
            "states = model(ids, output_hidden_states=True).hidden_states",
            "for state in states[:-1]:",
            "    logits = model.lm_head(model.transformer.ln_f(state[0, -1]))",
            "    print(tokenizer.decode(logits.argmax()))",
            "last = model.lm_head(states[-1])",
            "print(torch.allclose(last, model(ids).logits, atol=1e-3))  # True",
        ),
        say('gpt2-inspect hidden-states "Once upon a time" --lens --explain'),
        ("hidden-states", "layer-norm", "head", "softmax"),
    )
