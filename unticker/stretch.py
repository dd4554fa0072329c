"""The stretch of a page that is most likely its article: the one of greatest sum.

Maximum subsequence segmentation (Pasternack and Roth, "Extracting article text from the web
with maximum subsequence segmentation", WWW 2009), over units in place of tokens: a unit adds
what its probability of body exceeds a half by, times its length.
"""

from typing import NamedTuple

import numpy as np

from unticker.layout import Layout
from unticker.units import FloatArray, IntArray

_LEAST, _MOST = 40, 300
"""Every unit counts so many characters and its own, of which so many at most."""
_APART = 1 << 36  # more than the units of a batch can add up to


class Stretch(NamedTuple):
    """For each unit, of its page's stretch: first unit, one past the last, and its sum, in
    characters that are surely body."""

    first: IntArray
    last: IntArray
    sum: IntArray

    def side(self, index: IntArray) -> IntArray:
        """Whether each unit (``index`` is their number) stands before the stretch (0), in it (1) or
        behind it (2)."""
        side: IntArray = (index >= self.first).astype(np.int64) + (index >= self.last)
        return side


def stretch(layout: Layout, body: FloatArray) -> Stretch:
    """The best stretch of each page; ``body`` (units,) from 0 to 255."""
    index = layout.index
    if not len(index):
        return Stretch(index, index, index)
    gain = (2 * body - 255) * (_LEAST + np.minimum(layout.length, _MOST))
    sums = np.cumsum(gain)
    # Each page starts lower than any sum before it, so that the least sum starts anew.
    start = sums - gain - _APART * layout.text.units.page
    least = np.minimum.accumulate(start)
    begin = np.maximum.accumulate(np.where(start == least, index, 0))
    total = start + gain - least
    pages = np.flatnonzero(layout.opens)
    units = np.diff(np.append(pages, len(index)))
    best = np.repeat(np.maximum.reduceat(total, pages), units)
    end = np.minimum.reduceat(np.where(total == best, index, len(index)), pages)
    return Stretch(
        np.repeat(begin[end], units),
        np.repeat(end + 1, units),
        (best // 510).astype(np.int64),
    )
