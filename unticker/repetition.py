"""Lines that recur over many pages of one source are furniture or ticker.

A second pass, on request: count first, then label with the model that knows.

>>> import unticker
>>> from unticker import repetition
>>> pages = [f"Join our reading circle\\nStory {n} of the day was long." for n in range(5)]
>>> model = unticker.load().with_repeated(repetition.find(pages, least=4))
>>> [line.label for line in model.label(pages[0]).lines][0]
'ui-chrome'
"""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from unticker import reading, units
from unticker.model import BATCH_CODES
from unticker.types import Kind
from unticker.words import Text

if TYPE_CHECKING:
    from unticker.reading import Source


def find(sources: "Iterable[Source]", kind: Kind = "auto", least: int = 4) -> frozenset[int]:
    """Hashes of the units that stand on at least ``least`` pages.

    Pages are those of one source (site). The result does not depend on their order.
    Memory grows with the number of distinct units. Raises `PageError` for a source that
    cannot be read.
    """
    pages: Counter[int] = Counter()
    for source in sources:
        text = reading.read(source, kind).text
        found: set[int] = set()
        for start in range(0, len(text), BATCH_CODES):
            hashes = Text(units.cut([text[start : start + BATCH_CODES]])).unit_hashes
            found.update(np.unique(hashes).tolist())
        pages.update(found)
    return frozenset(unit for unit, count in pages.items() if count >= least)
