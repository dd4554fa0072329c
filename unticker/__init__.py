"""Tell, line by line, what in a crawled news page is the article and what is the site."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unticker.errors import ModelError, OutputError, PageError, UntickerError, UsageError
from unticker.types import LABELS, Kind, Label, Line, Page, Segment, Span

if TYPE_CHECKING:
    from unticker.model import Model
    from unticker.reading import Source

__version__ = "0.1.0"

__all__ = [
    "LABELS", "Label", "Line", "Model", "ModelError", "OutputError", "Page", "PageError", "Segment",
    "Span", "UntickerError", "UsageError", "clean", "evaluate", "fit", "label", "load",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """`Model` on first use, so that importing the package stays cheap."""
    if name == "Model":
        from unticker.model import Model

        return Model
    raise AttributeError(f"module 'unticker' has no attribute {name!r}")


def load(path: Path | str | None = None) -> "Model":
    """Load and verify a model folder, the shipped one if none is named (see `Model.load`)."""
    from unticker.model import Model

    return Model.load(path)


@lru_cache(maxsize=1)
def _default() -> "Model":
    return load()


def label(source: "Source", kind: Kind = "auto") -> Page:
    """Label one page with the shipped model.

    >>> page = label(
    ...     "Home\\nSport\\n\\nCouncil backs new bridge despite its cost\\n"
    ...     "By Ann Lee | 3 May 2026\\n\\n"
    ...     "The council met on Monday to discuss the new bridge over the river, which the "
    ...     "mayor called overdue.\\nWork will begin in spring and last two years, the city "
    ...     "said. It will cost nine million euros.\\n\\nMost read\\nRain until Friday"
    ... )
    >>> [line.number for line in page.lines if line.label == "body"]
    [4, 7, 8]
    >>> page.title, [span.text for span in page.bylines]
    ('Council backs new bridge despite its cost', ['By Ann Lee | 3 May 2026'])
    """
    return _default().label(source, kind)


def clean(source: "Source", keep: Sequence[Label] = ("body",), title: bool = True) -> str:
    """The article's text; ``title=False`` leaves out the own headline, and only that."""
    return _default().label(source).text(keep, title)


def fit(annotations: "Iterable[Any]", **options: Any) -> "Model":
    """Fit a model on annotations: paths of annotation files, rows, or annotated pages.

    ``options`` are those of `unticker.examples.Options`.
    """
    from unticker import training
    from unticker.examples import Options

    return training.fit(annotations, Options(**options))


def evaluate(model: "Model", annotations: "Iterable[Any]") -> dict[str, Any]:
    """Scores of a model on annotations, per label and language (see `unticker.evaluation`)."""
    from unticker import evaluation

    return evaluation.evaluate(model, annotations)
