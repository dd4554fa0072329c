"""The values of batch work: what an input is, a slice of it, and a page in it. Frozen."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from unticker.reading import HTML_SUFFIXES, PAGE_SUFFIXES
from unticker.types import Kind

Container = Literal["pages", "jsonl", "csv", "tsv", "parquet", "arrow", "warc"]
CODECS = (".gz", ".zst", ".bz2", ".xz")
SUFFIXES: Mapping[str, Container] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv", ".parquet": "parquet",
    ".arrow": "arrow", ".feather": "arrow", ".warc": "warc", ".wet": "warc",
    **dict.fromkeys(sorted(PAGE_SUFFIXES), "pages"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Record:
    """One page of an input. ``number`` counts its rows, files or WARC records from 1.

    ``row`` has the other fields; ``origin`` is the page in its container's own form,
    from which a sink of the same container writes all that is not the text.
    """

    number: int
    id: str
    payload: str | bytes
    kind: Kind
    row: Mapping[str, Any] | None = None
    origin: Any = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is no page; ``raw`` are its bytes. ``other`` marks rows that need not be
    pages (a WARC request, an image): they are counted and are no fault."""

    number: int
    reason: str
    raw: bytes = b""
    other: bool = False


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file that is one page: where it is, and its name relative to the argument."""

    path: str
    name: str


@dataclass(frozen=True, slots=True)
class Input:
    """An argument as it will be read; ``name`` is where its output goes, relative."""

    source: str
    name: str
    container: Container
    codec: str = ""
    size: int = 0
    files: tuple[PageFile, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A slice of an input. ``payload`` belongs to the container, ``faults`` were met while
    cutting, ``damage`` says that the input could not be read behind this chunk.
    ``position`` is how far into the file, as it lies on disk, reading had come."""

    first: int
    rows: int
    size: int
    payload: Any
    faults: tuple[Rejected, ...] = ()
    damage: str | None = None
    position: int = 0

    def digest(self) -> str:
        """32 hex digits over all that the chunk holds."""
        found = hashlib.blake2b(digest_size=16)
        parts = (self.payload,) if isinstance(self.payload, bytes) else self.payload
        for part in (*parts, self.first, self.faults, self.damage):
            data = (
                part if isinstance(part, bytes) else repr(part).encode("utf-8", "backslashreplace")
            )
            found.update(b"%d:" % len(data))
            found.update(data)
        return found.hexdigest()


def split_name(name: str) -> tuple[str, str, str]:
    """A file name as stem, suffix and codec: ``a.jsonl.gz`` -> ``a``, ``.jsonl``, ``.gz``."""
    codec = next((c for c in CODECS if name.lower().endswith(c)), "")
    stem, suffix = os.path.splitext(name[: len(name) - len(codec)])
    return stem, suffix, codec


def kind_of(name: str, kind: Kind) -> Kind:
    """The kind of a page file: what the caller said, or what its suffix says."""
    if kind != "auto":
        return kind
    return "html" if split_name(name)[1].lower() in HTML_SUFFIXES else "text"
