"""Labels in a chain, against trying all labels of all units near."""

from itertools import pairwise, product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unticker import training
from unticker.annotations import AnnotatedPage
from unticker.chain import REACH, decoded, messages
from unticker.examples import Options, gather
from unticker.types import LABELS

SCORE = st.integers(-3000, 3000)
PAGES = st.lists(
    st.lists(st.tuples(SCORE, SCORE, SCORE, SCORE), min_size=1, max_size=5), min_size=1, max_size=4
)
TABLES = st.lists(st.integers(-200, 200), min_size=16, max_size=16).map(
    lambda numbers: np.array(numbers, np.int16).reshape(4, 4)
)


def arrays(pages):
    scores = np.array([unit for page in pages for unit in page], np.int64)
    first = np.zeros(len(scores), bool)
    first[np.cumsum([0] + [len(page) for page in pages[:-1]])] = True
    return scores, first


def slow(page, table, unit, label):
    """The best sum of scores and transitions near a unit that has a label."""
    low, high = max(unit - REACH, 0), min(unit + REACH + 1, len(page))
    return max(
        sum(page[n][label_] for n, label_ in zip(range(low, high), path, strict=True))
        + sum(int(table[a, b]) for a, b in pairwise(path))
        for path in product(range(4), repeat=high - low)
        if path[unit - low] == label
    )


@given(PAGES, TABLES)
def test_no_other_labels_beside_a_unit_go_better_with_its_own(pages, table):
    scores, first = arrays(pages)
    found = iter(decoded(scores, table, first).tolist())
    for page in pages:
        for unit in range(len(page)):
            assert next(found) == [slow(page, table, unit, label) for label in range(4)]


@given(PAGES, TABLES)
def test_pages_say_nothing_to_each_other(pages, table):
    scores, first = arrays(pages)
    together = decoded(scores, table, first)
    alone = [decoded(own, table, opens) for own, opens in map(arrays, ([p] for p in pages))]
    assert (together == np.concatenate(alone)).all()


@given(PAGES)
def test_without_transitions_the_labels_stay(pages):
    scores, first = arrays(pages)
    found = decoded(scores, np.zeros((4, 4), np.int16), first)
    gaps = found - found.max(axis=1, keepdims=True)
    assert (gaps == scores - scores.max(axis=1, keepdims=True)).all()


def test_no_units_are_no_messages():
    none = np.zeros((0, 4), np.int64)
    before, behind = messages(none, np.ones((4, 4), np.int16), np.zeros(0, bool))
    assert before.shape == behind.shape == (0, 4)


def test_transitions_say_what_stands_behind_what():
    lines = ["Menu", "Sport", "Culture", "By Ada", "The dam broke.", "It rained for days."]
    labels = ("ui-chrome", "ui-chrome", "ui-chrome", "byline", "body", "body")
    pages = [AnnotatedPage(f"p{n}", lines, labels, "en", f"site{n}", None) for n in range(30)]
    table = training._transitions(gather(pages, Options(), False))
    ticker, chrome, byline, body = range(4)
    assert table.shape == (len(LABELS), len(LABELS))
    assert table[chrome, chrome] > 0 < table[body, body]
    assert table[chrome, byline] > 0 > table[chrome, body]
    assert table[byline, body] > 0 > table[byline, byline]
    assert table[body, chrome] < 0  # though the next page starts with a menu
    assert not table[ticker].any()  # none was seen
    assert not table[:, ticker].any()
