"""Arrow in and out: one function for engines that speak Arrow.

`label_batches` is what Spark's ``mapInArrow`` takes as it is; `label_table` is the same
for one table (Ray Data ``map_batches``, Polars), ``datasets.map`` takes it as well.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from unticker import engines
from unticker.columnar import need
from unticker.engines import Failed, Labeller
from unticker.errors import UsageError
from unticker.types import Kind, Page

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


SPARK_COLUMNS = (
    "unticker_text string, unticker_status string, unticker_reason string, "
    "unticker_lines array<struct<line: int, label: string, probability: double>>"
)


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
    (then ``unticker_reason`` says why) or ``"empty"`` (the row's text is null).
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
