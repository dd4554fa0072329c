"""Batch runs: the same bytes with any workers and after any death; culprits are named."""

import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from glob import glob
from pathlib import Path

import pytest
from engines import fake
from test_sinks import clean, files, tree

from unticker import batch, engines, names, report, sources, workers
from unticker.batch import BatchOptions, run
from unticker.errors import OutputError, UsageError
from unticker.shards import Store

RUN = """
import sys
from unticker.batch import BatchOptions, run
from engines import fake
options = BatchOptions(jobs=2, shard_rows=50, resume=True, sidecar=True, quiet=True)
run(options, sys.argv[2:], sys.argv[1], load=fake.load_slow)
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Path:
    """500 pages: 300 rows, two of them bad, and 200 files."""
    folder = tmp_path_factory.mktemp("pages")
    noise = random.Random(4)
    with open(folder / "a.jsonl", "w") as out:
        for n in range(300):
            row = {"id": f"p{n}", "text": f"Title {n}\nui-chrome: menu\n{noise.random()}", "n": n}
            out.write("{bad\n" if n % 151 == 7 else json.dumps(row) + "\n")
    for n in range(200):
        path = folder / f"files/{n % 7}/{n}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"File {n}\nbyline: me\n{noise.random()}")
    return folder


def options(**other) -> BatchOptions:
    return BatchOptions(**{"shard_rows": 50, "sidecar": True, "quiet": True} | other)


def whole(pages: Path, output: Path, **other) -> dict[str, bytes]:
    run(options(**other), [str(pages / "a.jsonl"), str(pages / "files")], output, load=fake.load)
    return tree(output)


@pytest.fixture(scope="module")
def expected(pages, tmp_path_factory) -> dict[str, bytes]:
    return whole(pages, tmp_path_factory.mktemp("expected") / "out", jobs=2)


def test_the_run_is_complete(expected):
    assert len([name for name in expected if name.endswith(".txt")]) == 200
    rows = [json.loads(row) for row in expected["a.jsonl"].splitlines()]
    assert [row["n"] for row in rows] == [n for n in range(300) if n % 151 != 7]
    rejects = [json.loads(row)["row"] for row in expected["a.jsonl.rejects"].splitlines()]
    assert rejects == [n + 1 for n in range(300) if n % 151 == 7]
    assert not any("tmp" in name or "shards" in name or "begun" in name for name in expected)


@pytest.mark.parametrize("jobs", [1, 8])
def test_any_number_of_workers_gives_the_same_tree(pages, expected, tmp_path, jobs):
    assert whole(pages, tmp_path / "out", jobs=jobs) == expected


def test_shuffled_input_gives_each_page_the_same_bytes(pages, expected, tmp_path):
    rows = (pages / "a.jsonl").read_text().splitlines()
    random.Random(1).shuffle(rows)
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    clean(tmp_path / "a.jsonl", tmp_path / "out", jobs=2, shard_rows=33)
    found = tree(tmp_path / "out")["a.jsonl"].splitlines()
    assert sorted(found) == sorted(expected["a.jsonl"].splitlines())
    order = [json.loads(row)["n"] for row in rows if row != "{bad"]
    assert [json.loads(row)["n"] for row in found] == order


def start(pages: Path, output: Path) -> "subprocess.Popen[bytes]":
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", RUN, str(output), str(pages / "a.jsonl"), str(pages / "files")]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path})


def children(process: int) -> list[str]:
    found: list[str] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            found += (task / "children").read_text().split()
    return found


def alive(process: str) -> bool:
    """False also for one that has ended and that nobody has asked for its exit code."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_for(process: "subprocess.Popen[bytes]", output: Path, shards: int) -> None:
    """Until the run has begun and done so many shards more."""
    # Not `Path.glob`, which fails where a folder goes while it looks: the run removes its parts.
    notes = f"{output}/.unticker/shards/*/*.json"
    seen: set[str] = set()
    before = set(glob(notes))
    until = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until:
        seen |= set(glob(notes)) - before
        if len(seen) >= shards and (output / ".unticker/lock").exists():
            return
        time.sleep(0.002)


@pytest.mark.parametrize("seed", range(2))
def test_killed_and_resumed_is_as_if_never_killed(pages, expected, tmp_path, seed):
    output = tmp_path / "out"
    moment = random.Random(seed)
    hits = 0
    for shards in moment.sample([0, 1, 2], 3):
        process = start(pages, output)
        wait_for(process, output, shards)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moment.random() * 0.05)
        hits += process.poll() is None
        workers = children(process.pid)
        process.kill()
        process.wait()
        until = time.monotonic() + 30
        while any(alive(worker) for worker in workers):
            assert time.monotonic() < until, "a worker outlives its run"
            time.sleep(0.05)
    assert hits, "the runs were over before they were killed"
    assert whole(pages, output, resume=True) == expected


