"""Inputs to records: folders, files, JSONL, CSV, Parquet, Arrow, WARC, plain or compressed.

Reading has two halves. `cut` runs in the main process, reads each input once from its
start and yields `Chunk`s: raw slices that depend on the input and the limits alone,
never on the number of workers. `parse` runs in a worker and makes `Record`s of a chunk.
Whatever cannot be a record is a `Rejected`, with its row number, reason and raw bytes.
"""

import csv
import hashlib
import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Literal, Protocol

from unticker import html
from unticker.errors import PageError, UsageError
from unticker.types import Kind

Container = Literal["pages", "jsonl", "csv", "tsv", "parquet", "arrow", "warc"]
CODECS = (".gz", ".zst", ".bz2", ".xz")
SUFFIXES: Mapping[str, Container] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv", ".parquet": "parquet",
    ".arrow": "arrow", ".feather": "arrow", ".warc": "warc", ".wet": "warc", ".txt": "pages",
    ".text": "pages", ".md": "pages", ".html": "pages", ".htm": "pages", ".xhtml": "pages",
    ".mhtml": "pages",
}  # fmt: skip
_HTML = frozenset((".html", ".htm", ".xhtml", ".mhtml"))
_BLOCK = 1 << 18
MAX_RECORD = 256 << 20  # bytes a WARC record may claim before the claim is taken for a lie


class Fields(Protocol):
    """The options that say which fields of a row are the page, and how it is written."""

    @property
    def text_field(self) -> str: ...
    @property
    def html_field(self) -> str | None: ...
    @property
    def id_field(self) -> str | None: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def encoding(self) -> str | None: ...
    @property
    def shard_rows(self) -> int: ...
    @property
    def shard_bytes(self) -> int: ...
    @property
    def to(self) -> str | None: ...


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


def is_remote(path: str) -> bool:
    """True for ``s3://…`` and all else that fsspec opens."""
    return re.match(r"[a-z][a-z0-9+.-]*://", path) is not None


def split_name(name: str) -> tuple[str, str, str]:
    """A file name as stem, suffix and codec: ``a.jsonl.gz`` -> ``a``, ``.jsonl``, ``.gz``."""
    codec = next((c for c in CODECS if name.lower().endswith(c)), "")
    stem, suffix = os.path.splitext(name[: len(name) - len(codec)])
    return stem, suffix, codec


def kind_of(name: str, kind: Kind) -> Kind:
    """The kind of a page file: what the caller said, or what its suffix says."""
    if kind != "auto":
        return kind
    return "html" if split_name(name)[1].lower() in _HTML else "text"


def open_raw(path: str) -> IO[bytes]:
    """Open a local file, ``-`` or a remote path for reading, as it is.

    Raises `UsageError` if fsspec is wanted and not installed, OSError as open does.
    """
    if path == "-":
        return sys.stdin.buffer
    if not is_remote(path):
        return open(path, "rb")
    try:
        import fsspec
    except ImportError:
        raise UsageError(f"reading {path} needs fsspec: pip install 'unticker[remote]'") from None
    stream: IO[bytes] = fsspec.open(path, "rb").open()
    return stream


def _decoder(codec: str) -> Callable[[], Any]:
    if codec == ".gz":
        import zlib

        return lambda: zlib.decompressobj(31)
    if codec == ".bz2":
        import bz2

        return bz2.BZ2Decompressor
    if codec == ".xz":
        import lzma

        return lzma.LZMADecompressor
    try:
        import zstandard
    except ImportError:
        raise UsageError("reading .zst needs zstandard: pip install 'unticker[zst]'") from None
    return lambda: zstandard.ZstdDecompressor().decompressobj()


def damages() -> tuple[type[BaseException], ...]:
    """What reading a damaged stream raises, over all codecs that are installed."""
    import lzma
    import zlib

    found: list[type[BaseException]] = [EOFError, OSError, zlib.error, lzma.LZMAError]
    if "zstandard" in sys.modules:
        found.append(sys.modules["zstandard"].ZstdError)
    return tuple(found)


