"""The one place that every sentence for people goes through: errors, hints, notes, headings, help.

A sentence stands where it is needed, in English, as a template with named places. `say` makes it text at once;
`Message` keeps template and values apart until somebody says it, as errors do, which know neither the language nor
whether options are spelt for Python or for a command line. What is data (JSON, CSV, codes) does not come here.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol


class Catalogue(Protocol):
    """Translations, as gettext.NullTranslations and its like give them."""

    def gettext(self, message: str) -> str: ...

    def ngettext(self, singular: str, plural: str, n: int) -> str: ...

    def pgettext(self, context: str, message: str) -> str: ...


class _English:
    """The templates as they stand in the code."""

    def gettext(self, message: str) -> str:
        return message

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        return singular if n == 1 else plural

    def pgettext(self, context: str, message: str) -> str:
        return message


_catalogue: Catalogue = _English()


def use_catalogue(catalogue: Catalogue | None) -> None:
    """From now on say everything in this language; None for English."""
    global _catalogue
    _catalogue = catalogue or _English()


@contextmanager
def in_english() -> Iterator[None]:
    """Within it everything is said in English: for data, which do not change with the language."""
    spoken = _catalogue
    use_catalogue(None)
    try:
        yield
    finally:
        use_catalogue(spoken)


class Option(str):
    """The name of an option, as Python spells it."""

    def on_command_line(self) -> str:
        """As a shell's user types it."""
        return f"--{self.replace('_', '-')}"


Spelling = Callable[[Option], str]


class Message:
    """A sentence that has not been said yet.

    Args:
        template: in English, with `{names}` in place of the values.
        values: strings, numbers, Options, or Messages that are a part of this one.
    """

    __slots__ = ("template", "values")

    def __init__(self, template: str, /, **values: Any) -> None:
        self.template = template
        self.values = values

    def say(self, spelling: Spelling = str) -> str:
        """The text, in the language of the catalogue; `spelling` says how options are written."""
        return self._translated().format(**{name: _spelt(value, spelling) for name, value in self.values.items()})

    def __str__(self) -> str:
        return self.say()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.template!r}, {self.values!r})"

    def _translated(self) -> str:
        return _catalogue.gettext(self.template)


class Counted(Message):
    """A sentence that has another form for one thing: `Counted("{n} token", "{n} tokens", n=3)`."""

    __slots__ = ("plural",)

    def __init__(self, template: str, plural: str, /, *, n: int, **values: Any) -> None:
        super().__init__(template, n=n, **values)
        self.plural = plural

    def __reduce__(self) -> tuple[Any, ...]:
        return _counted, (self.template, self.plural, self.values)

    def _translated(self) -> str:
        return _catalogue.ngettext(self.template, self.plural, self.values["n"])


def _counted(template: str, plural: str, values: dict[str, Any]) -> Counted:
    return Counted(template, plural, **values)


def all_of(names: Sequence[str]) -> Message:
    """One name or several, as a part of a sentence: `a, b and c`."""
    return Message("{some} and {last}", some=listed(names[:-1]), last=names[-1]) if names[1:] else listed(names)


def one_of(names: Sequence[str]) -> Message:
    """The same as a choice: `a, b or c`."""
    return Message("{some} or {last}", some=listed(names[:-1]), last=names[-1]) if names[1:] else listed(names)


def listed(names: Sequence[str]) -> Message:
    """The names with commas between them."""
    *others, last = names
    return Message("{names}, {name}", names=listed(others), name=last) if others else Message("{name}", name=last)


def say(template: str, /, **values: Any) -> str:
    """A sentence in the language of the catalogue."""
    return Message(template, **values).say()


def say_n(template: str, plural: str, /, *, n: int, **values: Any) -> str:
    """A sentence about `n` things."""
    return Counted(template, plural, n=n, **values).say()


def say_as(context: str, word: str) -> str:
    """A word that is another one in other places, where a language may have another for it."""
    return _catalogue.pgettext(context, word)


def _spelt(value: Any, spelling: Spelling) -> Any:
    if isinstance(value, Option):
        return spelling(value)
    return value.say(spelling) if isinstance(value, Message) else value
