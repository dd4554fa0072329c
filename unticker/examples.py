"""Annotated pages to what a fit takes: units with their rows, labels, classes and folds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from unticker import weights as w
from unticker.annotations import AnnotatedPage
from unticker.ngrams import BUCKETS
from unticker.shapes import SHAPE_OFFSETS
from unticker.types import BODY, BYLINE, CHROME, LABELS, TICKER
from unticker.units import IntArray
from unticker.weights import Batch

BATCH_CODES = 1 << 18
FEW_SITES = 100
"""With fewer, the weights of a pass are those of one fit on everything, and the last has no
conjunctions."""
_Number = TypeVar("_Number", bound=np.number[Any])


@dataclass(frozen=True, slots=True)
class Options:
    """How a model is fitted.

    ``unit_c`` and ``context_c``: inverse regularisation strengths to choose from, by
    out-of-fold log loss. ``folds`` and ``context_folds``: folds over sites of the first and
    of the later passes, drawn apart. ``min_sites``: an n-gram counts
    only if units of so many sites (of a third of them, where they are few) select it, which keeps
    one site's wording (and any one page's text) out of the model; pages that are ``foreign`` show
    none. ``class_weight``: weight of each
    label. ``conjunctions``: how many of them the last pass has, an even number, of which either
    of its two fits has half; with fewer than `FEW_SITES` sites none, which would be those sites'
    own.
    """

    unit_c: tuple[float, ...] = (0.1,)
    context_c: tuple[float, ...] = (0.01,)
    folds: int = 3
    context_folds: int = 5
    min_sites: int = 3
    class_weight: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    conjunctions: int = 512
    iterations: int = 60
    jobs: int = -1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Examples:
    """All units of the training pages.

    ``vocabulary``: the buckets that `Options.min_sites` sites select; ``rows`` is (units, those +
    shape values) sparse, ``labels`` and ``classes``
    (units,), ``fold`` and ``context_fold`` (units,) by site, ``batches`` with the first unit
    of each in ``starts``; ``native`` (units,): whether a unit's wording is its site's.
    """

    batches: list[Batch]
    starts: IntArray
    vocabulary: IntArray
    rows: Any
    labels: IntArray
    classes: IntArray
    fold: IntArray
    context_fold: IntArray
    site: NDArray[np.int64]
    weight: NDArray[np.float64]
    native: NDArray[np.bool_]

    @property
    def markup(self) -> bool:
        """Whether the units are seen with their markup."""
        return self.batches[0].tree is not None

    def split(self, values: NDArray[_Number]) -> list[NDArray[_Number]]:
        """Values of all units (units, …) as those of each batch."""
        return np.split(values, self.starts[1:])


def gather(pages: Sequence[AnnotatedPage], options: Options, markup: bool) -> Examples:
    """Units, rows and labels of all pages.

    Lines that hold a page are cut at sentence ends alone here, not by `unticker.gaps`: parts that
    a model cuts out look like lines, of which a fit has enough, and it is no better with them.
    """
    import scipy.sparse as sp

    sites = {site: number for number, site in enumerate(sorted({p.site for p in pages}))}
    folds, context_folds = site_folds(sites, options)
    batches, labels, classes, site, fold, unit, row = [], [], [], [], [], [], []
    context_fold: list[IntArray] = []
    weight: list[NDArray[np.float64]] = []
    native: list[NDArray[np.bool_]] = []
    total = 0
    for chunk in chunks(pages):
        markups = [p.markup for p in chunk] if markup else None
        batch = w.prepare([p.text for p in chunk], markups)
        label = _unit_labels(chunk, batch)
        batches.append(batch)
        labels.append(label)
        classes.append(_classes(label, batch))
        site.append(np.array([sites[p.site] for p in chunk])[batch.units.page])
        fold.append(np.array([folds[p.site] for p in chunk])[batch.units.page])
        context_fold.append(np.array([context_folds[p.site] for p in chunk])[batch.units.page])
        weight.append(
            np.array([p.weight for p in chunk])[batch.units.page]
            * np.array(options.class_weight)[label]
        )
        native.append(np.array([not p.foreign for p in chunk])[batch.units.page])
        for units, buckets in batch.rows:
            unit.append(units + total)
            row.append(buckets)
        for column in batch.shapes.T:
            unit.append(np.arange(total, total + len(batch.units)))
            row.append(column + BUCKETS)
        total += len(batch.units)
    starts = np.cumsum([0] + [len(batch.units) for batch in batches[:-1]])
    index = np.concatenate(unit), np.concatenate(row)
    shape = (total, BUCKETS + int(SHAPE_OFFSETS[-1]))
    rows = sp.csr_matrix((np.ones(len(index[0]), np.float32), index), shape)
    sites_of, weights, own = map(np.concatenate, (site, weight, native))
    showing = own & (weights > 0)
    kept = frequent(rows[showing], sites_of[showing], options.min_sites)
    vocabulary = np.flatnonzero(kept[:BUCKETS])
    kept[BUCKETS:] = True  # shapes are no one's wording
    return Examples(
        batches,
        starts,
        vocabulary,
        rows[:, kept],
        np.concatenate(labels),
        np.concatenate(classes),
        np.concatenate(fold),
        np.concatenate(context_fold),
        sites_of,
        weights,
        own,
    )


def sites_needed(least: int, sites: int) -> int:
    """On how many of the sites an n-gram must stand to count: ``least``, or a third of them where
    there are few."""
    return min(least, max(1, sites // 3))


def frequent(rows: Any, site: IntArray, least: int) -> NDArray[np.bool_]:
    """Which columns of ``rows`` (units, columns) are selected by as many sites as `sites_needed`
    says; ``site`` is (units,)."""
    import scipy.sparse as sp

    site = np.unique(site, return_inverse=True)[1]
    least = sites_needed(least, int(site.max()) + 1)
    ones = np.ones(len(site), np.float32)
    seen = sp.csr_matrix((ones, (site, np.arange(len(site))))) @ rows
    seen.data[:] = 1
    kept: NDArray[np.bool_] = np.asarray(seen.sum(axis=0)).ravel() >= least
    return kept


def site_folds(sites: Iterable[str], options: Options) -> tuple[dict[str, int], dict[str, int]]:
    """The fold of each site in the first pass and in the later ones."""
    names = sorted(sites)
    return (
        _folds(names, options.folds, f"{options.seed}"),
        _folds(names, options.context_folds, f"{options.seed} context"),
    )


def _folds(sites: Sequence[str], count: int, salt: str) -> dict[str, int]:
    """A fold for each site, drawn by digest; two at least, and no more than there are sites."""
    count = max(2, min(count, len(sites)))
    order = sorted(sites, key=lambda site: sha256(f"{salt}\0{site}".encode()).digest())
    return {site: place % count for place, site in enumerate(order)}


def chunks(pages: Sequence[AnnotatedPage]) -> list[list[AnnotatedPage]]:
    """The pages in batches of about `BATCH_CODES` characters."""
    parts: list[list[AnnotatedPage]] = []
    size = BATCH_CODES + 1
    for page in pages:
        if size + len(page.text) > BATCH_CODES:
            parts.append([])
            size = 0
        parts[-1].append(page)
        size += len(page.text)
    return parts


def _unit_labels(chunk: list[AnnotatedPage], batch: Batch) -> IntArray:
    """A unit takes its line's label, or that of the part it shares most characters with."""
    number = {None: -1} | {label: i for i, label in enumerate(LABELS)}
    flat: IntArray = np.array([number[label] for page in chunk for label in page.labels])
    offset = np.cumsum([0] + [len(page.labels) for page in chunk[:-1]])
    labels: IntArray = flat[offset[batch.units.page] + batch.units.line]
    for place, page in enumerate(chunk):
        if page.parts:
            labels[batch.units.of(place)] = _overlapping(page, *batch.places(place))
    return labels


