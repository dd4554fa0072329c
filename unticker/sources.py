"""Inputs to records: folders, files, JSONL, CSV, Parquet, Arrow, WARC, plain or compressed.

Reading has two halves. `cut` runs in the main process, reads each input once from its
start and yields `Chunk`s: raw slices that depend on the input and the limits alone,
never on the number of workers. `parse` runs in a worker and makes `Record`s of a chunk.
Whatever cannot be a record is a `Rejected`, with its row number, reason and raw bytes.
"""

import csv
import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any

from unticker import columnar, rows, streams, warc
from unticker.errors import PageError
from unticker.options import BatchOptions
from unticker.records import Chunk, Input, Record, Rejected


def cut(source: Input, options: BatchOptions) -> Iterator[Chunk]:
    """The chunks of an input, in order; damage ends them and is told by the last one."""
    if source.container == "pages":
        yield from _cut_pages(source, options)
        return
    if source.container in ("parquet", "arrow"):
        yield from columnar.cut(source, options)
        return
    try:
        stream = streams.open_raw(source.source)
    except OSError as error:
        nothing: Any = b"" if source.container == "jsonl" else ()
        yield Chunk(1, 0, 0, nothing, damage=f"cannot be read: {error}")
        return
    with stream:
        yield from _cut_stream(stream, source, options)


def _cut_stream(stream: IO[bytes], source: Input, options: BatchOptions) -> Iterator[Chunk]:
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
        except csv.Error as error:
            damage = f"damaged behind row {number}: {error}"
            break
        except streams.damages() as error:
            damage = f"damaged behind row {number}: {error or type(error).__name__}"
            break
        if isinstance(item, Rejected):
            faults.append(item)
        else:
            items.append(item)
        number += 1
        size += length
        if size >= options.shard_bytes or number - first + 1 >= options.shard_rows:
            here = stream.tell() if seekable else 0
            rows = number - first + 1
            yield Chunk(first, rows, size, pack(items), tuple(faults), position=here)
            items, faults, first, size = [], [], number + 1, 0
    if items or faults or damage:
        yield Chunk(first, number - first + 1, size, pack(items), tuple(faults), damage)


def _items(stream: IO[bytes], source: Input) -> Iterator[tuple[Any, int]]:
    """The rows or records of a stream with their sizes in bytes."""
    if source.container == "warc":
        yield from warc.records(stream, source.codec)
        return
    lines = streams.lines(streams.blocks(stream, source.codec))
    if source.container == "jsonl":
        yield from ((line, len(line)) for line in lines)
        return
    yield from _csv_rows(lines, "," if source.container == "csv" else "\t")


def _csv_rows(lines: Iterator[bytes], delimiter: str) -> Iterator[tuple[Any, int]]:
    csv.field_size_limit(sys.maxsize)  # the module's own limit is below one long page
    ends, quotes, before = ["\n"], 0, 0

    def decoded() -> Iterator[str]:
        nonlocal quotes
        for number, line in enumerate(lines):
            quotes += line.count(b'"')
            if number == 0:
                line = line.removeprefix(b"\xef\xbb\xbf")
                ends[0] = "\r\n" if line.endswith(b"\r\n") else "\n"
            yield line.decode("utf-8", "surrogateescape")

    header: tuple[str, ...] | None = None
    reader = csv.reader(decoded(), delimiter=delimiter)
    for row in reader:
        if quotes % 2 and reader.line_num - before > 1:  # what follows it was taken for one cell
            raise csv.Error(f"a quote in line {before + 1} is never closed")
        quotes, before = 0, reader.line_num
        if not row:
            continue
        if header is None:
            header = tuple(row)
            yield (header, ends[0], None), 0  # the header is row 1, as spreadsheets count
            continue
        yield (header, ends[0], tuple(row)), sum(map(len, row))


def _cut_pages(source: Input, options: BatchOptions) -> Iterator[Chunk]:
    first, size = 1, 0
    batch: list[tuple[Any, ...]] = []
    for number, file in enumerate(source.files, 1):
        length, stamp, data = 0, 0, None
        if streams.is_remote(file.path) or file.path == "-":
            # Read here: a worker may not see the same memory:// or standard input.
            try:
                data = streams.read_file(file.path, streams.split_name(file.name)[2])
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
        if size >= options.shard_bytes or len(batch) >= options.shard_rows:
            yield Chunk(first, len(batch), size, tuple(batch))
            first, size, batch = number + 1, 0, []
    if batch:
        yield Chunk(first, len(batch), size, tuple(batch))


def parse(source: Input, chunk: Chunk, options: BatchOptions) -> Iterator[Record | Rejected]:
    """The records of a chunk in input order, with what is none in its place."""
    yield from chunk.faults
    if source.container == "jsonl":
        for number, line in enumerate(io.BytesIO(chunk.payload), chunk.first):
            if not line.isspace():
                yield rows.of_json(number, line, options)
    elif source.container in ("csv", "tsv"):
        for number, (header, end, row) in enumerate(chunk.payload, chunk.first):
            if row is not None:
                yield rows.of_csv(number, header, end, row, options)
    elif source.container == "pages":
        for number, (path, name, _, _, data) in enumerate(chunk.payload, chunk.first):
            yield rows.of_file(number, path, name, data, options)
    elif source.container == "warc":
        faulty = {fault.number for fault in chunk.faults}
        numbers = (n for n in range(chunk.first, chunk.first + chunk.rows) if n not in faulty)
        for number, raw in zip(numbers, chunk.payload, strict=True):
            yield rows.of_warc(number, raw, options)
    else:
        yield from columnar.records(source, chunk, options)
