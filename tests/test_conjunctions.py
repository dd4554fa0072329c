"""Conjunctions: their cases, their sums, and the search for them."""

import numpy as np
import pytest
import scipy.sparse as sp

from unticker import conjunctions, search
from unticker.conjunctions import CASES, DEPTH
from unticker.examples import Examples, Options


@pytest.mark.parametrize("units", [0, 1, 700, 4200])
def test_cases_and_sums_are_those_of_asking_one_by_one(units, loops):
    rng = np.random.default_rng(units)
    first, second = rng.integers(0, 9, (5, units)) * 1.0, rng.integers(0, 9, (3, units)) * 1.0
    tests = np.stack([rng.integers(0, 8, (6, DEPTH)), rng.integers(0, 8, (6, DEPTH))], axis=2)
    weights = rng.integers(-(1 << 20), 1 << 20, (6 * CASES, 4)).astype(np.int32)
    values = np.concatenate([first, second])
    wanted = np.zeros((6, units), np.int64)
    added = np.zeros((units, 4), np.int64)
    for number, questions in enumerate(tests.tolist()):
        for unit in range(units):
            for column, least in questions:
                wanted[number, unit] = 2 * wanted[number, unit] + (values[column, unit] > least)
        added += weights[number * CASES + wanted[number]]
    known, pairs = conjunctions.questions(tests.astype(np.int32)), conjunctions.paired(weights)
    assert (conjunctions.cases(known, first, second) == wanted).all()
    assert (conjunctions.sums(known, pairs, first, second) == added).all()


def test_no_conjunctions_add_nothing():
    tests, weights = np.zeros((0, DEPTH, 2), np.int32), np.zeros((0, 4), np.int32)
    known, pairs = conjunctions.questions(tests), conjunctions.paired(weights)
    sums = conjunctions.sums(known, pairs, np.ones((2, 7)), np.ones((2, 7)))
    assert sums.tolist() == [[0] * 4] * 7


def of(labels, sites, weight):
    """Examples as far as a search looks at them."""
    none, native = np.zeros(0, np.int64), np.ones(len(sites), bool)
    return Examples(
        [], none, none, sp.csr_matrix((0, 0)), labels, none, none, none, sites, weight, native
    )  # fmt: skip


def test_the_search_finds_what_no_sum_can_say(loops):
    # The label is whether one of two columns is high, but not both; a third says nothing.
    rng = np.random.default_rng(0)
    columns = rng.integers(0, 200, (6000, 3)) * 1.0
    labels = ((columns[:, 0] > 99) ^ (columns[:, 2] > 99)).astype(np.int64)
    sites, weight = rng.integers(0, 150, 6000), np.ones(6000)
    weight[:100] = 0
    labels[:100] = 3  # what counts nothing is not looked at
    scores = np.zeros((6000, 4), np.int64)
    examples = of(labels, sites, weight)
    options = Options(conjunctions=6)
    tests = search.find([columns[:2500], columns[2500:]], scores, examples, options)
    assert tests.shape == (6, DEPTH, 2)
    assert (search.find([columns], scores, examples, options) == tests).all()
    told = [{column for column, least in each if 80 < least < 120} for each in tests.tolist()]
    assert {0, 2} in [each & {0, 2} for each in told]
    found = conjunctions.cases(conjunctions.questions(tests), columns.T, columns[:, :0].T)
    best = max(
        sum(np.bincount(labels[100:][case[100:] == which]).max(initial=0) for which in range(CASES))
        for case in found
    )
    assert best > 0.9 * 5900
