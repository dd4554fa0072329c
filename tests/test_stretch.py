"""The stretch of greatest sum, against trying every stretch of every page."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unticker import weights
from unticker.stretch import stretch

LINES = st.lists(
    st.tuples(st.integers(1, 400), st.integers(0, 255)), min_size=1, max_size=8
)  # length of a line, its probability of body
PAGES = st.lists(LINES, min_size=1, max_size=4)


def slow(lines: list[tuple[int, int]]) -> int:
    gains = [(2 * chance - 255) * (40 + min(length, 300)) for length, chance in lines]
    ends = range(1, len(gains) + 1)
    return max(sum(gains[low:high]) for high in ends for low in range(high))


def found(pages: list[list[tuple[int, int]]]):
    batch = weights.prepare(["\n".join("a" * length for length, _ in page) for page in pages])
    body = np.array([chance for page in pages for _, chance in page], np.float64)
    return batch, stretch(batch.layout, body)


@given(PAGES)
def test_no_other_stretch_of_a_page_adds_up_to_more(pages):
    batch, best = found(pages)
    for number, page in enumerate(pages):
        low, high = batch.units.first[number : number + 2]
        assert (best.first[low:high] == best.first[low]).all()
        first, last = best.first[low] - low, best.last[low] - low
        assert 0 <= first < last <= len(page)
        gains = [(2 * chance - 255) * (40 + min(length, 300)) for length, chance in page]
        assert sum(gains[first:last]) == slow(page)
        assert (best.sum[low:high] == slow(page) // 510).all()


def test_an_article_with_an_interruption_is_one_stretch():
    menu, prose, caption = (9, 5), (300, 250), (40, 20)
    _, best = found([[menu, menu, prose, prose, caption, prose, menu]])
    assert (best.first[0], best.last[0]) == (2, 6)


def test_a_batch_without_units_has_no_stretch():
    assert len(stretch(weights.prepare([]).layout, np.zeros(0)).first) == 0