def blocks(stream: IO[bytes], codec: str) -> Iterator[bytes]:
    """The decompressed bytes of a stream. A stream that ends inside a member raises EOFError
    after all that could be read; the readers of the codecs differ there, zstandard's is silent.
    """
    if not codec:
        while block := stream.read(_BLOCK):
            yield block
        return
    new, reader = _decoder(codec), None
    while block := stream.read(_BLOCK):
        while block:
            reader = reader or new()
            if out := reader.decompress(block):
                yield out
            if not reader.eof:
                break
            block, reader = reader.unused_data.lstrip(b"\0"), None
    if reader is not None:
        raise EOFError("the compressed stream ends too early")


def read_file(path: str, codec: str) -> bytes:
    """All of a file, decompressed. Raises `PageError` where it cannot be read."""
    try:
        with open_raw(path) as stream:
            return b"".join(blocks(stream, codec))
    except damages() as error:
        raise PageError(f"cannot be read: {error}") from None


def _lines(found: Iterable[bytes]) -> Iterator[bytes]:
    r"""Lines with their ``\n``; what was read before an error comes out before the error."""
    rest: list[bytes] = []
    try:
        for block in found:
            head, end, tail = block.rpartition(b"\n")
            if not end:
                rest.append(tail)
                continue
            yield from io.BytesIO(b"".join(rest) + head + end)
            rest = [tail]
    except damages():
        if last := b"".join(rest):
            yield last
        raise
    if last := b"".join(rest):
        yield last


def cut(source: Input, fields: Fields) -> Iterator[Chunk]:
    """The chunks of an input, in order; damage ends them and is told by the last one."""
    if source.container == "pages":
        yield from _cut_pages(source, fields)
        return
    if source.container in ("parquet", "arrow"):
        from unticker import arrow

        yield from arrow.cut(source, fields)
        return
    try:
        stream = open_raw(source.source)
    except OSError as error:
        nothing: Any = b"" if source.container == "jsonl" else ()
        yield Chunk(1, 0, 0, nothing, damage=f"cannot be read: {error}")
        return
    with stream:
        yield from _cut_stream(stream, source, fields)


def _cut_stream(stream: IO[bytes], source: Input, fields: Fields) -> Iterator[Chunk]:
    pack: Callable[[list[Any]], Any] = b"".join if source.container == "jsonl" else tuple
    items: list[Any] = []
    faults: list[Rejected] = []
    first, number, size, damage = 1, 0, 0, None
    found = _items(stream, source)
    seekable = source.source != "-" and stream.seekable()
    while True:
        try:
            item, length = next(found)
        except StopIteration:
            break
        except damages() as error:
            damage = f"damaged behind row {number}: {error or type(error).__name__}"
            break
        if isinstance(item, Rejected):
            faults.append(item)
        else:
            items.append(item)
        number += 1
        size += length
        if size >= fields.shard_bytes or number - first + 1 >= fields.shard_rows:
            here = stream.tell() if seekable else 0
            rows = number - first + 1
            yield Chunk(first, rows, size, pack(items), tuple(faults), position=here)
            items, faults, first, size = [], [], number + 1, 0
    if items or faults or damage:
        yield Chunk(first, number - first + 1, size, pack(items), tuple(faults), damage)


def _items(stream: IO[bytes], source: Input) -> Iterator[tuple[Any, int]]:
    """The rows or records of a stream with their sizes in bytes."""
    if source.container == "warc":
        from unticker import shards

        yield from shards.warc_records(stream, source.codec)
        return
    lines = _lines(blocks(stream, source.codec))
    if source.container == "jsonl":
        yield from ((line, len(line)) for line in lines)
        return
    yield from _csv_rows(lines, "," if source.container == "csv" else "\t")


def _csv_rows(lines: Iterator[bytes], delimiter: str) -> Iterator[tuple[Any, int]]:
    csv.field_size_limit(sys.maxsize)  # the module's own limit is below one long page
    ends = ["\n"]

    def decoded() -> Iterator[str]:
        for number, line in enumerate(lines):
            if number == 0:
                line = line.removeprefix(b"\xef\xbb\xbf")
                ends[0] = "\r\n" if line.endswith(b"\r\n") else "\n"
            yield line.decode("utf-8", "surrogateescape")

    header: tuple[str, ...] | None = None
    for row in csv.reader(decoded(), delimiter=delimiter):
        if not row:
            continue
        if header is None:
            header = tuple(row)
            yield (header, ends[0], None), 0  # the header is row 1, as spreadsheets count
            continue
        yield (header, ends[0], tuple(row)), sum(map(len, row))


