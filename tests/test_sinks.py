"""Records to output: names that cannot do harm, fields that stay as they were."""

import gzip
import json
import os
import unicodedata
from pathlib import Path

import pytest
from engines import fake

from unticker import names, streams
from unticker.batch import BatchOptions, run
from unticker.errors import UsageError


def clean(inputs, output: Path, **options):
    named = [str(path) for path in (inputs if isinstance(inputs, list) else [inputs])]
    settings = BatchOptions(quiet=True, **options)
    return run(settings, named, output, load=fake.load)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def files(folder: Path) -> list[str]:
    return [name for name in tree(folder) if not name.startswith(".unticker")]


def test_other_fields_stay_byte_for_byte(tmp_path):
    row = (
        '{"big": 123456789012345678901234567890, "f": 1.0, "e": 1e400, "text": "a\\nui-chrome: b",'
        ' "nested":{"text" : [1,2 ], "u": "\\u00e9é"}, "n":null}'
    )
    (tmp_path / "a.jsonl").write_text(row + "\n{}\n" + '{"text":""}', "utf-8")
    clean(tmp_path / "a.jsonl", tmp_path / "out")
    first, second = (tmp_path / "out/a.jsonl").read_text("utf-8").splitlines()
    before, _, note = first.partition(', "unticker": ')
    assert before + "}" == row.replace('"a\\nui-chrome: b"', '"a"')
    assert json.loads(note[:-1])["removed_words"] == 2
    assert json.loads(second)["text"] == ""


def test_columns_of_string_views_are_read_and_written(tmp_path):
    pa = pytest.importorskip("pyarrow", "16")
    texts = ["a\nui-chrome: b", None, "c", "d"]
    views = {"text": pa.array(texts, pa.string_view()), "tags": [["x"], [], None, ["y"]]}
    table = pa.table(views).set_column(
        1, "tags", pa.array(views["tags"], pa.list_(pa.string_view()))
    )
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    clean(tmp_path / "a.arrow", tmp_path / "out")
    with pa.ipc.open_file(str(tmp_path / "out/a.arrow")) as reader:
        found = reader.read_all()
    assert found.schema.field("text").type == pa.string_view()
    assert found.select(["text", "tags"]).to_pydict() == {
        "text": ["a", "c", "d"], "tags": [["x"], None, ["y"]]
    }  # fmt: skip


def test_lone_surrogates_are_replaced_where_there_is_no_place_for_them(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "a.jsonl").write_text('{"id": "\\udfff", "text": "\\ud800 a"}\n', "utf-8")
    clean(tmp_path / "a.jsonl", tmp_path / "out", to="parquet", id_field="id")
    row = parquet.read_table(tmp_path / "out/a.parquet").to_pylist()[0]
    assert (row["id"], row["text"]) == ("\ufffd", "\ufffd a")


def test_lone_surrogates_and_ascii_rows_stay_what_they_are(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "\\ud800 \\u00e9"}\n{"text": "é"}\n', "utf-8")
    clean(tmp_path / "a.jsonl", tmp_path / "out")
    first, second = (tmp_path / "out/a.jsonl").read_text("utf-8").splitlines()
    assert first.startswith('{"text": "\\ud800 \\u00e9"')
    assert second.startswith('{"text": "é"')


