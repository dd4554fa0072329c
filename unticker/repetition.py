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
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unticker import reading, units
from unticker.marks import plain
from unticker.parts import parts
from unticker.reading import Document
from unticker.types import Kind
from unticker.words import Text

if TYPE_CHECKING:
    from unticker.reading import Source

HELD = 1 << 22  # hashes in memory before they go to the disk: 32 MB
_SHARES = 256  # counted one after the other: the first byte of a hash says which
_EDGES = np.arange(1, _SHARES, dtype=np.uint64) << np.uint64(56)
Hashes = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Repeated:
    """The units that recur: their hashes, sorted."""

    hashes: Hashes

    def __contains__(self, unit: int) -> bool:
        return bool(self.holds(np.array([unit], np.uint64))[0])

    def holds(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Which of the units recur."""
        if not len(self.hashes):
            return np.zeros(len(hashes), bool)
        places = np.searchsorted(self.hashes, hashes).clip(max=len(self.hashes) - 1)
        found: NDArray[np.bool_] = self.hashes[places] == hashes
        return found

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.hashes.tobytes()).hexdigest()

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.hashes.tobytes())

    @staticmethod
    def read(path: Path) -> "Repeated":
        return Repeated(np.fromfile(path, np.uint64))


class Counts:
    """On how many pages units stand, exactly, in whatever order pages are added.

    Memory stays flat: every `HELD` hashes are sorted and written to a file without a name in
    ``folder`` (the system's folder for such files by default), 8 bytes for each line of each
    page, and counted in `_SHARES` shares of the hashes.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._held: list[Hashes] = []
        self._size = 0
        self._file: IO[bytes] | None = None
        self._edges: list[list[int]] = []  # of each sorted run: where its shares end in the file

    def add(self, hashes: Hashes) -> None:
        """Add a page by the hashes of its units, each once."""
        self._held.append(hashes)
        self._size += len(hashes)
        if self._size >= HELD:
            self._spill()

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - until counted
        run = np.sort(np.concatenate(self._held))
        start = self._file.tell() // 8
        shares = [0, *np.searchsorted(run, _EDGES).tolist(), len(run)]
        self._edges.append([start + share for share in shares])
        self._file.write(run.tobytes())
        self._held, self._size = [], 0

    def repeated(self, least: int) -> Repeated:
        """The units that stand on at least ``least`` pages; no page can be added behind it."""
        if self._file is None:
            return Repeated(_at_least([np.zeros(0, np.uint64), *self._held], least))
        if self._held:
            self._spill()
        found = []
        for share in range(_SHARES):
            parts = []
            for edges in self._edges:
                self._file.seek(8 * edges[share])
                parts.append(np.frombuffer(
                    self._file.read(8 * (edges[share + 1] - edges[share])), np.uint64
                ))  # fmt: skip
            found.append(_at_least(parts, least))
        self._file.close()
        return Repeated(np.concatenate(found))


def _at_least(parts: list[Hashes], least: int) -> Hashes:
    units, counts = np.unique(np.concatenate(parts), return_counts=True)
    return units[counts >= least]


def hashes(document: Document) -> Hashes:
    """The hashes of a page's units, each once; a huge page is cut as for its labels, and one whose
    newlines were lost at the ends of its sentences alone."""
    texts = [document.text[part.start : part.end] for part in parts(document.text)]
    read = map(plain, texts) if document.markdown else texts
    return np.unique(np.concatenate([Text(units.cut([text])).unit_hashes for text in read]))


def find(sources: "Iterable[Source]", kind: Kind = "auto", least: int = 4) -> Repeated:
    """The units that stand on at least ``least`` pages of one source (site).

    The result does not depend on their order. Raises `PageError` for a source that cannot
    be read.
    """
    counts = Counts()
    for source in sources:
        counts.add(hashes(reading.read(source, kind)))
    return counts.repeated(least)
