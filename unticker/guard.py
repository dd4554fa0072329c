"""Which pages lexbor, the tree builder, may have; the others are read without a tree.

lexbor's time grows with the square of three things that no ordinary page has
much of: open elements around a block, formatting elements that never close
(``<p><b id=1><p><b id=2>…`` opens all of them again in every paragraph) and
attributes of one tag. It also drops what stands behind a comment that never ends.
"""

import re
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from unticker.tags import BLOCK, RAW_ATTRIBUTE, RAW_TAG, VOID, without_opaque

SOME_TAGS = 10_000
MAX_FORMATTING = 64
MAX_REOPENED = 500_000
MAX_WORK = 20_000_000
"""Steps along open elements, of about 6 ns; real pages need 200,000 at most."""
MAX_ATTRIBUTES = 1000
_SHORTEST, _LONG_TAG = 16, 4096
_REOPENED = 200
"""What opening a formatting element again costs, in steps."""
_NEAR = 32
"""How many open elements an end tag is compared with."""

_FORMATTING = frozenset("b big code em font i s small strike strong tt u".split())
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)([^<>]*)")
_LITERAL = re.compile(rb"<(?:xmp|plaintext)[\s/>]", re.I)
_NAMED = re.compile(rb"<[a-zA-Z][^\s/>]{0,40}[\s/]")
_UNNESTED = VOID | {"p", "li", "td", "th", "tr", "option", "dd", "dt"}


def _pairs(*starts: str) -> NDArray[np.bool_]:
    """Which two bytes behind "<" may start one of these names, in either case."""
    table = np.zeros(1 << 16, np.bool_)
    for start in starts:
        for first in {start[0].lower(), start[0].upper()}:
            for second in {start[1].lower(), start[1].upper()}:
                table[ord(first) | ord(second) << 8] = True
    return table


_SHORT = _pairs(*(name + space for name in "bisu" for space in " \t\n\r\f/"))
_FORMATTED = _SHORT | _pairs("em", "tt", "bi", "co", "fo", "sm", "st")
_LITERALS = _pairs("xm", "pl")
_ALPHABET = np.array([chr(byte).isalnum() and byte < 128 for byte in range(256)])
_ONE_LETTER = np.array([chr(byte) in "bisuBISU" for byte in range(256)])


def is_tame(page: bytes) -> bool:
    """Whether lexbor reads the page, in UTF-8, in about linear time and without losing text."""
    if len(page) < _SHORTEST:
        return page.rfind(b"<!--") <= page.rfind(b"-->")
    codes = np.frombuffer(page, np.uint8)
    tags = np.flatnonzero(codes[:-3] == ord("<"))
    first, second, third = codes[tags + 1], codes[tags + 2], codes[tags + 3]
    comments = tags[(first == ord("!")) & (second == ord("-")) & (third == ord("-"))]
    if len(comments) and page.find(b"-->", comments[-1]) < 0:
        return False
    pairs = first.astype(np.uint16) | second.astype(np.uint16) << 8
    if _LITERALS[pairs].any() and _LITERAL.search(page):
        return False  # their content is not markup, but lexbor does not escape it
    if _has_endless_tag(page, tags, first):
        return False
    # More one-letter formatting elements opened than closed. Comparisons in scripts
    # (i<n) count too: a page full of them is read without a tree, which does no harm.
    opened = np.count_nonzero(_ONE_LETTER[first] & ~_ALPHABET[second])
    closed = np.count_nonzero((first == ord("/")) & _ONE_LETTER[second] & ~_ALPHABET[third])
    if opened - closed > MAX_FORMATTING:
        return False
    formatted = int(np.count_nonzero(_FORMATTED[pairs]))
    if len(tags) <= SOME_TAGS and formatted * (len(tags) - formatted) <= MAX_REOPENED:
        return True
    return _is_shallow(without_opaque(page.decode("utf-8", "replace")))


def _has_endless_tag(page: bytes, tags: NDArray[np.intp], first: NDArray[np.uint8]) -> bool:
    """Whether a tag has more than `MAX_ATTRIBUTES`; only long gaps between "<" are looked at."""
    ends = np.append(tags[1:], len(page))
    for number in np.flatnonzero((ends - tags > _LONG_TAG) & _ALPHABET[first]).tolist():
        start, end = int(tags[number]), int(ends[number])
        if 0 <= page.find(b">", start, end) < start + _LONG_TAG or not _NAMED.match(page, start):
            continue
        tag = RAW_TAG.match(page[start:end].decode("utf-8", "replace"))
        if tag is None or len(RAW_ATTRIBUTE.findall(tag[0])) <= MAX_ATTRIBUTES:
            continue
        if page.rfind(b"<script", 0, start) <= page.rfind(b"</script", 0, start):
            return True
    return False


def _is_shallow(page: str) -> bool:
    """Whether lexbor's steps along open elements stay below `MAX_WORK`.

    No end tag is taken to close more than a browser would close at it.
    """
    stack: list[str] = []
    formatting: dict[str, list[str]] = {}
    alike: Counter[tuple[str, str]] = Counter()
    work = pending = 0
    for close, name, attributes in _TAG.findall(page):
        name = name.lower()
        work += len(stack)
        if name in _FORMATTING:
            opened = formatting.setdefault(name, [])
            if close and opened:
                alike[name, opened.pop()] -= 1
                pending -= 1
            elif not close and alike[name, attributes] < 3:  # more are not opened again
                opened.append(attributes)
                alike[name, attributes] += 1
                pending += 1
        elif not close:
            work += _REOPENED * pending
        if work > MAX_WORK:
            return False
        if name in _UNNESTED:
            continue
        if not close:
            stack.append(name)
        elif stack and stack[-1] == name:
            stack.pop()
        else:
            _close(stack, name)
    return True


def _close(stack: list[str], name: str) -> None:
    """Close what an end tag closes in a browser that does not match the innermost element."""
    for place in range(len(stack) - 1, max(-1, len(stack) - _NEAR), -1):
        if stack[place] == name:
            if name in _FORMATTING:
                del stack[place]
            else:
                del stack[place:]
            return
        if stack[place] == "table" or (name not in BLOCK and stack[place] in BLOCK):
            return
