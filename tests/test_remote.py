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
    here = {path.name for path in (tmp_path / "work").rglob("*") if path.is_file()}
    assert here == {"manifest.json", "report.json", "0.json", "lock", "sent.json"}  # no output


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


def test_a_file_that_was_sent_in_part_has_no_final_name(crawl, tmp_path, monkeypatch):
    from fsspec.implementations.local import LocalFileSystem

    def broken(self, local, target, **more):
        with open(target, "wb") as out:
            out.write(b"half")
        raise OSError("the line went dead")

    monkeypatch.setattr(LocalFileSystem, "put_file", broken)
    out = f"file://{tmp_path}/out"
    with pytest.raises(OutputError, match=r"a\.jsonl was not written"):
        send(crawl, tmp_path / "work", out)
    monkeypatch.undo()
    send(crawl, tmp_path / "work", out, resume=True)
    found = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*")}
    assert {name for name in found if "unticker" not in name} == {"a.jsonl", "a.jsonl.rejects"}


def test_inputs_are_sent_as_they_are_done(crawl, store, tmp_path, monkeypatch):
    other = tmp_path / "b [1]*?.jsonl"  # a name that must not be taken for a pattern
    other.write_text('{"text": "b"}\n')
    finish = batch._Work.finish

    def killed(self, place):
        if place == 1:
            raise KeyboardInterrupt
        return finish(self, place)

    monkeypatch.setattr(batch._Work, "finish", killed)
    made = BatchOptions(quiet=True)
    inputs, url = [str(crawl), str(other)], "memory://bucket/out"
    with pytest.raises(KeyboardInterrupt):
        remote.run(made, inputs, url, tmp_path / "work", load=fake.load)
    assert set(remote_tree(store)) >= {"a.jsonl", "a.jsonl.rejects"}
    assert not (tmp_path / "work" / "a.jsonl").exists()
    monkeypatch.undo()
    again = BatchOptions(quiet=True, resume=True)
    remote.run(again, inputs, url, tmp_path / "work", load=fake.load)
    assert store.cat_file("/bucket/out/" + other.name).startswith(b'{"text": "b"')


def test_overwriting_leaves_nothing_of_the_other_run(crawl, store, tmp_path):
    send(crawl, tmp_path / "one")
    store.pipe_file("/bucket/out/.unticker/done/7.json", b"{}")
    crawl.write_text('{"text": "all good"}\n')
    send(crawl, tmp_path / "two", overwrite=True)
    found = remote_tree(store)
    assert "a.jsonl.rejects" not in found
    assert {name for name in found if "done" in name} == {".unticker/done/0.json"}


def test_a_local_folder_works_for_one_output(crawl, store, tmp_path):
    send(crawl, tmp_path / "work")
    with pytest.raises(UsageError, match="works for memory://bucket/out; name another"):
        send(crawl, tmp_path / "work", "memory://bucket/other", resume=True)


@pytest.mark.parametrize("output", ["memory://in", "memory:///in/", "memory://in/below"])
def test_output_in_a_remote_input_is_refused(store, tmp_path, output):
    store.pipe_file("/in/a.jsonl", b'{"text": "a"}\n')
    with pytest.raises(UsageError, match="is memory://in or inside of it"):
        remote.run(BatchOptions(overwrite=True), ["memory://in"], output, tmp_path / "work",
                   load=fake.load)  # fmt: skip
    with pytest.raises(UsageError, match="is an input"):
        remote.run(BatchOptions(overwrite=True), ["memory://in/a.jsonl"], "memory://in",
                   tmp_path / "work", load=fake.load)  # fmt: skip
    assert store.find("/in") == ["/in/a.jsonl"]


def test_local_input_is_not_replaced_through_a_url(crawl, tmp_path):
    with pytest.raises(UsageError, match="is an input"):
        send(crawl, tmp_path / "work", f"file://{tmp_path}", overwrite=True)


def test_the_command_writes_there(run, folder, crawl, tmp_path):
    done = run("clean", crawl, "-m", folder, "-o", f"file://{tmp_path}/out", "--quiet",
               "--work", tmp_path / "work")  # fmt: skip
    assert done.code == 1
    assert (tmp_path / "out" / "a.jsonl").is_file()


def test_the_local_folder_hangs_on_the_url_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert remote.workplace("s3://b/out/") == remote.workplace("s3://b/out")
    assert remote.workplace("s3://b/out").parent == tmp_path / "unticker"
