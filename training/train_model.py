"""Train a small GPT-2 (transformers' GPT2LMHeadModel) from a folder of text and a tokenizer.json.

    python training/train_model.py CORPUS_FOLDER --tokenizer tokenizer.json --run runs/pocket --steps 6000

Run the same command again and it goes on from the last checkpoint in the run folder. A checkpoint holds the weights,
the optimizers' state and the step; the batches follow from the seed and the step, so a resumed run sees the tokens
that an unbroken one would have seen.

The hidden matrices are trained with Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/), with its
update scaled to the size of AdamW's (Liu et al. 2025, https://arxiv.org/abs/2502.16982) so that one learning rate
serves both; embeddings, biases and layer norms are trained with AdamW. The learning rate warms up, stays, and
falls linearly to zero over the last part of the run (the cooldown), so a run can be prolonged by giving more steps
before its cooldown has begun.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_model
from tokenizers import Tokenizer
from torch.nn.functional import cross_entropy
from transformers import GPT2Config, GPT2LMHeadModel

from corpus import END_OF_TEXT, Document, add_repeat_option, repeat, split_corpus


@dataclass(frozen=True)
class Schedule:
    """Learning rate by step: linear warm-up, constant, linear cooldown to zero."""

    peak: float
    steps: int
    warmup: int
    cooldown: int

    def __call__(self, step: int) -> float:
        rising = (step + 1) / max(1, self.warmup)
        falling = (self.steps - step) / max(1, self.cooldown)
        return self.peak * max(0.0, min(1.0, rising, falling))


class Batches:
    """Batches of token ids (B, T + 1), reproducible from the seed alone.

    Each epoch shuffles the documents, joins them with `<|endoftext|>` and cuts the stream into rows. A row
    overlaps the next by one token: the last target of one is the first input of the next.
    """

    def __init__(self, documents: list[list[int]], end_of_text: int, batch: int, length: int, seed: int) -> None:
        self._documents = [np.array([end_of_text, *ids], dtype=np.uint16) for ids in documents]
        self._batch, self._length, self._seed = batch, length, seed
        self.tokens_per_epoch = sum(map(len, self._documents))

    def starting_at(self, step: int) -> Iterator[torch.Tensor]:
        """Every batch from `step` on, without end."""
        per_epoch = max(1, (self.tokens_per_epoch - 1) // self._length // self._batch)
        for epoch in count(step // per_epoch):
            rows = self.rows(epoch)
            for index in range(step % per_epoch, per_epoch):
                chosen = rows[index * self._batch : (index + 1) * self._batch]
                yield torch.from_numpy(chosen.astype(np.int64))
            step = 0

    def rows(self, epoch: int) -> np.ndarray:
        """The whole epoch as rows of token ids (N, T + 1)."""
        generator = np.random.default_rng([self._seed, epoch])
        order = generator.permutation(len(self._documents))
        stream = np.concatenate([self._documents[index] for index in order])
        rows = (len(stream) - 1) // self._length
        if rows == 0:
            raise SystemExit(f"error: the corpus has {len(stream)} tokens, fewer than one row of {self._length + 1}")
        starts = generator.permutation(rows)[:, None] * self._length
        return stream[starts + np.arange(self._length + 1)]


def build_model(arguments: argparse.Namespace, vocab_size: int, end_of_text: int) -> GPT2LMHeadModel:
    """A new model. gelu_pytorch_tanh is gelu_new in one kernel; the export names it gelu_new again."""
    config = GPT2Config(
        vocab_size=vocab_size,
        n_positions=arguments.n_positions,
        n_embd=arguments.n_embd,
        n_layer=arguments.n_layer,
        n_head=arguments.n_head,
        activation_function="gelu_pytorch_tanh",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=end_of_text,
        eos_token_id=end_of_text,
        use_cache=False,
    )
    return GPT2LMHeadModel(config)


def build_optimizers(model: GPT2LMHeadModel, weight_decay: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the blocks, AdamW for everything else. The rates are set at each step."""
    matrices = [p for p in model.transformer.h.parameters() if p.ndim == 2]
    rest = [p for p in model.parameters() if not any(p is matrix for matrix in matrices)]
    embeddings = [p for p in rest if p.ndim == 2]
    vectors = [p for p in rest if p.ndim < 2]
    muon = torch.optim.Muon(matrices, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
    adamw = torch.optim.AdamW(
        [{"params": embeddings, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}],
        betas=(0.9, 0.95),
        fused=True,
    )
    return [muon, adamw]


class Trainer:
    """The model, its optimizers and the step that they have reached."""

    def __init__(self, model: GPT2LMHeadModel, arguments: argparse.Namespace) -> None:
        self.model = model
        self.optimizers = build_optimizers(model, arguments.weight_decay)
        self.step = 0
        self._bf16 = arguments.bf16
        self._loss = torch.compile(self._cross_entropy) if arguments.compile else self._cross_entropy

    def _cross_entropy(self, rows: torch.Tensor) -> torch.Tensor:
        """Mean loss in nats a token of rows (B, T + 1)."""
        with torch.autocast(rows.device.type, torch.bfloat16, enabled=self._bf16):
            hidden = self.model.transformer(input_ids=rows[:, :-1]).last_hidden_state
            logits = self.model.lm_head(hidden)
        return cross_entropy(logits.flatten(0, 1).float(), rows[:, 1:].flatten())

    def train_step(self, rows: torch.Tensor, rate: float) -> float:
        """One update at this learning rate; the loss before it, in nats a token."""
        loss = self._loss(rows)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1
        return loss.item()

    @torch.no_grad()
    def held_out_loss(self, rows: np.ndarray, batch: int) -> float:
        """Mean loss in nats a token over rows (N, T + 1)."""
        parts = torch.from_numpy(rows.astype(np.int64)).split(batch)
        losses = [self._cross_entropy(part).item() * len(part) for part in parts]
        return sum(losses) / len(rows)

    def save(self, path: Path) -> None:
        state = {
            "step": self.step,
            "n_head": self.model.config.n_head,  # the one size that the weights' shapes do not tell
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }
        temporary = path.with_suffix(".tmp")
        torch.save(state, temporary)
        temporary.replace(path)

    def load(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        self.step = state["step"]
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)


def encode(tokenizer: Tokenizer, documents: list[Document]) -> list[list[int]]:
    """Token ids of each document."""
    return [encoding.ids for encoding in tokenizer.encode_batch([document.text for document in documents])]


def train(arguments: argparse.Namespace) -> None:
    torch.manual_seed(arguments.seed)
    arguments.run.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.from_file(str(arguments.tokenizer))
    end_of_text = tokenizer.token_to_id(END_OF_TEXT)
    training, held_out = split_corpus(arguments.corpus, arguments.held_out_percent)

    token_ids = encode(tokenizer, repeat(training, dict(arguments.repeat)))
    batches = Batches(token_ids, end_of_text, arguments.batch, arguments.length, arguments.seed)
    held_out_ids = encode(tokenizer, held_out)
    held_out_batches = Batches(held_out_ids, end_of_text, 1, arguments.length, arguments.seed)
    held_out_rows = held_out_batches.rows(epoch=0)[:128] if held_out_batches.tokens_per_epoch > arguments.length else []

    trainer = Trainer(build_model(arguments, tokenizer.get_vocab_size(), end_of_text), arguments)
    checkpoint = arguments.run / "checkpoint.pt"
    if checkpoint.exists():
        trainer.load(checkpoint)
    elif arguments.start and arguments.start.is_dir():
        load_model(trainer.model, str(arguments.start / "model.safetensors"))
    elif arguments.start:
        trainer.load(arguments.start)
    print(f"step {trainer.step} of {arguments.steps}, {batches.tokens_per_epoch} tokens an epoch", flush=True)

    schedule = Schedule(arguments.rate, arguments.steps, arguments.warmup, arguments.cooldown)
    tokens_per_step = arguments.batch * arguments.length
    started, losses = time.monotonic(), []
    for rows in batches.starting_at(trainer.step):
        if trainer.step >= arguments.steps:
            break
        losses.append(trainer.train_step(rows, schedule(trainer.step)))
        if trainer.step % arguments.report_every == 0 or trainer.step == arguments.steps:
            record = {
                "step": trainer.step,
                "tokens": trainer.step * tokens_per_step,
                "loss": round(sum(losses) / len(losses), 4),
                "rate": round(schedule(trainer.step - 1), 6),
                "tokens_per_second": round(len(losses) * tokens_per_step / (time.monotonic() - started)),
            }
            saving = trainer.step % arguments.save_every == 0 or trainer.step == arguments.steps
            if saving and len(held_out_rows):  # a small corpus may hold out less than one row
                record["held_out_loss"] = round(trainer.held_out_loss(held_out_rows, arguments.batch), 4)
            print(json.dumps(record), flush=True)
            with (arguments.run / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(record) + "\n")
            started, losses = time.monotonic(), []
        if trainer.step % arguments.save_every == 0:
            trainer.save(checkpoint)
    trainer.save(checkpoint)


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="folder of *.txt files")
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True, help="folder for the checkpoint and the log")
    parser.add_argument(
        "--start",
        type=Path,
        help="where the run folder has no checkpoint, go on from this one, or train the model of this folder further",
    )
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--warmup", type=int, default=100)
    parser.add_argument("--cooldown", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--weight-decay", type=float, default=0.1)
    parser.add_argument("--batch", type=int, default=16, help="rows a step")
    parser.add_argument("--length", type=int, default=512, help="tokens a row")
    add_repeat_option(parser)
    parser.add_argument("--held-out-percent", type=float, default=2.0)
    parser.add_argument("--n-layer", type=int, default=4)
    parser.add_argument("--n-embd", type=int, default=256)
    parser.add_argument("--n-head", type=int, default=8)
    parser.add_argument("--n-positions", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report-every", type=int, default=20)
    parser.add_argument("--save-every", type=int, default=200)
    parser.add_argument("--bf16", action="store_true", help="bfloat16 matrix products (fast where the CPU has AMX)")
    parser.add_argument("--compile", action="store_true", help="torch.compile (needs a C++ compiler)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    train(parse_arguments())