def test_resume_of_a_finished_run_does_nothing(pages, expected, tmp_path, monkeypatch):
    assert whole(pages, tmp_path / "out") == expected
    monkeypatch.setattr(engines, "Pool", None)  # no worker may be needed
    assert whole(pages, tmp_path / "out", resume=True) == expected


def test_resume_behind_the_last_note_leaves_no_parts(tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n' * 10)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "forget", killed)
    with pytest.raises(KeyboardInterrupt):
        clean(tmp_path / "a.jsonl", tmp_path / "out")
    monkeypatch.undo()
    clean(tmp_path / "a.jsonl", tmp_path / "out", resume=True)
    assert not (tmp_path / "out/.unticker/shards").exists()


def test_an_interrupted_run_says_how_it_goes_on(tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n' * 10)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "finish", interrupted)
    for quiet, says in (
        (False, "interrupted; the same command goes on with --resume\n"),
        (True, ""),
    ):
        stream = io.StringIO()
        made = options(quiet=quiet, overwrite=True)
        with pytest.raises(KeyboardInterrupt):
            run(made, [str(tmp_path / "a.jsonl")], tmp_path / "out", fake.load, stream)
        assert stream.getvalue() == says


def test_rows_of_which_no_part_can_be_made_are_named(tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n' * 10)
    plan = names.plan([str(tmp_path / "a.jsonl")])
    (chunk,) = sources.cut(plan.inputs[0], options())
    store = Store(tmp_path / "out/.unticker")
    store.scratch.mkdir(parents=True)
    task = workers.Task(store, tmp_path / "out", plan.inputs[0], 0, 0, chunk, options(), fake.load)
    monkeypatch.setattr(workers.sinks, "render", lambda *_: 1 / 0)
    with pytest.raises(OutputError, match=r"a\.jsonl rows 1 to 10 cannot .*ZeroDivisionError"):
        workers.run_shard(task)


def test_a_pool_that_is_closed_over_its_tasks_says_nothing(monkeypatch):
    told: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    for _ in range(4):
        pool = engines.Pool("local", None, 1)
        pool.executor.submit(time.sleep, 0).result()
        for _ in range(20):
            pool.executor.submit(time.sleep, 0.2)
        pool.close()
    assert not told


def test_what_a_replaced_run_left_is_not_taken_over(tmp_path, monkeypatch):
    source, output = tmp_path / "a.jsonl", tmp_path / "out"
    source.write_text('{"text": "old"}\n' * 10)
    clean(source, output)
    source.write_text('{"text": "new"}\n' * 10)
    with monkeypatch.context() as patch:
        patch.setattr("unticker.shards.shutil.rmtree", lambda *_, **__: 1 / 0)  # the kill
        with pytest.raises(ZeroDivisionError):
            Store(output / ".unticker").begin({})
    clean(source, output, overwrite=True)
    assert json.loads((output / "a.jsonl").read_text().splitlines()[0])["text"] == "new"


def test_overwriting_removes_the_rejects_of_the_run_before(tmp_path):
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "a"}\n{bad\n')
    clean(source, tmp_path / "out")
    source.write_text('{"text": "a"}\n')
    clean(source, tmp_path / "out", overwrite=True)
    assert files(tmp_path / "out") == ["a.jsonl"]


def test_resume_sees_input_that_changed(tmp_path):
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "a"}\n' * 10)
    output = tmp_path / "out"
    clean(source, output, shard_rows=5)
    store = Store(output / ".unticker")
    (store.root / "done/0.json").unlink()
    source.write_text('{"text": "a"}\n' * 5 + '{"text": "b"}\n' * 5)
    clean(source, output, shard_rows=5, resume=True)
    texts = [json.loads(row)["text"] for row in (output / "a.jsonl").read_text().splitlines()]
    assert texts == ["a"] * 5 + ["b"] * 5


def test_two_runs_at_once_are_refused(pages, tmp_path):
    process = start(pages, tmp_path / "out")
    try:
        until = time.monotonic() + 30
        while not (tmp_path / "out/.unticker/manifest.json").exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        with pytest.raises(UsageError, match="another run"):
            whole(pages, tmp_path / "out", resume=True)
    finally:
        process.kill()
        process.wait()


def culprits(tmp_path: Path, words: dict[int, str], **other) -> report.Report:
    rows = [json.dumps({"text": f"T {n}\n{words.get(n, 'fine')}"}) for n in range(1, 161)]
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    found = clean(tmp_path / "a.jsonl", tmp_path / "out", shard_rows=40, **other)
    texts = [json.loads(row) for row in (tmp_path / "out/a.jsonl").read_text().splitlines()]
    assert len(texts) == 160
    for n, row in enumerate(texts, 1):
        if n in words:
            assert row["text"] is None
            assert row["unticker"]["status"] == "failed"
            assert row["unticker"]["reason"]
        else:
            assert row["text"] == f"T {n}\nfine"
    assert found.exit_code == 1
    assert [row["row"] for row in found.inputs[0].named] == sorted(words)
    return found


def test_errors_are_reasons(tmp_path):
    found = culprits(tmp_path, {3: "%error%", 90: "%bug%"})
    reasons = [row["reason"] for row in found.inputs[0].named]
    assert reasons == ["this page asked for an error", "KeyError: 'bug'"]


def test_page_that_kills_its_worker(tmp_path):
    found = culprits(tmp_path, {90: "%kill%", 110: "%exit%"}, jobs=2)
    assert "SIGKILL" in found.inputs[0].named[0]["reason"]


def test_page_that_eats_the_memory(tmp_path):
    found = culprits(tmp_path, {41: "%memory%"}, memory=1024)
    assert found.inputs[0].named[0]["reason"] == "out of memory"


def test_page_that_sleeps_and_page_that_no_signal_reaches(tmp_path):
    found = culprits(tmp_path, {41: "%sleep%", 150: "%block%"}, timeout=0.3, jobs=2)
    assert all("longer than 0.3 s" in row["reason"] for row in found.inputs[0].named)


def test_worker_killed_from_outside_costs_nothing(pages, expected, tmp_path):
    import threading

    killed = []

    def strike() -> None:
        for _ in range(200):
            time.sleep(0.05)
            for line in os.popen(f"pgrep -P {os.getpid()} -f popen_loky_posix").read().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(line), signal.SIGKILL)
                    killed.append(line)
            if killed:
                return

    thread = threading.Thread(target=strike)
    thread.start()
    inputs = [str(pages / "a.jsonl"), str(pages / "files")]
    run(options(jobs=2), inputs, tmp_path / "out", load=fake.load_slow)
    thread.join()
    assert killed
    assert tree(tmp_path / "out") == expected


def test_damaged_input_fails_and_keeps_its_rows(tmp_path):
    import gzip

    noise = random.Random(0)
    rows = "".join(json.dumps({"text": str(noise.random())}) + "\n" for _ in range(12_000))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(rows.encode())[:-25_000])
    found = clean(tmp_path / "a.jsonl.gz", tmp_path / "out")
    assert found.exit_code == 1
    assert "damaged" in (found.inputs[0].reason or "")
    kept = gzip.decompress((tmp_path / "out/a.jsonl.gz").read_bytes()).splitlines()
    assert len(kept) == found.count("ok") > 7_000