def test_cleaning_twice_replaces_the_note(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a b"}\n')
    clean(tmp_path / "a.jsonl", tmp_path / "one")
    clean(tmp_path / "one/a.jsonl", tmp_path / "two")
    assert tree(tmp_path / "one")["a.jsonl"] == tree(tmp_path / "two")["a.jsonl"]


@pytest.mark.parametrize("codec", [".gz", ".zst", ".bz2", ".xz"])
def test_output_is_compressed_as_the_input_was(tmp_path, codec):
    pytest.importorskip("zstandard")
    data = b'{"text": "a"}\n' * 10
    (tmp_path / f"a.jsonl{codec}").write_bytes(streams.compress(data, codec))
    (tmp_path / f"e.jsonl{codec}").write_bytes(streams.compress(b"", codec))
    inputs = [tmp_path / f"a.jsonl{codec}", tmp_path / f"e.jsonl{codec}"]
    clean(inputs, tmp_path / "out", shard_rows=3)
    text = streams.read_file(str(tmp_path / f"out/a.jsonl{codec}"), codec).decode()
    assert [json.loads(line)["text"] for line in text.splitlines()] == ["a"] * 10
    assert streams.read_file(str(tmp_path / f"out/e.jsonl{codec}"), codec) == b""


def test_folder_is_mirrored_and_links_are_skipped(tmp_path):
    source = tmp_path / "in"
    (source / "sub").mkdir(parents=True)
    (source / "a.txt").write_text("A\nui-chrome: x")
    (source / "sub/b.html").write_text("<p>B</p>")
    (source / "sub/c.md.gz").write_bytes(gzip.compress(b"C"))
    (source / "picture.jpg").write_bytes(b"\xff\xd8")
    (source / "line\nend.txt").write_text("D")
    (source / "link.txt").symlink_to(tmp_path / "secret")
    (source / "loop").symlink_to(source)
    os.mkfifo(source / "pipe.txt")
    found = clean(source, tmp_path / "out")
    assert files(tmp_path / "out") == ["a.txt", "line%0Aend.txt", "sub/b.txt", "sub/c.txt.gz"]
    assert (tmp_path / "out/a.txt").read_text() == "A\n"
    assert found.exit_code == 0
    skipped = {Path(one.path).name: one.reason for one in found.skipped}
    assert set(skipped) == {"picture.jpg", "link.txt", "loop", "pipe.txt"}
    assert found.inputs[0].files["sub/b.html"] == "ok"


@pytest.mark.parametrize(
    "names",
    [
        ["a.txt", "A.txt"],
        ["a.txt", "a.html"],
        ["stra\u00dfe.txt", "STRASSE.txt"],
        [unicodedata.normalize("NFC", "é.txt"), unicodedata.normalize("NFD", "é.txt")],
        ["a%0A.txt", "a\n.txt"],
        ["a.html", "a.txt/b.txt"],
        [".unticker/a.txt"],
    ],
)
def test_names_that_would_meet_are_refused_before_writing(tmp_path, names):
    for name in names:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    with pytest.raises(UsageError):
        clean(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_long_names_are_cut_and_stay_apart(tmp_path):
    (tmp_path / "in").mkdir()
    for end in "ab":
        (tmp_path / "in" / ("x" * 251 + end + ".md")).write_text(end)
    (tmp_path / "in" / ("é" * 126 + ".md")).write_text("é")
    clean(tmp_path / "in", tmp_path / "out")
    names = files(tmp_path / "out")
    assert len(names) == 3
    assert all(len(os.fsencode(name)) <= 255 for name in names)


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "", "a//b", ".", "a\\..\\b"])
def test_names_that_lead_out_are_refused(name):
    with pytest.raises(UsageError):
        names.safe_name(name)


def test_ids_of_rows_stay_inside_the_output(tmp_path):
    ids = ["../../evil", "/etc/passwd", "a\nb", "x" * 400, "A", "a", "..", "", "é"]
    rows = [json.dumps({"id": name, "text": f"page {n}"}) for n, name in enumerate(ids)]
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    clean(tmp_path / "a.jsonl", tmp_path / "out", to="txt", id_field="id")
    found = files(tmp_path / "out")
    assert len(found) == len(ids)
    assert all(name.startswith("a/000000/") for name in found)
    assert sorted(os.listdir(tmp_path)) == ["a.jsonl", "out"]


