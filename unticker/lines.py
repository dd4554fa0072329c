"""Text to lines: the one definition of a line, and of a blank one."""

import re

_END = re.compile(r"\r\n|\r|\n")
_SURROGATE = re.compile("[\ud800-\udfff]")


def split(text: str) -> list[str]:
    r"""Split text at ``\n``, ``\r\n`` and ``\r`` and at nothing else.

    Other separators (U+0085, U+2028, form feed) stay inside their line. An end
    at the very end of the text closes the last line and opens no new one.

    >>> split("a\r\nb\u2028c\n")
    ['a', 'b\u2028c']
    >>> split("")
    []
    """
    if not text:
        return []
    parts = _END.split(text) if "\r" in text else text.split("\n")
    if not parts[-1]:
        parts.pop()
    return parts


def is_blank(line: str) -> bool:
    """True for a line of white space only, which gets no label."""
    return not line or line.isspace()


def encodable(text: str) -> str:
    """The text with U+FFFD for lone surrogates, which UTF-8 has no place for."""
    return _SURROGATE.sub("\ufffd", text)
