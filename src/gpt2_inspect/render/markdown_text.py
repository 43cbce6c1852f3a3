r"""Text in Markdown: a backslash before what would be read as markup, and before nothing else.

What is markup is said by CommonMark (https://spec.commonmark.org/0.31.2/) and by GitHub's dialect of it, which adds
tables, ~strikethrough~, footnotes, bare links, task lists and $formulas$. All texts here are on one line.
"""

import re

_INLINE = re.compile(
    r"""
      \\ (?= [!-/:-@\[-`{-~] | $ )              # a backslash counts before punctuation; the end may become some
    | `+ | \*+ | _+ | ~+                        # code, emphasis, strikethrough
    | \] (?= \( )                               # a link or an image; those by reference have no definition to refer to
    | \[ (?= \^ )                               # a footnote
    | < (?= [A-Za-z/!?] | [^\s<>]* @ )          # HTML, a link
    | & (?= \#? [0-9A-Za-z]+ ; )                # a character's name or number
    | : (?= // ) | (?<= \b www ) \.             # a bare link
    | \$                                        # a formula, see _is_formula
    """,
    re.VERBOSE | re.IGNORECASE,
)

_AT_START = re.compile(
    r"""
      (?= \#{1,6} (?: [ ] | $ ) )                # a heading
    | (?= > )                                   # a quotation
    | (?= [-+] (?: [ ] | $ ) )                  # an item of a list
    | (?= - [ ]* - [ ]* - [- ]* $ )             # a rule
    | \d{1,9} (?= [.)] (?: [ ] | $ ) )          # a numbered item
    | (?= \[ (?: [ x] \] | .* \] : ) )          # a task; the definition of a link
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Up to where a backslash goes, if one is needed because the text begins a paragraph or an item."""

_FORMULA = re.compile(r"\$\$ | \$ \S (?: .* \S )? \$", re.VERBOSE)
"""What GitHub may take for a formula; `$5 and $6` is none."""


def inline_text(text: str) -> str:
    """A text inside a line, as between stars."""
    formula = _FORMULA.search(text) is not None
    return _INLINE.sub(lambda found: _escaped(found, text, formula=formula), text)


def cell_text(text: str) -> str:
    """A text in a table, where a bar ends a cell."""
    return inline_text(text).replace("|", r"\|")


def block_text(text: str) -> str:
    """A text that begins a paragraph or an item of a list, where some characters make it something else."""
    start = _AT_START.match(text)
    if start is None:
        return inline_text(text)
    return f"{start[0]}\\{text[start.end()]}{inline_text(text[start.end() + 1 :])}"


def _escaped(found: re.Match[str], text: str, *, formula: bool) -> str:
    run = found[0]
    before, behind = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
    if run[0] == "$" and not formula:
        return run
    if run[0] in "*_~" and before == behind == " ":  # beside spaces they neither open nor close anything
        return run
    if run[0] == "_" and before.isalnum() and behind.isalnum():  # nor does an underscore inside a word
        return run
    return "".join(f"\\{character}" for character in run)
