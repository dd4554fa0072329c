"""Parquet and Arrow files: cut into batches, made records, written with text replaced."""

import io
import tempfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import IO, Any

from unticker import rows, streams
from unticker.errors import UsageError
from unticker.lines import encodable
from unticker.options import BatchOptions
from unticker.records import Chunk, Input, Record, Rejected

Join = Callable[[Iterator[IO[bytes]], IO[bytes]], None]


def need(what: str) -> Any:
    """pyarrow, or a `UsageError` that names the extra."""
    try:
        import pyarrow
    except ImportError:
        raise UsageError(f"{what} needs pyarrow: pip install 'unticker[parquet]'") from None
    return pyarrow


def _open(source: Input) -> "tuple[Any, str, bool]":
    """The opened file, its compression, and whether it is Parquet."""
    pa = need(f"reading .{source.container}")
    stream: Any = streams.open_raw(source.source)
    if source.codec or source.source == "-":
        # Both formats are read from their end. The file goes when the reader does.
        spool = tempfile.TemporaryFile()  # noqa: SIM115
        for block in streams.blocks(stream, source.codec):
            spool.write(block)
        spool.seek(0)
        stream.close()
        stream = spool
    if source.container == "parquet":
        import pyarrow.parquet

        found = pyarrow.parquet.ParquetFile(stream)
        meta = found.metadata
        codec = "snappy"
        if meta.num_row_groups and meta.num_columns:
            codec = meta.row_group(0).column(0).compression.lower()
        return found, "none" if codec == "uncompressed" else codec, True
    try:
        return pa.ipc.open_file(stream), "", False
    except pa.ArrowInvalid:
        stream.seek(0)
        return pa.ipc.open_stream(stream), "", False


def compression(source: Input) -> str:
    """How the columns of an input are compressed; "" where that cannot be told."""
    try:
        return _open(source)[1]
    except (OSError, ValueError, EOFError):
        return ""


