"""Annotated pages for training: originals with text, public pages joined with their labels."""

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from joblib import Parallel, delayed

from train import corpora
from unticker import annotations, html
from unticker.annotations import AnnotatedPage
from unticker.errors import UsageError
from unticker.types import LABELS

ROOT = Path(__file__).resolve().parent.parent / "annotations"
Split = Literal["train", "development", "test"]
SPLITS: tuple[Split, ...] = ("train", "development", "test")


@dataclass(frozen=True, slots=True)
class Gold:
    """Annotated pages by kind; ``public`` is empty where the public page sets are not there.

    ``problems`` names every stand-off line that is unlabelled, labelled twice, unknown or
    no longer what it was, and every original page whose lines are not those of its HTML.
    """

    original: list[AnnotatedPage]
    public: list[AnnotatedPage]
    problems: list[str]
    splits: dict[str, Split]

    def part(self, *splits: Split, kind: str = "all") -> list[AnnotatedPage]:
        """The pages of some splits: ``kind`` is all, original or public."""
        pages = (self.original if kind != "public" else []) + (
            self.public if kind != "original" else []
        )
        return [page for page in pages if self.splits[page.site] in splits]


def read(folder: Path | None = None, jobs: int = 2) -> Gold:
    """Read and join all annotations. ``folder`` holds the public page sets."""
    written = annotations.read(sorted((ROOT / "original").glob("*.jsonl")))
    original, problems = _with_markup(written)
    splits = json.loads((ROOT / "splits.json").read_text("utf-8"))
    place = corpora.find(folder)
    public: list[AnnotatedPage] = []
    if place is not None:
        rows = standoff()
        joined = Parallel(jobs)(
            delayed(_join)(place, name, page, rows[name, page]) for name, page in sorted(rows)
        )
        public = [page for page, _ in joined if page is not None]
        problems += [problem for _, found in joined for problem in found]
    for page in original + public:
        if splits.get(page.site) not in SPLITS:
            raise UsageError(f"annotations/splits.json: site {page.site} is in no split")
    return Gold(original, public, problems, splits)


def is_public(page: AnnotatedPage) -> bool:
    """Whether a page is of a public set, which its name starts with."""
    return "/" in page.page


def _with_markup(written: list[AnnotatedPage]) -> tuple[list[AnnotatedPage], list[str]]:
    """Original pages with the markup of those that were written as HTML, and what is wrong."""
    pages, problems = [], []
    for page in written:
        path = ROOT / "original" / "html" / f"{page.page}.html"
        if path.is_file():
            markup = html.read(path.read_bytes()).markup
            if tuple(markup.lines) == page.lines:
                page = replace(page, markup=markup)
            else:
                problems.append(f"{path.name}: its lines are not those that are labelled")
        pages.append(page)
    return pages, problems


def genres() -> dict[str, str]:
    """The genre of each original page, as ``annotations/original/genres.tsv`` has it."""
    rows = (ROOT / "original" / "genres.tsv").read_text("utf-8").splitlines()[1:]
    return dict(row.split("\t")[:2] for row in rows)


def standoff() -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Rows of ``annotations/standoff`` by set and page."""
    rows: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for path in sorted((ROOT / "standoff").glob("*.jsonl")):
        with path.open(encoding="utf-8") as stream:
            for line in stream:
                row = json.loads(line)
                rows[row["set"], row["page"]].append(row)
    return rows


def digest(line: str) -> str:
    """What a stand-off row keeps of a line: ten hex digits of its SHA-1."""
    return hashlib.sha1(line.encode("utf-8", "surrogatepass")).hexdigest()[:10]


def _join(
    place: Path, name: str, page: str, rows: list[dict[str, Any]]
) -> tuple[AnnotatedPage | None, list[str]]:
    """A page with its labels, and what is wrong with them."""
    markup = html.read(corpora.page_bytes(place, name, page)).markup
    labels: list[Any] = [None] * len(markup.lines)
    problems = []
    for row in rows:
        where = f"{name}/{page} line {row['line']}"
        if not 1 <= row["line"] <= len(labels):
            problems.append(f"{where}: the page has {len(labels)} lines")
        elif digest(markup.lines[row["line"] - 1]) != row["sha1"]:
            problems.append(f"{where}: the line has changed")
        elif labels[row["line"] - 1] is not None:
            problems.append(f"{where}: labelled twice")
        elif row["label"] not in LABELS:
            problems.append(f"{where}: unknown label {row['label']!r}")
        else:
            labels[row["line"] - 1] = row["label"]
    missing = [n for n, label in enumerate(labels, 1) if label is None]
    if missing:
        problems.append(f"{name}/{page}: {len(missing)} lines without label, first {missing[0]}")
    first = rows[0]
    joined = AnnotatedPage(
        f"{name}/{page}", tuple(markup.lines), tuple(labels), first["lang"], first["site"], markup
    )
    return joined, problems
