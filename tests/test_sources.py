"""Containers to records: every intact row is read, every other is named."""

import bz2
import gzip
import io
import json
import lzma
import random
from pathlib import Path

import pytest

from unticker import sources, streams
from unticker.batch import BatchOptions
from unticker.errors import UsageError
from unticker.records import Input, Record, Rejected

OPTIONS = BatchOptions(shard_rows=7, id_field="id")


def read(path: Path, container: str, codec: str = "", options: BatchOptions = OPTIONS):
    source = Input(str(path), path.name, container, codec)
    chunks = list(sources.cut(source, options))
    items = [item for chunk in chunks for item in sources.parse(source, chunk, options)]
    records = [item for item in items if isinstance(item, Record)]
    rejected = [item for item in items if isinstance(item, Rejected)]
    return records, rejected, [chunk.damage for chunk in chunks if chunk.damage]


def pack(data: bytes, codec: str) -> bytes:
    if codec == ".zst":
        zstandard = pytest.importorskip("zstandard")
        return zstandard.ZstdCompressor().compress(data)
    if codec == ".xz":
        return lzma.compress(data, preset=0)
    return {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress}[codec](data)


ROWS = "".join(json.dumps({"id": f"r{n}", "text": f"text {n}"}) + "\n" for n in range(100)).encode()


@pytest.mark.parametrize("codec", ["", ".gz", ".zst", ".bz2", ".xz"])
def test_jsonl_is_read_from_every_codec_in_two_members(tmp_path, codec):
    path = tmp_path / f"a.jsonl{codec}"
    half = ROWS.index(b"\n", len(ROWS) // 2) - 5
    path.write_bytes(pack(ROWS[:half], codec) + pack(ROWS[half:], codec))
    records, rejected, damage = read(path, "jsonl", codec)
    assert [record.id for record in records] == [f"r{n}" for n in range(100)]
    assert [record.number for record in records] == list(range(1, 101))
    assert not rejected
    assert not damage


@pytest.mark.parametrize("codec", [".gz", ".zst", ".bz2", ".xz"])
def test_truncated_stream_gives_its_rows_and_says_so(tmp_path, codec):
    noise = random.Random(1)
    rows = [json.dumps({"id": str(n), "text": str(noise.random())}) for n in range(40_000)]
    data = pack("\n".join(rows).encode(), codec)
    path = tmp_path / "a.jsonl"
    path.write_bytes(data[: len(data) * 3 // 4])
    records, rejected, damage = read(path, "jsonl", codec, BatchOptions(shard_rows=1000))
    assert len(damage) == 1
    assert "damaged" in damage[0]
    assert [record.payload for record in records] == [
        json.loads(row)["text"] for row in rows[: len(records)]
    ]
    # bzip2 loses its last block of 900 kB; the others lose the cut row alone
    assert len(records) > (1 if codec == ".bz2" else 20_000)
    assert len(rejected) <= 1


def test_bad_rows_are_named_and_good_rows_read(tmp_path):
    bad = {
        2: b"{not json", 3: b"[1]", 4: b'{"id": 4}', 5: b'{"text": 5}', 6: b'{"text": "\xff"}',
        7: b'{"text": "a", "text": "b"}', 8: b'{"text": "a"} x', 9: b"[" * 100_000,
        10: b'{"text": "cut', 11: b'{"text": "a",}', 12: b"null",
    }  # fmt: skip
    lines = [bad.get(n, b'{"text": "good %d"}' % n) for n in range(1, 21)]
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines))
    records, rejected, _ = read(path, "jsonl")
    assert [item.number for item in rejected] == sorted(bad)
    assert all(item.raw.rstrip() == bad[item.number] and item.reason for item in rejected)
    assert [record.number for record in records] == [1, *range(13, 21)]
    assert records[0].payload == "good 1"


def test_blank_rows_count_and_are_no_rows(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "a"}\n\n  \n{"text": "b"}\n')
    records, rejected, _ = read(path, "jsonl")
    assert [record.number for record in records] == [1, 4]
    assert not rejected


def test_html_field_is_used_where_there_is_html(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"html": "<p>h", "text": "t"}\n{"html": null, "text": "t"}\n{"x": 1}\n')
    options = BatchOptions(html_field="html")
    records, rejected, _ = read(path, "jsonl", options=options)
    assert [(r.payload, r.kind) for r in records] == [("<p>h", "html"), ("t", "text")]
    assert rejected[0].reason == "field 'html' is missing"


def test_a_row_whose_html_is_empty_has_its_text(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"html": "", "text": "t"}\n{"html": " ", "text": null}\n')
    records, _, _ = read(path, "jsonl", options=BatchOptions(html_field="html"))
    assert [(r.payload, r.kind) for r in records] == [("t", "text"), (" ", "html")]


def test_csv_that_is_none_is_damage(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,text\r1,a\r2,b\r")
    records, _, damage = read(path, "csv")
    assert not records
    assert len(damage) == 1


def test_a_quote_that_never_closes_is_damage(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'id,text\n1,5" pipe\n2,"two\nlines"\n3,"open\n4,a\n5,b\n')
    records, _, damage = read(path, "csv")
    assert [record.payload for record in records] == ['5" pipe', "two\nlines"]
    assert damage == ["damaged behind row 3: a quote in line 5 is never closed"]


def test_a_column_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,text,text\n1,a,b\n")
    _, rejected, _ = read(path, "csv")
    assert [item.reason for item in rejected] == ["column 'text' stands twice"]
    pa = pytest.importorskip("pyarrow")
    table = pa.table([["1"], ["a"], ["b"]], names=["id", "text", "text"])
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    _, rejected, _ = read(tmp_path / "a.arrow", "arrow")
    assert [item.reason for item in rejected] == ["column 'text' stands twice"]


def test_a_row_of_arrow_that_is_no_text_is_rejected_alone(tmp_path):
    pa = pytest.importorskip("pyarrow")
    broken = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xff")]
    )
    table = pa.table({"id": ["1", "2"], "text": broken})
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    records, rejected, _ = read(tmp_path / "a.arrow", "arrow")
    assert [(record.number, record.payload) for record in records] == [(1, "a")]
    assert [item.number for item in rejected] == [2]


def test_a_row_of_arrow_with_a_date_beyond_pythons_is_rejected_alone(tmp_path):
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"text": ["a", "b"], "at": pa.array([0, 1 << 60], pa.timestamp("s"))})
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    records, rejected, _ = read(tmp_path / "a.arrow", "arrow", "", BatchOptions(to="jsonl"))
    assert [record.number for record in records] == [1]
    assert [item.number for item in rejected] == [2]


