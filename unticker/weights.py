"""The arrays of a model and what is computed with them: integers from text to labels.

A first pass scores each unit by itself, the second sees the first's scores all
around, the third sees both. Weights are fixed-point integers, so every sum is
exact in any order and a page's labels are the same in any batch, on any machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from unticker import conjunctions, units
from unticker.columns import CLASSES
from unticker.conjunctions import Questions, Rows, Tests
from unticker.context import Columns, Context
from unticker.layout import Cross, Layout, offsets
from unticker.marks import View, view
from unticker.markup import Markup
from unticker.markup_features import markup_rows
from unticker.ngrams import ngram_rows
from unticker.shapes import SHAPE_OFFSETS, shape_rows
from unticker.softmax import UNIT_SCALE, probabilities
from unticker.sums import add, product, sum_rows
from unticker.tree import Tree
from unticker.types import LABELS
from unticker.units import IntArray, Units
from unticker.vocabulary import Family, Vocabulary
from unticker.words import Text

CONTEXT_SCALE = 1 << 16
"""Context weights are multiples of 1/65536 a step of their column."""
NGRAM_PLACES = (
    "in the unit before", "in the unit behind",
    "before the article", "in the article", "behind the article",
)  # fmt: skip
"""Where n-grams, and what markup selects, count for a unit in the third pass: those of the units
beside it, and its own by where it stands to the likeliest article."""


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Arrays of one model. C columns and X crosses of the second pass, C' and X' of the third.

    ``vocabulary`` (R,) int32: the buckets of n-grams that have rows (`unticker.vocabulary`).
    ``ngrams`` (R, 12) and ``shapes`` (shape values, 12) int16, ``bias`` (12,) int32;
    ``columns2`` (C, 4), ``crosses2`` (X, 4), ``bias2`` (4,) of the second pass;
    ``columns3`` (C + C', 4) and ``crosses3`` (X + X', 4), ``bias3`` of the third, whose
    first rows belong to what the second pass sees. All int32 but the biases (int64).
    ``ngrams3`` (R, 20) int16, in 1/256 logits: what the third pass adds for them,
    four labels for each of `NGRAM_PLACES`. ``transitions`` (4, 4) int16, likewise: what a label
    adds to the one behind it (`unticker.chain`). ``tests`` (J, 4, 2) and ``cases`` (16 J, 4) int32,
    J even: the third pass's conjunctions (`unticker.conjunctions`). ``gaps`` (`GAP_BUCKETS` + 1,)
    int16: where lines that hold a whole page are cut.
    """

    vocabulary: NDArray[np.int32]
    ngrams: NDArray[np.int16]
    shapes: NDArray[np.int16]
    bias: NDArray[np.int32]
    columns2: NDArray[np.int32]
    crosses2: NDArray[np.int32]
    bias2: NDArray[np.int64]
    columns3: NDArray[np.int32]
    crosses3: NDArray[np.int32]
    bias3: NDArray[np.int64]
    ngrams3: NDArray[np.int16]
    tests: Tests
    cases: NDArray[np.int32]
    transitions: NDArray[np.int16]
    gaps: NDArray[np.int16]

    def arrays(self, prefix: str) -> dict[str, NDArray[np.generic]]:
        return {f"{prefix}.{field.name}": getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class Batch:
    """Units of a batch of pages with what the passes need of them.

    ``ngrams``, ``markup``: their families: unit (rising) and bucket of each. ``views``: of each
    page, what was read of it where that is not its whole text (`unticker.marks`). ``tree`` is
    there for pages with markup.
    """

    units: Units
    text: Text
    shapes: IntArray
    layout: Layout
    ngrams: list[Family]
    markup: list[Family]
    views: list[View | None]
    tree: Tree | None

    def places(self, page: int) -> tuple[IntArray, IntArray]:
        """Where the units of a page start and end in its own text."""
        own = self.units.of(page)
        shift = self.units.page_starts[page]
        starts, ends = self.units.starts[own] - shift, self.units.ends[own] - shift
        seen = self.views[page]
        return (starts, ends) if seen is None else (seen.starts[starts], seen.ends[ends])

    @property
    def rows(self) -> list[Family]:
        """All that select rows of the vocabulary."""
        return self.ngrams + self.markup

    @property
    def unmarked(self) -> "Batch":
        """The batch as weights for text see it."""
        return replace(self, markup=[], tree=None)


def prepare(
    texts: list[str],
    markups: Sequence[Markup | None] | None = None,
    gaps: NDArray[np.int16] | None = None,
    markdown: bool = True,
) -> Batch:
    """Cut texts into units, by a model's ``gaps`` if given, and compute their rows; with
    ``markups``, of each text or None, its rows too. Without them texts may be ``markdown``."""
    views = [view(text) if markdown and markups is None else None for text in texts]
    read = [text if seen is None else seen.text for text, seen in zip(texts, views, strict=True)]
    cut = units.cut(read, gaps)
    text = Text(cut)
    shapes, ngrams = shape_rows(text), ngram_rows(text)
    layout = Layout(text, shapes - SHAPE_OFFSETS[:-1])
    tree = None if markups is None else Tree(text, markups)
    markup = [] if tree is None else markup_rows(text, tree)
    return Batch(cut, text, shapes, layout, ngrams, markup, views, tree)


@lru_cache(maxsize=4)
def _table(weights: Weights) -> NDArray[np.int16]:
    """``ngrams`` and ``ngrams3`` beside each other, with a row of zeros behind."""
    rows = np.concatenate([weights.ngrams, weights.ngrams3], axis=1)
    return np.pad(rows, ((0, 1), (0, 0)))


@lru_cache(maxsize=4)
def vocabulary(weights: Weights) -> Vocabulary:
    """The n-grams that the weights have rows for."""
    return Vocabulary(weights.vocabulary)


@lru_cache(maxsize=4)
def _shapes(weights: Weights) -> NDArray[np.int32]:
    return weights.shapes.astype(np.int32)


def row_sums(weights: Weights, batch: Batch) -> NDArray[np.int32]:
    """(units, 12 + 20) sums of the rows of ``ngrams`` and ``ngrams3`` that units select."""
    table = _table(weights)
    sums = np.zeros((len(batch.units), table.shape[1]), np.int32)
    known = vocabulary(weights)
    add(sums, table, [known.known(family) for family in batch.rows])
    return sums


def unit_scores(weights: Weights, batch: Batch, sums: NDArray[np.int32] | None = None) -> IntArray:
    """First pass: (units, 12) scores in 1/256 logits; ``sums`` are its `row_sums`, if known."""
    scores = (row_sums(weights, batch) if sums is None else sums)[:, :CLASSES] + weights.bias
    scores += sum_rows(_shapes(weights), list(batch.shapes.T)).astype(np.int32)
    return scores.astype(np.int64)


def context_scores(
    columns: NDArray[np.int32], crosses: NDArray[np.int32], bias: NDArray[np.int64], seen: Columns
) -> IntArray:
    """A context pass: (units, 4) scores in 1/256 logits."""
    return _rounded(_context_sums(columns, crosses, bias, seen))


def last_scores(weights: Weights, seen: Columns) -> IntArray:
    """The third pass without its n-grams: (units, 4) scores in 1/256 logits."""
    total = _context_sums(weights.columns3, weights.crosses3, weights.bias3, seen)
    first, second = np.split(seen.values.T, [len(weights.columns2)])
    return _rounded(total + conjoined(weights, first, second))


def _context_sums(
    columns: NDArray[np.int32], crosses: NDArray[np.int32], bias: NDArray[np.int64], seen: Columns
) -> IntArray:
    return product(columns, seen.values.T) + sum_rows(crosses, list(seen.crosses.T)) + bias


def _rounded(total: IntArray) -> IntArray:
    step = CONTEXT_SCALE // UNIT_SCALE
    scores: IntArray = (total + step // 2) // step
    return scores


def second_context(batch: Batch, first: IntArray) -> Columns:
    """What the second pass sees, from the first pass's scores."""
    return context(batch, first).see()


def context(batch: Batch, scores: IntArray) -> Context:
    """The surroundings of all units under a pass's scores."""
    layout = batch.layout
    return Context(batch.text, layout.shapes, probabilities(scores), layout, batch.tree)


def third_context(batch: Batch, seen: Columns, second: IntArray) -> Columns:
    """What the third pass sees: the second's columns, and the same again over its scores."""
    new = second_context(batch, second)
    size = crosses_size(CLASSES, batch.tree is not None)
    return Columns(
        np.vstack([seen.values.T, new.values.T]).T,
        np.vstack([seen.crosses.T, new.crosses.T + size]).T,
    )


def ngram_units(batch: Batch, second: IntArray) -> IntArray:
    """(5, units): for each of `NGRAM_PLACES`, the unit whose n-grams each unit sees there, or the
    number of units where there is none; from the second pass's scores."""
    return _ngram_units(context(batch, second))


def _ngram_units(seen: Context) -> IntArray:
    layout, side = seen.layout, seen.article.side(seen.layout.index)
    none = len(layout)
    before = np.where(layout.index > layout.first, layout.index - 1, none)
    behind = np.where(layout.index + 1 < layout.last, layout.index + 1, none)
    own = (np.where(side == place, layout.index, none) for place in range(3))
    return np.stack([before, behind, *own])


def ngram_scores(sums: NDArray[np.int32], seen: IntArray) -> IntArray:
    """What n-grams add in the third pass: (units, 4) in 1/256 logits. ``sums`` are their
    `row_sums`, ``seen`` the `ngram_units`."""
    labels = len(LABELS)
    padded = np.zeros((len(sums) + 1, len(NGRAM_PLACES) * labels), np.int32)
    padded[:-1] = sums[:, CLASSES:]
    added = np.zeros((len(sums), labels), np.int64)
    for place, selected in enumerate(seen):
        added += padded[:, labels * place : labels * (place + 1)].take(selected, axis=0)
    return added


@lru_cache(maxsize=4)
def crosses_size(classes: int, markup: bool = False) -> int:
    """Rows that the crosses over a pass of so many classes can select."""
    batch = prepare(["a"], [None] if markup else None)
    return _rows(context(batch, np.zeros((1, classes), np.int64)).crosses())


def score(weights: Weights, batch: Batch, first: IntArray, sums: NDArray[np.int32]) -> IntArray:
    """The context passes over the first pass's scores: (units, 4) in 1/256 logits; ``sums`` are
    the `row_sums`.

    The same sums as `context_scores` of `second_context`, and as `last_scores` of `third_context`
    with `ngram_scores`, ordered so that rows which the passes have in common are looked up once.
    """
    if not len(batch.units):
        return np.zeros((0, 4), np.int64)
    seen = context(batch, first)
    columns, crosses = _ahead(weights)
    values = seen.values()
    both = product(columns, values) + _crossed(crosses, seen.crosses())
    new = context(batch, _rounded(both[:, :4] + weights.bias2))
    passing, size = new.passing(), len(weights.crosses2)
    further = new.values()
    total = product(weights.columns3[len(columns) :], further)
    total += conjoined(weights, values, further)
    total += _crossed(weights.crosses3[size : size + _rows(passing)], passing)
    return _rounded(total + both[:, 4:] + weights.bias3) + ngram_scores(sums, _ngram_units(new))


def conjoined(weights: Weights, first: Rows, second: Rows) -> IntArray:
    """(units, 4): what conjunctions add in the third pass, from the columns over the scores of
    either pass, (columns, units)."""
    return conjunctions.sums(*_conjunctions(weights), first, second)


@lru_cache(maxsize=4)
def _conjunctions(weights: Weights) -> tuple[Questions, NDArray[np.int32]]:
    """Their questions, and the weights of their cases in pairs."""
    return conjunctions.questions(weights.tests), conjunctions.paired(weights.cases)


def _rows(crosses: list[Cross]) -> int:
    return int(offsets(crosses)[-1])


def _crossed(table: NDArray[np.signedinteger], crosses: list[Cross]) -> IntArray:
    """(units, width): what crosses add, of whose values each has a row in the table."""
    return sum_rows(table, [values for _, values, _ in crosses], offsets(crosses)[:-1])


@lru_cache(maxsize=4)
def _ahead(weights: Weights) -> tuple[NDArray[np.int32], NDArray[np.signedinteger]]:
    """What columns and crosses over the first pass's scores add to the second pass's four scores
    and to the third's, which sees those of the layout (they lie last) twice."""
    width, size = len(weights.columns2), len(weights.crosses2)
    columns = np.concatenate([weights.columns2, weights.columns3[:width]], axis=1)
    third = weights.crosses3[:size].astype(np.int64)
    lasting = _rows(prepare(["a"]).layout.crosses)
    third[size - lasting :] += weights.crosses3[-lasting:]
    crosses = np.concatenate([weights.crosses2, third], axis=1)
    return columns, crosses.astype(np.int32) if np.abs(crosses).max() < 1 << 31 else crosses