def test_unreadable_file_is_named(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.txt.gz").write_bytes(b"no gzip")
    (tmp_path / "in/b.txt").write_text("fine")
    found = clean(tmp_path / "in", tmp_path / "out")
    assert found.inputs[0].files == {"a.txt.gz": "failed", "b.txt": "ok"}
    assert found.exit_code == 1
    assert files(tmp_path / "out") == ["b.txt"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"keep": ()}, {"keep": ("article",)}, {"jobs": 0}, {"to": "xml"}, {"timeout": 0},
        {"overwrite": True, "resume": True}, {"engine": "cloud"}, {"max_removed": 2},
        {"engine": "dask"}, {"encoding": "utf-9"}, {"kind": "pdf"}, {"threshold": 1.5},
    ],
)  # fmt: skip
def test_wrong_options_are_usage_errors(tmp_path, wrong):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}')
    with pytest.raises(UsageError):
        clean(tmp_path / "a.jsonl", tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()


def test_missing_input_and_remote_output_are_usage_errors(tmp_path):
    with pytest.raises(UsageError, match="not there"):
        clean(tmp_path / "none", tmp_path / "out")
    with pytest.raises(UsageError, match="remote"):
        run(BatchOptions(), [str(tmp_path)], "s3://bucket/out", load=fake.load)


def test_report_says_it_all_and_holds_no_times(pages, expected, tmp_path):
    found = json.loads(expected[".unticker/report.json"])
    assert found["exit_code"] == 1
    assert found["totals"]["ok"] == 498
    assert found["totals"]["rejected"] == 2
    assert [one["status"] for one in found["inputs"]] == ["failed", "ok"]
    assert len(found["inputs"][1]["files"]) == 200
    assert "seconds" not in found


def test_summary_is_a_table_and_quiet_is_quiet(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n')
    shown = io.StringIO()
    run(BatchOptions(), [str(tmp_path / "a.jsonl")], tmp_path / "out", fake.load, shown)
    assert "pages" in shown.getvalue()
    quiet = io.StringIO()
    settings = BatchOptions(quiet=True)
    run(settings, [str(tmp_path / "a.jsonl")], tmp_path / "two", fake.load, quiet)
    assert quiet.getvalue() == ""


@pytest.mark.parametrize("quiet", [True, False])
def test_what_failed_is_named_on_a_line_each(tmp_path, quiet):
    rows = ["%error%" if n % 2 else "fine" for n in range(60)]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"text": row}) for row in rows) + "\n{b")
    (tmp_path / "b.jsonl.gz").write_bytes(b"no gzip")
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/sub/line\nend.txt").write_text("%error%")
    (tmp_path / "in/c.txt.gz").write_bytes(b"no gzip")
    (tmp_path / "in/d.txt").write_text("fine")
    (tmp_path / "e.html").write_text("%bug%")
    (tmp_path / "over.jsonl").write_text(json.dumps({"text": "a\nui-chrome: b c d e"}))
    named = ("a.jsonl", "b.jsonl.gz", "in", "e.html", "over.jsonl")
    shown = io.StringIO()
    settings = BatchOptions(quiet=quiet, max_removed=0.5)
    run(settings, [str(tmp_path / one) for one in named], tmp_path / "out", fake.load, shown)
    lines = shown.getvalue().splitlines()
    failed = [line for line in lines if line.startswith("failed: ")]
    assert len(failed) == 30 + 1 + 1 + 2 + 1
    assert (lines == failed) == quiet
    a, folder = tmp_path / "a.jsonl", tmp_path / "in"
    assert f"failed: {a} row 2: this page asked for an error" in failed
    assert f"failed: {folder}/sub/line\\nend.txt: this page asked for an error" in failed
    assert "failed: e.html: KeyError: 'bug'" in failed
    assert any(line.startswith(f"failed: {a} row 61: not JSON") for line in failed)
    assert any(line.startswith(f"failed: {folder}/c.txt.gz: cannot be read") for line in failed)
    assert any(line.startswith(f"failed: {tmp_path / 'b.jsonl.gz'}: damaged") for line in failed)


