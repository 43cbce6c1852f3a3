"""Making text safe and visible: a token or a prompt is data and must never steer a terminal, a page or a table."""

import unicodedata

from .signs import signs

_UNSEEN = {"Cc", "Cf", "Zl", "Zp", "Zs", "Co", "Cn", "Cs"}
"""Unicode's categories of what has no shape of its own: controls, formats (bidirectional marks, zero-width), odd
spaces, line separators, private and unassigned characters."""

_HARMLESS = " \n\t\u200c\u200d"
"""The last two join or separate letters in Persian and Indic scripts and in emoji."""


def visible_token(token: str, raw: bytes | tuple[int, ...]) -> str:
    """A token with its white space made visible. One that is only part of a character is shown as its bytes."""
    raw, used = bytes(raw), signs()
    if not raw:
        return used.no_bytes
    shown = {" ": used.space, "\n": used.line_feed, "\t": used.tab}
    if used.ascii:
        shown |= {"_": r"\_", "\\": r"\\"}
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return "".join(shown.get(part) or _byte_or_character(part) for part in raw.decode("utf-8", "surrogateescape"))
    if text.isascii() and text.isprintable() and not used.ascii:  # most are, and there may be thousands
        return text.replace(" ", used.space)
    return "".join(shown.get(character) or escape(character) for character in text)


def visible_line(text: str) -> str:
    """A text on one line: line breaks and tabs made visible, spaces left as they are."""
    used = signs()
    if text.isprintable() and not used.ascii:  # no character is one of _UNSEEN
        return text
    shown = {" ": " ", "\n": used.line_feed, "\t": used.tab}
    if used.ascii:
        shown["\\"] = r"\\"
    line = "".join(shown.get(character) or escape(character) for character in text)
    return f"\\{line}" if used.ascii and line.startswith(used.cut) else line


def safe_text(text: str) -> str:
    """A text with its own line breaks, tabs and joiners, and nothing else that would steer a terminal."""
    kept = " \n\t" if signs().all_ascii else _HARMLESS
    return "".join(character if character in kept else escape(character) for character in text)


def escape(character: str) -> str:
    """A character as it is, or its escape if it has no visible shape."""
    if character.isascii():
        return character if character.isprintable() else f"\\x{ord(character):02x}"
    if unicodedata.category(character) not in _UNSEEN and not signs().all_ascii:
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _byte_or_character(part: str) -> str:
    code = ord(part)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8 here
        return f"\\x{code - 0xDC00:02x}"
    return escape(part)
