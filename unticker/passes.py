"""The fits of the three passes. Examples in, integer weights out.

The context passes must see scores as they will be on unseen sites: each pass is
scored out of fold, by models that never saw the page's site (stacked sequential
learning: Cohen and Carvalho, IJCAI 2005). Folds of the first pass and of the next are drawn
apart: with the same folds the later passes overrate the earlier ones. A pass's weights are the
mean of several fits, which is less of chance than one (bagging: Breiman, Machine Learning 24, 1996;
the mean of linear scores is the score of the mean weights): of its folds' fits in the first two
passes, in the third of two with other conjunctions. Of few sites, a fit without a fold sees too
little.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unticker import weights as w
from unticker.columns import CLASSES
from unticker.conjunctions import DEPTH, Tests
from unticker.context import Columns
from unticker.designs import CONJOINED, Layer, Placed, Scaled, alike, conjoined, small
from unticker.examples import FEW_SITES, Examples, Options, frequent
from unticker.gaps import GAP_BUCKETS
from unticker.logistic import Design, solve
from unticker.search import find
from unticker.softmax import UNIT_SCALE, exponentials
from unticker.types import LABELS
from unticker.units import FloatArray, IntArray
from unticker.weights import Weights

# Fitted on all sites, the last pass is surer of an unseen one than it should be: of text most.
_LAST, _LAST_OF_HTML = 0.8, 0.9


def fit_units(examples: Examples, options: Options) -> tuple[Weights, IntArray]:
    """First pass: its weights, and out-of-fold scores (units, 12)."""
    vocabulary = examples.vocabulary.astype(np.int32)
    size = len(vocabulary)
    empty = np.zeros((0, 4), np.int32)
    none = np.zeros(4, np.int64)
    later = (
        empty, empty, none, empty, empty, none, np.zeros((size, 0), np.int16),
        np.zeros((0, DEPTH, 2), np.int32), empty,
        np.zeros((len(LABELS), len(LABELS)), np.int16), np.zeros(GAP_BUCKETS + 1, np.int16),
    )  # fmt: skip

    kinds = alike(examples)
    counts = np.zeros(len(kinds.first))
    np.add.at(counts, kinds.inverse, examples.weight)
    rows, classes, site = (
        each[kinds.first] for each in (examples.rows, examples.classes, examples.site)
    )
    native = np.zeros(len(kinds.first), bool)
    native[kinds.inverse[examples.native]] = True

    def fit(train: NDArray[np.bool_], c: float) -> Weights:
        chosen = train[kinds.first] & (counts > 0)
        selected, showing = rows[chosen], chosen & native
        kept = frequent(rows[showing], site[showing], options.min_sites)
        kept[size:] = True  # shapes are no one's wording
        solved, bias = solve(
            Design(None, [selected[:, kept]]), classes[chosen], CLASSES, c, counts[chosen],
            options.iterations,
        )  # fmt: skip
        table = np.zeros((rows.shape[1], CLASSES), np.int16)
        table[kept] = small(solved)
        fixed = np.round(bias * UNIT_SCALE).astype(np.int32)
        return Weights(vocabulary, table[:size], table[size:], fixed, *later)

    def scores(weights: Weights) -> IntArray:
        return np.concatenate([w.unit_scores(weights, batch) for batch in examples.batches])

    fits, held = _cross_fit(
        examples.fold, examples.site, options, options.unit_c, fit, scores, examples.classes
    )
    tables = ([each.ngrams, each.shapes, each.bias] for each in fits)
    ngrams, shapes, bias = map(_mean, zip(*tables, strict=True))
    return Weights(vocabulary, ngrams, shapes, bias, *later), held


def fit_context(
    contexts: list[Columns], examples: Examples, options: Options
) -> tuple[Layer, IntArray]:
    """The second pass: its weights, and out-of-fold scores (units, 4)."""
    weighed = examples.weight > 0
    scaled = Scaled(contexts, weighed, examples.markup)

    def fit(train: NDArray[np.bool_], c: float) -> Layer:
        design = scaled.design.of(train[weighed])
        return scaled.layer(*_solved(design, train & weighed, examples, options, c))

    def scores(layer: Layer) -> IntArray:
        return np.concatenate([w.context_scores(*layer, seen) for seen in contexts])

    fits, held = _cross_fit(
        examples.context_fold, examples.site, options, options.context_c, fit, scores,
        examples.labels,
    )  # fmt: skip
    return Layer(*map(_mean, zip(*fits, strict=True))), held


def fit_once(contexts: list[Columns], examples: Examples, options: Options) -> Layer:
    """A context pass that feeds no other: fitted on all examples, scored by none."""
    weighed = examples.weight > 0
    scaled = Scaled(contexts, weighed, examples.markup)
    return scaled.layer(*_solved(scaled.design, weighed, examples, options, options.context_c[0]))


class Last(NamedTuple):
    """What the third pass has besides its layer, as `unticker.weights.Weights` holds it."""

    layer: Layer
    ngrams: NDArray[np.int16]
    tests: Tests
    cases: NDArray[np.int32]


def fit_last(
    contexts: list[Columns], second: IntArray, ngram_units: list[IntArray], examples: Examples,
    options: Options,
) -> Last:  # fmt: skip
    """The third pass, from what it sees and from the second's out-of-fold scores (units, 4): the
    mean of two fits, which have half of the conjunctions each."""
    weighed = examples.weight > 0
    scaled = Scaled(contexts, weighed, examples.markup)
    placed = Placed(ngram_units, examples, weighed, options.min_sites)
    shared = Design(scaled.design.dense, [*scaled.design.sparse, *placed.designs])
    tests, fits = np.zeros((0, DEPTH, 2), np.int32), 1
    if examples.site.max() + 1 >= FEW_SITES:
        tests, fits = find([seen.values for seen in contexts], second, examples, options), 2
    solved, bias, cases = [], [], []
    for some in np.array_split(tests, fits):
        design = Design(shared.dense, [*shared.sparse, conjoined(contexts, weighed, some)])
        rows, constant = _solved(design, weighed, examples, options, options.context_c[0])
        solved.append(rows[: shared.width])
        bias.append(constant)
        cases.append(rows[shared.width :] / fits)
    sure = _LAST_OF_HTML if examples.markup else _LAST
    context, around = np.split(sure * np.mean(solved, axis=0), [scaled.design.width])
    weights = np.round(sure * CONJOINED * w.CONTEXT_SCALE * np.concatenate(cases)).astype(np.int32)
    layer = scaled.layer(context, sure * np.mean(bias, axis=0))
    return Last(layer, placed.weights(around), tests, weights)


def _solved(
    design: Design, chosen: NDArray[np.bool_], examples: Examples, options: Options, c: float
) -> tuple[FloatArray, FloatArray]:
    """Weights and biases of the labels, fitted on the chosen units, which the design has."""
    return solve(
        design, examples.labels[chosen], len(LABELS), c, examples.weight[chosen],
        options.iterations,
    )  # fmt: skip


def _mean(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Of integers, rounded."""
    rounded: NDArray[Any] = np.round(np.mean(arrays, axis=0)).astype(arrays[0].dtype)
    return rounded


