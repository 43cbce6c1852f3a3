"""What is refused before a command runs, in this package's words, and what was probably meant.

Imported only once something has been refused.
"""

import shlex
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from ..errors import UsageError
from ..messages import Message, one_of
from .names import own_name

MEANT = {
    "next-tokens": (
        *("generate", "generation", "predict", "prediction", "next", "next-token", "complete", "continue", "sample"),
        *("top-k", "candidates", "run", "prompt"),
    ),
    "compare-search": ("beam", "beams", "beam-search", "greedy", "greedy-search", "search"),
    "score": (
        *("perplexity", "ppl", "logprob", "logprobs", "prob", "probs", "probability", "loss", "nll", "surprisal"),
        *("entropy", "evaluate"),
    ),
    "logits": ("logit", "softmax", "temperature", "temperatures"),
    "encode": ("tokenize", "tokenise", "tokenizer", "tokeniser", "token", "tokens", "ids", "bpe"),
    "decode": ("detokenize", "detokenise", "untokenize", "text"),
    "decode --prompt": ("argmax", "argsort"),
    "embeddings": ("embed", "embedding", "vectors", "wte", "wpe", "neighbors", "neighbours", "nearest"),
    "attention": ("attn", "attentions", "attend"),
    "hidden-states": ("hidden", "hidden-state", "states", "layers", "activations", "residual", "cache", "kv-cache"),
    "hidden-states --lens": ("lens", "logit-lens"),
    "compare-heads": ("heads", "head", "lm-head", "automodel", "auto-model"),
    "compare": ("diff", "versus", "vs", "side-by-side", "compare-models", "compare-prompts", "kl"),
    "quiz": ("game", "play", "guess"),
    "models": ("model", "list"),
    "models list": ("list-models",),
    "models pull": ("pull", "download", "fetch"),
    "models check": ("check", "doctor", "verify"),
}
"""What people type for a command, in place of what stands before it."""

NOT_OPTIONS = {
    "do-sample": Message(
        "`next-tokens` samples with --temperature, --top-p or --sample-top-k; --temperature 1 takes the model's own "
        "probabilities"
    ),
    "num-return-sequences": Message("`compare-search` shows all of its --num-beams texts; `next-tokens` makes one"),
    "num-beams": Message("`compare-search` has beams"),
    "length-penalty": Message("`compare-search` has beams"),
    "output-scores": Message("--json has the logits and probabilities of the candidates"),
    "output-logits": Message("--json has the logits and probabilities of the candidates"),
    "return-dict-in-generate": Message("--json has all of the result"),
    "output-hidden-states": Message("`hidden-states` shows them"),
    "output-attentions": Message("`attention` shows them"),
    "device-map": Message("--device takes cpu, cuda or cuda:N"),
    "eos-token-id": Message("--ignore-eos goes on after an end token; which ones there are is the model's to say"),
    "input-ids": Message("`decode` takes ids; the others take a text"),
    "cache-dir": Message("HF_HUB_CACHE names the hub's cache"),
    "html": Message("--format lists the formats"),
}
"""Options of transformers' that are none here, unless a command has them, and what does it instead."""


def no_command(arguments: Sequence[str], commands: Sequence[str]) -> UsageError:
    """The error for a first argument that is no command."""
    name, *others = arguments
    meant = [command for command, names in MEANT.items() if own_name(name.lower()) in names]
    meant = meant or get_close_matches(own_name(name.lower()), commands, n=2)
    if meant:
        hint = Message("did you mean {names}?", names=one_of([f"`gpt2-inspect {command}`" for command in meant]))
    else:
        line = shlex.join(["gpt2-inspect", commands[0], name, *others])
        hint = Message("a command comes first: `{line}` ranks what comes next; --help lists the others", line=line)
    return UsageError(Message("there is no command {name!r}", name=name), hint)


