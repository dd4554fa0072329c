"""Where lines ended in a page whose newlines were lost: a linear score for each of its gaps.

A token is whatever stands between white space, a gap the white space between two of
them. A gap's features are what the tokens around it are and look like; a table of
integers holds a weight for each, and where they add up to more than 0, a line starts.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unticker import alphabet
from unticker.alphabet import GOLDEN, SPACE, STOP, UPPER, Hasher

IntArray = NDArray[np.int64]
Keys = NDArray[np.uint64]

GAP_BITS = 16
GAP_BUCKETS = 1 << GAP_BITS
"""Weights of a table of gaps; one more, behind them, is the bias."""
FEATURES = (
    "token before", "token behind", "second token before",
    "start of the token before", "end of the token before",
    "start of the token behind", "end of the token behind", "outlines",
    "look of three tokens, two before", "look of three tokens, two behind", "lengths",
    "capitalised tokens among eight", "capitalised tokens among four", "since a sentence's end",
    "until a sentence's end", "since and until a sentence's end",
)  # fmt: skip
"""What a gap's families of features are made of."""
_MIX = np.uint64(GOLDEN)
_SHIFT = np.uint64(29)
_CLASSES = np.uint64(len(alphabet.CLASSES))
_NEAR = (1, 2, 3, 5, 8, 12, 18, 28, 45, 80)
_EDGE = 3
"""Characters that count as a token's start and end; a token has `_LONGEST` lengths."""
_LONGEST = 7
_APART = 3
"""Tokens between starts of lines, unless they score more than `_CLEAR` (a logit)."""
_CLEAR = 256
_SURE = 1 << 40


class Gaps(NamedTuple):
    """The gaps of a text: ``starts`` (gaps,), the code point that the token behind each starts at;
    ``rows`` (families, gaps), the bucket of each family's feature."""

    starts: IntArray
    rows: IntArray


def gaps(codes: NDArray[np.uint32], classes: NDArray[np.uint8]) -> Gaps:
    """The gaps of a text from its code points and their classes."""
    ink = np.concatenate(([False], classes != SPACE, [False]))
    edges = np.flatnonzero(ink[1:] != ink[:-1])
    starts, ends = edges[::2], edges[1::2]
    if len(starts) < 2:
        return Gaps(starts[:0], np.zeros((0, 0), np.int64))
    features = _features(_tokens(codes, classes, starts, ends))
    rows = np.empty((len(features), len(starts) - 1), np.int64)
    for family, parts in enumerate(features):
        key = np.full(len(starts), family + 1, np.uint64) * _MIX
        for part in parts:
            key = (key ^ part) * _MIX
            key ^= key >> _SHIFT
        rows[family] = (key[1:] >> np.uint64(64 - GAP_BITS)).view(np.int64)
    return Gaps(starts[1:], rows)


def breaks(
    table: NDArray[np.int16],
    codes: NDArray[np.uint32],
    classes: NDArray[np.uint8],
    sentences: IntArray,
) -> IntArray:
    """Where lines start inside a text, by a table of gaps: code points, rising.

    Near the start of a sentence, or a likelier start of a line, only one that is clear counts:
    names in a sentence look like lines of their own.
    """
    found = gaps(codes, classes)
    weights = table.astype(np.int64)
    scores = np.full(len(found.starts), weights[-1])
    for row in found.rows:
        scores += weights.take(row)
    strength = np.where(np.isin(found.starts, sentences), _SURE, scores)
    beside = np.full(len(scores), -_SURE)
    for step in range(1, _APART + 1):
        np.maximum(beside[step:], strength[:-step], out=beside[step:])
        np.maximum(beside[:-step], strength[step:], out=beside[:-step])
    return found.starts[(scores > 0) & ((scores >= beside) | (scores > _CLEAR))]


class _Tokens(NamedTuple):
    """Of every token: hashes of the whole, its start and its end; the classes of its ends alone and
    with that of its second character and its length; tokens since the last that ends a sentence,
    and to the next; capitalised ones among the four, and the eight, before and behind its start."""

    whole: Keys
    start: Keys
    end: Keys
    look: Keys
    outline: Keys
    size: Keys
    since: Keys
    until: Keys
    few_capitals: Keys
    capitals: Keys


def _tokens(
    codes: NDArray[np.uint32], classes: NDArray[np.uint8], starts: IntArray, ends: IntArray
) -> _Tokens:
    hasher = Hasher(codes, alphabet.tables().fold)
    first, last = classes[starts], classes[ends - 1]
    look = first * _CLASSES + last
    index = np.arange(len(starts))
    stops = np.flatnonzero(last == STOP)
    place = np.searchsorted(stops, index)
    around = np.concatenate(([-1], stops, [len(starts) + _NEAR[-1]]))
    since, until = index - around[place], around[place + 1] - index
    capitals = np.append(0, np.cumsum(first == UPPER))
    few, many = (
        (capitals[index] - capitals[np.maximum(index - reach, 0)]) * (reach + 1)
        + capitals[np.minimum(index + reach, len(index))]
        - capitals[index]
        for reach in (4, 8)
    )
    return _Tokens(
        hasher.spans(starts, ends),
        hasher.spans(starts, np.minimum(ends, starts + _EDGE)),
        hasher.spans(np.maximum(starts, ends - _EDGE), ends),
        look,
        look * _CLASSES + classes[np.minimum(starts + 1, ends - 1)],
        np.minimum(ends - starts, _LONGEST).astype(np.uint64),
        np.searchsorted(_NEAR, since, "right").astype(np.uint64),
        np.searchsorted(_NEAR, until, "right").astype(np.uint64),
        few.astype(np.uint64),
        many.astype(np.uint64),
    )


def _features(tokens: _Tokens) -> list[tuple[Keys, ...]]:
    """The keys of each of `FEATURES`, for the gap before each token."""
    whole, look = _ahead(tokens.whole), tokens.look
    look_before = _ahead(look)
    return [
        (whole,),
        (tokens.whole,),
        (_ahead(whole),),
        (_ahead(tokens.start),),
        (_ahead(tokens.end),),
        (tokens.start,),
        (tokens.end,),
        (_ahead(tokens.outline), tokens.outline),
        (_ahead(look_before), look_before, look),
        (look_before, look, _behind(look)),
        (_ahead(tokens.size), tokens.size, look),
        (tokens.capitals,),
        (tokens.few_capitals, look),
        (tokens.since, look),
        (tokens.until, look_before),
        (tokens.since, tokens.until),
    ]


def _ahead(keys: Keys) -> Keys:
    """Keys of the token before; 0 for the first."""
    return np.append(np.uint64(0), keys[:-1])


def _behind(keys: Keys) -> Keys:
    """Keys of the token behind; 0 for the last."""
    return np.append(keys[1:], np.uint64(0))