def test_quiet_names_failures_of_a_pipe_too(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n{bad')
    shown = io.StringIO()
    batch.pipe(options(), io.BytesIO(), str(tmp_path / "a.jsonl"), fake.load, shown)
    assert shown.getvalue().startswith(f"failed: {tmp_path / 'a.jsonl'} row 2: not JSON")
    assert shown.getvalue().count("\n") == 1


def test_rows_are_piped_in_order(pages, expected):
    out = io.BytesIO()
    source = str(pages / "a.jsonl")
    found = batch.pipe(options(jobs=2), out, source, fake.load)
    assert out.getvalue() == expected["a.jsonl"]
    assert found.count("rejected") == 2
    with pytest.raises(UsageError, match="folder"):
        batch.pipe(options(), out, str(pages / "files"), fake.load)


def test_standard_input_is_rows(pages, expected, tmp_path, monkeypatch):
    with open(pages / "a.jsonl", "rb") as stream:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(stream))
        run(options(), ["-"], tmp_path / "out", fake.load)
    assert tree(tmp_path / "out")["stdin.jsonl"] == expected["a.jsonl"]


def test_output_of_a_run_is_input_of_another(pages, expected, tmp_path):
    whole(pages, tmp_path / "one")
    found = clean(tmp_path / "one", tmp_path / "two")
    assert any(one.reason == "the own files of a run" for one in found.skipped)
    first, second = expected["a.jsonl"].splitlines(), tree(tmp_path / "two")["a.jsonl"].splitlines()
    assert [json.loads(row)["text"] for row in first] == [json.loads(row)["text"] for row in second]


def test_limits_are_taken_back():
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    with engines.capped(100_000):
        assert resource.getrlimit(resource.RLIMIT_DATA) != before
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    with pytest.raises(engines.PageTimeout), engines.limited(0.05, hard=False):
        time.sleep(5)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
