"""Accuracy and speed of unticker beside its peers: gold pages, splits and tables.

``python -m bench.accuracy``, ``speed``, ``cuttings`` and ``openings`` measure;
`docs/bench.md` says how. Results are numbers: no text of
a public page leaves the process.
"""

import argparse
import gzip
import hashlib
import importlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parent.parent
ANNOTATIONS = ROOT / "annotations"
CORPORA = ROOT.parent / "shared" / "corpora"
LABELS = ("headline-ticker", "ui-chrome", "byline", "body")
BODY = "body"
SPLITS = ("train", "development", "test")
Row = dict[str, Any]
T = TypeVar("T")


class BenchError(Exception):
    """What the bench was asked to measure is not there."""


@dataclass(frozen=True)
class Gold:
    """One annotated page: ``labels[i]`` belongs to ``lines[i]``, None where there is none.

    ``html`` is the page as it was crawled or written, or None for pages that are text.
    """

    name: str
    site: str
    lang: str
    lines: tuple[str, ...]
    labels: tuple[str | None, ...]
    html: bytes | None = None

    @cached_property
    def text(self) -> str:
        """The page as text, what a text labeller is given."""
        return "\n".join(self.lines)

    @cached_property
    def body(self) -> str:
        """The lines whose gold label is body."""
        return "\n".join(
            line for line, label in zip(self.lines, self.labels, strict=True) if label == BODY
        )


def rows(path: Path) -> Iterator[Row]:
    """The rows of a JSON lines file."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise BenchError(f"{path.name}, row {number}: {error}") from None


def site_chooser(split: str, annotations: Path = ANNOTATIONS) -> Callable[[str], bool]:
    """Whether a site belongs to the split; ``all`` takes every site and needs no splits file."""
    if split == "all":
        return lambda site: True
    if split not in SPLITS:
        raise BenchError(f"unknown split {split!r}; choose all or one of {', '.join(SPLITS)}")
    path = annotations / "splits.json"
    if not path.exists():
        raise BenchError(f"{path} does not exist yet; only --split all works without it")
    splits: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return lambda site: splits.get(site) == split


def _main(values: Iterable[str]) -> str:
    return Counter(values).most_common(1)[0][0]


def _grouped(path: Path) -> dict[str, list[Row]]:
    pages: dict[str, list[Row]] = defaultdict(list)
    for row in rows(path):
        pages[row["page"]].append(row)
    return pages


def public_pages(
    split: str, annotations: Path = ANNOTATIONS, corpora: Path = CORPORA, limit: int | None = None
) -> tuple[list[Gold], list[str]]:
    """The split's public pages, and the names of those whose lines are not the annotated ones.

    A page is left out when a line's hash differs: then the reader or the page has
    changed since it was annotated, and its labels would belong to other lines.
    ``limit`` takes that many pages, evenly spaced over the sets.
    """
    from unticker import html

    chosen = site_chooser(split, annotations)
    wanted = [
        (path.stem, page, labelled)
        for path in sorted((annotations / "standoff").glob("*.jsonl"))
        for page, labelled in _grouped(path).items()
        if chosen(labelled[0]["site"])
    ]
    pages: list[Gold] = []
    drifted: list[str] = []
    for folder, page, labelled in spaced(wanted, limit):
        path = corpora / folder / page
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise BenchError(f"{path} is missing; --corpora names the page sets' folder") from None
        if page.endswith(".gz"):
            data = gzip.decompress(data)
        lines = html.read(data).markup.lines
        if any(
            row["line"] > len(lines)
            or hashlib.sha1(lines[row["line"] - 1].encode()).hexdigest()[:10] != row["sha1"]
            for row in labelled
        ):
            drifted.append(f"{folder}/{page}")
            continue
        labels = {row["line"]: row["label"] for row in labelled}
        pages.append(
            Gold(
                f"{folder}/{page}",
                labelled[0]["site"],
                _main(row["lang"] for row in labelled),
                tuple(lines),
                tuple(labels.get(number) for number in range(1, len(lines) + 1)),
                data,
            )
        )
    return pages, drifted


def original_pages(
    split: str, annotations: Path = ANNOTATIONS, limit: int | None = None
) -> list[Gold]:
    """The split's pages written for this project, blank lines restored; some have HTML."""
    chosen = site_chooser(split, annotations)
    pages: list[Gold] = []
    for path in sorted((annotations / "original").glob("*.jsonl")):
        for page, labelled in _grouped(path).items():
            if not chosen(labelled[0]["site"]):
                continue
            last = max(row["line"] for row in labelled)
            lines, labels = [""] * last, [None] * last
            for row in labelled:
                lines[row["line"] - 1] = row["text"]
                labels[row["line"] - 1] = row["label"]
            lang = _main(row["lang"] for row in labelled)
            source = annotations / "original" / "html" / f"{page}.html"
            data = source.read_bytes() if source.is_file() else None
            pages.append(Gold(page, labelled[0]["site"], lang, tuple(lines), tuple(labels), data))
    return spaced(pages, limit)


def spaced(values: Sequence[T], limit: int | None) -> list[T]:
    """At most ``limit`` values, evenly spaced.

    >>> spaced("abcdefg", 3)
    ['a', 'c', 'e']
    """
    if limit is None or limit >= len(values):
        return list(values)
    return [values[index * len(values) // limit] for index in range(limit)]


def load_model(path: str | None = None) -> Any:
    """The model through the public surface; `BenchError` says why there is none."""
    try:
        unticker = importlib.import_module("unticker")
        return unticker.load(path) if path else unticker.load()
    except Exception as error:
        raise BenchError(f"no model: {type(error).__name__}: {error}") from error


def table(title: str, columns: Sequence[str], body: Iterable[Sequence[object]]) -> None:
    """Print a table: the first column is a name, floats get three digits."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    out = Table(title=escape(title), title_justify="left")
    for index, column in enumerate(columns):
        out.add_column(escape(column), justify="right" if index else "left")
    for row in body:
        out.add_row(*(escape(_cell(value)) for value in row))
    console = Console()
    # Piped into a file a table keeps its columns.
    (console if console.is_terminal else Console(width=200)).print(out)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def parser(command: str, description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that all commands have."""
    made = argparse.ArgumentParser(prog=f"python -m bench.{command}", description=description)
    made.add_argument("--split", default="test", choices=("all", *SPLITS))
    made.add_argument("--model", help="model folder; the shipped one by default")
    made.add_argument("--annotations", type=Path, default=ANNOTATIONS)
    made.add_argument("--corpora", type=Path, default=CORPORA)
    made.add_argument("--json", type=Path)
    return made


def write_json(path: Path | None, result: object) -> None:
    """Write a result, if a path was given."""
    if path is not None:
        path.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def conclude(path: Path | None, report: dict[str, Any], skipped: dict[str, str]) -> None:
    """Name what was skipped and write the report, where one is asked for."""
    for name, reason in skipped.items():
        print(f"skipped: {name}: {reason}")
    write_json(path, report | {"skipped": skipped})
