"""What the fits of the passes solve: examples in, matrices out, and their solutions as weights."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unticker import conjunctions
from unticker import weights as w
from unticker.columns import CLASSES, column_names
from unticker.conjunctions import CASES, Tests
from unticker.context import Columns
from unticker.examples import Examples, frequent
from unticker.logistic import Design
from unticker.softmax import UNIT_SCALE
from unticker.types import LABELS
from unticker.units import FloatArray, IntArray

CONJOINED = 0.5
"""What a case of a conjunction counts in a design: held back more, since its questions were chosen
by the labels it is fitted on."""


# The penalty is the same for all columns: n-grams of the unit itself, which say most, count
# twice to be held back less than those of the units beside it, or of one side of the article.
_OWN = 2


class Layer(NamedTuple):
    """The weights of a context pass, as `unticker.weights.Weights` holds them."""

    columns: NDArray[np.int32]
    crosses: NDArray[np.int32]
    bias: NDArray[np.int64]


class Scaled:
    """A context pass's design, of the units that are ``kept``: centred columns of like size, for
    which the solver needs far fewer iterations, and crosses, one-hot."""

    def __init__(self, contexts: list[Columns], kept: NDArray[np.bool_], markup: bool) -> None:
        crosses = np.concatenate([seen.crosses for seen in contexts])[kept]
        values = np.concatenate([seen.values for seen in contexts])[kept].astype(np.float32)
        self.width = values.shape[1]
        self.scale, self.centre = 1 / (values.std(axis=0) + 1), values.mean(axis=0)
        values -= self.centre
        values *= self.scale
        full = w.crosses_size(CLASSES, markup)
        if self.width > len(column_names(CLASSES, markup)):
            full += w.crosses_size(len(LABELS), markup)
        self.design = Design(values, [_hot(crosses, full, 1)])

    def layer(self, solved: FloatArray, bias: FloatArray) -> Layer:
        """Weights of the scaled design as those of the integers it was made from."""
        columns = solved[: self.width] * self.scale[:, None]
        bias = bias - self.centre @ columns
        return Layer(
            np.round(columns * w.CONTEXT_SCALE).astype(np.int32),
            np.round(solved[self.width :] * w.CONTEXT_SCALE).astype(np.int32),
            np.round(bias * w.CONTEXT_SCALE).astype(np.int64),
        )


class Alike(NamedTuple):
    """Units that the first pass cannot tell apart: the first of each kind; the kind of each."""

    first: IntArray
    inverse: IntArray


def alike(examples: Examples) -> Alike:
    """Units of one site and class that select the same rows. Lines recur from page to page and in
    a page's variants: a third of all can be fitted as one of a greater weight."""
    rows = examples.rows
    random = np.random.default_rng(0).integers(1 << 62, size=rows.shape[1])
    sums = np.append(0, np.cumsum(random[rows.indices]))[rows.indptr]  # wraps around
    kind = np.stack([np.diff(sums), examples.classes, examples.site], axis=1)
    _, first, inverse = np.unique(kind, axis=0, return_index=True, return_inverse=True)
    return Alike(first, inverse.ravel())


class Placed:
    """The n-grams that the third pass sees, of the units that are ``kept``, and what their markup
    selects: a design for each of `unticker.weights.NGRAM_PLACES`, and one of the unit's own
    wherever it stands.

    A row counts in a place if units of ``min_sites`` sites, in wording of their own, see it there.
    ``units`` are what `unticker.weights.ngram_units` gives for each batch.
    """

    def __init__(
        self, units: list[IntArray], examples: Examples, kept: NDArray[np.bool_], min_sites: int
    ) -> None:
        import scipy.sparse as sp

        own = examples.rows[:, : len(examples.vocabulary)]
        padded = sp.vstack([own, sp.csr_matrix((1, own.shape[1]), dtype=np.float32)]).tocsr()
        places = np.concatenate([
            np.where(seen == seen.shape[1], len(examples.labels), seen + start)
            for seen, start in zip(units, examples.starts, strict=True)
        ], axis=1)[:, kept]  # fmt: skip
        self._columns: list[NDArray[np.bool_]] = []
        self.designs: list[Any] = []
        native = examples.native[kept]
        site = examples.site[kept][native]
        everywhere = np.flatnonzero(kept)
        for place in (*places, everywhere):  # one by one: all of all would take gigabytes
            block = padded[place]
            self._columns.append(frequent(block[native], site, min_sites))
            self.designs.append(block[:, self._columns[-1]])
        self.designs[-1] *= np.float32(_OWN)

    def weights(self, solved: FloatArray) -> NDArray[np.int16]:
        """Weights of the designs, one below the other, as `unticker.weights.Weights` holds them."""
        columns = np.stack(self._columns)
        tables = np.zeros((*columns.shape, len(LABELS)))
        tables[columns] = solved
        before, behind, *sides, everywhere = tables
        placed = [before, behind, *(_OWN * everywhere + side for side in sides)]
        return small(np.concatenate(placed, axis=1))


def conjoined(contexts: list[Columns], kept: NDArray[np.bool_], tests: Tests) -> Any:
    """(units, cases) sparse: which case of each conjunction each kept unit is in."""
    known = conjunctions.questions(tests)
    column = np.empty((np.count_nonzero(kept), len(tests)), np.int32)
    unit = row = 0
    for seen in contexts:
        values = seen.values.T
        some = kept[unit : unit + len(seen.values)]
        chosen = conjunctions.cases(known, values, values[:0]).T[some]
        column[row : row + len(chosen)] = chosen
        unit, row = unit + len(some), row + len(chosen)
    column += CASES * np.arange(len(tests), dtype=np.int32)
    return _hot(column, CASES * len(tests), CONJOINED)


def _hot(columns: NDArray[np.signedinteger], width: int, value: float) -> Any:
    """(cases, width) sparse: ``value`` in the columns (cases, number) that each case selects."""
    import scipy.sparse as sp

    cases, number = columns.shape
    values = np.full(columns.size, value, np.float32)
    pointer = number * np.arange(cases + 1)
    return sp.csr_matrix((values, columns.ravel(), pointer), (cases, width))


def small(weights: FloatArray) -> NDArray[np.int16]:
    """Weights in steps of 1/256."""
    steps: NDArray[np.int16] = np.clip(np.round(weights * UNIT_SCALE), -32768, 32767).astype("i2")
    return steps
