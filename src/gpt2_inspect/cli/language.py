"""Choosing the language of a run, before anything is said: also the help of options, which is made with their files."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import UsageError
from ..messages import Message, one_of, say
from ..messages.languages import LANGUAGES, language_of, use_language

OPTION = "--lang"


def choose_language(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Use the language that --lang names, wherever it stands; else the one that the environment asks for.

    Raises:
        UsageError: --lang names a language that there is not; said in that of the environment.
    """
    use_language(language_of(environ))
    asked = _asked(arguments)
    if asked is None:
        return
    if asked not in LANGUAGES:
        raise UsageError(
            Message("there is no language {language!r}", language=asked),
            Message("choose one of {names}", names=one_of(LANGUAGES)),
        )
    use_language(asked)


def with_language(command: Any) -> Any:
    """The command with --lang as one of its options, and so all commands of a group; it has done its work by then."""
    from typer.core import TyperOption

    text = say("The language of what is said: {names}. Default: that of the terminal.", names=one_of(LANGUAGES))
    command.params.append(TyperOption(param_decls=[OPTION], metavar="NAME", help=text, expose_value=False))
    for nested in getattr(command, "commands", {}).values():
        with_language(nested)
    return command


def _asked(arguments: Sequence[str]) -> str | None:
    """The value of the last --lang that is an option; None without one, or where its value is missing."""
    asked = None
    for index, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == OPTION:
            asked = arguments[index + 1] if index + 1 < len(arguments) else None
        elif argument.startswith(f"{OPTION}="):
            asked = argument.removeprefix(f"{OPTION}=")
    return asked
