"""A model as a folder: arrays and JSON, verified when they are read."""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unticker import chain, weights
from unticker.assembly import ARTICLE_COLUMNS
from unticker.columns import CLASSES
from unticker.conjunctions import CASES, DEPTH
from unticker.errors import ModelError
from unticker.families import MARKUP_FAMILIES
from unticker.gaps import FEATURES as GAP_FEATURES
from unticker.gaps import GAP_BUCKETS
from unticker.ngrams import BUCKET_BITS, BUCKETS, NGRAMS
from unticker.shapes import SHAPE_OFFSETS, SHAPES
from unticker.types import LABELS
from unticker.weights import Weights

FORMAT = 1
_DAMAGES = (
    ValueError, TypeError, KeyError, AttributeError, OSError, EOFError, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip


class Stored(NamedTuple):
    """The fields of a `unticker.model.Model`, as a folder holds them."""

    text: Weights
    html: Weights | None
    article: tuple[float, ...]
    about: Mapping[str, Any]
    digest: str


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


def write(
    path: Path, text: Weights, html: Weights | None, article: Sequence[float],
    about: Mapping[str, Any],
) -> None:  # fmt: skip
    """Write ``weights.npz`` and ``model.json`` into a folder, which is made if needed."""
    path.mkdir(parents=True, exist_ok=True)
    arrays = text.arrays("text")
    if html is not None:
        arrays |= html.arrays("html")
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    data = stream.getvalue()
    described = dict(about) | {
        "format": FORMAT,
        "labels": list(LABELS),
        "schema": schema(),
        "article": list(article),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    (path / "weights.npz").write_bytes(data)
    (path / "model.json").write_text(json.dumps(described, indent=2, sort_keys=True) + "\n")


def read(path: Path) -> Stored:
    """What `write` wrote, verified.

    Raises `ModelError` if the folder holds no model, a damaged one, or one made for other features.
    """
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
    return Stored(text, html, tuple(map(float, article)), about, about["sha256"][:16])


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
    known = loaded["vocabulary"]
    rows = len(known) if known.ndim else 0
    expected = {
        "tests": ((number, DEPTH, 2), np.int32),
        "cases": ((CASES * number, 4), np.int32),
        "vocabulary": ((rows,), np.int32),
        "ngrams": ((rows, CLASSES), np.int16),
        "shapes": ((int(SHAPE_OFFSETS[-1]), CLASSES), np.int16),
        "bias": ((CLASSES,), np.int32),
        "columns2": ((seen.values.shape[1], 4), np.int32),
        "crosses2": ((second, 4), np.int32),
        "bias2": ((4,), np.int64),
        "columns3": ((both.values.shape[1], 4), np.int32),
        "crosses3": ((third, 4), np.int32),
        "bias3": ((4,), np.int64),
        "ngrams3": ((rows, 4 * len(weights.NGRAM_PLACES)), np.int16),
        "transitions": ((len(LABELS), len(LABELS)), np.int16),
        "gaps": ((GAP_BUCKETS + 1,), np.int16),
    }
    for name, (shape, dtype) in expected.items():
        if loaded[name].shape != shape or loaded[name].dtype != dtype:
            raise ValueError(f"{prefix}.{name} has another shape or type than it should")
    if rows and (known[0] < 0 or known[-1] >= BUCKETS or (np.diff(known) <= 0).any()):
        raise ValueError(f"{prefix}.vocabulary does not hold rising buckets")
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
