"""Multinomial logistic regression, over designs of dense and of sparse columns.

A context pass has hundreds of dense columns beside a hundred thousand that are nearly all 0.
scikit-learn takes the one or the other, and as one sparse matrix they take three times as long.
Of the sparse columns some are in every tenth case and most in one of ten thousand: L-BFGS, as
scikit-learn calls it, is far from the solution after a hundred iterations then. Scaled by what the
loss curves along each of them (a diagonal preconditioner: Nocedal and Wright, Numerical
Optimization, 2006, 5.1), it is there after forty.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unticker.units import FloatArray, IntArray

Array32 = NDArray[np.float32]
_ABSENT = -15.0
"""The bias of a class that does not occur, which keeps it out."""
_CURVATURE = 0.1
"""About what p (1 - p) is of a class, in the mean over cases."""


class Design(NamedTuple):
    """``dense`` (cases, D), or None, and ``sparse``, CSR matrices (cases, …); all float32.

    Its columns are the dense ones and then those of each sparse matrix.
    """

    dense: Array32 | None
    sparse: Sequence[Any]

    def of(self, cases: NDArray[np.bool_]) -> "Design":
        """Some of the cases."""
        if cases.all():
            return self
        dense = None if self.dense is None else self.dense[cases]
        return Design(dense, [part[cases] for part in self.sparse])

    @property
    def parts(self) -> list[Any]:
        return [*([] if self.dense is None else [self.dense]), *self.sparse]

    @property
    def width(self) -> int:
        return sum(int(part.shape[1]) for part in self.parts)


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
    with threadpool_limits(1):
        solved[:, present], bias[present] = _minimum(design, classes, c, weight, iterations)
    return solved, bias


def _minimum(
    design: Design, target: IntArray, c: float, weight: FloatArray, iterations: int
) -> tuple[FloatArray, FloatArray]:
    from scipy.optimize import minimize

    parts, size = design.parts, int(target.max()) + 1
    transposed, case = [part.T for part in parts], np.arange(len(target))
    bounds = np.cumsum([part.shape[1] for part in parts])
    share = (weight / weight.sum()).astype(np.float32)
    strength = 1 / (c * weight.sum())
    scale = _scale(parts, share, strength)[:, None]

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        """Mean log loss with the penalty, and its gradient, for scaled weights."""
        rows = flat.reshape(-1, size) * scale  # of each part's columns, and the biases
        *weights, bias = np.split(rows.astype(np.float32), bounds)
        scores = sum((part @ each for part, each in zip(parts, weights, strict=True)), bias)
        scores -= scores.max(axis=1, keepdims=True)
        true = scores[case, target]
        powers = np.exp(scores, out=scores)
        total = powers.sum(axis=1)
        value = float(share.astype(np.float64) @ (np.log(total) - true))
        errors = powers / total[:, None]
        errors[case, target] -= 1
        errors *= share[:, None]
        gradient = np.concatenate([
            *(part @ errors for part in transposed), errors.sum(axis=0, dtype=np.float64)[None],
        ])  # fmt: skip
        gradient[:-1] += strength * rows[:-1]
        gradient *= scale
        return value + strength / 2 * float((rows[:-1] ** 2).sum()), gradient.ravel()

    start = np.zeros((design.width + 1) * size)
    limits = {"maxiter": iterations, "maxls": 50, "gtol": 1e-6, "ftol": 64 * np.finfo(float).eps}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=limits)
    rows = found.x.reshape(-1, size) * scale
    return rows[:-1], rows[-1]


def _scale(parts: Sequence[Any], share: Array32, strength: float) -> FloatArray:
    """What a step along each column, and along the biases, is multiplied by."""
    squares = [
        np.asarray(part.T.power(2) @ share if hasattr(part, "power") else part.T**2 @ share)
        for part in parts
    ]
    curvature = _CURVATURE * np.append(np.concatenate(squares), 1.0)
    curvature[:-1] += strength
    scale: FloatArray = 1 / np.sqrt(curvature)
    return scale
