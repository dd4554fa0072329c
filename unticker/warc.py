"""WARC and WET streams cut into records, also where they are damaged, and records written."""

import json
import re
import uuid
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Any

from unticker import streams
from unticker.records import Record, Rejected

MAX_RECORD = 256 << 20  # bytes a WARC record may claim before the claim is taken for a lie
_START = re.compile(rb"WARC/[01]\.\d{1,2}\r?\n")
# Not at the start of a line alone: a record that was cut off ends anywhere.
_NEXT = re.compile(rb"WARC/[01]\.\d{1,2}\r?\n[A-Za-z-]+:")
_REACH = 64  # bytes that tell a start of a record
_HEAD = 1 << 16  # bytes a record's headers may have
_LENGTH = re.compile(rb"^content-length[ \t]*:[ \t]*(\d+)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_GZIP = b"\x1f\x8b\x08"
_HELD = 64 << 20  # bytes of records held back until their gzip member's checksum is seen
_TRAIL = b"\r\n\r\n"


class _Framer:
    """Cuts a byte stream into WARC records and what stands between them.

    A record counts as intact when its headers have a length and the two line ends follow
    its content. Any other start is passed over up to the next line that starts a record,
    searched from the faulty record's own start, so a lying length hides nothing.
    """

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.lost = bytearray()
        self.reason = ""

    def feed(self, block: bytes, end: bool = False) -> Iterator[bytes | Rejected]:
        """Add bytes; ``end`` says that no record goes on behind them."""
        self.buffer += block
        while self.buffer:
            size, reason = self._record(end)
            if size == 0 and not reason:
                return
            if reason:
                keep = self._skip(reason, end)
                if not keep:
                    return
                continue
            yield from self._fault()
            yield bytes(self.buffer[:size])
            del self.buffer[:size]
        if end:
            yield from self._fault()

    def _record(self, end: bool) -> tuple[int, str]:
        """The size of the record at the start, or what is wrong; (0, "") asks for more."""
        buffer = self.buffer
        if len(buffer) < _REACH and not end:
            return 0, ""
        if _START.match(buffer) is None:
            return 0, self.reason or "no record starts here"
        stop = buffer.find(_TRAIL, 0, _HEAD)
        if stop < 0:
            return (0, "headers do not end") if end or len(buffer) > _HEAD else (0, "")
        # Two kinds of record in one block of headers: one was cut off, the next one follows.
        head = buffer[:stop].lower()
        if _NEXT.search(buffer, 8, stop) is not None or head.count(b"\nwarc-type:") > 1:
            return 0, "cut off in its headers"
        length = _LENGTH.search(buffer, 0, stop + 2)
        if length is None:
            return 0, "no Content-Length"
        size = stop + 4 + int(length[1][:18])
        if size > MAX_RECORD:
            return 0, f"claims {size} bytes"
        if len(buffer) < size + 4:
            if not end:
                return 0, ""
            rest = bytes(buffer[size:])
            if len(buffer) < size:
                return 0, "ends before its length"
            return (len(buffer), "") if _TRAIL.startswith(rest) else (0, "longer than its length")
        if buffer[size : size + 4] != _TRAIL:
            return 0, "does not end at its length"
        return self._hidden(stop + 4, size, end)

    def _hidden(self, start: int, size: int, end: bool) -> tuple[int, str]:
        """As `_record`, of one whose end is right: a length may lie and end at a right place.

        Then the content holds an intact record. A page of text cannot; a stored WARC file
        may, and is no text.
        """
        buffer = self.buffer
        inner = _NEXT.search(buffer, start, size)
        if inner is None or b"text/" not in buffer[: start + 2048].lower():
            return size + 4, ""
        stop = buffer.find(_TRAIL, inner.start(), inner.start() + _HEAD)
        length = _LENGTH.search(buffer, inner.start(), stop + 2) if stop > 0 else None
        if length is None:
            return size + 4, ""
        last = stop + 4 + int(length[1][:18])
        if last + 4 > len(buffer) and not end and last < MAX_RECORD:
            return 0, ""
        intact = buffer[last : last + 4] == _TRAIL
        return (0, "holds another record") if intact else (size + 4, "")

    def _skip(self, reason: str, end: bool) -> bool:
        """Move the bytes up to the next start of a record to the lost ones."""
        self.reason = self.reason or reason
        found = _NEXT.search(self.buffer, 1)
        stop = found.start() if found else len(self.buffer) if end else len(self.buffer) - _REACH
        if stop <= 0:
            return False
        if len(self.lost) < MAX_RECORD:
            self.lost += self.buffer[:stop]
        del self.buffer[:stop]
        return found is not None or end

    def _fault(self) -> Iterator[Rejected]:
        if self.lost or self.reason:
            # White space alone between records is nothing lost.
            if bytes(self.lost).strip():
                yield Rejected(0, f"damaged WARC record: {self.reason}", bytes(self.lost))
            self.lost, self.reason = bytearray(), ""


def records(stream: IO[bytes], codec: str) -> Iterator[tuple[bytes | Rejected, int]]:
    """The records of a WARC or WET stream with their sizes; faults come as `Rejected`.

    Reads on behind every fault: by the next record's start in plain streams, by the next
    gzip member in ``.gz``.
    """
    found = _of_gzip(stream) if codec == ".gz" else _of_plain(stream, codec)
    for number, item in enumerate(found, 1):
        if isinstance(item, Rejected):
            yield Rejected(number, item.reason, item.raw), len(item.raw)
        else:
            yield item, len(item)


def _of_plain(stream: IO[bytes], codec: str) -> Iterator[bytes | Rejected]:
    framer = _Framer()
    try:
        for block in streams.blocks(stream, codec):
            yield from framer.feed(block)
    except streams.damages():
        yield from framer.feed(b"", end=True)
        raise
    yield from framer.feed(b"", end=True)


def _of_gzip(stream: IO[bytes]) -> Iterator[bytes | Rejected]:
    """Records of a gzip stream, usually a member each; a member's records are given out when
    its checksum was right, those of a damaged one are a fault as a whole."""
    window = bytearray()  # compressed bytes from the start of the member on
    over = False
    framer = _Framer()  # records may go over members that are sound

    def more() -> bool:
        nonlocal over
        block = stream.read(1 << 18)
        window.extend(block)
        over = not block
        return not over

    def resync(reason: str) -> Iterator[bytes | Rejected]:
        yield from framer.feed(b"", end=True)
        start = 1
        while True:
            place = window.find(_GZIP, start)
            if place >= 0:
                while len(window) < place + 4096 and more():
                    pass
                if _starts_record(window[place : place + 4096]):
                    break
                start = place + 1
                continue
            start = max(1, len(window) - 2)
            if not more():
                place = len(window)
                break
        yield Rejected(0, f"damaged gzip member: {reason}", bytes(window[:place]))
        del window[:place]

    while window or more():
        if not window.startswith(_GZIP):
            if len(window) < 3 and more():
                continue
            if not window.strip(b"\0"):
                window.clear()
                continue
            yield from resync("no gzip header")
            continue
        reader = zlib.decompressobj(31)
        held: list[bytes | Rejected] = []
        position = size = 0
        step = 1 << 14  # small first: what decompress leaves unused is copied
        reason = ""
        while True:
            block = bytes(window[position : position + step])
            position += len(block)
            step = min(2 * step, 1 << 18)
            try:
                records = list(framer.feed(reader.decompress(block)))
            except zlib.error as error:
                reason = str(error)
                break
            held += records
            size += sum(len(r) for r in records if isinstance(r, bytes))
            if size > _HELD:
                # One member for the whole file: its checksum comes too late to wait for.
                yield from held
                held, size = [], 0
                del window[:position]
                position = 0
            if reader.eof:
                break
            if position >= len(window) and not more():
                reason = "ends too early"
                break
        if reason:
            framer = _Framer()
            yield from resync(reason)
            continue
        position -= len(reader.unused_data)
        if _starts_record(window[position : position + 4096]):
            held += framer.feed(b"", end=True)
        yield from held
        del window[:position]
    yield from framer.feed(b"", end=True)


def _starts_record(window: bytes | bytearray) -> bool:
    try:
        return zlib.decompressobj(31).decompress(bytes(window), 16).startswith(b"WARC/")
    except zlib.error:
        return False


def conversion(record: Record, text: str | None, about: Mapping[str, Any]) -> bytes:
    """A conversion record, as in a WET file; a failed page's has no content."""
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
