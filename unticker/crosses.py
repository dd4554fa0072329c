"""Crosses of a context pass: what a unit and its surroundings are, in few steps, taken together.

A linear pass adds up what its columns say; a cross has a weight for each case that several of
them make together, which no sum of theirs can give. Each is one look-up a unit.
"""

import numpy as np

from unticker.alphabet import STOP
from unticker.layout import Cross, Layout
from unticker.units import FloatArray, IntArray, binned

FAR = 99
"""Units to a prose that is not there, or further."""
STRONG = 153
"""A probability of 0.6: prose that is surely body, a mark that surely went by."""
_NEAR, _CLOSE = (2, 4, 10), (2, 3, 4, 6, 9, 14, 25, 50, 99)


def passing(
    layout: Layout,
    labels: FloatArray,
    distances: tuple[IntArray, IntArray],
    prose: tuple[IntArray, IntArray],
    passed: list[FloatArray],
) -> list[Cross]:
    """The crosses that hang on a pass's probabilities.

    ``labels``: (4, units), 0 to 255. ``distances``: units to sure prose before and behind, at
    most `FAR`; ``prose``: characters of it before and behind. ``passed``: the greatest
    probabilities (0 to 255) so far of a teaser heading, a teaser and a byline behind prose.
    """
    best, top = _best(labels)
    own = best * 3 + binned(top.astype(np.int64), 140, 210)
    before, behind = (binned(d, *_CLOSE) for d in distances)
    near = 4 * binned(distances[0], *_NEAR) + binned(distances[1], *_NEAR)
    little, behind_prose = (binned(p, 100, 600, 2500) for p in prose)
    share = binned(255 * prose[0] // np.maximum(prose[0] + prose[1], 1), 5, 60, 200, 250)
    length = layout.shape("length")
    six, four = binned(layout.length, 12, 30, 60, 100, 180), binned(layout.length, 25, 60, 120)
    around = [layout.at(best, offset, 4) for offset in (-2, -1, 1, 2)]
    two_before, two_behind = around[0] * 5 + around[1], around[3] * 5 + around[2]
    beside = around[1] * 5 + around[2]
    territory = sum((p > STRONG).astype(np.int64) << n for n, p in enumerate(passed))
    stop = layout.shape("ends-with") == STOP
    dates = np.minimum(layout.shape("date-words") + layout.shape("glued-numbers"), 2)
    repeats = np.minimum(layout.shape("repeats"), 2)
    return [
        ("distance to prose on both sides", before * 10 + behind, 100),
        ("labels of the unit and beside it", beside * 4 + best, 100),
        ("labels of two units on both sides",
            (two_before * 5 + around[2]) * 5 + around[3], 625),
        ("distance to prose before, length", before * 18 + length, 180),
        ("distance to prose behind, length", behind * 18 + length, 180),
        ("label, prose near", own * 16 + near, 192),
        ("label, prose near, length", (own * 16 + near) * 6 + six, 1152),
        ("label, prose on both sides, length",
            ((own * 4 + little) * 4 + behind_prose) * 4 + four, 768),
        ("label, territory, prose behind", (own * 8 + territory) * 4 + behind_prose, 384),
        ("territory, share of prose before, length, sentence end",
            ((territory * 5 + share) * 6 + six) * 2 + stop, 480),
        ("label, labels beside, length", (own * 25 + beside) * 6 + six, 1800),
        ("label, repeats, prose near", (best * 3 + repeats) * 16 + near, 192),
        ("dates, prose near, prose before, length",
            ((dates * 16 + near) * 4 + little) * 4 + four, 768),
        ("label, two before, share of prose before", (two_before * 12 + own) * 5 + share, 1500),
        ("label, two behind, share of prose before", (two_behind * 12 + own) * 5 + share, 1500),
    ]  # fmt: skip


def _best(labels: FloatArray) -> tuple[IntArray, FloatArray]:
    """The likeliest label of each unit, and its probability."""
    best = np.zeros(labels.shape[1], np.int64)
    top = labels[0]
    for label in range(1, len(labels)):
        best[labels[label] > top] = label
        top = np.maximum(top, labels[label])
    return best, top
