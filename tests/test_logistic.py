"""The solver of the context passes finds what scikit-learn's does."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from unticker.logistic import Design, solve

RANDOM = np.random.default_rng(0)
DENSE = RANDOM.normal(size=(400, 5)).astype(np.float32)
SPARSE = sp.csr_matrix(RANDOM.random((400, 12)) < 0.15, dtype=np.float32)
WEIGHT = RANDOM.choice([1.0, 2.0], 400)
BOTH = Design(DENSE, [SPARSE[:, :7], SPARSE[:, 7:]])


def targets(size: int) -> np.ndarray:
    random = np.random.default_rng(size)
    truth, noise = random.normal(size=(17, size)), random.normal(size=(400, size))
    return (np.hstack([DENSE, SPARSE.toarray()]) @ truth + noise).argmax(axis=1)


@pytest.mark.parametrize("c", [0.01, 1.0])
def test_dense_and_sparse_columns_are_solved_like_one_matrix(c):
    target = targets(4)
    solved, bias = solve(BOTH, target, 4, c, WEIGHT, 500)
    model = LogisticRegression(C=c, tol=1e-8, max_iter=5000)
    model.fit(np.hstack([DENSE, SPARSE.toarray()]).astype(np.float64), target, WEIGHT)
    found = np.hstack([DENSE, SPARSE.toarray()]) @ solved + bias
    found -= found.mean(axis=1, keepdims=True)
    expected = model.decision_function(np.hstack([DENSE, SPARSE.toarray()]))
    assert np.abs(found - expected).max() < 0.01 * np.abs(expected).max()


def test_rare_columns_are_solved_in_few_iterations():
    # As n-grams are: each column in half as many cases as the one before it.
    random = np.random.default_rng(3)
    chance = 0.5 ** np.arange(1, 13)
    columns = sp.csr_matrix(random.random((9000, 12)) < chance, dtype=np.float32)
    truth = random.normal(size=(12, 4)) * 3
    target = (columns @ truth + random.gumbel(size=(9000, 4))).argmax(axis=1)
    model = LogisticRegression(C=1.0, tol=1e-8, max_iter=5000).fit(columns, target)
    solved, bias = solve(Design(None, [columns]), target, 4, 1.0, np.ones(9000), 20)
    centred = solved - solved.mean(axis=1, keepdims=True)
    assert np.abs(centred - model.coef_.T).max() < 0.03 * np.abs(model.coef_).max()
    assert np.ptp((bias - bias.mean()) - (model.intercept_ - model.intercept_.mean())) < 0.03


@pytest.mark.parametrize("dense", [None, DENSE])
def test_a_class_that_does_not_occur_is_kept_out(dense):
    target = 2 * targets(2)  # of four classes, 0 and 2
    solved, bias = solve(Design(dense, [SPARSE]), target, 4, 1.0, WEIGHT, 200)
    scores = SPARSE @ solved[-12:] + bias + (0 if dense is None else dense @ solved[:5])
    assert set(scores.argmax(axis=1)) == {0, 2}
    assert (bias[[1, 3]] < -10).all()
    assert not solved[:, [1, 3]].any()
    assert (scores.argmax(axis=1) == target).mean() > 0.6


def test_one_class_needs_no_fit():
    solved, bias = solve(BOTH, np.full(400, 1), 4, 1.0, WEIGHT, 200)
    assert not solved.any()
    assert bias.argmax() == 1


def test_a_part_of_the_cases():
    chosen = np.arange(400) % 3 == 0
    part = BOTH.of(chosen)
    assert (part.dense == DENSE[chosen]).all()
    assert (sp.hstack(part.sparse) != SPARSE[chosen]).nnz == 0
    assert part.width == BOTH.width == 17
    assert BOTH.of(np.ones(400, bool)) is BOTH