def no_command_of(group: str, name: str, commands: Sequence[str]) -> UsageError:
    """The error for what is no command of a group, such as `gpt2-inspect models`."""
    near = get_close_matches(own_name(name.lower()), commands, n=2)
    hint = Message("see `{command} --help`", command=group)
    if near:
        hint = Message("did you mean {names}?", names=one_of([f"`{group} {command}`" for command in near]))
    return UsageError(Message("there is no command {name!r}", name=name), hint)


def refused(error: Any, arguments: Sequence[str]) -> UsageError:
    """What the parser raised, a TyperException, as an error of this package."""
    sentence, hint = _said(error, arguments)
    where = getattr(error, "ctx", None)
    if hint is None and where is not None:
        hint = Message("see `{command} --help`", command=where.command_path)
    return UsageError(sentence, hint)


def _said(error: Any, arguments: Sequence[str]) -> tuple[Message, Message | None]:
    kind = type(error).__name__
    if kind == "NoSuchOption":
        typed = _as_typed(error.option_name, arguments)
        return Message("there is no option {name}", name=typed), _instead(typed, error)
    if kind == "MissingParameter":
        return Message("{name} is missing", name=_shown(error.param, error.ctx)), None
    if kind == "BadParameter" and error.param is not None:
        name = _shown(error.param, error.ctx)
        value, found, _ = error.message.partition(" is not a valid ")
        if found and error.param.type.name == "int":
            return Message("{name} is {value}; it must be a whole number", name=name, value=value), None
        if found and error.param.type.name == "float":
            return Message("{name} is {value}; it must be a number", name=name, value=value), None
        return Message("{name}: {reason}", name=name, reason=error.message), None
    if kind == "BadOptionUsage":
        typed = _as_typed(error.option_name, arguments)
        if "requires" in error.message:
            return Message("{name} needs a value", name=typed), None
        return Message("{name} takes no value", name=typed), None
    before, found, extra = error.format_message().partition("unexpected extra argument")
    if found:
        extra = extra.partition(" (")[2].removesuffix(")")
        return (
            Message("there is an argument too many: {extra}", extra=extra),
            Message("put quotes around a text with spaces; options begin with --"),
        )
    return Message("{reason}", reason=" ".join(before.split())), None


def _as_typed(option: str, arguments: Sequence[str]) -> str:
    """The option's name in the user's own spelling, which the parser forgets."""
    names = [argument.partition("=")[0] for argument in arguments if argument.startswith("-")]
    same = [name for name in names if f"--{own_name(name.lstrip('-'))}" == option]
    # of -steps only -s is refused
    return next(iter(same or [name for name in names if not name.startswith("--") and option[1:] in name]), option)


def _shown(parameter: Any, context: Any) -> str:
    """An argument's name in the usage line; of an option the longest name."""
    if parameter.param_type_name == "argument":
        return str(parameter.make_metavar(context))
    return str(max(parameter.opts, key=len))


def _instead(typed: str, error: Any) -> Message | None:
    """What to type in place of an option that there is not."""
    name = own_name(typed.lstrip("-")).lower()
    context = error.ctx
    command = context.command
    known = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
    if name in NOT_OPTIONS:
        return NOT_OPTIONS[name]
    if (nested := getattr(command, "list_commands", None)) is not None:
        holder = command.get_command(context, nested(context)[0])
        if any(f"--{name}" in parameter.opts or typed in parameter.opts for parameter in holder.params):
            return Message(
                "it belongs after a command: `gpt2-inspect {command} TEXT {option}`", command=holder.name, option=typed
            )
    names = [option.removeprefix("--") for option in known]  # with the dashes any two short ones would be alike
    if near := [name] if name in names else get_close_matches(name, names, n=2):
        return Message("did you mean {names}?", names=one_of([f"--{each}" for each in near]))
    return Message(
        "see `{command} --help`; an argument that begins with - goes after `--`", command=context.command_path
    )