def _overlapping(page: AnnotatedPage, starts: IntArray, ends: IntArray) -> IntArray:
    letters = np.full(len(page.text) + 1, len(LABELS))
    for start, end, label in page.parts:
        letters[start:end] = LABELS.index(label)
    counts = np.stack([np.append(0, np.cumsum(letters == n)) for n in range(len(LABELS))])
    labels: IntArray = (counts[:, ends] - counts[:, starts]).argmax(axis=0)
    return labels


NEAR, CAPTION_LENGTH, PROSE_LENGTH = 3, 40, 60


def _classes(labels: IntArray, batch: Batch) -> IntArray:
    """The first pass's classes (`columns.CLASS_NAMES`), from where labels stand in each page."""
    units = batch.units
    page, length, n = units.page, units.ends - units.starts, len(labels)
    index = np.arange(n)
    same = np.append(page[1:] == page[:-1], False)
    behind = np.where(same, np.append(labels[1:], 0), -1)
    before = np.where(np.append(False, same[:-1]), np.append(0, labels[:-1]), -1)
    body, chrome = labels == BODY, labels == CHROME
    first = np.full(len(units.first), n)
    last = np.full(len(units.first), -1)
    np.minimum.at(first, page[body], index[body])
    np.maximum.at(last, page[body], index[body])
    inside = chrome & (index > first[page]) & (index < last[page])
    after = (last[page] >= 0) & (index > last[page])
    foreign = chrome & after & (length >= PROSE_LENGTH)
    classes: IntArray = labels.copy()
    classes[foreign] = 9
    classes[chrome & after & ~foreign & _near(foreign, page)] = 10
    classes[chrome & (behind == TICKER) & (before != TICKER)] = 4
    classes[chrome & after & (index <= last[page] + 2)] = 8
    classes[inside] = 6
    classes[inside & (length >= CAPTION_LENGTH)] = 7
    classes[(labels == BYLINE) & after] = 11
    classes[first[first < n]] = 5
    return classes


def _near(marked: NDArray[np.bool_], page: IntArray) -> NDArray[np.bool_]:
    """Which units stand within `NEAR` units of a marked one of their page."""
    near: NDArray[np.bool_] = np.zeros(len(marked), bool)
    place = np.flatnonzero(marked)
    for step in range(-NEAR, NEAR + 1):
        other = np.clip(place + step, 0, len(marked) - 1)
        near[other[page[other] == page[place]]] = True
    return near
