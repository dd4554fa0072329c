"""Crosses of a context pass: what a unit and its surroundings are, in few steps, taken together.

A linear pass adds up what its columns say; a cross has a weight for each case that several of
them make together, which no sum of theirs can give. Each is one look-up a unit.
"""

from typing import NamedTuple

import numpy as np

from unticker.alphabet import STOP
from unticker.layout import Cross, Layout
from unticker.stretch import Stretch
from unticker.tree import STEPS
from unticker.types import BODY, BYLINE, CHROME, TICKER
from unticker.units import FloatArray, IntArray, binned

FAR = 99
"""Units to a prose that is not there, or further."""
STRONG = 153
"""A probability of 0.6: prose that is surely body, a mark that surely went by."""
_NEAR, _CLOSE = (2, 4, 10), (2, 3, 4, 6, 9, 14, 25, 50, 99)
_EIGHT, _FIVE = (8, 30, 70, 128, 186, 226, 247), (20, 77, 153, 235)
_EDGE = (1, 2, 3, 5, 9, 20)


class Evidence(NamedTuple):
    """What a pass's probabilities say of every unit.

    ``labels``: (4, units), 0 to 255. ``distances``: units to sure prose before and behind, at
    most `FAR`; ``prose``: characters of it before, behind and in the page. ``passed``: the greatest
    probabilities (0 to 255) so far of a teaser heading, a teaser and a byline behind prose.
    ``stretch``: the part of the page that is most likely its article. With markup, ``main``: side
    of each unit to the main element and steps to it (`unticker.tree.Tree.main`), and whether the
    own heading came again (`unticker.tree.Tree.again`); ``around``: for
    each of `unticker.columns.AROUND`, (6, units) of what that element holds: labels, units, prose.
    """

    labels: FloatArray
    distances: tuple[IntArray, IntArray]
    prose: tuple[IntArray, IntArray, IntArray]
    passed: list[FloatArray]
    stretch: Stretch
    main: tuple[IntArray, IntArray, IntArray] | None
    around: list[FloatArray]


def passing(layout: Layout, seen: Evidence, last: bool) -> list[Cross]:
    """The crosses that hang on a pass's probabilities. Finer ones only for the ``last`` pass: over
    the first pass's scores they fit the training sites, and tell the last nothing more."""
    four = binned(layout.length, 25, 60, 120)
    best, top = _best(seen.labels)
    own = best * 3 + binned(top.astype(np.int64), 140, 210)
    found = _of_best(layout, seen, best, own, four)
    if last:
        eight = [binned(p.astype(np.int64), *_EIGHT) for p in seen.labels]
        found += _of_chances(layout, seen, best, eight, four)
        found += _of_stretch(layout, seen.stretch, eight, four)
    if seen.main is not None:
        found += _of_elements(seen, *seen.main, own, four)
    return found


def _of_best(
    layout: Layout, seen: Evidence, best: IntArray, own: IntArray, four: IntArray
) -> list[Cross]:
    """The likeliest labels of the unit and around it, with prose, length, territory."""
    distances, prose, passed = seen.distances, seen.prose, seen.passed
    before, behind = (binned(d, *_CLOSE) for d in distances)
    near = 4 * binned(distances[0], *_NEAR) + binned(distances[1], *_NEAR)
    little, behind_prose = (binned(p, 100, 600, 2500) for p in prose[:2])
    share = binned(255 * prose[0] // np.maximum(prose[0] + prose[1], 1), 5, 60, 200, 250)
    length = layout.shape("length")
    six = binned(layout.length, 12, 30, 60, 100, 180)
    around = [layout.at(best, offset, 4) for offset in (-2, -1, 1, 2)]
    two_before, two_behind = around[0] * 5 + around[1], around[3] * 5 + around[2]
    beside = around[1] * 5 + around[2]
    territory = sum((p > STRONG).astype(np.int64) << n for n, p in enumerate(passed))
    stop = layout.shape("ends-with") == STOP
    dates = np.minimum(layout.shape("date-words") + layout.shape("glued-numbers"), 2)
    repeats = binned(layout.shape("repeats"), 1, 2, 5, 7)
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
        ("label, repeats, prose near", (best * 5 + repeats) * 16 + near, 320),
        ("dates, prose near, prose before, length",
            ((dates * 16 + near) * 4 + little) * 4 + four, 768),
        ("label, two before, share of prose before", (two_before * 12 + own) * 5 + share, 1500),
        ("label, two behind, share of prose before", (two_behind * 12 + own) * 5 + share, 1500),
    ]  # fmt: skip


