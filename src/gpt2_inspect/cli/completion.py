"""`gpt2-inspect completion`: what has a shell complete commands, options and their values.

The script of each shell asks this program: where GPT2_INSPECT_COMPLETE names the shell, it takes the words up to the
cursor as its arguments, and prints what the last of them may become, a line each. Where it prints nothing the shell
completes the names of files.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from ..errors import UsageError
from ..many.forms import FORMS
from ..messages import Message, one_of, say
from ..messages.languages import LANGUAGES
from ..render.formats import FORMATS
from ..sources import BUNDLED
from .streams import Streams

SCRIPTS = {
    "bash": """\
# gpt2-inspect in bash: put `eval "$(gpt2-inspect completion bash)"` into ~/.bashrc
_gpt2_inspect() {
    local IFS=$'\\n'
    COMPREPLY=($(GPT2_INSPECT_COMPLETE=bash "$1" "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _gpt2_inspect gpt2-inspect
""",
    "zsh": """\
#compdef gpt2-inspect
# gpt2-inspect in zsh: put `eval "$(gpt2-inspect completion zsh)"` into ~/.zshrc, behind compinit
_gpt2_inspect() {
    local -a found
    found=("${(@f)$(GPT2_INSPECT_COMPLETE=zsh "${words[1]}" "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then
        _describe -V gpt2-inspect found
    else
        _files
    fi
}
compdef _gpt2_inspect gpt2-inspect
""",
    "fish": """\
# gpt2-inspect in fish: gpt2-inspect completion fish > ~/.config/fish/completions/gpt2-inspect.fish
function __gpt2_inspect
    set --local words (commandline --tokenize --current-process --cut-at-cursor) (commandline --current-token)
    GPT2_INSPECT_COMPLETE=fish $words[1] $words[2..-1] 2>/dev/null
end
complete --command gpt2-inspect --no-files --keep-order --condition 'count (__gpt2_inspect) >/dev/null' \\
    --arguments '(__gpt2_inspect)'
""",
}
"""What each shell runs to have its completions from here."""

VALUES = {
    "--format": tuple(FORMATS),
    "--input-format": FORMS,
    "--model": (*BUNDLED, "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "distilgpt2"),
    "--backend": ("auto", "numpy", "torch"),
    "--device": ("cpu", "cuda"),
    "--dtype": ("float32", "bfloat16", "float16"),
    "--lang": LANGUAGES,
    "--color": ("auto", "always", "never"),
    "--theme": ("auto", "dark", "light", "none"),
}
"""Values of options that are one of a few, or that are mostly one of these."""


def completion(
    streams: Streams, shell: Annotated[str, typer.Argument(metavar="SHELL", help=say("bash, zsh or fish."))]
) -> None:
    """Print what has a shell complete commands and options.

    The first lines of the script say where it goes.

    Examples:
        gpt2-inspect completion bash
        gpt2-inspect completion zsh
    """
    if shell not in SCRIPTS:
        raise UsageError(
            Message("there is no completion for {shell!r}", shell=shell),
            Message("choose {names}", names=one_of(tuple(SCRIPTS))),
        )
    streams.stdout.write(SCRIPTS[shell])


def complete(words: Sequence[str], shell: str) -> Iterator[str]:
    """A line for each thing that the last of the words may become; the words are those behind the program's name."""
    words = [word for word in words if word != "="] or [""]  # bash makes three words of --format=json
    *before, last = words
    option, found, value = last.partition("=")
    if found and option.startswith("--"):  # zsh and fish leave it one word, and want it back whole
        before, last, start = [*before, option], value, f"{option}=" if shell != "bash" else ""
    else:
        start = ""
    for text, about in _candidates(before, last):
        if text.startswith(last):
            yield _line(start + text, about, shell)


def _candidates(before: Sequence[str], last: str) -> Iterator[tuple[str, str]]:
    """What may stand behind the words `before`, and what it is."""
    from .app import app

    command: Any = typer.main.get_command(app)
    name = None
    for word in before:
        if not word.startswith("-") and hasattr(command, "list_commands"):
            name, command = word, command.get_command(None, word)
    if command is None or "--" in before:
        return
    if name == "completion" and not last.startswith("-"):
        yield from ((shell, "") for shell in SCRIPTS)
        return
    options: dict[str, Any] = {
        option: parameter for parameter in command.params for option in parameter.opts if option[0] == "-"
    }
    asked = options.get(before[-1]) if before else None
    if asked is not None and not asked.is_flag:
        yield from ((value, "") for option in asked.opts for value in VALUES.get(option, ()))
    elif last.startswith("-"):
        yield from ((option, parameter.help) for option, parameter in options.items() if option.startswith("--"))
        yield "--help", say("Show this help and exit.")
    elif hasattr(command, "list_commands"):
        for each in command.list_commands(None):
            yield each, command.get_command(None, each).get_short_help_str(80)


def _line(text: str, about: str, shell: str) -> str:
    """In the way of the shell: bash shows no explanations, and zsh puts a colon before them."""
    about = " ".join(about.split())
    if shell == "zsh":
        text = text.replace(":", "\\:")
        return f"{text}:{about}" if about else text
    return f"{text}\t{about}" if about and shell == "fish" else text