def _cut_pages(source: Input, fields: Fields) -> Iterator[Chunk]:
    first, size = 1, 0
    batch: list[tuple[Any, ...]] = []
    for number, file in enumerate(source.files, 1):
        length, stamp, data = 0, 0, None
        if is_remote(file.path) or file.path == "-":
            # Read here: a worker may not see the same memory:// or standard input.
            try:
                data = read_file(file.path, split_name(file.name)[2])
                length = len(data)
            except PageError:
                data = None
        else:
            try:
                found = os.stat(file.path)
                length, stamp = found.st_size, found.st_mtime_ns
            except OSError:
                pass  # the worker meets the same error and names the page
        batch.append((file.path, file.name, length, stamp, data))
        size += length
        if size >= fields.shard_bytes or len(batch) >= fields.shard_rows:
            yield Chunk(first, len(batch), size, tuple(batch))
            first, size, batch = number + 1, 0, []
    if batch:
        yield Chunk(first, len(batch), size, tuple(batch))


def parse(source: Input, chunk: Chunk, fields: Fields) -> Iterator[Record | Rejected]:
    """The records of a chunk in input order, with what is none in its place."""
    yield from chunk.faults
    if source.container == "jsonl":
        for number, line in enumerate(io.BytesIO(chunk.payload), chunk.first):
            if not line.isspace():
                yield _json_record(number, line, fields)
    elif source.container in ("csv", "tsv"):
        for number, (header, end, row) in enumerate(chunk.payload, chunk.first):
            if row is not None:
                yield _csv_record(number, header, end, row, fields)
    elif source.container == "pages":
        for number, (path, name, _, _, data) in enumerate(chunk.payload, chunk.first):
            yield _page_record(number, path, name, data, fields)
    elif source.container == "warc":
        faulty = {fault.number for fault in chunk.faults}
        numbers = (n for n in range(chunk.first, chunk.first + chunk.rows) if n not in faulty)
        for number, raw in zip(numbers, chunk.payload, strict=True):
            yield _warc_record(number, raw, fields)
    else:
        from unticker import arrow

        yield from arrow.records(source, chunk, fields)


def of_row(
    number: int, row: Mapping[str, Any], fields: Fields, origin: Any, raw: bytes
) -> Record | Rejected:
    """A record of a row's fields; the HTML field is used where it has text."""
    named = row.get(fields.id_field) if fields.id_field else None
    name = str(named) if named is not None else str(number)
    if fields.html_field and isinstance(row.get(fields.html_field), (str, bytes)):
        return Record(number, name, row[fields.html_field], "html", row, origin)
    wanted = fields.html_field or fields.text_field
    text = row.get(fields.text_field)
    if isinstance(text, (str, bytes)):
        kind: Kind = "text" if fields.html_field else fields.kind
        return Record(number, name, text, kind, row, origin)
    state = "is not text" if wanted in row else "is missing"
    return Rejected(number, f"field {wanted!r} {state}", raw)


_SPACE = re.compile(r"[ \t\r\n]*")


def json_fields(text: str) -> list[tuple[str, Any, int, int]]:
    """The top-level fields of a JSON object with the place of their values in the text.

    The places let a sink replace one value and leave every other byte as it was: numbers
    too long for a float, key order, escapes. Raises ValueError if it is no JSON object.
    """
    scan = json.JSONDecoder().raw_decode
    found: list[tuple[str, Any, int, int]] = []

    def at(position: int) -> int:
        match = _SPACE.match(text, position)
        return match.end() if match else position

    here = at(0)
    if text[here : here + 1] != "{":
        json.loads(text)
        raise ValueError("not a JSON object")
    here = at(here + 1)
    if text[here : here + 1] == "}":
        here = at(here + 1)
    else:
        while True:
            key, end = scan(text, here)
            here = at(end)
            if not isinstance(key, str) or text[here : here + 1] != ":":
                raise ValueError(f"no field at character {here}")
            start = at(here + 1)
            value, end = scan(text, start)
            found.append((key, value, start, end))
            here = at(end)
            if text[here : here + 1] != ",":
                break
            here = at(here + 1)
        if text[here : here + 1] != "}":
            raise ValueError(f"no end of object at character {here}")
        here = at(here + 1)
    if here != len(text):
        raise ValueError(f"more than one value: character {here}")
    return found