@pytest.mark.parametrize("output", ["in", "in/out", "in/sub/deeper", "link"])
def test_output_equal_to_or_inside_the_input_is_refused(tmp_path, output):
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/a.txt").write_text("a")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    before = tree(tmp_path)
    with pytest.raises(UsageError):
        clean(tmp_path / "in", tmp_path / output, overwrite=True)
    assert tree(tmp_path) == before


def test_output_inside_a_folder_of_containers_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.jsonl").write_text('{"text": "a"}')
    with pytest.raises(UsageError, match="inside of it"):
        clean(tmp_path / "in", tmp_path / "in/out", overwrite=True)


def test_input_is_never_replaced(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}')
    with pytest.raises(UsageError):
        clean(tmp_path / "a.jsonl", tmp_path, overwrite=True)
    assert (tmp_path / "a.jsonl").read_text() == '{"text": "a"}'


def test_existing_output_is_refused(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}')
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.jsonl").write_text("mine")
    with pytest.raises(UsageError, match="overwrite"):
        clean(tmp_path / "a.jsonl", tmp_path / "out")
    with pytest.raises(UsageError):
        clean(tmp_path / "a.jsonl", tmp_path / "out", resume=True)
    assert (tmp_path / "out/a.jsonl").read_text() == "mine"
    clean(tmp_path / "a.jsonl", tmp_path / "out", overwrite=True)
    with pytest.raises(UsageError, match="resume"):
        clean(tmp_path / "a.jsonl", tmp_path / "out")
    with pytest.raises(UsageError, match="options"):
        clean(tmp_path / "a.jsonl", tmp_path / "out", resume=True, title=False)


def test_sidecar_and_text_hold_all_words(tmp_path):
    text = "Title\nui-chrome: Menu\n\nbody\nheadline-ticker: other"
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": text}))
    clean(tmp_path / "a.jsonl", tmp_path / "out", sidecar=True, title=False)
    kept = json.loads((tmp_path / "out/a.jsonl").read_text())["text"]
    rows = [
        json.loads(row) for row in (tmp_path / "out/a.jsonl.dropped.jsonl").read_text().splitlines()
    ]
    assert sorted((kept + " " + " ".join(row["text"] for row in rows)).split()) == sorted(
        text.split()
    )
    assert [(row["line"], row["label"]) for row in rows] == [
        (1, "body"), (2, "ui-chrome"), (5, "headline-ticker"),
    ]  # fmt: skip


def test_csv_in_and_out(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'id,text,x\r\n1,"a\nui-chrome: b","q""q"\r\n2,c,\r\n')
    (tmp_path / "h.tsv").write_bytes(b"id\ttext\n")
    clean([tmp_path / "a.csv", tmp_path / "h.tsv"], tmp_path / "out", shard_rows=1)
    import csv

    with open(tmp_path / "out/a.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["id"], row["text"], row["x"]) for row in rows] == [
        ("1", "a", 'q"q'), ("2", "c", ""),
    ]  # fmt: skip
    assert (tmp_path / "out/h.tsv").read_bytes() == b"id\ttext\tunticker\n"


def test_warc_becomes_conversion_records(tmp_path):
    pytest.importorskip("fastwarc")
    from test_sources import pack, read, warc_record

    data = b"".join(pack(warc_record(n), ".gz") for n in range(10))
    (tmp_path / "a.warc.gz").write_bytes(data)
    clean(tmp_path / "a.warc.gz", tmp_path / "out", shard_rows=4)
    records, rejected, _ = read(tmp_path / "out/a.warc.gz", "warc", ".gz")
    assert [record.row["url"] for record in records] == [f"http://a.example/{n}" for n in range(10)]
    assert all(record.kind == "text" for record in records)
    assert all(f"Page {n} " in record.payload for n, record in enumerate(records))
    assert not rejected


def test_over_limit_is_a_status(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "a\nui-chrome: b c d e f g"}))
    found = clean(tmp_path / "a.jsonl", tmp_path / "out", max_removed=0.5)
    assert found.count("over_limit") == 1
    assert found.exit_code == 0