def _cross_fit(
    fold: IntArray, site: IntArray, options: Options, choices: tuple[float, ...], fit: Any,
    scores: Any, target: IntArray,
) -> tuple[list[Any], IntArray]:  # fmt: skip
    """Fits whose mean is the pass: one without each fold or, of few sites, one on everything; and
    every unit's scores by a fit without its site. C is chosen by log loss. With a single fold
    there is one fit, and its scores of what it was fitted on."""
    from joblib import Parallel, delayed

    folds = int(fold.max()) + 1

    def job(c: float, number: int) -> Any:
        fitted = fit((fold != number) | (folds < 2), c)
        return fitted, scores(fitted)[fold == number]

    best: tuple[float, float, list[Any], IntArray] | None = None
    with Parallel(options.jobs, prefer="threads") as parallel:
        for c in choices if folds > 1 else choices[:1]:
            parts = parallel(delayed(job)(c, number) for number in range(folds))
            held = np.empty((len(target), parts[0][1].shape[1]), np.int64)
            for number, (_, part) in enumerate(parts):
                held[fold == number] = part
            powers = exponentials(held).astype(np.float64) + 1
            chosen = powers[np.arange(len(target)), target] / powers.sum(axis=1)
            loss = float(-np.log(chosen).mean())
            if best is None or loss < best[0]:
                best = (loss, c, [fitted for fitted, _ in parts], held)
    assert best is not None
    _, c, fits, held = best
    if folds > 1 and site.max() + 1 < FEW_SITES:
        fits = [fit(np.ones(len(target), bool), c)]
    return fits, held
