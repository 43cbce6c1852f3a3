"""Two yardsticks for the trained model: a unigram and a 5-gram model of the same tokens, measured in the same way.

    python training/baselines.py CORPUS_FOLDER --tokenizer tokenizer.json --lmplz kenlm/build/bin/lmplz

Both are probability distributions over the tokenizer's vocabulary, learnt from all training documents:

- unigram: relative frequencies with one added to every count (Laplace);
- 5-gram: interpolated modified Kneser-Ney (Chen and Goodman 1999, https://doi.org/10.1006/csla.1999.0128) as KenLM
  estimates it (Heafield et al. 2013, https://aclanthology.org/P13-2121/), without pruning.

KenLM reads words, so each token is written as its id. One line is one document: `</s>`, which KenLM adds, is the
closing `<|endoftext|>`, and `<s>` the one that the model is given.
"""

import argparse
import math
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from corpus import END_OF_TEXT, Document, split_corpus
from measure import Measurement, measure, to_markdown, write_json

ORDER = 5


class Unigram:
    """Each token by its frequency, whatever stands before it."""

    def __init__(self, documents: list[list[int]], end_of_text: int, vocab_size: int) -> None:
        counts = np.ones(vocab_size, dtype=np.int64)
        for ids in documents:
            np.add.at(counts, ids, 1)
        counts[end_of_text] += len(documents)
        self._end_of_text = end_of_text
        self.logprobs = np.log(counts / counts.sum())  # (V,)

    def nats(self, ids: list[int]) -> float:
        """The cost of a document and its end."""
        return -float(self.logprobs[[*ids, self._end_of_text]].sum())


class FiveGram:
    """KenLM's model of the token ids."""

    def __init__(self, arpa: Path, end_of_text: int, vocab_size: int) -> None:
        try:
            import kenlm  # compiled when it is installed, so only those who want this model need it
        except ModuleNotFoundError as error:
            raise SystemExit("error: the 5-gram model needs kenlm; training/README.md says how to get it") from error
        self._kenlm = kenlm
        self._model = kenlm.Model(str(arpa))
        self._events = ["</s>" if token == end_of_text else str(token) for token in range(vocab_size)]

    def nats(self, ids: list[int]) -> float:
        """The cost of a document and its end."""
        return -self._model.score(_words(ids), bos=True, eos=True) * math.log(10)

    def probability_sum(self, ids: list[int]) -> float:
        """The sum over the vocabulary of the probability to follow these ids, which are a document's beginning."""
        state, following = self._kenlm.State(), self._kenlm.State()
        self._model.BeginSentenceWrite(state)
        for word in _words(ids).split():
            self._model.BaseScore(state, word, following)
            state, following = following, state
        return math.fsum(10 ** self._model.BaseScore(state, event, following) for event in self._events)


def _words(ids: list[int]) -> str:
    return " ".join(map(str, ids))


def estimate_five_gram(lmplz: Path, documents: list[list[int]], vocab_size: int, folder: Path) -> Path:
    """Run KenLM's estimator; the path of the model that it wrote."""
    text, arpa = folder / "tokens.txt", folder / "model.arpa"
    text.write_text("".join(f"{_words(ids)}\n" for ids in documents), encoding="ascii")
    # The padding gives each token that was never seen the same share of the unigrams' uniform part; without it, all
    # of them together would get the share of one. The 1 is for <s>, which is never predicted.
    command = [lmplz, "--order", ORDER, "--text", text, "--arpa", arpa, "--temp_prefix", folder, "--memory", "4G"]
    command += ["--vocab_pad", vocab_size + 1]
    try:
        subprocess.run([str(part) for part in command], check=True)
    except FileNotFoundError as error:
        raise SystemExit(f"error: {lmplz} not found; training/README.md says how to build it") from error
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"error: lmplz failed with status {error.returncode}") from error
    return arpa


def _encode(tokenizer: Tokenizer, documents: list[Document]) -> list[list[int]]:
    return [encoding.ids for encoding in tokenizer.encode_batch([document.text for document in documents])]


def _measure(
    name: str, model: Unigram | FiveGram, documents: list[Document], token_ids: Iterable[list[int]]
) -> Measurement:
    return measure(name, documents, ((len(ids) + 1, model.nats(ids)) for ids in token_ids))


def run(arguments: argparse.Namespace) -> list[Measurement]:
    tokenizer = Tokenizer.from_file(str(arguments.tokenizer))
    end_of_text, vocab_size = tokenizer.token_to_id(END_OF_TEXT), tokenizer.get_vocab_size()
    training, held_out = split_corpus(arguments.corpus, arguments.held_out_percent)
    training_ids, held_out_ids = _encode(tokenizer, training), _encode(tokenizer, held_out)

    unigram = Unigram(training_ids, end_of_text, vocab_size)
    measurements = [_measure("unigram", unigram, held_out, held_out_ids)]
    if arguments.lmplz:
        with tempfile.TemporaryDirectory(dir=arguments.scratch) as folder:
            arpa = estimate_five_gram(arguments.lmplz, training_ids, vocab_size, Path(folder))
            five_gram = FiveGram(arpa, end_of_text, vocab_size)
        _check_normalised(five_gram, held_out_ids)
        measurements.append(_measure("5-gram", five_gram, held_out, held_out_ids))
    return measurements


def _check_normalised(model: FiveGram, documents: list[list[int]]) -> None:
    """Refuse a model whose probabilities do not add up to one. The model's file holds them to seven digits."""
    beginnings = [ids[:length] for ids in documents[:5] for length in (0, 1, 4, 50)]
    never_seen = [ids[3::-1] for ids in documents[:5]]  # backwards
    off = max(abs(model.probability_sum(ids) - 1) for ids in beginnings + never_seen)
    print(f"5-gram: the probabilities after {len(beginnings + never_seen)} contexts sum to 1 within {off:.0e}")
    if off > 1e-4:
        raise SystemExit("error: this is not a probability distribution")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="folder of *.txt files")
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--lmplz", type=Path, help="KenLM's estimator; without it only the unigram model is made")
    parser.add_argument("--scratch", type=Path, help="folder for about 2 GB of temporary files")
    parser.add_argument("--held-out-percent", type=float, default=2.0)
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    arguments = parser.parse_args(argv)

    measurements = run(arguments)
    for measurement in measurements:
        print(f"\n{measurement.model}\n\n{to_markdown(measurement)}")
    if arguments.json:
        write_json(arguments.json, measurements, arguments.held_out_percent)


if __name__ == "__main__":
    main()
