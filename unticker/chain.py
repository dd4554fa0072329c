"""The labels of a page as a chain: which label likes to stand beside which.

The last pass judges every unit for itself; its neighbours are judged at the same time, and their
labels say more than the scores that the pass saw. So each unit hears from the units before and
behind, in every label it may have, how well the best labels of theirs go with it: max-product
messages in a linear chain (Viterbi, IEEE Transactions on Information Theory 13, 1967), from
`REACH` units on either side. Farther ones change nothing that could be measured.
"""

import numpy as np
from numpy.typing import NDArray

from unticker.units import IntArray

REACH = 2


def messages(
    scores: IntArray, transitions: NDArray[np.int16], first: NDArray[np.bool_]
) -> tuple[IntArray, IntArray]:
    """What the units before and behind say to each label of each unit: twice (units, labels).

    ``scores`` is (units, labels) and ``transitions`` (labels, labels), a label by the one behind
    it, both in 1/256 logits; ``first`` are the units that start a page.
    """
    own = np.ascontiguousarray(scores.T)
    last = np.append(first[1:], True)[: len(first)]
    table = transitions.astype(own.dtype)
    before = _passed(own, table, first)
    behind = _passed(own[:, ::-1], table.T, last[::-1])[:, ::-1]
    return before.T, behind.T


def _passed(own: IntArray, table: IntArray, first: NDArray[np.bool_]) -> IntArray:
    """Messages to each unit from the ones before it, (labels, units)."""
    heard = np.zeros_like(own)
    for _ in range(REACH):
        said = (own + heard)[:, :-1]
        heard[:, 1:] = (said[:, None] + table[:, :, None]).max(axis=0)
        heard[:, first] = 0
    return heard


def decoded(scores: IntArray, transitions: NDArray[np.int16], first: NDArray[np.bool_]) -> IntArray:
    """``scores`` with what the units beside each say to it; see `messages`."""
    before, behind = messages(scores, transitions, first)
    return scores + before + behind
