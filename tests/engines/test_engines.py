"""The real engines: whatever runs it, a page has the same labels, to the last bit.

python -m pytest -o addopts= -m engines tests/engines
"""

import functools
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]  # for this process and its workers
os.environ["PYSPARK_PYTHON"] = sys.executable
os.environ["PYTHONPATH"] = os.pathsep.join([*sys.path[:2], os.environ.get("PYTHONPATH", "")])

from engines import fake  # noqa: E402

from unticker import arrow  # noqa: E402
from unticker.batch import BatchOptions, run  # noqa: E402

pytestmark = pytest.mark.engines
ROWS = 300


def text(n: int) -> str:
    noise = random.Random(n)
    kinds = ["ui-chrome: ", "headline-ticker: ", "byline: ", "", ""]
    return "\n".join(noise.choice(kinds) + str(noise.random()) for _ in range(20))


TEXTS = [text(n) for n in range(ROWS)]


@functools.cache
def expected() -> str:
    """The labels of all pages as JSON, from a loop over pages."""
    found = []
    for source in TEXTS:
        page = model().label(source)
        lines = [[line.number, line.label, line.probability] for line in page.lines]
        found.append([page.text(), lines])
    return json.dumps(found)


def model():
    return fake.load()


def table_of(rows) -> str:
    """Rows as any engine gives them back, as `expected` gives them."""
    rows = sorted(rows, key=lambda row: row["n"])
    return json.dumps(
        [
            [
                row["unticker_text"],
                [[x["line"], x["label"], x["probability"]] for x in row["unticker_lines"]],
            ]
            for row in rows
        ]
    )


def test_spark_map_in_arrow():
    pytest.importorskip("pyspark")
    from pyspark.sql import SparkSession

    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "40")
        .getOrCreate()
    )
    try:
        frame = spark.createDataFrame(list(enumerate(TEXTS)), "n long, text string")
        found = frame.repartition(4).mapInArrow(
            functools.partial(arrow.label_batches, model=fake.load()),
            f"n long, text string, {arrow.SPARK_COLUMNS}",
        )
        rows = [row.asDict(recursive=True) for row in found.collect()]
    finally:
        spark.stop()
    assert table_of(rows) == expected()


def test_ray_map_batches():
    ray = pytest.importorskip("ray")
    import pyarrow as pa

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        data = ray.data.from_arrow(pa.table({"n": range(ROWS), "text": TEXTS}))
        found = data.repartition(4).map_batches(
            arrow.label_table, batch_format="pyarrow", batch_size=40,
            fn_kwargs={"model": fake.load()},
        )  # fmt: skip
        rows = found.take_all()
    finally:
        ray.shutdown()
    assert table_of(rows) == expected()


def test_datasets_from_a_generator(tmp_path):
    datasets = pytest.importorskip("datasets")
    rows = [{"n": n, "text": source} for n, source in enumerate(TEXTS)]
    data = datasets.Dataset.from_generator(lambda: iter(rows), cache_dir=str(tmp_path))
    found = data.with_format("arrow").map(
        arrow.label_table, batched=True, batch_size=40, fn_kwargs={"model": fake.load()},
        num_proc=2,
    )  # fmt: skip
    assert table_of(found.with_format(None).to_list()) == expected()


def test_polars():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"n": range(ROWS), "text": TEXTS})
    found = polars.from_arrow(arrow.label_table(frame.to_arrow(), model=fake.load()))
    assert table_of(found.to_dicts()) == expected()


def test_datatrove_local_executor(tmp_path):
    pytest.importorskip("datatrove")
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    from unticker.datatrove import UntickerFilter

    (tmp_path / "in").mkdir()
    for part in range(2):
        rows = [{"id": str(n), "text": TEXTS[n]} for n in range(part, ROWS, 2)]
        rows.append({"id": f"none{part}", "text": "ui-chrome: nothing else"})
        rows.append({"id": f"bad{part}", "text": "%error%"})
        (tmp_path / f"in/{part}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    step = UntickerFilter(
        exclusion_writer=JsonlWriter(str(tmp_path / "excluded"), compression=None),
        dropped_lines_writer=JsonlWriter(str(tmp_path / "lines"), compression=None),
    )
    step.load = fake.load
    executor = LocalPipelineExecutor(
        pipeline=[
            JsonlReader(str(tmp_path / "in")), step,
            JsonlWriter(str(tmp_path / "out"), compression=None),
        ],
        tasks=2, workers=2, logging_dir=str(tmp_path / "logs"),
    )  # fmt: skip
    executor.run()

    def read(name: str):
        found = [
            json.loads(row)
            for path in sorted((tmp_path / name).rglob("*.jsonl"))
            for row in path.read_text().splitlines()
        ]
        return {row["id"]: row for row in found}

    out = read("out")
    rows = [
        {
            "n": int(key), "unticker_text": row["text"],
            "unticker_lines": row["metadata"]["unticker"]["lines"],
        }
        for key, row in out.items()
    ]  # fmt: skip
    assert table_of(rows) == expected()
    excluded = read("excluded")
    assert set(excluded) == {"none0", "none1", "bad0", "bad1"}
    assert excluded["none0"]["metadata"]["filter_reason"] == "no_article"
    assert excluded["bad0"]["text"] == "%error%"
    dropped = read("lines")
    for n, source in enumerate(TEXTS):
        parts = out[str(n)]["text"] + "\n" + dropped[str(n)]["text"]
        assert sorted(parts.split()) == sorted(source.split())


@pytest.fixture
def cluster():
    distributed = pytest.importorskip("dask.distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
        memory_limit=None,
    ) as found:  # fmt: skip
        yield found


def clean(folder: Path, output: str, load, **options):
    settings = BatchOptions(shard_rows=10, quiet=True, sidecar=True, **options)
    return run(settings, [str(folder / "a.jsonl")], folder / output, load=load)


def test_dask_with_a_worker_killed(tmp_path, cluster):
    rows = [json.dumps({"n": n, "text": source}) for n, source in enumerate(TEXTS)]
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    clean(tmp_path, "local", fake.load)

    import threading

    victim = next(iter(cluster.workers.values())).pid
    struck = []

    def strike() -> None:
        shards = tmp_path / "dask/.unticker/shards/0"
        while not list(shards.glob("*.json")):
            time.sleep(0.01)
        os.kill(victim, signal.SIGKILL)
        struck.append(victim)

    thread = threading.Thread(target=strike, daemon=True)
    thread.start()
    found = clean(
        tmp_path, "dask", fake.load_slow, engine="dask", scheduler=cluster.scheduler_address
    )
    thread.join(10)
    assert struck
    assert found.exit_code == 0
    for name in ("a.jsonl", "a.jsonl.dropped.jsonl", ".unticker/report.json"):
        assert (tmp_path / "dask" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()


def test_dask_page_that_kills_every_worker_is_named(tmp_path, cluster):
    texts = ["%kill%" if n == 25 else "fine" for n in range(60)]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    found = clean(tmp_path, "out", fake.load, engine="dask", scheduler=cluster.scheduler_address)
    assert found.count("ok") == 59
    assert [row["row"] for row in found.inputs[0].named] == [26]
