"""Output where fsspec writes: sent whole, in order, and again what is missing."""

import json

import pytest
from engines import fake
from test_sinks import tree

from unticker import batch, remote
from unticker.batch import BatchOptions
from unticker.errors import OutputError, UsageError

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def crawl(tmp_path):
    path = tmp_path / "a.jsonl"
    rows = [{"id": n, "text": f"Title {n}\nui-chrome: menu"} for n in range(9)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{bad\n")
    return path


@pytest.fixture
def store():
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()


def send(crawl, work, output="memory://bucket/out", **other):
    options = BatchOptions(**{"quiet": True} | other)
    return remote.run(options, [str(crawl)], output, work, load=fake.load)


def remote_tree(system) -> dict[str, bytes]:
    return {
        name.removeprefix("/bucket/out/"): system.cat_file(name)
        for name in system.find("/bucket/out")
    }


def test_a_remote_run_is_the_local_one(crawl, store, tmp_path):
    local = BatchOptions(quiet=True)
    batch.run(local, [str(crawl)], tmp_path / "local", load=fake.load)
    report = send(crawl, tmp_path / "work")
    assert report.exit_code == 1  # the bad row
    found, expected = remote_tree(store), tree(tmp_path / "local")
    for name in ("a.jsonl", "a.jsonl.rejects", ".unticker/manifest.json"):
        assert found[name] == expected[name]
    assert set(found) == set(expected) - {".unticker/lock"}


def test_a_folder_named_as_a_url(crawl, tmp_path):
    send(crawl, tmp_path / "work", f"file://{tmp_path}/out")
    assert (tmp_path / "out" / "a.jsonl").read_text().count("\n") == 9
    assert not list((tmp_path / "out").rglob("*.part-*"))


def test_output_that_exists_is_refused(crawl, store, tmp_path):
    store.pipe_file("/bucket/out/other.txt", b"mine")
    with pytest.raises(UsageError, match="has output already"):
        send(crawl, tmp_path / "work")
    assert set(remote_tree(store)) == {"other.txt"}
    send(crawl, tmp_path / "work", overwrite=True)
    assert remote_tree(store)["other.txt"] == b"mine"


def test_what_could_not_be_sent_is_sent_by_a_resumed_run(crawl, store, tmp_path, monkeypatch):
    send(crawl, tmp_path / "first")
    expected = remote_tree(store)
    store.rm("/bucket", recursive=True)
    put = type(store).put_file

    def broken(self, local, target, **more):
        if "rejects" in target:
            put(self, local, target, **more)
            raise OSError("the line went dead")
        put(self, local, target, **more)

    monkeypatch.setattr(type(store), "put_file", broken)
    with pytest.raises(OutputError, match=r"a\.jsonl\.rejects was not written: the line went dead"):
        send(crawl, tmp_path / "work")
    assert set(remote_tree(store)) == {"a.jsonl"}  # nothing half-written, no report
    monkeypatch.setattr(type(store), "put_file", put)
    send(crawl, tmp_path / "work", resume=True)
    found = remote_tree(store)
    assert {k: v for k, v in found.items() if "report" not in k} == {
        k: v for k, v in expected.items() if "report" not in k
    }


def test_a_finished_run_is_resumed_without_its_local_folder(crawl, store, tmp_path):
    send(crawl, tmp_path / "work")
    before = remote_tree(store)
    report = send(crawl, tmp_path / "elsewhere", resume=True)
    assert report.exit_code == 1
    assert not (tmp_path / "elsewhere" / "a.jsonl").exists()  # not done again
    assert remote_tree(store)["a.jsonl"] == before["a.jsonl"]


def test_the_command_writes_there(run, folder, crawl, tmp_path):
    done = run("clean", crawl, "-m", folder, "-o", f"file://{tmp_path}/out", "--quiet",
               "--work", tmp_path / "work")  # fmt: skip
    assert done.code == 1
    assert (tmp_path / "out" / "a.jsonl").is_file()


def test_the_local_folder_hangs_on_the_url_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert remote.workplace("s3://b/out/") == remote.workplace("s3://b/out")
    assert remote.workplace("s3://b/out").parent == tmp_path / "unticker"
