"""Multinomial logistic regression, over designs that may be part dense and part sparse.

A context pass has hundreds of dense columns beside a hundred thousand that are nearly all 0.
scikit-learn takes the one or the other; as one sparse matrix, they take three times as long.
"""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unticker.units import FloatArray, IntArray

Array32 = NDArray[np.float32]
_ABSENT = -15.0
"""The bias of a class that does not occur, which keeps it out."""


class Design(NamedTuple):
    """``dense`` (cases, D), or None, and ``sparse`` (cases, S), a CSR matrix; both float32.

    Its columns are the dense ones and then the sparse ones.
    """

    dense: Array32 | None
    sparse: Any

    def of(self, cases: NDArray[np.bool_]) -> "Design":
        """Some of the cases."""
        if cases.all():
            return self
        dense = None if self.dense is None else self.dense[cases]
        return Design(dense, self.sparse[cases])

    @property
    def width(self) -> int:
        return int(self.sparse.shape[1]) + (0 if self.dense is None else self.dense.shape[1])


def solve(
    design: Design, target: IntArray, size: int, c: float, weight: FloatArray, iterations: int
) -> tuple[FloatArray, FloatArray]:
    """(columns, size) weights and (size,) biases for targets in ``range(size)``.

    ``c`` is the inverse strength of the L2 penalty, as scikit-learn's
    ``LogisticRegression`` counts it; L-BFGS stops after so many ``iterations``.
    """
    from threadpoolctl import threadpool_limits

    present, classes = np.unique(target, return_inverse=True)
    solved = np.zeros((design.width, size))
    bias = np.full(size, _ABSENT)
    if len(present) == 1:
        bias[present[0]] = 0.0
        return solved, bias
    fit = _by_sklearn if design.dense is None else _by_parts
    with threadpool_limits(1):
        solved[:, present], bias[present] = fit(design, classes, c, weight, iterations)
    return solved, bias


@contextlib.contextmanager
def early_stopping() -> Iterator[None]:
    """No warning where the cap on iterations, chosen on the development split, ends a fit.

    To be set around the threads that fit, since they share their filters.
    """
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _by_sklearn(
    design: Design, target: IntArray, c: float, weight: FloatArray, iterations: int
) -> tuple[FloatArray, FloatArray]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=c, max_iter=iterations, tol=1e-4)
    model.fit(design.sparse, target, weight)
    if len(model.coef_) == 1:  # of two classes, the first one's scores are 0
        return np.vstack([0 * model.coef_, model.coef_]).T, np.append(0.0, model.intercept_)
    return model.coef_.T, model.intercept_


def _by_parts(
    design: Design, target: IntArray, c: float, weight: FloatArray, iterations: int
) -> tuple[FloatArray, FloatArray]:
    from scipy.optimize import minimize

    dense, sparse, size = design.dense, design.sparse, int(target.max()) + 1
    assert dense is not None
    transposed, case, width = sparse.T, np.arange(len(target)), dense.shape[1]
    share = (weight / weight.sum()).astype(np.float32)
    strength = 1 / (c * weight.sum())

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        """Mean log loss with the penalty, and its gradient."""
        rows = flat.reshape(-1, size)  # of the dense columns, the sparse ones, and the biases
        narrow = rows.astype(np.float32)
        scores = dense @ narrow[:width] + sparse @ narrow[width:-1] + narrow[-1]
        scores -= scores.max(axis=1, keepdims=True)
        true = scores[case, target]
        powers = np.exp(scores, out=scores)
        total = powers.sum(axis=1)
        value = float(share.astype(np.float64) @ (np.log(total) - true))
        errors = powers / total[:, None]
        errors[case, target] -= 1
        errors *= share[:, None]
        gradient = np.empty_like(rows)
        gradient[:width] = dense.T @ errors
        gradient[width:-1] = transposed @ errors
        gradient[-1] = errors.sum(axis=0, dtype=np.float64)
        gradient[:-1] += strength * rows[:-1]
        return value + strength / 2 * float((rows[:-1] ** 2).sum()), gradient.ravel()

    start = np.zeros((design.width + 1) * size)
    limits = {"maxiter": iterations, "maxls": 50, "gtol": 1e-4, "ftol": 64 * np.finfo(float).eps}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=limits)
    rows = found.x.reshape(-1, size)
    return rows[:-1], rows[-1]
