"""The values of batch work: what an input is, a slice of it, and a page in it. Frozen."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from unticker.reading import PAGE_SUFFIXES
from unticker.types import Kind

Container = Literal["pages", "jsonl", "csv", "tsv", "parquet", "arrow", "warc"]
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
