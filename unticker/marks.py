"""Markdown as it is read: links are their words, images and marks of strong emphasis nothing.

What a model sees of a page in Markdown is what it would see of the page as plain text; lines and
offsets stay those of the page.

>>> plain("See [the **plan**](https://a.example/x) ![map](m.png).")
'See the plan .'
"""

import re
from typing import NamedTuple

import numpy as np

from unticker.units import APART, IntArray

# A target: no white space but before a title, and parentheses in pairs, one deep.
_TOKEN = re.compile(
    r"""!?\[
    | \]\( [^\s()]* (?: \([^\s()]*\) [^\s()]* )* (?: [ ]+ "[^"\n]*" )? [ ]* \)
    | \] | \*\* | \n""",
    re.VERBOSE,
)
_HEADING = re.compile(r"#{1,6} +")
_LINK = "]("
_REACH = 12
"""Lines that a link may go on for."""
_SIGN = 2
"""Characters that a line is read by that is nothing but marks, as one with an image alone."""


class View(NamedTuple):
    """A text without its marks, and where it stands in the text: a stretch of the view from ``i``
    to ``j`` is ``text[starts[i]:ends[j]]``, with the marks around it. Both (length + 1,)."""

    text: str
    starts: IntArray
    ends: IntArray


class Stretch(NamedTuple):
    """``text[start:end]``, which is kept, and where what belongs to it ends: behind a mark that
    closes, before one that opens. An empty one stands between two links that touch, as the items
    of a menu do: there, `APART` spaces cut the line."""

    start: int
    end: int
    border: int


class Mark(NamedTuple):
    """``text[start:end]``, which is not read; whether it closes what stands before it."""

    start: int
    end: int
    closes: bool


def plain(text: str) -> str:
    """The text without its marks."""
    found = view(text)
    return text if found is None else found.text


def heading(text: str) -> str:
    """The words of a heading.

    >>> heading("## The [plan](/p)")
    'The plan'
    """
    words = plain(text)
    mark = _HEADING.match(words)
    return words[mark.end() :] if mark else words


def view(text: str) -> View | None:
    """What a model sees of a text in Markdown; None where it holds no link."""
    if _LINK not in text:
        return None
    marks = _marks(text)
    if not any(mark.closes for mark in marks):
        return None
    kept: list[Stretch] = []
    start = at = 0
    for line in text.split("\n"):
        end = start + len(line)
        first = at
        while at < len(marks) and marks[at].start < end:
            at += 1
        if at > first:
            kept += _stretches(text, start, end, marks[first:at])
        elif line:
            kept.append(Stretch(start, end, end))
        kept.append(Stretch(end, end + 1, end + 1))
        start = end + 1
    return _joined(text, kept[:-1])


def _marks(text: str) -> list[Mark]:
    """The marks of a text, in order. A link may go on for `_REACH` lines."""
    marks: list[Mark] = []
    opened: list[tuple[int, int, int]] = []  # start, end, line
    number = 0
    strong = False
    for token in _TOKEN.finditer(text):
        start, end = token.span()
        mark = token[0]
        if mark == "\n":
            number += 1
            strong = False
        elif mark == "**":
            marks.append(Mark(start, end, strong))
            strong = not strong
        elif mark.endswith("["):
            opened.append((start, end, number))
        elif opened:
            first, second, line = opened.pop()
            if number - line > _REACH:
                opened.clear()
            elif mark != "]" and second - first == 2 and line == number:  # an image, with its words
                while marks and marks[-1].start > first:
                    marks.pop()
                marks.append(Mark(first, end, False))
            elif mark != "]":
                marks += [Mark(first, second, False), Mark(start, end, True)]
    return sorted(marks)


def _stretches(text: str, start: int, end: int, marks: list[Mark]) -> list[Stretch]:
    """The stretches of a line that are kept; of one that is all marks, the start of the first."""
    found: list[Stretch] = []
    at = start
    for low, high, closes in [*marks, Mark(end, end, False)]:
        if low > at:
            found.append(Stretch(at, low, low))
        at = high
        if closes and found:
            found[-1] = found[-1]._replace(border=high)
            if text.startswith(("[", "!["), high):
                found.append(Stretch(high, high, high))
    if not any(text[each.start : each.end].strip() for each in found):
        return [Stretch(marks[0].start, min(marks[0].start + _SIGN, end), end)]
    return found


def _joined(text: str, kept: list[Stretch]) -> View:
    pieces = [text[low:high] or " " * APART for low, high, _ in kept]
    size = np.fromiter(map(len, pieces), np.int64, len(pieces))
    low, high, border = np.array(kept, np.int64).T
    first = np.cumsum(size) - size
    inside = np.arange(int(size.sum())) - np.repeat(first, size)
    place = np.repeat(low, size) + np.minimum(inside, np.repeat(high - low, size))
    starts, ends = np.append(place, len(text)), np.append(0, place + 1)
    starts[first] = np.append(0, border[:-1])
    ends[first + size] = border
    return View("".join(pieces), starts, ends)
