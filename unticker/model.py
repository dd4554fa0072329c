"""A model: load (verified), save, label. NumPy alone; loading runs no code."""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from unticker import chain, reading, weights
from unticker.assembly import ARTICLE_COLUMNS, assemble
from unticker.columns import CLASSES, LABEL_OF_CLASS
from unticker.conjunctions import CASES, DEPTH
from unticker.errors import ModelError, PageError
from unticker.families import MARKUP_FAMILIES
from unticker.features import BUCKET_BITS, BUCKETS, NGRAMS, SHAPE_OFFSETS, SHAPES
from unticker.gaps import FEATURES as GAP_FEATURES
from unticker.gaps import GAP_BUCKETS
from unticker.labelled import Piece, judge
from unticker.parts import BATCH_CODES, Batch, Part, batches, markup_of
from unticker.phrases import Phrases
from unticker.reading import Document
from unticker.types import BYLINE, LABELS, Kind, Page
from unticker.units import IntArray
from unticker.weights import Weights

if TYPE_CHECKING:
    from unticker.reading import Source
    from unticker.repetition import Repeated

FORMAT = 1
_DAMAGES = (
    ValueError, TypeError, KeyError, AttributeError, OSError, EOFError, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip
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


@lru_cache(maxsize=1)
def schema() -> str:
    """Digest of everything a weight's meaning hangs on."""
    batch = weights.prepare(["a"], [None])
    second, third = (
        weights.context(batch, np.zeros((1, size), np.int64)) for size in (CLASSES, len(LABELS))
    )
    tables = files("unticker").joinpath("tables.npz").read_bytes()
    described = {
        "labels": LABELS,
        "buckets": BUCKET_BITS,
        "ngrams": [n.name for n in NGRAMS],
        "ngram_places": weights.NGRAM_PLACES,
        "chain": chain.REACH,
        "conjunctions": DEPTH,
        "shapes": [(s.name, s.size) for s in SHAPES],
        "columns": [name for name, _ in second.columns()],
        "crosses": [(name, size) for each in (second, third) for name, _, size in each.crosses()],
        "article": ARTICLE_COLUMNS,
        "markup": sorted(MARKUP_FAMILIES),
        "gaps": (GAP_BUCKETS, GAP_FEATURES),
        "tables": hashlib.sha256(tables).hexdigest(),
    }
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]


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
        sums = weights.ngram_sums(judging, batch)
        first = weights.unit_scores(judging, batch, sums)
        if self.phrases is not None:
            first = first + self.phrases.scores(batch.text)
        if self.repeated is not None:
            first = first + _FOREIGN * self.repeated.holds(batch.text.unit_hashes)[:, None]
        return first, weights.score(judging, batch, first, sums)

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
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        arrays = self.text.arrays("text")
        if self.html is not None:
            arrays |= self.html.arrays("html")
        stream = io.BytesIO()
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
        data = stream.getvalue()
        about = dict(self.about) | {
            "format": FORMAT,
            "labels": list(LABELS),
            "schema": schema(),
            "article": list(self.article),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        (path / "weights.npz").write_bytes(data)
        (path / "model.json").write_text(json.dumps(about, indent=2, sort_keys=True) + "\n")

    @staticmethod
    def load(folder: Path | str | None = None) -> "Model":
        """Load and verify a model folder; the shipped model if none is named.

        Raises `ModelError` if the folder holds no model, a damaged one, or one made
        for other features.
        """
        path = shipped() if folder is None else Path(folder)
        return _load(path)


def _load(path: Path) -> Model:
    try:
        about = json.loads((path / "model.json").read_text("utf-8"))
        data = (path / "weights.npz").read_bytes()
    except OSError:
        raise ModelError(f"{path} holds no model; it needs model.json and weights.npz") from None
    except ValueError:
        raise ModelError(f"{path}/model.json is damaged: not valid JSON") from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise ModelError(f"{path}/model.json is not of format {FORMAT}; train the model again")
    if about.get("labels") != list(LABELS):
        raise ModelError(f"{path} was made for other labels than {', '.join(LABELS)}")
    if hashlib.sha256(data).hexdigest() != about.get("sha256"):
        raise ModelError(f"{path}/weights.npz is damaged: its SHA-256 is not that of model.json")
    if about.get("schema") != schema():
        raise ModelError(f"{path} was made for other features; train it with this version")
    article: Any = about.get("article")
    if not _numbers(article):
        raise ModelError(
            f"{path}/model.json is damaged: 'article' must hold {len(ARTICLE_COLUMNS)} numbers"
        )
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            text = _weights(arrays, "text")
            html = _weights(arrays, "html") if "html.bias" in arrays else None
    except _DAMAGES as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(f"{path}/weights.npz is damaged: {reason}") from None
    return Model(text, html, tuple(map(float, article)), about, about["sha256"][:16])


def _numbers(article: Any) -> bool:
    return (
        isinstance(article, list)
        and len(article) == len(ARTICLE_COLUMNS)
        and all(type(n) in (int, float) and abs(n) < 1e6 for n in article)
    )


def _weights(arrays: Mapping[str, Any], prefix: str) -> Weights:
    loaded = {field.name: arrays[f"{prefix}.{field.name}"] for field in fields(Weights)}
    markup = prefix == "html"
    second = weights.crosses_size(CLASSES, markup)
    third = second + weights.crosses_size(len(LABELS), markup)
    batch = weights.prepare(["a"], [None] if markup else None)
    seen = weights.second_context(batch, np.zeros((1, CLASSES), np.int64))
    both = weights.third_context(batch, seen, np.zeros((1, len(LABELS)), np.int64))
    tests = loaded["tests"]
    number = len(tests) if tests.ndim else 0
    expected = {
        "tests": ((number, DEPTH, 2), np.int32),
        "cases": ((CASES * number, 4), np.int32),
        "ngrams": ((BUCKETS, CLASSES), np.int16),
        "shapes": ((int(SHAPE_OFFSETS[-1]), CLASSES), np.int16),
        "bias": ((CLASSES,), np.int32),
        "columns2": ((seen.values.shape[1], 4), np.int32),
        "crosses2": ((second, 4), np.int32),
        "bias2": ((4,), np.int64),
        "columns3": ((both.values.shape[1], 4), np.int32),
        "crosses3": ((third, 4), np.int32),
        "bias3": ((4,), np.int64),
        "ngrams3": ((BUCKETS, 4 * len(weights.NGRAM_PLACES)), np.int16),
        "transitions": ((len(LABELS), len(LABELS)), np.int16),
        "gaps": ((GAP_BUCKETS + 1,), np.int16),
    }
    for name, (shape, dtype) in expected.items():
        if loaded[name].shape != shape or loaded[name].dtype != dtype:
            raise ValueError(f"{prefix}.{name} has another shape or type than it should")
    columns = tests[..., 0]
    if number % 2 or not ((columns >= 0) & (columns < both.values.shape[1])).all():
        raise ValueError(f"{prefix}.tests asks for columns that there are not")
    return Weights(**loaded)


def shipped() -> Path:
    """Where the shipped model is: in the package, or in the checkout around it."""
    packaged = Path(str(files("unticker").joinpath("shipped")))
    if (packaged / "model.json").is_file():
        return packaged
    checkout = Path(__file__).resolve().parent.parent / "model"
    if (checkout / "model.json").is_file():
        return checkout
    raise ModelError("the shipped model is missing; reinstall unticker or name a model folder")