def test_csv_has_quoted_lines_and_names_rows_as_spreadsheets_do(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'id,text\r\n1,"two\nlines, ""q"""\r\n2\r\n3,\xff\r\n4,ok\r\n')
    records, rejected, _ = read(path, "csv")
    assert [(r.number, r.payload) for r in records] == [(2, 'two\nlines, "q"'), (5, "ok")]
    assert [r.number for r in rejected] == [3, 4]


def test_cutting_does_not_depend_on_reading(tmp_path, monkeypatch):
    path = tmp_path / "a.jsonl"
    path.write_bytes(ROWS)
    source = Input(str(path), path.name, "jsonl")
    whole = list(sources.cut(source, OPTIONS))
    monkeypatch.setattr(streams, "_BLOCK", 11)
    assert [c.payload for c in sources.cut(source, OPTIONS)] == [c.payload for c in whole]
    assert len({chunk.digest() for chunk in whole}) == len(whole)


def test_missing_file_is_damage_not_an_exception(tmp_path):
    records, _, damage = read(tmp_path / "none.jsonl", "jsonl")
    assert not records
    assert len(damage) == 1


def test_memory_path_through_fsspec():
    fsspec = pytest.importorskip("fsspec")
    with fsspec.open("memory://folder/a.jsonl", "wb") as stream:
        stream.write(ROWS)
    source = Input("memory://folder/a.jsonl", "a.jsonl", "jsonl")
    found = [i for c in sources.cut(source, OPTIONS) for i in sources.parse(source, c, OPTIONS)]
    assert len(found) == 100


def test_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
    with pytest.raises(UsageError, match=r"unticker\[zst\]"):
        list(streams.blocks(io.BytesIO(b"x"), ".zst"))


