"""Pages to units: the pieces of text that are judged, cut in one pass over many pages.

A unit is a line, or a part of one: lines are cut at runs of three or more spaces
(a ticker on one line), and lines that hold most of a page (its newlines were lost)
also at sentence ends, and where a model takes it that lines ended (`unticker.gaps`).
Offsets are code points into the batch's text.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from unticker import alphabet, kernels
from unticker.alphabet import CLOSE, DIGIT, LOWER, QUOTE, SPACE, STOP
from unticker.gaps import breaks

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

LONG_LINE = 600
"""Characters of a line, or of a part between runs of spaces, that may be cut further."""
APART = 3
"""Spaces that set a part of a line apart from what stands beside it."""
_NEWLINE = 10


def following(
    line: NDArray[np.signedinteger],
    starts: NDArray[np.signedinteger],
    ends: NDArray[np.signedinteger],
) -> int:
    """How many units of a page stand close behind another one in their line; arrays (units,)."""
    close = (line[1:] == line[:-1]) & (starts[1:] - ends[:-1] < APART)
    return int(np.count_nonzero(close))


def quotient(part: IntArray | FloatArray, whole: IntArray | FloatArray | int) -> FloatArray:
    """``part // whole`` of integers from 0 on, as float64, which is several times faster.

    It is exact: a quotient that is no integer is at least 1 / whole away from one, and
    it is rounded by less than that as long as ``part`` is below 2**52.
    """
    exact: FloatArray = np.floor(np.true_divide(part, whole))
    return exact


@lru_cache(maxsize=64)
def _bins(edges: tuple[int, ...]) -> IntArray:
    return np.searchsorted(np.array(edges), np.arange(edges[-1] + 1), "right")


def binned(values: IntArray, *edges: int) -> IntArray:
    """0 below the first edge, 1 from there on, …, ``len(edges)`` from the last edge on."""
    return _bins(edges).take(values, mode="clip")


@dataclass(frozen=True, slots=True)
class Units:
    """The units of a batch of pages; arrays are as long as there are units unless said.

    ``codes``, ``classes``: one entry a code point of the batch's text, in which every
    page ends with a newline. ``starts``, ``ends``: code points, white space trimmed.
    ``page``, ``line``: page in the batch, and line in the page (from 0, blank
    lines counted). ``parts``, ``part``: units in the same line, and which of them.
    ``first``: units before each page (length: pages + 1).
    """

    codes: NDArray[np.uint32]
    classes: NDArray[np.uint8]
    starts: IntArray
    ends: IntArray
    page: IntArray
    line: IntArray
    parts: IntArray
    part: IntArray
    first: IntArray
    page_starts: IntArray

    def __len__(self) -> int:
        return len(self.starts)

    def of(self, page: int) -> slice:
        """The units of a page."""
        return slice(int(self.first[page]), int(self.first[page + 1]))


def cut(texts: list[str], table: NDArray[np.int16] | None = None) -> Units:
    r"""Cut page texts, whose line ends are ``\n`` alone, into units.

    ``table``: a model's weights of gaps; without it lines are cut at spaces and sentence ends.
    """
    joined = "\n".join(texts) + "\n" if texts else ""
    codes, classes = alphabet.coded(joined)
    lengths = np.fromiter((len(text) + 1 for text in texts), np.int64, len(texts))
    page_ends = np.cumsum(lengths)
    page_starts = page_ends - lengths

    line_ends = np.flatnonzero(codes == _NEWLINE)
    line_starts = np.concatenate(([0], line_ends[:-1] + 1)).astype(np.int64)[: len(line_ends)]
    line_page = np.searchsorted(page_ends, line_starts, "right")
    line_number = np.arange(len(line_ends)) - np.searchsorted(line_starts, page_starts)[line_page]

    cuts = _cuts(codes, classes, line_starts, line_ends, lengths[line_page], table)
    if len(cuts):
        starts = np.sort(np.concatenate((line_starts, cuts)))  # no line starts at a cut
        ends = np.append(starts[1:], len(codes))
        ends = ends - (codes[ends - 1] == _NEWLINE)
        line = np.searchsorted(line_starts, starts, "right") - 1
    else:
        starts, ends, line = line_starts, line_ends.astype(np.int64), np.arange(len(line_ends))
    starts, ends, kept = _trim(classes, starts, ends)
    line = line[kept]
    page = line_page[line]
    # Units of one line are neighbours: number them within runs of the same line.
    new = np.flatnonzero(np.append(True, line[1:] != line[:-1])) if len(line) else line
    counts = np.diff(np.append(new, len(line)))
    return Units(
        codes,
        classes,
        starts,
        ends,
        page,
        line_number[line],
        np.repeat(counts, counts),
        np.arange(len(line)) - np.repeat(new, counts),
        np.searchsorted(page, np.arange(len(texts) + 1)),
        page_starts,
    )


def _cuts(
    codes: NDArray[np.uint32],
    classes: NDArray[np.uint8],
    line_starts: IntArray,
    line_ends: IntArray,
    page_length: IntArray,
    table: NDArray[np.int16] | None,
) -> IntArray:
    """Where units start inside lines."""
    if len(codes) < 4:
        return np.zeros(0, np.int64)
    blank = (classes == SPACE) & (codes != _NEWLINE)
    run = blank[:-3] & blank[1:-2] & blank[2:-1]
    wide = np.flatnonzero(run & ~blank[3:]) + 3
    length = line_ends - line_starts
    long = np.flatnonzero((length >= LONG_LINE) & (2 * length >= page_length))
    found: list[IntArray] = [wide]
    for index in long:  # few by definition: at most two a page
        line = line_starts[index], line_ends[index]
        inner = wide[np.searchsorted(wide, line[0]) : np.searchsorted(wide, line[1])]
        bounds = np.concatenate((line[:1], inner, line[1:]))
        for part in np.flatnonzero(np.diff(bounds) >= LONG_LINE):
            start, end = bounds[part], bounds[part + 1]
            text = codes[start:end], classes[start:end]
            sentences = _sentences(*text)
            found.append(start + sentences)
            if table is not None:
                found.append(start + breaks(table, *text, sentences))
    return wide if len(found) == 1 else np.unique(np.concatenate(found))


def _sentences(codes: NDArray[np.uint32], classes: NDArray[np.uint8]) -> IntArray:
    """Where sentences start inside a text."""
    stops = np.flatnonzero(
        (classes[:-2] == STOP)
        & (classes[1:-1] == SPACE)
        & (classes[2:] != LOWER)
        & (classes[2:] != DIGIT)
        & (classes[2:] != SPACE)
    )
    quoted = np.flatnonzero(
        (classes[:-3] == STOP)
        & ((classes[1:-2] == QUOTE) | (classes[1:-2] == CLOSE))
        & (classes[2:-1] == SPACE)
        & (classes[3:] != LOWER)
    )
    ideographic = np.flatnonzero((classes[:-1] == STOP) & (codes[:-1] > 0x3000))
    return np.concatenate((stops + 2, quoted + 3, ideographic + 1))


def _trim(
    classes: NDArray[np.uint8], starts: IntArray, ends: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Shrink units to their first and last character that is not white space; drop blank ones."""
    fast = kernels.compiled()
    if fast is not None:
        return fast.trim(classes, starts, ends)
    if not len(starts):
        return starts, ends, starts
    ink = classes != SPACE
    edges = np.flatnonzero(ink[1:] != ink[:-1]) + 1  # ink and white space take turns
    if ink[0]:
        edges = np.append(0, edges)
    # The first ink that ends behind the start, and the last that starts before the end.
    first = np.searchsorted(edges[1::2], starts, "right")
    last = np.searchsorted(edges[::2], ends) - 1
    kept = np.flatnonzero(last >= first)
    begin, end = edges[::2][first[kept]], edges[1::2][last[kept]]
    return np.maximum(begin, starts[kept]), np.minimum(end, ends[kept]), kept
