"""Rows to records: a line of JSONL, a row of CSV, a page file, a WARC record."""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from unticker import html, streams
from unticker.errors import PageError, UsageError
from unticker.options import BatchOptions
from unticker.reading import kind_of
from unticker.records import Record, Rejected
from unticker.types import Kind

_SPACE = re.compile(r"[ \t\r\n]*")


def of_row(
    number: int, row: Mapping[str, Any], options: BatchOptions, origin: Any, raw: bytes
) -> Record | Rejected:
    """A record of a row's fields; the HTML field is used where it has text."""
    named = row.get(options.id_field) if options.id_field else None
    name = str(named) if named is not None else str(number)
    page = row.get(options.html_field) if options.html_field else None
    text = row.get(options.text_field)
    if isinstance(page, (str, bytes)) and (page.strip() or not isinstance(text, (str, bytes))):
        return Record(number, name, _decoded(page, options.encoding), "html", row, origin)
    wanted = options.html_field or options.text_field
    if isinstance(text, (str, bytes)):
        kind: Kind = "text" if options.html_field else options.kind
        return Record(number, name, _decoded(text, options.encoding), kind, row, origin)
    state = "is not text" if wanted in row else "is missing"
    return Rejected(number, f"field {wanted!r} {state}", raw)


def twice(columns: Sequence[str], options: BatchOptions) -> str | None:
    """A column that would be read and stands twice."""
    wanted = (options.text_field, options.html_field, options.id_field)
    return next((name for name in wanted if name is not None and columns.count(name) > 1), None)


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


def of_json(number: int, line: bytes, options: BatchOptions) -> Record | Rejected:
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
    return of_row(number, row, options, (text, spans), line)


def of_csv(
    number: int, header: tuple[str, ...], end: str, row: tuple[str, ...], options: BatchOptions
) -> Record | Rejected:
    delimited = io.StringIO()
    raw = b""
    reason = ""
    if len(row) != len(header):
        reason = f"{len(row)} fields where the header has {len(header)}"
    elif name := twice(header, options):
        reason = f"column {name!r} stands twice"
    elif any("\udc80" <= c <= "\udcff" for cell in row for c in cell):
        reason = "not UTF-8"
    if reason:
        csv.writer(delimited, lineterminator=end).writerow(row)
        raw = delimited.getvalue().encode("utf-8", "surrogateescape")
        return Rejected(number, reason, raw)
    return of_row(number, dict(zip(header, row, strict=True)), options, (header, end, row), raw)


def of_file(
    number: int, path: str, name: str, data: bytes | None, options: BatchOptions
) -> Record | Rejected:
    try:
        if data is None:
            data = streams.read_file(path, streams.split_name(name)[2])
    except PageError as error:
        return Rejected(number, f"{name}: {error}")
    except MemoryError:
        return Rejected(number, f"{name}: too large for the memory")
    return Record(number, name, _decoded(data, options.encoding), kind_of(name, options.kind), {})


def _decoded(data: str | bytes, encoding: str | None) -> str | bytes:
    """The page as text where its encoding is known, else as it is."""
    if encoding is None or isinstance(data, str):
        return data
    return html.decode(data, encoding)[0]


def of_warc(number: int, raw: bytes, options: BatchOptions) -> Record | Rejected:
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
    encoding = options.encoding or found.http_charset
    if content == "text/plain" and kind_name is WarcRecordType.conversion:
        encoding = encoding or "utf-8"
    try:
        payload = _decoded(payload, encoding)
    except UsageError:  # a charset in the record that does not exist: let the page decide
        payload = _decoded(payload, options.encoding)
    kind: Kind = "html" if "html" in content else "text" if content else "auto"
    wanted = {key: headers.get(key) for key in ("WARC-Target-URI", "WARC-Date", "WARC-Record-ID")}
    row = {"url": wanted["WARC-Target-URI"], "date": wanted["WARC-Date"]}
    name = wanted["WARC-Record-ID"] or wanted["WARC-Target-URI"] or str(number)
    chosen = kind if options.kind == "auto" else options.kind
    return Record(number, name, payload, chosen, row, wanted)