# WARC: records with known URLs, damaged in ways whose reach is known.


def warc_record(number: int, kind: str = "response") -> bytes:
    noise = random.Random(number)
    text = " ".join(str(noise.random()) for _ in range(noise.randrange(20, 300)))
    body = f"<html><body><p>Page {number} {text}</p></body></html>".encode()
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
    content = http if kind == "response" else b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{number}>\r\n"
        f"WARC-Target-URI: http://a.example/{number}\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"
        f"Content-Type: application/http; msgtype={kind}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content + b"\r\n\r\n"


def numbers(records: list[Record]) -> list[int]:
    return [int(record.row["url"].rpartition("/")[2]) for record in records]


@pytest.mark.parametrize("codec", ["", ".gz"])
def test_warc_pages_with_other_records_counted(tmp_path, codec):
    pytest.importorskip("fastwarc")
    kinds = ["request" if n % 3 == 0 else "response" for n in range(30)]
    data = b"".join(pack(warc_record(n, kind), codec) for n, kind in enumerate(kinds))
    path = tmp_path / "a.warc"
    path.write_bytes(data)
    records, rejected, damage = read(path, "warc", codec)
    assert numbers(records) == [n for n in range(30) if n % 3]
    assert records[0].payload.startswith("<html><body><p>Page 1 ")
    assert all(item.other for item in rejected)
    assert len(rejected) == 10
    assert not damage


def damaged(raw: list[bytes], codec: str, seed: int) -> tuple[bytes, set[int]]:
    """A WARC with 50 faults, and which records they hit."""
    noise = random.Random(seed)
    hit = set(noise.sample(range(1, len(raw)), 50))
    out = []
    for number, record in enumerate(raw):
        if number not in hit:
            out.append(pack(record, codec))
            continue
        fault = noise.choice(["truncate", "flip", "longer", "shorter", "beyond"])
        length = int(record.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
        lies = {
            "longer": length + noise.randrange(5, 5000),
            "shorter": length - 7,
            "beyond": 1 << 50,
        }
        if fault in lies:
            lie = record.replace(
                b"Content-Length: %d" % length, b"Content-Length: %d" % lies[fault]
            )
            out.append(pack(lie, codec))
        elif fault == "truncate":
            whole = pack(record, codec)
            out.append(whole[: noise.randrange(12, len(whole) - 5)])
        else:
            # A flip anywhere is found by gzip; in a plain WARC only one in the framing is.
            whole = bytearray(pack(record, codec))
            reach = len(whole) if codec else 4
            whole[noise.randrange(reach)] ^= 1 << noise.randrange(8)
            out.append(bytes(whole))
    return b"".join(out), hit


@pytest.mark.parametrize("codec", ["", ".gz"])
@pytest.mark.parametrize("seed", range(5))
def test_warc_with_fifty_faults_gives_every_intact_record(tmp_path, codec, seed):
    pytest.importorskip("fastwarc")
    data, hit = damaged([warc_record(n) for n in range(300)], codec, seed)
    path = tmp_path / "a.warc"
    path.write_bytes(data)
    records, rejected, damage = read(path, "warc", codec)
    found = numbers(records)
    assert found == sorted(found)
    assert len(set(found)) == len(found)
    assert set(range(300)) - hit <= set(found)
    # Flips in gzip's header flags and time change nothing that is read.
    assert len(set(found) & hit) <= 3
    assert sum("damaged" in item.reason for item in rejected) >= 20
    assert not damage
    again, _, _ = read(path, "warc", codec)
    assert numbers(again) == found


def test_warc_gzip_of_one_member(tmp_path):
    pytest.importorskip("fastwarc")
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(b"".join(warc_record(n) for n in range(50))))
    records, _, _ = read(path, "warc", ".gz")
    assert numbers(records) == list(range(50))


def test_warc_end_cut_off(tmp_path):
    pytest.importorskip("fastwarc")
    data = b"".join(pack(warc_record(n), ".gz") for n in range(20))
    path = tmp_path / "a.warc.gz"
    path.write_bytes(data[:-30])
    records, rejected, _ = read(path, "warc", ".gz")
    assert numbers(records) == list(range(19))
    assert len(rejected) == 1
    assert rejected[0].raw
