"""Arrow batches and the Parquet and Arrow containers."""

from decimal import Decimal

import pytest
from engines import fake
from test_sinks import clean

from unticker import arrow
from unticker.errors import UsageError

pa = pytest.importorskip("pyarrow")
import pyarrow.parquet as pq  # noqa: E402


def table() -> "pa.Table":
    texts = [f"Title {n}\nui-chrome: menu {n}\nbody {n}" for n in range(25)]
    return pa.table(
        {
            "n": pa.array(range(25), pa.int8()),
            "text": pa.array([*texts[:3], None, *texts[4:]], pa.large_string()),
            "money": pa.array([Decimal("1.10")] * 25, pa.decimal128(5, 2)),
            "tags": pa.array([["a", None]] * 25, pa.list_(pa.string())),
            "when": pa.array([0] * 25, pa.timestamp("us", "UTC")),
            "cat": pa.array(["x"] * 25).dictionary_encode(),
        },
        metadata={"owner": "me"},
    )


def test_label_batches_adds_columns_row_by_row():
    batches = table().to_batches(max_chunksize=10)
    found = list(arrow.label_batches(iter(batches), model=fake.load()))
    assert [batch.num_rows for batch in found] == [10, 10, 5]
    rows = pa.Table.from_batches(found).to_pylist()
    assert rows[0]["unticker_text"] == "Title 0\nbody 0"
    assert [line["label"] for line in rows[0]["unticker_lines"]] == ["body", "ui-chrome", "body"]
    assert rows[3]["unticker_status"] == "empty"
    assert rows[3]["unticker_text"] is None
    assert [row["n"] for row in rows] == list(range(25))


def test_failed_pages_have_a_reason_and_no_text():
    batch = pa.RecordBatch.from_pydict({"text": ["a", "%error%", "%bug%", "b"]})
    (found,) = arrow.label_batches([batch], model=fake.load())
    rows = found.to_pylist()
    assert [row["unticker_status"] for row in rows] == ["ok", "failed", "failed", "ok"]
    assert rows[1]["unticker_reason"] == "this page asked for an error"
    assert rows[2]["unticker_text"] is None


def test_batches_of_any_size_give_the_same():
    whole = arrow.label_table(table(), model=fake.load())
    for size in (1, 7, 100):
        parts = arrow.label_batches(table().to_batches(max_chunksize=size), model=fake.load())
        assert pa.Table.from_batches(parts).equals(whole)


def test_table_without_rows_has_the_columns():
    found = arrow.label_table(table().slice(0, 0), model=fake.load())
    assert found.schema.names[-4:] == [field.name for field in arrow.added_fields()]


def test_missing_and_taken_columns_are_usage_errors():
    with pytest.raises(UsageError, match="no column 'text'"):
        list(arrow.label_batches([pa.RecordBatch.from_pydict({"x": ["a"]})], model=fake.load()))
    once = arrow.label_table(table(), model=fake.load())
    with pytest.raises(UsageError, match="already"):
        arrow.label_table(once, model=fake.load())


@pytest.mark.parametrize("codec", ["snappy", "zstd", "gzip", "none"])
def test_parquet_keeps_types_and_compression(tmp_path, codec):
    pq.write_table(table(), tmp_path / "a.parquet", compression=codec, row_group_size=9)
    found = clean(tmp_path / "a.parquet", tmp_path / "out", shard_rows=4)
    out = pq.ParquetFile(tmp_path / "out/a.parquet")
    assert out.metadata.row_group(0).column(0).compression.lower() == codec.replace(
        "none", "uncompressed"
    )
    written = out.read()
    good = table().filter(pa.compute.is_valid(table()["text"]))
    assert written.drop_columns(["text", "unticker"]).equals(good.drop_columns(["text"]))
    assert written.schema.field("text").type == pa.large_string()
    assert written.schema.metadata[b"owner"] == b"me"
    assert written["text"][0].as_py() == "Title 0\nbody 0"
    assert found.count("rejected") == 1
    assert found.inputs[0].named[0]["row"] == 4


@pytest.mark.parametrize("form", ["file", "stream"])
def test_arrow_files(tmp_path, form):
    writer = pa.ipc.new_file if form == "file" else pa.ipc.new_stream
    with writer(str(tmp_path / "a.arrow"), table().schema) as out:
        out.write_table(table(), max_chunksize=6)
    clean(tmp_path / "a.arrow", tmp_path / "out", shard_rows=5)
    written = pa.ipc.open_file(tmp_path / "out/a.arrow").read_all()
    assert written.num_rows == 24
    assert written.schema.field("cat").type == table().schema.field("cat").type


def test_any_container_to_parquet(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a", "x": 1}\n{"text": "b", "x": "s"}\n')
    (tmp_path / "b.csv").write_text("text,x\na,1\n")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/p.html").write_text("<p>a</p>")
    inputs = [tmp_path / name for name in ("a.jsonl", "b.csv", "in")]
    clean(inputs, tmp_path / "out", to="parquet", shard_rows=1)
    first = pq.read_table(tmp_path / "out/a.parquet").to_pylist()
    assert [row["row"] for row in first] == ['{"x": 1}', '{"x": "s"}']
    assert pq.read_table(tmp_path / "out/b.parquet")["x"].to_pylist() == ["1"]
    assert pq.read_table(tmp_path / "out/in.parquet")["id"].to_pylist() == ["p.html"]


def test_damaged_parquet_fails_and_others_are_done(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 not really")
    (tmp_path / "b.jsonl").write_text('{"text": "a"}\n')
    found = clean([tmp_path / "a.parquet", tmp_path / "b.jsonl"], tmp_path / "out")
    assert [one.status for one in found.inputs] == ["failed", "ok"]
    assert found.exit_code == 1
