"""Lines that recur over many pages of one source are furniture or ticker.

A second pass, on request: count first, then label with the model that knows.

>>> import unticker
>>> from unticker import repetition
>>> pages = [f"Join our reading circle\\nStory {n} of the day was long." for n in range(5)]
>>> model = unticker.load().with_repeated(repetition.find(pages, least=4))
>>> [line.label for line in model.label(pages[0]).lines][0]
'ui-chrome'
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unticker import reading, units
from unticker.alphabet import MAX_CODES
from unticker.types import Kind
from unticker.words import Text

if TYPE_CHECKING:
    from unticker.reading import Source

SLOT_BITS = 24
MOST = 255
_MIXES = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
Hashes = NDArray[np.uint64]


def _slots(hashes: Hashes) -> Iterator[NDArray[np.int64]]:
    for mix in _MIXES:
        yield ((hashes * mix) >> np.uint64(64 - SLOT_BITS)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Repeated:
    """The units that recur, as two tables of bits: a unit whose hash is set in both does.

    Of ten million different units, about one in 1,800 is taken for one that stands on four
    pages, one in 70 for one on three, one in five for one on two; with more, more are.
    """

    bits: NDArray[np.uint8]

    def __contains__(self, unit: int) -> bool:
        return bool(self.holds(np.array([unit], np.uint64))[0])

    def holds(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Which of the units recur."""
        found: NDArray[np.bool_] = np.ones(len(hashes), bool)
        for row, slots in zip(self.bits, _slots(hashes), strict=True):
            found &= (row[slots >> 3] >> (slots & 7).astype(np.uint8) & 1).astype(bool)
        return found

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.bits.tobytes()).hexdigest()

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.bits.tobytes())

    @staticmethod
    def read(path: Path) -> "Repeated":
        return Repeated(np.frombuffer(path.read_bytes(), np.uint8).reshape(len(_MIXES), -1))


class Counts:
    """On how many pages units stand: 32 MB, however many pages there are.

    Counts end at `MOST`. Pages may be added in any order (a counting Bloom filter:
    Fan et al., IEEE/ACM Transactions on Networking 2000).
    """

    def __init__(self) -> None:
        self._counts = np.zeros((len(_MIXES), 1 << SLOT_BITS), np.uint8)

    def add(self, hashes: Hashes) -> None:
        """Add a page by the hashes of its units, each once."""
        for row, slots in zip(self._counts, _slots(hashes), strict=True):
            once = np.unique(slots)
            row[once] += row[once] < MOST

    def repeated(self, least: int) -> Repeated:
        """The units that stand on at least ``least`` pages, from 1 to `MOST`."""
        return Repeated(np.packbits(self._counts >= least, axis=1, bitorder="little"))


def hashes(text: str) -> Hashes:
    """The hashes of a page's units, each once."""
    step = MAX_CODES // 2
    parts = [text[start : start + step] for start in range(0, len(text), step)]
    return np.unique(np.concatenate([
        Text(units.cut([part])).unit_hashes for part in parts or [""]
    ]))  # fmt: skip


def find(sources: "Iterable[Source]", kind: Kind = "auto", least: int = 4) -> Repeated:
    """The units that stand on at least ``least`` pages (at most `MOST`) of one source (site).

    The result does not depend on their order. Raises `PageError` for a source that cannot
    be read.
    """
    counts = Counts()
    for source in sources:
        counts.add(hashes(reading.read(source, kind).text))
    return counts.repeated(least)
