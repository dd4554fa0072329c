"""The arrays of a model and what is computed with them: integers from text to labels.

A first pass scores each unit by itself, the second sees the first's scores all
around, the third sees both. Weights are fixed-point integers, so every sum is
exact in any order and a page's labels are the same in any batch, on any machine.
"""

from dataclasses import dataclass, fields
from functools import lru_cache
from math import exp

import numpy as np
from numpy.typing import NDArray

from unticker import features, units
from unticker.context import CLASSES, Columns, Context
from unticker.features import SHAPE_OFFSETS, Text
from unticker.markup import Markup
from unticker.markup_features import markup_rows
from unticker.units import IntArray, Units

UNIT_SCALE = 256
"""First-pass weights are multiples of 1/256 (logits)."""
CONTEXT_SCALE = 1 << 16
"""Context weights are multiples of 1/65536 a step of their column."""
_EXP_STEPS = 16 * UNIT_SCALE


@lru_cache(maxsize=1)
def _exponentials() -> IntArray:
    """exp(-d / 256) in 2**-20, for a distance d to the best score; 0 from 16 logits on."""
    table = [round(exp(-step / UNIT_SCALE) * (1 << 20)) for step in range(_EXP_STEPS)]
    return np.array([*table, 0], np.int64)


def exponentials(scores: IntArray) -> IntArray:
    """Softmax numerators of scores in 1/256 logits, as integers; (units, classes)."""
    distance = scores.max(axis=1, keepdims=True) - scores
    powers: IntArray = _exponentials()[np.minimum(distance, _EXP_STEPS)]
    return powers


def probabilities(scores: IntArray) -> IntArray:
    """Softmax of scores in 1/256 logits, rounded to 0..255."""
    powers = exponentials(scores)
    total = powers.sum(axis=1, keepdims=True)
    rounded: IntArray = (510 * powers + total) // (2 * total)
    return rounded


@dataclass(frozen=True, slots=True)
class Weights:
    """Arrays of one model. C columns and X crosses a pass; 8 stands for 7 classes and a pad.

    ``ngrams`` (buckets, 8) and ``shapes`` (shape values, 8) int16, ``bias`` (8,) int32;
    ``columns2`` (C, 4), ``crosses2`` (X, 4), ``bias2`` (4,) of the second pass;
    ``columns3`` (C + C', 4) and ``crosses3`` (X + X', 4), ``bias3`` of the third, whose
    first rows belong to the second pass's columns. All int32 but the biases (int64).
    """

    ngrams: NDArray[np.int16]
    shapes: NDArray[np.int16]
    bias: NDArray[np.int32]
    columns2: NDArray[np.int32]
    crosses2: NDArray[np.int32]
    bias2: NDArray[np.int64]
    columns3: NDArray[np.int32]
    crosses3: NDArray[np.int32]
    bias3: NDArray[np.int64]

    def arrays(self, prefix: str) -> dict[str, NDArray[np.generic]]:
        return {f"{prefix}.{field.name}": getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class Batch:
    """Units of a batch of pages with what the passes need of them."""

    units: Units
    text: Text
    shapes: IntArray
    rows: list[tuple[IntArray, IntArray]]


def prepare(texts: list[str], markups: list[Markup] | None = None) -> Batch:
    """Cut texts into units and compute their rows; with markup, its rows too."""
    cut = units.cut(texts)
    text = Text(cut)
    rows = features.ngram_rows(text)
    if markups is not None:
        rows += markup_rows(cut, markups)
    return Batch(cut, text, features.shape_rows(text), rows)


def unit_scores(weights: Weights, batch: Batch) -> IntArray:
    """First pass: (units, 7) scores in 1/256 logits."""
    scores = np.zeros((len(batch.units), 8), np.int64) + weights.bias
    scores += weights.shapes[batch.shapes].sum(axis=1, dtype=np.int64)
    for unit, bucket in batch.rows:
        if not len(unit):
            continue
        rows = weights.ngrams[bucket]
        starts = np.flatnonzero(np.append(True, unit[1:] != unit[:-1]))
        if len(starts) == len(unit):
            scores[unit] += rows
        else:
            scores[unit[starts]] += np.add.reduceat(rows, starts, axis=0, dtype=np.int64)
    return scores[:, :CLASSES]


def context_scores(
    columns: NDArray[np.int32], crosses: NDArray[np.int32], bias: NDArray[np.int64], seen: Columns
) -> IntArray:
    """A context pass: (units, 4) scores in 1/256 logits."""
    # float64 holds these integers exactly (below 2**53), so BLAS may sum in any order.
    total = (seen.values @ columns.astype(np.float64)).astype(np.int64) + bias
    for cross in seen.crosses.T:
        total += crosses[cross]
    step = CONTEXT_SCALE // UNIT_SCALE
    scores: IntArray = (total + step // 2) // step
    return scores


def second_context(batch: Batch, first: IntArray) -> Columns:
    """What the second pass sees, from the first pass's scores."""
    return Context(batch.text, _values(batch), probabilities(first)).see()


def third_context(batch: Batch, seen: Columns, second: IntArray) -> Columns:
    """What the third pass sees: the second's columns, and the same again over its scores."""
    new = Context(batch.text, _values(batch), probabilities(second)).see()
    return Columns(
        np.hstack([seen.values, new.values]),
        np.hstack([seen.crosses, new.crosses + crosses_size()]),
    )


def _values(batch: Batch) -> IntArray:
    values: IntArray = batch.shapes - SHAPE_OFFSETS[:-1]
    return values


@lru_cache(maxsize=1)
def crosses_size() -> int:
    """Rows that the crosses of one context pass can select."""
    batch = prepare(["a"])
    context = Context(batch.text, _values(batch), np.zeros((1, 4), np.int64))
    return sum(size for _, _, size in context.crosses())


def score(weights: Weights, batch: Batch, first: IntArray) -> IntArray:
    """The context passes over the first pass's scores: (units, 4) in 1/256 logits."""
    if not len(batch.units):
        return np.zeros((0, 4), np.int64)
    seen = second_context(batch, first)
    second = context_scores(weights.columns2, weights.crosses2, weights.bias2, seen)
    seen = third_context(batch, seen, second)
    return context_scores(weights.columns3, weights.crosses3, weights.bias3, seen)