def _json_record(number: int, line: bytes, fields: Fields) -> Record | Rejected:
    if number == 1:
        line = line.removeprefix(b"\xef\xbb\xbf")
    try:
        text = line.decode("utf-8").strip(" \t\r\n")
        spans = json_fields(text)
    except UnicodeDecodeError as error:
        return Rejected(number, f"not UTF-8: byte {error.start}", line)
    except (ValueError, RecursionError) as error:
        return Rejected(number, f"not JSON: {error}", line)
    row = {key: value for key, value, _, _ in spans}
    if len(row) != len(spans):
        return Rejected(number, "a field stands twice", line)
    return of_row(number, row, fields, (text, spans), line)


def _csv_record(
    number: int, header: tuple[str, ...], end: str, row: tuple[str, ...], fields: Fields
) -> Record | Rejected:
    delimited = io.StringIO()
    raw = b""
    reason = ""
    if len(row) != len(header):
        reason = f"{len(row)} fields where the header has {len(header)}"
    elif any("\udc80" <= c <= "\udcff" for cell in row for c in cell):
        reason = "not UTF-8"
    if reason:
        csv.writer(delimited, lineterminator=end).writerow(row)
        raw = delimited.getvalue().encode("utf-8", "surrogateescape")
        return Rejected(number, reason, raw)
    return of_row(number, dict(zip(header, row, strict=True)), fields, (header, end, row), raw)


def _page_record(
    number: int, path: str, name: str, data: bytes | None, fields: Fields
) -> Record | Rejected:
    try:
        if data is None:
            data = read_file(path, split_name(name)[2])
    except PageError as error:
        return Rejected(number, f"{name}: {error}")
    except MemoryError:
        return Rejected(number, f"{name}: too large for the memory")
    return Record(number, name, decoded(data, fields.encoding), kind_of(name, fields.kind), {})


def decoded(data: str | bytes, encoding: str | None) -> str | bytes:
    """The page as text where its encoding is known, else as it is."""
    if encoding is None or isinstance(data, str):
        return data
    return html.decode(data, encoding)[0]


def _warc_record(number: int, raw: bytes, fields: Fields) -> Record | Rejected:
    """A page of a WARC record: responses and resources that are text, and conversions."""
    try:
        from fastwarc.warc import ArchiveIterator, WarcRecordType
    except ImportError:
        raise UsageError("reading WARC needs FastWARC: pip install 'unticker[warc]'") from None
    try:
        found = next(iter(ArchiveIterator(io.BytesIO(raw), parse_http=True, auto_decode="all")))
    except (StopIteration, OSError, ValueError) as error:
        return Rejected(number, f"no WARC record: {error}", raw)
    headers = found.headers
    kind_name = found.record_type
    if kind_name not in (
        WarcRecordType.response, WarcRecordType.resource, WarcRecordType.conversion
    ):  # fmt: skip
        return Rejected(number, f"a {headers.get('WARC-Type')} record", raw, other=True)
    content = headers.get("Content-Type") or ""
    if found.is_http and found.http_headers is not None:
        content = found.http_content_type or ""
    content = content.partition(";")[0].strip().lower()
    if content and "html" not in content and content != "text/plain":
        return Rejected(number, f"not a page: {content}", raw, other=True)
    try:
        payload: str | bytes = found.reader.read()
    except (OSError, ValueError) as error:
        return Rejected(number, f"payload cannot be read: {error}", raw)
    encoding = fields.encoding or found.http_charset
    if content == "text/plain" and kind_name is WarcRecordType.conversion:
        encoding = encoding or "utf-8"
    try:
        payload = decoded(payload, encoding)
    except UsageError:  # a charset in the record that does not exist: let the page decide
        payload = decoded(payload, fields.encoding)
    kind: Kind = "html" if "html" in content else "text" if content else "auto"
    wanted = {key: headers.get(key) for key in ("WARC-Target-URI", "WARC-Date", "WARC-Record-ID")}
    row = {"url": wanted["WARC-Target-URI"], "date": wanted["WARC-Date"]}
    name = wanted["WARC-Record-ID"] or wanted["WARC-Target-URI"] or str(number)
    chosen = kind if fields.kind == "auto" else fields.kind
    return Record(number, name, payload, chosen, row, wanted)
