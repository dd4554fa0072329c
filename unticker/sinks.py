"""Records to output: how labelled pages are written in each container."""

import base64
import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from unticker import columnar, names, warc
from unticker.engines import Failed
from unticker.options import BatchOptions
from unticker.records import Chunk, Input, Record, Rejected
from unticker.streams import compress, split_name
from unticker.types import Page, Segment

Labelled = tuple[Record, Page | Failed, str | None, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Part:
    """A shard's output: bytes for each stream, or page files by relative name."""

    rows: bytes = b""
    rejects: bytes = b""
    dropped: bytes = b""
    files: tuple[tuple[str, bytes], ...] = field(default=())


def note(
    page: Page | Failed, options: BatchOptions, model: str
) -> tuple[str | None, dict[str, Any]]:
    """A page's cleaned text, and what the output says about it. A failed page has no text."""
    if isinstance(page, Failed):
        empty = {"kept_words": 0, "removed_words": 0, "title": None, "model": model}
        return None, {"status": "failed", **empty, "reason": page.reason}
    text = page.text(options.keep, options.title, options.threshold, options.trim)
    kept = len(text.split())
    removed = max(0, sum(len(line.text.split()) for line in page.lines) - kept)
    status = "ok"
    if options.max_removed is not None and removed > options.max_removed * (kept + removed):
        status = "over-limit"
    return text, {
        "status": status, "kept_words": kept, "removed_words": removed,
        "title": page.title, "model": model,
    }  # fmt: skip


def render(
    source: Input, chunk: Chunk, pages: Sequence[Labelled], rejected: Iterable[Rejected],
    options: BatchOptions, number: int,
) -> Part:  # fmt: skip
    """A shard's output, shard ``number`` of its input."""
    form = names.form_of(source, options.to)
    rejects = dropped = b""
    if source.container != "pages":  # files that cannot be read stay where they are
        rejects = b"".join(_reject(item) for item in rejected if not item.other)
    if options.sidecar:
        dropped = b"".join(_dropped(source, labelled, options) for labelled in pages)
    if form == "txt":
        files = []
        for record, _, text, _ in pages:
            if text is not None:
                codec = split_name(record.id)[2] if source.container == "pages" else ""
                data = (text + "\n" if text else "").encode("utf-8", "surrogatepass")
                files.append((names.text_name(source, record), compress(data, codec)))
        return Part(b"", rejects, dropped, tuple(files))
    if form in ("parquet", "arrow"):
        return Part(_arrow(source, chunk, pages, options, form), rejects, dropped)
    if form == "warc":
        rows = b"".join(
            compress(warc.conversion(record, text, about), source.codec)
            for record, _, text, about in pages
        )
        return Part(rows, rejects, dropped)
    if form == "jsonl":
        rows = b"".join(_json(source, labelled, options) for labelled in pages)
    else:
        rows = _csv(source, chunk, pages, options)
    return Part(compress(rows, source.codec) if rows else b"", rejects, dropped)


def dumps(value: Any, ascii_only: bool = False) -> str:
    """JSON on one line; lone surrogates are escaped, UTF-8 has no place for them."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    if not ascii_only and not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return json.dumps(value)
    return text


def _reject(item: Rejected) -> bytes:
    row: dict[str, Any] = {"row": item.number, "reason": item.reason}
    try:
        row["raw"] = item.raw.decode("utf-8")
    except UnicodeDecodeError:
        row["raw_base64"] = base64.b64encode(item.raw).decode("ascii")
    return (dumps(row) + "\n").encode()


def _dropped(source: Input, labelled: Labelled, options: BatchOptions) -> bytes:
    record, page, _, _ = labelled
    if isinstance(page, Failed):
        return b""
    segments = [(line, part) for line in page.lines for part in line.segments]
    kept = [place for place, (_, part) in enumerate(segments) if _wanted(part, options)]
    if options.trim and kept:
        kept = list(range(kept[0], kept[-1] + 1))
    wanted = set(kept)
    out = []
    for place, (line, part) in enumerate(segments):
        headline = not options.title and (line.number, part.start) in page.title_spans
        if place in wanted and not headline:
            continue
        row = {
            "source": source.source, "id": record.id, "row": record.number, "line": line.number,
            "start": part.start, "end": part.end, "label": part.label,
            "probability": part.probability, "text": line.text[part.start : part.end],
        }  # fmt: skip
        out.append(dumps(row) + "\n")
    return "".join(out).encode()


def _wanted(part: Segment, options: BatchOptions) -> bool:
    """The rule of `Page.text`."""
    if options.threshold is None:
        return part.label in options.keep
    return sum(part.probabilities[label] for label in options.keep) >= options.threshold


def _json(source: Input, labelled: Labelled, options: BatchOptions) -> bytes:
    record, _, text, about = labelled
    if source.container != "jsonl":
        row = {"id": record.id, **(record.row or {}), options.text_field: text, "unticker": about}
        return (json.dumps(row, ensure_ascii=False, default=_plain) + "\n").encode(
            "utf-8", "surrogatepass"
        )
    raw, spans = record.origin
    ascii_only = raw.isascii()
    new = {options.text_field: text, "unticker": about}
    out, here = [], 0
    for key, _, start, end in spans:
        if key in new:
            out += [raw[here:start], dumps(new.pop(key), ascii_only)]
            here = end
    close = raw.rindex("}")
    out.append(raw[here:close].rstrip(" \t"))
    comma = ", " if spans else ""
    for key, value in new.items():
        out.append(f"{comma}{dumps(key)}: {dumps(value, ascii_only)}")
        comma = ", "
    return ("".join(out) + "}\n").encode()


def _plain(value: Any) -> Any:
    """What JSON has no form for: bytes in base64, all else (dates, decimals) as text."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return str(value)


def _csv(source: Input, chunk: Chunk, pages: Sequence[Labelled], options: BatchOptions) -> bytes:
    out = io.StringIO()
    if not chunk.payload:
        return b""
    header, end, first = chunk.payload[0]
    new = [name for name in (options.text_field, "unticker") if name not in header]
    delimiter = "," if source.container == "csv" else "\t"
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    if first is None:
        writer.writerow([*header, *new])
    for record, _, text, about in pages:
        row = {**(record.row or {}), options.text_field: text or "", "unticker": dumps(about)}
        writer.writerow([row[name] for name in (*header, *new)])
    return out.getvalue().encode("utf-8", "surrogatepass")


def _arrow(
    source: Input, chunk: Chunk, pages: Sequence[Labelled], options: BatchOptions, form: str
) -> bytes:
    texts = [text for _, _, text, _ in pages]
    notes = [about for _, _, _, about in pages]
    if source.container in ("parquet", "arrow"):
        if not chunk.payload:
            return b""
        places = [record.number - chunk.first for record, _, _, _ in pages]
        return columnar.part_of_chunk(chunk, places, texts, notes, options.text_field)
    columns: dict[str, list[str | None]] = {"id": [record.id for record, _, _, _ in pages]}
    if source.container in ("csv", "tsv"):
        for name in chunk.payload[0][0]:
            columns[name] = [(record.row or {}).get(name) for record, _, _, _ in pages]
    elif source.container == "jsonl":
        # Types may change from row to row in JSONL: the other fields stay JSON.
        columns["row"] = [
            dumps({k: v for k, v in (record.row or {}).items() if k != options.text_field})
            for record, _, _, _ in pages
        ]
    elif source.container == "warc":
        for name in ("url", "date"):
            columns[name] = [(record.row or {}).get(name) for record, _, _, _ in pages]
    columns[options.text_field] = texts
    return columnar.part_of_rows(columns, notes)
