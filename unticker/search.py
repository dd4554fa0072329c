"""The search for the conjunctions of the last pass (`unticker.conjunctions`).

Questions are asked of all units alike, whatever their answers to those before: a conjunction is a
decision table (Kohavi, The power of decision tables, ECML 1995). Each is grown question by
question, on units of a quarter of the sites, and asks what tells most of what the scores and the
conjunctions before it leave over (forward stagewise: Hastie, Tibshirani and Friedman, The elements
of statistical learning, 2009, 10.3). Kept are the questions alone. What a case weighs is fitted
later, together with all else that the pass sees, as rules are in a linear model (Friedman and
Popescu, Predictive learning via rule ensembles, Annals of Applied Statistics 2, 2008).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unticker import kernels
from unticker.conjunctions import CASES, DEPTH, Tests
from unticker.examples import Examples, Options
from unticker.softmax import UNIT_SCALE
from unticker.types import LABELS
from unticker.units import FloatArray, IntArray

_STEPS = 16
"""Steps that a column is cut into, of about as many units each."""
_SAMPLE = 50_000
"""Units that the steps are drawn from."""
_COLUMNS = 60
"""Columns that a question chooses from."""
_SITES = 0.25
"""Share of the sites that a conjunction is grown on."""
_RATE = 0.15
"""Share of what a conjunction explains that the next ones take for explained."""
_PRIOR, _FIRM, _WIDEST = 50.0, 10.0, 2.0
"""Units that say nothing, added to each side of a question, and to each case; the most that a
case explains, in logits."""


class _Steps(NamedTuple):
    """Columns as steps, (columns, units), and the greatest number of every step but the last."""

    values: NDArray[np.uint8]
    bounds: list[IntArray]


def find(
    columns: Sequence[NDArray[np.int16]], scores: IntArray, examples: Examples, options: Options
) -> Tests:
    """The questions of `Options.conjunctions` conjunctions, from the columns that the last pass
    sees, (units, columns) of each batch, and the second pass's out-of-fold scores (units, 4)."""
    rng = np.random.default_rng(options.seed)
    kept = np.flatnonzero(examples.weight > 0)
    steps = _steps(columns, kept, rng)
    site, weight = examples.site[kept], examples.weight[kept]
    truth = np.eye(len(LABELS))[examples.labels[kept]]
    logits = scores[kept] / UNIT_SCALE
    found: list[list[tuple[int, int]]] = []
    while len(found) < options.conjunctions:
        chance = np.exp(logits - logits.max(axis=1, keepdims=True))
        chance /= chance.sum(axis=1, keepdims=True)
        left = (truth - chance) * weight[:, None]
        rows = np.flatnonzero((rng.random(site.max() + 1) < _SITES)[site])
        questions = list(_grown(steps, left[rows], weight[rows], rows, rng))
        case = np.zeros(len(kept), np.int64)
        for column, step in questions:
            case = 2 * case + (steps.values[column] > step)
        firm = (chance * (1 - chance))[rows] * weight[rows, None]
        told, known = (_by_case(case[rows], each) for each in (left[rows], firm))
        logits += _RATE * np.clip(told / (known + _FIRM), -_WIDEST, _WIDEST)[case]
        found.append([(column, int(steps.bounds[column][step])) for column, step in questions])
    return np.array(found, np.int32).reshape(-1, DEPTH, 2)


def _steps(
    columns: Sequence[NDArray[np.int16]], kept: IntArray, rng: np.random.Generator
) -> _Steps:
    width = columns[0].shape[1]
    sample = rng.choice(len(kept), min(_SAMPLE, len(kept)), replace=False)
    values = np.empty((width, len(kept)), np.uint8)
    bounds = []
    shares = np.linspace(0, 1, _STEPS + 1)[1:-1]
    for column in range(width):
        every = np.concatenate([batch[:, column] for batch in columns])[kept]
        some = every[sample]
        bound = np.unique(np.quantile(some, shares, method="nearest"))
        bound = bound[bound < some.max()]
        values[column] = np.searchsorted(bound, every)
        bounds.append(bound.astype(np.int64))
    return _Steps(values, bounds)


def _grown(
    steps: _Steps, left: FloatArray, weight: FloatArray, rows: IntArray, rng: np.random.Generator
) -> Iterator[tuple[int, int]]:
    """The column and the step of each question of a conjunction, grown on some rows; ``left``
    (rows, 4) is what is left to explain, times the weight."""
    # What is left to explain adds up to 0: three labels' say it all.
    measures = np.column_stack([left[:, :-1], weight])
    case = np.zeros(len(rows), np.int64)
    usable = np.flatnonzero([len(bound) > 0 for bound in steps.bounds])
    for depth in range(DEPTH):
        best = (-1.0, 0, 0)
        for column in rng.choice(usable, min(_COLUMNS, len(usable)), replace=False).tolist():
            sums = _histogram(steps.values[column], rows, case, 1 << depth, measures)
            until = sums.T.reshape(sums.shape[1], -1, _STEPS).cumsum(axis=2)
            below = until[..., : len(steps.bounds[column])]
            above = until[..., -1:] - below
            gain = _told(below[:-1], below[-1]) + _told(above[:-1], above[-1])
            step = int(gain.argmax())
            best = max(best, (float(gain[step]), column, step))
        _, column, step = best
        case = 2 * case + (steps.values[column, rows] > step)
        yield column, step


def _histogram(
    steps: NDArray[np.uint8], rows: IntArray, case: IntArray, cases: int, measures: FloatArray
) -> FloatArray:
    """(cases * `_STEPS`, measures): sums of measures (rows, measures) by the case of each row and
    its step in a column (units,), added up in the rows' order."""
    fast = kernels.compiled()
    if fast is not None:
        return fast.histogram(steps, rows, case, cases, _STEPS, measures)
    key = case * _STEPS + steps[rows]
    return np.column_stack([np.bincount(key, each, cases * _STEPS) for each in measures.T])


def _told(left: FloatArray, weight: FloatArray) -> FloatArray:
    """(steps,): what the cases of one side of a question tell, from ``left`` (3, cases, steps)."""
    square = (left**2).sum(axis=0) + left.sum(axis=0) ** 2
    told: FloatArray = (square / (weight + _PRIOR)).sum(axis=0)
    return told


def _by_case(case: IntArray, values: FloatArray) -> FloatArray:
    """(cases, 4): sums of values (rows, 4)."""
    return np.stack([np.bincount(case, each, CASES) for each in values.T], axis=1)
