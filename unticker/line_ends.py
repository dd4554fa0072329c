"""The fit of where lines end (`unticker.gaps`): pages in, a table of integers out."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from unticker import alphabet
from unticker.annotations import AnnotatedPage, collapse, scatter, variant
from unticker.designs import small
from unticker.examples import Options, frequent
from unticker.gaps import GAP_BUCKETS, gaps
from unticker.logistic import Design, solve
from unticker.units import LONG_LINE

# Of the gaps where no line ends, one in so many is fitted on; and a line is cut too often rather
# than too rarely: a piece of a paragraph is still known for body, a glued menu spoils it.
_SPARED = 3
_EAGER = 0.5
_GAP_C = 0.05


def fit_gaps(pages: Sequence[AnnotatedPage], options: Options) -> NDArray[np.int16]:
    """The table of `unticker.gaps`, (buckets + 1,), from pages whose newlines are there.

    Every text counts as much as the root of its gaps.
    """
    import scipy.sparse as sp

    names = sorted({page.site for page in pages})
    rows, ends, site, weight = [], [], [], []
    used = [page for page in pages if any(page.labels) and not page.variant]
    for page in (one for each in used for one in _in_one_line(each)):
        found = gaps(*alphabet.coded(page.text))
        if not len(found.starts):
            continue
        end = np.isin(found.starts, [start for start, _, _ in page.parts])
        kept = end | (np.arange(len(end)) % _SPARED == 0)
        rows.append(found.rows.T[kept])
        ends.append(end[kept])
        site.append(np.full(len(rows[-1]), names.index(page.site)))
        weight.append(np.where(ends[-1], 1, _SPARED) * page.weight / np.sqrt(len(end)))
    table = np.zeros(GAP_BUCKETS + 1, np.int16)
    if not any(each.any() for each in ends):
        return table
    selected, end = np.concatenate(rows), np.concatenate(ends)
    pointer = np.arange(0, selected.size + 1, selected.shape[1])
    ones = np.ones(selected.size, np.float32)
    design = sp.csr_matrix((ones, selected.ravel(), pointer), (len(selected), GAP_BUCKETS))
    kept = frequent(design, np.concatenate(site), options.min_sites)
    each = np.concatenate(weight)
    solved, bias = solve(
        Design(None, [design[:, kept]]), end.astype(np.int64), 2, _GAP_C, each / each.mean(),
        options.iterations,
    )  # fmt: skip
    table[:-1][kept] = small(solved[:, 1] - solved[:, 0])
    table[-1] = small(bias[1] - bias[0] + _EAGER)
    return table


def _in_one_line(page: AnnotatedPage) -> Iterator[AnnotatedPage]:
    """A page without its newlines; and its article alone, with and without its first line, since
    pages that were cleaned already have no furniture that would set their lines apart."""
    lines = list(zip(page.lines, page.labels, strict=True))
    body = [line for line in lines if line[1] == "body"]
    for kept in (lines, body, body[1:]):
        if kept is lines or sum(len(text) for text, _ in kept) >= LONG_LINE:
            yield collapse(scatter(variant(page, "kept", kept)), " ")