def _of_chances(
    layout: Layout, seen: Evidence, best: IntArray, eight: list[IntArray], four: IntArray
) -> list[Cross]:
    """The unit's own probabilities in eight steps, with those beside it in five, or with the
    size of the page and of its prose."""
    ticker, chrome, byline, body = eight
    five = [binned(p.astype(np.int64), *_FIVE) for p in seen.labels]
    page = binned(layout.last - layout.first, 36, 70, 140, 270, 520) * 6
    page += binned(seen.prose[2], 330, 800, 2000, 4800, 12000)

    def beside(label: int, offset: int) -> IntArray:
        return layout.at(five[label], offset, 5)

    def between(own: IntArray, before: IntArray, behind: IntArray) -> IntArray:
        return ((own * 6 + before) * 6 + behind) * 4 + four

    chrome_before, chrome_behind = beside(CHROME, -1), beside(CHROME, 1)
    body_before, body_behind = beside(BODY, -1), beside(BODY, 1)
    return [
        ("probabilities", (body * 8 + chrome) * 8 + ticker, 512),
        ("body between chrome, length", between(body, chrome_before, chrome_behind), 1152),
        ("ticker between chrome, length", between(ticker, chrome_before, chrome_behind), 1152),
        ("ticker between tickers, length",
            between(ticker, beside(TICKER, -1), beside(TICKER, 1)), 1152),
        ("body between body, length", between(body, body_before, body_behind), 1152),
        ("byline between chrome and body, length",
            between(byline, chrome_before, body_behind), 1152),
        ("byline between body and byline, length",
            between(byline, body_before, beside(BYLINE, 1)), 1152),
        ("body, size of the page and its prose", body * 36 + page, 288),
        ("ticker, size of the page and its prose", ticker * 36 + page, 288),
        ("label, repeats of two units on both sides, length",
            (layout.repeats_around * 4 + best) * 4 + four, 4096),
        ("body, repeats on both sides, length",
            (layout.repeats_beside * 8 + body) * 4 + four, 512),
    ]  # fmt: skip


def _of_stretch(
    layout: Layout, article: Stretch, eight: list[IntArray], four: IntArray
) -> list[Cross]:
    """Where the unit stands to the likeliest article: before, in or behind it, how near."""
    ticker, _, byline, body = eight
    first, last, total = article
    side = article.side(layout.index)
    start = side * 7 + binned(np.abs(layout.index - first), *_EDGE)
    to_end = binned(np.abs(layout.index + 1 - last), *_EDGE)
    end = side * 7 + to_end
    size = binned(total, 60, 300, 1000, 3000)
    return [
        ("body, side of the article, its size, length",
            ((side * 8 + body) * 5 + size) * 4 + four, 480),
        ("body, distance to the article's start, length", (start * 8 + body) * 4 + four, 672),
        ("body, distance to the article's end, length", (end * 8 + body) * 4 + four, 672),
        ("byline, distance to the article's start, length", (start * 8 + byline) * 4 + four, 672),
        ("byline, distance to the article's end, length", (end * 8 + byline) * 4 + four, 672),
        ("ticker, distance to the article's start, length", (start * 8 + ticker) * 4 + four, 672),
        ("ticker, distance to the article's end, length", (end * 8 + ticker) * 4 + four, 672),
        ("distance to both ends of the article, length",
            (start * 7 + to_end) * 4 + four, 588),
    ]  # fmt: skip


def _of_elements(
    seen: Evidence, side: IntArray, steps: IntArray, again: IntArray, own: IntArray, four: IntArray
) -> list[Cross]:
    """Where the unit stands to the smallest element with over half of what is likely body, and to
    the own heading; the likeliest labels of the others in the elements around it."""

    def beside(place: int) -> IntArray:
        total = seen.around[place]
        likeliest, _ = _best(total[:4] - seen.labels)
        return np.where(total[4] > 1, likeliest, 4)

    element, container, second, third = (beside(place) for place in (0, 2, 3, 4))
    return [
        ("label, place to the main element, length",
            ((side * STEPS + steps) * 12 + own) * 4 + four, 5 * STEPS * 48),
        ("label, labels in its element and container, length",
            ((element * 5 + container) * 12 + own) * 4 + four, 1200),
        ("label, labels in the second and third container, length",
            ((second * 5 + third) * 12 + own) * 4 + four, 1200),
        ("label, labels in its element and second container, side of the main element",
            ((element * 5 + second) * 12 + own) * 5 + side, 1500),
        ("label, own heading gone by or come again, length", (again * 12 + own) * 4 + four, 240),
    ]  # fmt: skip


def _best(labels: FloatArray) -> tuple[IntArray, FloatArray]:
    """The likeliest label of each unit, and its probability."""
    best = np.zeros(labels.shape[1], np.int64)
    top = labels[0]
    for label in range(1, len(labels)):
        best[labels[label] > top] = label
        top = np.maximum(top, labels[label])
    return best, top
