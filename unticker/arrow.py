"""Arrow in and out: one function for engines that speak Arrow, and Parquet/Arrow files.

`label_batches` is what Spark's ``mapInArrow`` takes as it is; `label_table` is the same
for one table (Ray Data ``map_batches``, Polars), ``datasets.map`` takes it as well.
"""

import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from unticker import engines, sources
from unticker.engines import Failed, Labeller
from unticker.errors import UsageError
from unticker.sources import Chunk, Fields, Input, Record, Rejected
from unticker.types import Kind, Page

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

Join = Callable[[Iterator[IO[bytes]], IO[bytes]], None]
SPARK_COLUMNS = (
    "unticker_text string, unticker_status string, unticker_reason string, "
    "unticker_lines array<struct<line: int, label: string, probability: double>>"
)


def need(what: str) -> Any:
    """pyarrow, or a `UsageError` that names the extra."""
    try:
        import pyarrow
    except ImportError:
        raise UsageError(f"{what} needs pyarrow: pip install 'unticker[parquet]'") from None
    return pyarrow


def added_fields() -> "list[pa.Field]":
    """The columns `label_batches` adds, in their order."""
    pa = need("label_batches")
    line = pa.struct([("line", pa.int32()), ("label", pa.string()), ("probability", pa.float64())])
    return [
        pa.field("unticker_text", pa.string()),
        pa.field("unticker_status", pa.string()),
        pa.field("unticker_reason", pa.string()),
        pa.field("unticker_lines", pa.list_(line)),
    ]


def label_batches(
    batches: "Iterable[pa.RecordBatch]",
    *,
    model: "Labeller | str | Path | None" = None,
    text_column: str = "text",
    kind: Kind = "auto",
    keep: Sequence[str] = ("body",),
    title: bool = True,
) -> "Iterator[pa.RecordBatch]":
    """Record batches with four columns added: as many rows, in the same order.

    ``unticker_text`` is the cleaned text, null where ``unticker_status`` is ``"failed"``
    (then ``unticker_reason`` says why) or ``"empty"`` (the row had no text).
    ``unticker_lines`` has each non-blank line's number, label and probability.
    ``model`` is a model, a model folder, or None for the shipped one; give a folder where
    the function is sent to other machines. Raises `UsageError` for a missing column.
    """
    pa = need("label_batches")
    labeller = _labeller(model)
    for batch in batches:
        if text_column not in batch.schema.names:
            raise UsageError(
                f"no column {text_column!r}; there are {', '.join(batch.schema.names)}"
            )
        texts = batch.column(text_column).to_pylist()
        places = [place for place, text in enumerate(texts) if isinstance(text, (str, bytes))]
        found: list[Page | Failed | None] = [None] * len(texts)
        for start in range(0, len(places), 64):
            group = places[start : start + 64]
            labelled = engines.label_pages(labeller, [(texts[place], kind) for place in group])
            for place, result in zip(group, labelled, strict=True):
                found[place] = result
        rows = [_columns(page, keep, title) for page in found]
        schema = batch.schema
        columns = list(batch.columns)
        for place, extra in enumerate(added_fields()):
            if extra.name in schema.names:
                raise UsageError(f"there is a column {extra.name!r} already; drop it first")
            schema = schema.append(extra)
            columns.append(pa.array([row[place] for row in rows], extra.type))
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _labeller(model: "Labeller | str | Path | None") -> Labeller:
    if model is None or isinstance(model, (str, os.PathLike)):
        return engines.loader(model)()
    return model


def _columns(page: Page | Failed | None, keep: Sequence[str], title: bool) -> tuple[Any, ...]:
    if page is None:
        return None, "empty", None, []
    if isinstance(page, Failed):
        return None, "failed", page.reason, []
    lines = [
        {"line": line.number, "label": line.label, "probability": line.probability}
        for line in page.lines
    ]
    return page.text(tuple(keep), title), "ok", None, lines  # type: ignore[arg-type]


