"""Records to output: where each input's output goes, and how a labelled page is written.

Names are planned before anything is written: what would leave the output folder, replace
an input or meet another name (also where case or Unicode form alone differ) is refused.
"""

import base64
import csv
import hashlib
import io
import json
import os
import re
import stat
import unicodedata
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from unticker import sources
from unticker.engines import Failed
from unticker.errors import UsageError
from unticker.sources import Chunk, Input, PageFile, Record, Rejected
from unticker.types import Label, Page, Segment

STATE = ".unticker"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_UNSAFE = re.compile(r"[^\w.-]", re.ASCII)


class Shape(sources.Fields, Protocol):
    """The options that say what is kept and how it is written."""

    @property
    def keep(self) -> tuple[Label, ...]: ...
    @property
    def title(self) -> bool: ...
    @property
    def threshold(self) -> float | None: ...
    @property
    def trim(self) -> bool: ...
    @property
    def sidecar(self) -> bool: ...
    @property
    def max_removed(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something named or found that is not read, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The inputs in order, with what was passed over."""

    inputs: tuple[Input, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A shard's output: bytes for each stream, or page files by relative name."""

    rows: bytes = b""
    rejects: bytes = b""
    dropped: bytes = b""
    files: tuple[tuple[str, bytes], ...] = field(default=())


def plan(arguments: Sequence[str], stdin: sources.Container = "jsonl") -> Plan:
    """What the arguments name, folders opened, in the order given; files sorted by name.

    Links and special files in folders are skipped. Raises `UsageError` for what is not there.
    """
    inputs: list[Input] = []
    skipped: list[Skipped] = []
    loose: list[PageFile] = []
    for given in arguments:
        if given == "-":
            suffix = "" if stdin == "pages" else f".{stdin}"
            inputs.append(Input("-", f"stdin{suffix}", stdin, files=(PageFile("-", "stdin"),)))
        elif sources.is_remote(given):
            inputs += _remote(given)
        elif os.path.isdir(given):
            inputs += _folder(given, skipped)
        elif os.path.isfile(given):
            found = _file(given, os.path.basename(given))
            if found is None:
                loose.append(PageFile(given, os.path.basename(given)))
            else:
                inputs.append(found)
        elif os.path.exists(given):
            skipped.append(Skipped(given, "a special file"))
        else:
            raise UsageError(f"{given} is not there")
    if loose:
        inputs.insert(0, Input("files", "pages", "pages", files=tuple(loose)))
    return Plan(tuple(inputs), tuple(skipped))


def _file(path: str, name: str, size: int | None = None) -> Input | None:
    """An input for a container, None for a page."""
    _, suffix, codec = sources.split_name(name)
    container = sources.SUFFIXES.get(suffix.lower(), "pages")
    if container == "pages":
        return None
    if size is None:
        size = os.path.getsize(path)
    return Input(path, name, container, codec, size)


def _folder(given: str, skipped: list[Skipped]) -> Iterator[Input]:
    pages: list[PageFile] = []
    rest: list[Input] = []

    def walk(folder: str, prefix: str) -> None:
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            name = prefix + entry.name
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                skipped.append(Skipped(entry.path, "a link"))
            elif entry.name == STATE and os.path.isfile(f"{entry.path}/manifest.json"):
                skipped.append(Skipped(entry.path, "the own files of a run"))
            elif stat.S_ISDIR(mode):
                walk(entry.path, name + "/")
            elif not stat.S_ISREG(mode):
                skipped.append(Skipped(entry.path, "a special file"))
            else:
                suffix = sources.split_name(entry.name)[1].lower()
                if suffix and suffix not in sources.SUFFIXES:
                    skipped.append(Skipped(entry.path, f"no kind of file read here: {suffix}"))
                elif found := _file(entry.path, name, entry.stat().st_size):
                    rest.append(found)
                else:
                    pages.append(PageFile(entry.path, name))

    walk(given, "")
    if pages:
        name = os.path.basename(os.path.abspath(given)) or "pages"
        yield Input(given, name, "pages", files=tuple(pages))
    yield from rest


def _remote(given: str) -> Iterator[Input]:
    try:
        import fsspec
    except ImportError:
        raise UsageError(f"reading {given} needs fsspec: pip install 'unticker[remote]'") from None
    try:
        system, root = fsspec.core.url_to_fs(given)
        if not system.isdir(root):
            if not system.exists(root):
                raise UsageError(f"{given} is not there")
            name = given.rstrip("/").rpartition("/")[2]
            found = _file(given, name, system.size(root) or 0)
            yield found or Input(given, name, "pages", files=(PageFile(given, name),))
            return
        pages = []
        for path in sorted(system.find(root)):
            name = path.removeprefix(root).lstrip("/")
            suffix = sources.split_name(name)[1].lower()
            if suffix and suffix not in sources.SUFFIXES:
                continue
            url = system.unstrip_protocol(path)
            if found := _file(url, name, system.size(path) or 0):
                yield found
            else:
                pages.append(PageFile(url, name))
    except (OSError, ImportError, ValueError) as error:
        raise UsageError(f"{given} cannot be read: {error}") from None
    if pages:
        folder = given.rstrip("/").rpartition("/")[2]
        yield Input(given, folder, "pages", files=tuple(pages))


def safe_name(name: str) -> str:
    """A relative name that no file system takes for more than it is.

    Control characters become ``%0A``; names over 255 bytes are cut and end in a digest.
    Raises `UsageError` for ``..``, absolute names and the state folder's own.
    """
    parts = name.split("/")
    if not name or any(part in ("", ".", "..") for part in parts) or "\\" in name:
        raise UsageError(f"{name!r} is no name for an output file")
    if parts[0].casefold() == STATE:
        raise UsageError(f"{name!r} is where the run keeps its own files; rename it")
    return "/".join(_fit(_CONTROL.sub(lambda c: f"%{ord(c[0]):02X}", part)) for part in parts)


def _fit(part: str) -> str:
    data = os.fsencode(part)
    if len(data) <= 255:
        return part
    stem, suffix, codec = sources.split_name(part)
    tail = f"-{hashlib.blake2b(data, digest_size=8).hexdigest()}{suffix[-40:]}{codec}"
    cut = os.fsencode(stem)[: 255 - len(os.fsencode(tail))]
    return cut.decode("utf-8", "ignore") + tail


def form_of(source: Input, to: str | None) -> str:
    """The container of an input's output; ``"txt"`` is a file for each page."""
    return to or ("txt" if source.container == "pages" else source.container)


def main_name(source: Input, to: str | None) -> str | None:
    """The output file of an input, None where there is one for each page."""
    form = form_of(source, to)
    if form == "txt":
        return None
    if form == source.container:
        return safe_name(source.name)
    stem = source.name
    if source.container != "pages":
        stem = os.path.splitext(source.name[: len(source.name) - len(source.codec)])[0]
    return safe_name(f"{stem}.{form}{'' if form == 'parquet' else source.codec}")


def page_name(name: str) -> str:
    """The output name of a page file: ``a/b.html.gz`` -> ``a/b.txt.gz``."""
    stem, _, codec = sources.split_name(name)
    return safe_name(f"{stem}.txt{codec}")


def side_name(source: Input, to: str | None, stream: str) -> str:
    """Where rejected rows and dropped lines of an input go."""
    base = main_name(source, to) or safe_name(source.name)
    return safe_name(base + (".rejects" if stream == "rejects" else ".dropped.jsonl"))


def outputs(source: Input, options: Shape) -> Iterator[str]:
    """All names an input may write, but for those of ``--to txt`` in its own folder."""
    main = main_name(source, options.to)
    if main is not None:
        yield main
    elif source.container == "pages":
        yield from (page_name(file.name) for file in source.files)
    else:
        yield safe_name(row_folder(source))
    if source.container != "pages":
        yield side_name(source, options.to, "rejects")
    if options.sidecar:
        yield side_name(source, options.to, "dropped")


def check(found: Plan, options: Shape, output: Path) -> list[str]:
    """All names the run may write. Raises `UsageError` where two would meet, and where
    output would be, be inside of, or replace an input."""
    owners: dict[str, str] = {}
    names: list[str] = []
    for source in found.inputs:
        for name in outputs(source, options):
            key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
            if key in owners:
                raise UsageError(
                    f"two outputs would be one file: {owners[key]!r} and {name!r} of "
                    f"{source.source}; rename an input or clean them into two folders"
                )
            owners[key] = name
            names.append(name)
    for key, name in owners.items():
        while "/" in key:
            key = key.rpartition("/")[0]
            if key in owners:
                raise UsageError(f"{owners[key]!r} would be a file and the folder of {name!r}")
    here = os.path.realpath(output)
    taken = set()
    for source in found.inputs:
        for path in (source.source, *(file.path for file in source.files)):
            if path == "-" or sources.is_remote(path):
                continue
            real = os.path.realpath(path)
            taken.add(real)
            if os.path.isdir(real) and (here + os.sep).startswith(real.rstrip(os.sep) + os.sep):
                raise UsageError(f"output {output} is {path} or inside of it; choose another")
            if real == here:
                raise UsageError(f"output {output} is an input; choose another")
    for name in names:
        if os.path.realpath(os.path.join(here, name)) in taken:
            raise UsageError(f"{name} in {output} is an input; choose another output")
    return names


def row_folder(source: Input) -> str:
    """The folder of ``--to txt`` for a container: its name without suffixes."""
    return os.path.splitext(source.name[: len(source.name) - len(source.codec)])[0]


def compress(data: bytes, codec: str) -> bytes:
    """A whole member of a compressed stream; members may stand one behind another."""
    if codec == ".gz":
        import gzip

        return gzip.compress(data, 6, mtime=0)
    if codec == ".bz2":
        import bz2

        return bz2.compress(data)
    if codec == ".xz":
        import lzma

        return lzma.compress(data)
    if codec == ".zst":
        import zstandard

        return zstandard.ZstdCompressor(level=3).compress(data)
    return data


def note(page: Page | Failed, options: Shape, model: str) -> tuple[str | None, dict[str, Any]]:
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


Labelled = tuple[Record, Page | Failed, str | None, dict[str, Any]]


def render(
    source: Input, chunk: Chunk, pages: Sequence[Labelled], rejected: Iterable[Rejected],
    options: Shape, number: int,
) -> Part:  # fmt: skip
    """A shard's output, shard ``number`` of its input."""
    form = form_of(source, options.to)
    rejects = dropped = b""
    if source.container != "pages":  # files that cannot be read stay where they are
        rejects = b"".join(_reject(item) for item in rejected if not item.other)
    if options.sidecar:
        dropped = b"".join(_dropped(source, labelled, options) for labelled in pages)
    if form == "txt":
        files = []
        for record, _, text, _ in pages:
            if text is not None:
                codec = sources.split_name(record.id)[2] if source.container == "pages" else ""
                data = (text + "\n" if text else "").encode("utf-8", "surrogatepass")
                files.append((_text_name(source, record), compress(data, codec)))
        return Part(b"", rejects, dropped, tuple(files))
    if form in ("parquet", "arrow"):
        return Part(_arrow(source, chunk, pages, options, form), rejects, dropped)
    if form == "warc":
        rows = b"".join(compress(_warc(labelled), source.codec) for labelled in pages)
        return Part(rows, rejects, dropped)
    if form == "jsonl":
        rows = b"".join(_json(source, labelled, options) for labelled in pages)
    else:
        rows = _csv(source, chunk, pages, options)
    return Part(compress(rows, source.codec) if rows else b"", rejects, dropped)


def _text_name(source: Input, record: Record) -> str:
    if source.container == "pages":
        return page_name(record.id)
    label = _UNSAFE.sub("_", record.id)[:100]
    folder = f"{row_folder(source)}/{record.number // 1000:06d}"
    return safe_name(f"{folder}/{record.number:09d}-{label}.txt")


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


def _dropped(source: Input, labelled: Labelled, options: Shape) -> bytes:
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


def _wanted(part: Segment, options: Shape) -> bool:
    """The rule of `Page.text`."""
    if options.threshold is None:
        return part.label in options.keep
    return sum(part.probabilities[label] for label in options.keep) >= options.threshold


def _json(source: Input, labelled: Labelled, options: Shape) -> bytes:
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


def _csv(source: Input, chunk: Chunk, pages: Sequence[Labelled], options: Shape) -> bytes:
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


def _warc(labelled: Labelled) -> bytes:
    """A conversion record, as in a WET file; a failed page's has no content."""
    record, _, text, about = labelled
    data = (text or "").encode("utf-8", "surrogatepass")
    headers = record.origin if isinstance(record.origin, dict) else {}
    named = {
        "WARC-Type": "conversion",
        "WARC-Target-URI": headers.get("WARC-Target-URI"),
        "WARC-Date": headers.get("WARC-Date"),
        "WARC-Record-ID": f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, 'unticker:' + record.id)}>",
        "WARC-Refers-To": headers.get("WARC-Record-ID"),
        "WARC-Unticker": json.dumps(about),
        "Content-Type": "text/plain",
        "Content-Length": str(len(data)),
    }
    lines = [f"{key}: {value}" for key, value in named.items() if value]
    head = "\r\n".join(["WARC/1.0", *lines]).encode() + b"\r\n\r\n"
    return head + data + b"\r\n\r\n"


def _arrow(
    source: Input, chunk: Chunk, pages: Sequence[Labelled], options: Shape, form: str
) -> bytes:
    from unticker import arrow

    texts = [text for _, _, text, _ in pages]
    notes = [about for _, _, _, about in pages]
    if source.container in ("parquet", "arrow"):
        if not chunk.payload:
            return b""
        places = [record.number - chunk.first for record, _, _, _ in pages]
        return arrow.part_of_chunk(chunk, places, texts, notes, options.text_field)
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
    return arrow.part_of_rows(columns, notes)
