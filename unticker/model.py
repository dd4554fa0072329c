"""A model: load (verified), save, label. NumPy alone; loading runs no code."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from unticker import chain, reading, store, weights
from unticker.assembly import assemble
from unticker.columns import LABEL_OF_CLASS
from unticker.errors import PageError
from unticker.labelled import Piece, judge
from unticker.parts import BATCH_CODES, Batch, Part, batches, markup_of
from unticker.phrases import Phrases
from unticker.reading import Document
from unticker.types import BYLINE, LABELS, Kind, Page
from unticker.units import IntArray
from unticker.weights import Weights
from unticker.words import Text

if TYPE_CHECKING:
    from unticker.reading import Source
    from unticker.repetition import Repeated

# A unit that recurs is furniture or ticker: away from body, headline and byline, four logits.
_FOREIGN = np.where(LABEL_OF_CLASS >= BYLINE, -1024, 0)


_SHARES = (2, 1)
"""What the weights for HTML and those for text count on a page with markup. The first alone trust
too much in what markup meant on the sites they saw."""


class Judge(NamedTuple):
    """Weights that judge a batch, the batch as they see it, and their share in its scores."""

    weights: Weights
    batch: weights.Batch
    share: float


def pooled(judges: Sequence[Judge], scores: Sequence[IntArray]) -> IntArray:
    """The mean of the judges' scores by their shares (logarithmic opinion pool: Heskes, Selecting
    weighting factors in logarithmic opinion pools, NIPS 1997), rounded."""
    if len(judges) == 1:
        return scores[0]
    total = sum(judge.share * each for judge, each in zip(judges, scores, strict=True))
    return np.floor(total + 0.5).astype(np.int64)  # thirds: never near a half


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted labeller.

    ``text`` judges lines of text; ``html``, where a model has it, lines that come with
    markup. ``about`` is what model.json says besides (versions, scores, seed).
    """

    text: Weights
    html: Weights | None
    article: tuple[float, ...]
    about: Mapping[str, Any]
    digest: str = ""
    phrases: Phrases | None = None
    repeated: "Repeated | None" = None

    @property
    def labels(self) -> tuple[str, ...]:
        return LABELS

    def label(
        self,
        source: "Source",
        kind: Kind = "auto",
        encoding: str | None = None,
        parser: str = "lexbor",
    ) -> Page:
        """Label one page. Raises `PageError` if the source cannot be read."""
        return self.label_documents([reading.read(source, kind, encoding, parser)])[0]

    def label_many(
        self,
        sources: "Iterable[Source]",
        kind: Kind = "auto",
        encoding: str | None = None,
        parser: str = "lexbor",
    ) -> Iterator[Page]:
        """Label pages lazily, in order. Raises `PageError` at a source that cannot be read."""
        if isinstance(sources, (str, bytes, Path)):
            raise PageError("label_many takes many sources; use label for one")
        waiting: list[Document] = []
        size = 0
        for source in sources:
            document = reading.read(source, kind, encoding, parser)
            codes = len(document.text) + 1
            if size + codes > BATCH_CODES:
                yield from self.label_documents(waiting)
                waiting, size = [], 0
            waiting.append(document)
            size += codes
            if size >= BATCH_CODES:  # a large page waits for no other
                yield from self.label_documents(waiting)
                waiting, size = [], 0
        yield from self.label_documents(waiting)

    def label_documents(self, documents: list[Document]) -> list[Page]:
        """Label documents that are already read, in one pass where they are of one kind."""
        pieces: list[list[Piece]] = [[] for _ in documents]
        for html in (False, True):
            chosen = [i for i, each in enumerate(documents) if (each.markup is not None) == html]
            for batch in batches(chosen, documents):
                self._label(batch, documents, pieces)
        return [
            assemble(parts, self.article, document)
            for parts, document in zip(pieces, documents, strict=True)
        ]

    def _label(self, batch: Batch, documents: list[Document], pieces: list[list[Piece]]) -> None:
        judges = self.judges([(documents[i], part) for i, part in batch])
        chosen, prepared, _ = judges[0]
        passes = [self._scores(each.weights, each.batch) for each in judges]
        scores = pooled(judges, [last for _, last in passes])
        scores = chain.decoded(scores, chosen.transitions, prepared.layout.opens)
        judged = judge(scores, passes[0][0])
        for place, (index, part) in enumerate(batch):
            piece = Piece(documents[index].text, part, prepared, place, judged)
            pieces[index].append(piece)

    def _scores(self, judging: Weights, batch: weights.Batch) -> tuple[IntArray, IntArray]:
        """The first pass's scores (units, 12) and the last's (units, 4)."""
        sums = weights.row_sums(judging, batch)
        first = self.told(weights.unit_scores(judging, batch, sums), batch.text)
        return first, weights.score(judging, batch, first, sums)

    def told(self, scores: IntArray, text: Text) -> IntArray:
        """The first pass's scores (units, 12), with what a user's phrases and units that recur add
        to them."""
        if self.phrases is not None:
            scores = scores + self.phrases.scores(text)
        if self.repeated is not None:
            scores = scores + _FOREIGN * self.repeated.holds(text.unit_hashes)[:, None]
        return scores

    def judges(self, parts: Sequence[tuple[Document, Part]]) -> list[Judge]:
        """What judges parts of documents of one kind, text or HTML: for HTML the weights for it
        ahead of those for text, where the model has both."""
        texts = [document.text[part.start : part.end] for document, part in parts]
        document = parts[0][0]
        if document.markup is None or self.html is None:
            batch = weights.prepare(texts, None, self.text.gaps, document.markdown)
            return [Judge(self.text, batch, 1)]
        batch = weights.prepare(texts, [markup_of(*each) for each in parts], self.html.gaps)
        marked, unmarked = (share / sum(_SHARES) for share in _SHARES)
        return [
            Judge(self.html, batch, marked),
            Judge(self.text, batch.unmarked, unmarked),
        ]

    def with_phrases(self, phrases: Phrases) -> "Model":
        """A model that weighs a user's phrases before context is."""
        return replace(self, phrases=phrases, digest=self._mixed(phrases.digest()))

    def with_repeated(self, repeated: "Repeated") -> "Model":
        """A model that takes units that recur for furniture (`unticker.repetition`)."""
        return replace(self, repeated=repeated, digest=self._mixed(repeated.digest))

    def _mixed(self, other: str) -> str:
        """The digest of the model together with what was added to it."""
        return hashlib.sha256(f"{self.digest} {other}".encode()).hexdigest()[:16]

    def save(self, folder: Path | str) -> None:
        """Write ``weights.npz`` and ``model.json`` into a folder, which is made if needed."""
        store.write(Path(folder), self.text, self.html, self.article, self.about)

    @staticmethod
    def load(folder: Path | str | None = None) -> "Model":
        """Load and verify a model folder; the shipped model if none is named.

        Raises `ModelError` if the folder holds no model, a damaged one, or one made
        for other features.
        """
        return Model(*store.read(store.shipped() if folder is None else Path(folder)))