def label_table(table: "pa.Table", **options: Any) -> "pa.Table":
    """`label_batches` for a table at once; the same options."""
    pa = need("label_table")
    batches = list(label_batches(table.to_batches(max_chunksize=1000), **options))
    if not batches:
        schema = table.schema
        for extra in added_fields():
            schema = schema.append(extra)
        return schema.empty_table()
    return pa.Table.from_batches(batches)


def _open(source: Input) -> "tuple[Any, str, bool]":
    """The opened file, its compression, and whether it is Parquet."""
    pa = need(f"reading .{source.container}")
    stream: Any = sources.open_raw(source.source)
    if source.codec or source.source == "-":
        # Both formats are read from their end. The file goes when the reader does.
        spool = tempfile.TemporaryFile()  # noqa: SIM115
        for block in sources.blocks(stream, source.codec):
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


def cut(source: Input, fields: Fields) -> Iterator[Chunk]:
    """Chunks of an Arrow or Parquet file; a payload is one batch as an Arrow stream."""
    pa = need(f"reading .{source.container}")
    first = 1
    try:
        found, _, parquet = _open(source)
        if parquet:
            batches = found.iter_batches(batch_size=fields.shard_rows)
        elif hasattr(found, "num_record_batches"):
            batches = (found.get_batch(n) for n in range(found.num_record_batches))
        else:
            batches = iter(found)
        empty = True
        for batch in batches:
            rows = fields.shard_rows
            if batch.nbytes > fields.shard_bytes:
                rows = max(1, min(rows, batch.num_rows * fields.shard_bytes // batch.nbytes))
            for start in range(0, batch.num_rows, rows):
                part = batch.slice(start, rows)
                yield Chunk(first, part.num_rows, part.nbytes, _pack(pa, part.schema, [part]))
                first += part.num_rows
                empty = False
        if empty:  # the schema alone: the output has it as well
            schema = found.schema_arrow if parquet else found.schema
            yield Chunk(1, 0, 0, _pack(pa, schema, []))
    except (pa.ArrowException, *sources.damages()) as error:
        yield Chunk(first, 0, 0, b"", damage=f"damaged behind row {first - 1}: {error}")


def _pack(pa: Any, schema: Any, batches: list[Any]) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return out.getvalue()


def records(source: Input, chunk: Chunk, fields: Fields) -> Iterator[Record | Rejected]:
    """The rows of a chunk. All their fields are read only where the output needs them."""
    pa = need("reading Arrow")
    if not chunk.payload:
        return
    table = pa.ipc.open_stream(chunk.payload).read_all()
    names = table.schema.names
    if fields.to in (None, source.container):
        wanted = {fields.text_field, fields.html_field, fields.id_field}
        table = table.select([name for name in dict.fromkeys(names) if name in wanted])
    if not table.num_columns:
        for number in range(chunk.first, chunk.first + chunk.rows):
            yield Rejected(number, f"field {fields.text_field!r} is missing")
        return
    for place, row in enumerate(table.to_pylist()):
        raw = repr(row).encode("utf-8", "backslashreplace")
        yield sources.of_row(chunk.first + place, row, fields, place, raw)


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
    table = table.take(pa.array(places, pa.int64()))
    kind = pa.string()
    if text_field in table.schema.names:
        was = table.schema.field(text_field)
        kind = was.type if was.type in (pa.string(), pa.large_string()) else pa.string()
        here = table.schema.get_field_index(text_field)
        new = pa.field(text_field, kind, metadata=was.metadata)
        table = table.set_column(here, new, pa.array(texts, kind))
    else:
        table = table.append_column(text_field, pa.array(texts, kind))
    if "unticker" in table.schema.names:
        table = table.drop_columns(["unticker"])
    table = table.append_column("unticker", pa.array(notes, note_type()))
    return _pack(pa, table.schema, table.combine_chunks().to_batches())


def part_of_rows(columns: dict[str, list[str | None]], notes: list[dict[str, Any]]) -> bytes:
    """Rows from another container: text columns and ``unticker``, as an Arrow stream."""
    pa = need("Parquet output")
    arrays = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    table = pa.table({**arrays, "unticker": pa.array(notes, note_type())})
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
