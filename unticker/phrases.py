"""A user's vocabulary: short phrases that speak for a label before context is weighed."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unticker import units
from unticker.columns import CLASSES, LABEL_OF_CLASS
from unticker.errors import UsageError
from unticker.types import LABELS, Label
from unticker.units import IntArray
from unticker.words import Text

WEIGHT = 1024
"""What a phrase adds to its label's scores in a unit that holds it: 4 logits."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """``table``: number of words -> (sorted hashes, label numbers)."""

    table: dict[int, tuple[np.ndarray, np.ndarray]]

    @staticmethod
    def of(phrases: dict[str, Label]) -> "Phrases":
        """From phrases and their labels. Raises `UsageError` for a phrase without a word."""
        grouped: dict[int, dict[int, int]] = {}
        for phrase, label in phrases.items():
            if label not in LABELS:
                raise UsageError(f"unknown label {label!r}; use one of {', '.join(LABELS)}")
            text = Text(units.cut([" ".join(phrase.split())]))
            count = len(text.word_starts)
            if not count:
                raise UsageError(f"the phrase {phrase!r} holds no word")
            span = text.hasher.spans(text.word_starts[:1], text.word_ends[-1:])
            grouped.setdefault(count, {})[int(span[0])] = LABELS.index(label)
        return Phrases({
            count: (
                np.array(sorted(known), np.uint64),
                np.array([known[h] for h in sorted(known)], np.int64),
            )
            for count, known in grouped.items()
        })  # fmt: skip

    def digest(self) -> str:
        """SHA-256 of the table."""
        found = hashlib.sha256()
        for count, (hashes, labels) in sorted(self.table.items()):
            found.update(b"%d " % count + hashes.tobytes() + labels.tobytes())
        return found.hexdigest()

    @staticmethod
    def read(path: Path) -> "Phrases":
        """From a file of ``label<TAB>phrase`` rows; ``#`` starts a comment row."""
        try:
            rows = path.read_text("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError):
            raise UsageError(f"{path}: cannot be read as UTF-8 text") from None
        phrases: dict[str, Label] = {}
        for number, row in enumerate(rows, 1):
            if not row.strip() or row.startswith("#"):
                continue
            label, tab, phrase = row.partition("\t")
            if not tab or label not in LABELS:
                raise UsageError(f"{path}, row {number}: needs a label, a tab and a phrase")
            phrases[phrase] = LABELS[LABELS.index(label)]
        return Phrases.of(phrases)

    def scores(self, text: Text) -> IntArray:
        """What to add to the first pass's scores: (units, 12)."""
        added = np.zeros((len(text.units), CLASSES), np.int64)
        for count, (known, labels) in self.table.items():
            last = len(text.word_starts) - count + 1
            if last <= 0:
                continue
            first = np.arange(last)
            first = first[text.word_unit[first] == text.word_unit[first + count - 1]]
            hashes = text.hasher.spans(text.word_starts[first], text.word_ends[first + count - 1])
            slot = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
            hit = known[slot] == hashes
            for label in range(len(LABELS)):
                unit = text.word_unit[first[hit & (labels[slot] == label)]]
                added[np.unique(unit)[:, None], np.flatnonzero(label == LABEL_OF_CLASS)] = WEIGHT
        return added
