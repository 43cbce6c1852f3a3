"""Train a byte-level BPE tokenizer in GPT-2's form: 256 bytes, merges, and `<|endoftext|>` as the last id.

    python training/train_tokenizer.py CORPUS_FOLDER --output tokenizer.json --vocab-size 8192

It learns from the training documents alone; the held-out ones are left out as they are for the model.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from corpus import END_OF_TEXT, add_repeat_option, repeat, split_corpus


def train_tokenizer(texts: list[str], vocab_size: int) -> Tokenizer:
    """A tokenizer with `vocab_size` ids, the last of them `<|endoftext|>` as in GPT-2."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - 1,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return _with_end_of_text(tokenizer)


def _with_end_of_text(tokenizer: Tokenizer) -> Tokenizer:
    """GPT-2 lists `<|endoftext|>` in the vocabulary itself, behind all merges; the trainer would put it first."""
    content = json.loads(tokenizer.to_str())
    vocabulary = content["model"]["vocab"]
    vocabulary[END_OF_TEXT] = len(vocabulary)
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.add_special_tokens([END_OF_TEXT])
    return tokenizer


def split_characters(tokenizer: Tokenizer, texts: list[str]) -> float:
    """The share of the characters of some texts whose bytes lie in more than one token; their tokens mean nothing."""
    split = characters = 0
    for encoding, text in zip(tokenizer.encode_batch(texts), texts, strict=True):
        tokens_of = Counter(place for first, stop in encoding.offsets for place in range(first, stop))
        split += sum(count > 1 for count in tokens_of.values())
        characters += len(text)
    return split / characters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="folder of *.txt files")
    parser.add_argument("--output", type=Path, default=Path("tokenizer.json"))
    parser.add_argument("--vocab-size", type=int, default=8192)
    parser.add_argument("--held-out-percent", type=float, default=2.0)
    add_repeat_option(parser)
    arguments = parser.parse_args()

    train, held_out = split_corpus(arguments.corpus, arguments.held_out_percent)
    train = repeat(train, dict(arguments.repeat))
    tokenizer = train_tokenizer([document.text for document in train], arguments.vocab_size)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(arguments.output), pretty=False)
    print(f"{arguments.output}: {tokenizer.get_vocab_size()} tokens from {len(train)} documents")
    share = split_characters(tokenizer, [document.text for document in held_out])
    print(f"{share:.2%} of the held-out characters are split over several tokens")


if __name__ == "__main__":
    main()
