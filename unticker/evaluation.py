"""Scores of predictions against annotated lines: per label, language and kind of page."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unticker import annotations as reader
from unticker.annotations import AnnotatedPage
from unticker.errors import UsageError
from unticker.reading import Document
from unticker.types import LABELS

if TYPE_CHECKING:
    from unticker.model import Model

IntArray = NDArray[np.int64]


def pages_of(annotations: Iterable[Any]) -> list[AnnotatedPage]:
    """Annotated pages from pages, rows or paths of annotation files."""
    given: list[Any] = (
        list(annotations) if not isinstance(annotations, (str, Path)) else [annotations]
    )
    if all(isinstance(item, AnnotatedPage) for item in given):
        return given
    if all(isinstance(item, (str, Path)) for item in given):
        return reader.read(given)
    return reader.from_rows(given)


def predict(
    model: "Model", pages: Sequence[AnnotatedPage], markup: bool = False
) -> tuple[IntArray, NDArray[np.float64]]:
    """Predicted label numbers (lines,) and probabilities (lines, 4) of all annotated lines.

    Lines come in the order of the pages; blank and unlabelled ones are left out.
    """
    labels: list[int] = []
    chances: list[list[float]] = []
    for start in range(0, len(pages), 64):
        chunk = pages[start : start + 64]
        documents = [Document(p.text, p.markup if markup else None, None, None) for p in chunk]
        for page, found in zip(chunk, model.label_documents(documents), strict=True):
            by_number = {line.number: line for line in found.lines}
            for number, label in enumerate(page.labels, 1):
                if label is not None:
                    line = by_number[number]
                    labels.append(LABELS.index(line.label))
                    chances.append([line.probabilities[name] for name in LABELS])
    return np.array(labels, np.int64), np.array(chances).reshape(len(labels), 4)


def gold(pages: Sequence[AnnotatedPage]) -> tuple[IntArray, list[str]]:
    """Gold label numbers and languages of all annotated lines, in the order of `predict`."""
    labels = [LABELS.index(label) for page in pages for label in page.labels if label]
    langs = [page.lang for page in pages for label in page.labels if label]
    return np.array(labels, np.int64), langs


def scores(truth: IntArray, predicted: IntArray, langs: Sequence[str] = ()) -> dict[str, Any]:
    """Precision, recall and F1 per label, their mean F1, accuracy, confusion; per language too.

    Labels that occur neither in truth nor in prediction are left out of the mean.
    """
    confusion = np.zeros((4, 4), np.int64)
    np.add.at(confusion, (truth, predicted), 1)
    by_label = {}
    for number, label in enumerate(LABELS):
        hit = int(confusion[number, number])
        has, says = int(confusion[number].sum()), int(confusion[:, number].sum())
        if has or says:
            by_label[label] = {
                "lines": has,
                "precision": _round(hit / says if says else 0.0),
                "recall": _round(hit / has if has else 0.0),
                "f1": _round(2 * hit / (has + says)),
            }
    result: dict[str, Any] = {
        "lines": len(truth),
        "accuracy": _round(float((truth == predicted).mean())) if len(truth) else 0.0,
        "macro_f1": _round(sum(s["f1"] for s in by_label.values()) / max(len(by_label), 1)),
        "labels": by_label,
        "confusion": confusion.tolist(),
    }
    if langs:
        named = np.array(langs)
        result["languages"] = {
            lang: {
                key: value
                for key, value in scores(truth[named == lang], predicted[named == lang]).items()
                if key in ("lines", "accuracy", "macro_f1")
            }
            for lang in sorted(set(langs))
        }
    return result


def calibration_error(truth: IntArray, chances: NDArray[np.float64], bins: int = 15) -> float:
    """Expected calibration error of the best label's probability (Naeini et al., AAAI 2015)."""
    best = chances.max(axis=1)
    right = chances.argmax(axis=1) == truth
    place = np.minimum((best * bins).astype(np.int64), bins - 1)
    gaps = [
        abs(right[place == b].mean() - best[place == b].mean()) * (place == b).sum()
        for b in range(bins)
        if (place == b).any()
    ]
    return _round(float(sum(gaps)) / max(len(truth), 1))


def evaluate(model: "Model", annotations: Iterable[Any], markup: bool = False) -> dict[str, Any]:
    """Scores of a model on annotations (paths, rows or pages), with calibration."""
    pages = pages_of(annotations)
    truth, langs = gold(pages)
    if not len(truth):
        raise UsageError("no annotated lines to evaluate on")
    predicted, chances = predict(model, pages, markup)
    result = {"pages": len(pages)} | scores(truth, predicted, langs)
    result["calibration_error"] = calibration_error(truth, chances)
    return result


def _round(value: float) -> float:
    return round(value, 4)