def cut(source: Input, options: BatchOptions) -> Iterator[Chunk]:
    """Chunks of an Arrow or Parquet file; a payload is one batch as an Arrow stream."""
    pa = need(f"reading .{source.container}")
    first = 1
    try:
        found, _, parquet = _open(source)
        if parquet:
            batches = found.iter_batches(batch_size=options.shard_rows)
        elif hasattr(found, "num_record_batches"):
            batches = (found.get_batch(n) for n in range(found.num_record_batches))
        else:
            batches = iter(found)
        empty = True
        for batch in batches:
            rows = options.shard_rows
            if batch.nbytes > options.shard_bytes:
                rows = max(1, min(rows, batch.num_rows * options.shard_bytes // batch.nbytes))
            for start in range(0, batch.num_rows, rows):
                part = batch.slice(start, rows)
                yield Chunk(first, part.num_rows, part.nbytes, _pack(pa, part.schema, [part]))
                first += part.num_rows
                empty = False
        if empty:  # the schema alone: the output has it as well
            schema = found.schema_arrow if parquet else found.schema
            yield Chunk(1, 0, 0, _pack(pa, schema, []))
    except (pa.ArrowException, *streams.damages()) as error:
        yield Chunk(first, 0, 0, b"", damage=f"damaged behind row {first - 1}: {error}")


def _pack(pa: Any, schema: Any, batches: list[Any]) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return out.getvalue()


def records(source: Input, chunk: Chunk, options: BatchOptions) -> Iterator[Record | Rejected]:
    """The rows of a chunk. All their fields are read only where the output needs them."""
    pa = need("reading Arrow")
    if not chunk.payload:
        return
    table = pa.ipc.open_stream(chunk.payload).read_all()
    names = table.schema.names
    if twice := rows.twice(names, options):
        yield from _refused(chunk, f"column {twice!r} stands twice")
        return
    if options.to in (None, source.container):
        wanted = {options.text_field, options.html_field, options.id_field}
        table = table.select([name for name in dict.fromkeys(names) if name in wanted])
    if not table.num_columns:
        yield from _refused(chunk, f"field {options.text_field!r} is missing")
        return
    for place in range(table.num_rows):
        try:
            (row,) = table.slice(place, 1).to_pylist()
        except Exception as error:  # broken strings, dates beyond Python's, time zones not known
            yield Rejected(chunk.first + place, f"cannot be read: {error}")
            continue
        raw = repr(row).encode("utf-8", "backslashreplace")
        yield rows.of_row(chunk.first + place, row, options, place, raw)


def _refused(chunk: Chunk, reason: str) -> Iterator[Rejected]:
    return (Rejected(chunk.first + place, reason) for place in range(chunk.rows))


def note_type() -> Any:
    """The type of the ``unticker`` column."""
    pa = need("Arrow output")
    return pa.struct(
        [
            ("status", pa.string()), ("kept_words", pa.int64()), ("removed_words", pa.int64()),
            ("title", pa.string()), ("model", pa.string()), ("reason", pa.string()),
        ]
    )  # fmt: skip


def part_of_chunk(
    chunk: Chunk, places: list[int], texts: list[str | None], notes: list[dict[str, Any]],
    text_field: str,
) -> bytes:  # fmt: skip
    """The chunk's good rows with text replaced and ``unticker`` added, as an Arrow stream."""
    pa = need("Arrow output")
    table = pa.ipc.open_stream(chunk.payload).read_all()
    table = _chosen(pa, table, places)
    kind = pa.string()
    if text_field in table.schema.names:
        was = table.schema.field(text_field)
        if was.type in (pa.string(), pa.large_string()) or str(was.type) == "string_view":
            kind = was.type
        here = table.schema.get_field_index(text_field)
        new = pa.field(text_field, kind, metadata=was.metadata)
        table = table.set_column(here, new, _strings(pa, texts, kind))
    else:
        table = table.append_column(text_field, _strings(pa, texts, kind))
    if "unticker" in table.schema.names:
        table = table.drop_columns(["unticker"])
    table = table.append_column("unticker", _notes(pa, notes))
    return _pack(pa, table.schema, table.combine_chunks().to_batches())


def _chosen(pa: Any, table: Any, places: list[int]) -> Any:
    """Some rows of a table, in their order. Arrow has no ``take`` for strings that are views, as
    Polars writes them."""
    if not places:
        return table.slice(0, 0)
    cuts = [n for n in range(1, len(places)) if places[n] != places[n - 1] + 1]
    runs = pairwise([0, *cuts, len(places)])
    return pa.concat_tables([table.slice(places[start], end - start) for start, end in runs])


def _strings(pa: Any, values: list[str | None], kind: Any = None) -> Any:
    """An array of strings; lone surrogates, which Arrow has no place for, become U+FFFD."""
    return pa.array([value and encodable(value) for value in values], kind or pa.string())


def _notes(pa: Any, notes: list[dict[str, Any]]) -> Any:
    told = [
        {key: encodable(value) if isinstance(value, str) else value for key, value in note.items()}
        for note in notes
    ]
    return pa.array(told, note_type())


def part_of_rows(columns: dict[str, list[str | None]], notes: list[dict[str, Any]]) -> bytes:
    """Rows from another container: text columns and ``unticker``, as an Arrow stream."""
    pa = need("Parquet output")
    arrays = {name: _strings(pa, values) for name, values in columns.items()}
    table = pa.table({**arrays, "unticker": _notes(pa, notes)})
    return _pack(pa, table.schema, table.to_batches())


def join(container: str, codec: str) -> Join:
    """A function that writes parts into one Parquet or Arrow file, a row group for each."""
    pa = need("Parquet output")

    def run(parts: Iterator[IO[bytes]], out: IO[bytes]) -> None:
        writer: Any = None
        for stream in parts:
            with stream:
                table = pa.ipc.open_stream(stream).read_all()
            if writer is None and container == "parquet":
                import pyarrow.parquet

                writer = pyarrow.parquet.ParquetWriter(
                    out, table.schema, compression=codec or "zstd"
                )
            elif writer is None:
                writer = pa.ipc.new_file(out, table.schema)
            writer.write_table(table)
        if writer is not None:
            writer.close()

    return run
