"""Words that units share with the prose of their page, and with its beginning.

Teasers share few words with the article. A second article behind the first shares many with the
page's prose, half of which is its own, but few with what the page began with.
"""

import numpy as np

from unticker import kernels
from unticker.conjunctions import Rows
from unticker.layout import Layout
from unticker.units import FloatArray, IntArray, quotient

OPENING = 800
"""Characters of likely prose that a page's beginning has."""


def fill(out: Rows, layout: Layout, mass: FloatArray) -> None:
    """Four rows (units,): of the words of each unit that stand in other units of its page, the
    mean weight, the share of all its words, the number (to 6) and the share of the long ones.
    ``mass`` (units,) is what each unit counts for where it is among the others, to 100."""
    words, n, weight = layout.words, len(layout), np.minimum(mass, 100)
    every, longest = layout.word_counts
    fast = kernels.compiled()
    if fast is not None:
        fast.cohesion(out, *words, weight, every, longest)
        return
    weight = weight[words.unit]
    other = np.bincount(words.same, weight, len(words.same))[words.same] - weight
    score = quotient(np.minimum(other, 300) * 8, words.rarity)
    hit = np.flatnonzero(other > 30)
    hits = np.bincount(words.unit[hit], minlength=n)
    very = np.bincount(words.unit[hit[words.very[hit]]], minlength=n)
    out[0] = quotient(np.bincount(words.unit, score, n), every)
    out[1] = quotient(255 * hits, every)
    np.minimum(hits, 6, out=out[2])
    out[3] = quotient(255 * very, longest)


def fill_opening(out: Rows, layout: Layout, mass: FloatArray, sums: IntArray) -> None:
    """The same four with the beginning of the page's prose as the others, and the mean share in
    the prose around each unit. ``mass`` (units,): characters of likely prose; ``sums``
    (units + 1,): those before each unit."""
    begins = sums[:-1] - sums[layout.first] < OPENING
    fill(out[:4], layout, np.where(begins, mass, 0))
    shared = np.concatenate(([0], np.cumsum(mass * out[1])))
    for place, (low, high) in enumerate(layout.reaches):
        sides = (low, layout.index), (layout.index + 1, high)
        for row, (start, end) in enumerate(sides, 4 + 2 * place):
            prose = np.maximum(sums[end] - sums[start], 1)
            out[row] = quotient(shared[end] - shared[start], prose)
