"""Lines that recur over the pages of a source, found in Python and in batch runs."""

import json
import random

import numpy as np
import pytest
from test_sinks import tree

from unticker import reading, repetition
from unticker.batch import BatchOptions, pipe, run
from unticker.errors import UsageError
from unticker.model import Model

SAME = "Join the reading circle of our paper on every second Thursday"


def page(number: int) -> str:
    return f"The bridge number {number}\n{SAME}\nBridge {number} was closed on Monday, they said.\n"


def hashes(text: str) -> repetition.Hashes:
    return repetition.hashes(reading.read(text, "text"))


def test_units_on_enough_pages_are_found():
    found = repetition.find([page(n) for n in range(4)] + ["Once only.\nOnce only."], least=4)
    assert [unit in found for unit in hashes(SAME)] == [True]
    assert [unit in found for unit in hashes("Once only.")] == [False]
    assert hashes("").tolist() == []


def test_counts_do_not_depend_on_order():
    pages = [hashes(page(n)) for n in range(300)]
    one, two = repetition.Counts(), repetition.Counts()
    for each in pages:
        one.add(each)
    for each in random.Random(1).sample(pages, len(pages)):
        two.add(each)
    found = one.repeated(300)
    assert found.digest == two.repeated(300).digest
    assert found.hashes.tolist() == hashes(SAME).tolist()


@pytest.mark.parametrize("held", [1, 1000, 1 << 40])
def test_counts_are_exact_however_much_is_held(held, monkeypatch, tmp_path):
    monkeypatch.setattr(repetition, "HELD", held)
    noise = np.random.default_rng(0)
    pages = [np.unique(noise.integers(0, 1 << 64, 400, np.uint64) >> 54 << 54) for _ in range(40)]
    counts = repetition.Counts(tmp_path)
    for each in pages:
        counts.add(each)
    units, on = np.unique(np.concatenate(pages), return_counts=True)
    found = counts.repeated(15)
    assert found.hashes.tolist() == units[on >= 15].tolist()
    assert 0 < len(found.hashes) < len(units)
    assert found.holds(units).tolist() == (on >= 15).tolist()
    assert not list(tmp_path.iterdir())  # what is written has no name


def test_nothing_recurs_where_nothing_is():
    found = repetition.Counts().repeated(2)
    assert found.holds(hashes(SAME)).tolist() == [False]


def test_a_huge_page_is_cut_as_its_labels_are(fitted: Model):
    text = "no line ends here and no sentence " * 20_000
    found = repetition.find([text, text], least=2)
    asked = []

    class Spy:
        digest = found.digest

        def holds(self, hashes):
            asked.append(found.holds(hashes).all())
            return found.holds(hashes)

    fitted.with_repeated(Spy()).label(text)
    assert len(asked) > 1
    assert all(asked)


def test_what_is_written_is_read(tmp_path):
    found = repetition.find([page(n) for n in range(4)], least=4)
    found.write(tmp_path / "a" / "0")
    assert repetition.Repeated.read(tmp_path / "a" / "0").digest == found.digest


def test_a_model_that_knows_is_another_model(fitted: Model):
    found = repetition.find([page(n) for n in range(4)], least=4)
    knowing = fitted.with_repeated(found)
    assert knowing.digest != fitted.digest
    before, after = (m.label(page(9)).lines[1].probabilities for m in (fitted, knowing))
    assert after["body"] < before["body"]


# ---- batch runs


@pytest.fixture
def crawl(tmp_path):
    path = tmp_path / "crawl.jsonl"
    rows = [{"id": n, "text": page(n)} for n in range(60)]
    rows.insert(7, {"id": "bad", "text": None})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def cleaned(crawl, output, folder, **other) -> dict[str, bytes]:
    made = BatchOptions(**{"model": str(folder), "quiet": True, "repeated": 4} | other)
    run(made, [str(crawl)], output)
    return tree(output)


@pytest.fixture(scope="module")
def folder(fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("fitted") / "m"
    fitted.save(path)
    return path


def texts(output: dict[str, bytes]) -> dict[object, object]:
    rows = map(json.loads, output["crawl.jsonl"].splitlines())
    return {row["id"]: row["text"] for row in rows}


def test_repeated_lines_go_whatever_the_order_jobs_and_shards(crawl, fitted, folder, tmp_path):
    knowing = fitted.with_repeated(repetition.find([page(n) for n in range(4)], least=4))
    chances = [m.label(page(9)).lines[1].probabilities["body"] for m in (fitted, knowing)]
    kept = {"threshold": sum(chances) / 2}
    plain = texts(cleaned(crawl, tmp_path / "plain", folder, repeated=None, **kept))
    found = texts(cleaned(crawl, tmp_path / "one", folder, **kept))
    assert SAME in plain[9]
    assert SAME not in found[9]
    for name, other in (("two", {"jobs": 2, "shard_rows": 7}), ("three", {"shard_rows": 3})):
        assert texts(cleaned(crawl, tmp_path / name, folder, **kept, **other)) == found
    rows = crawl.read_text().splitlines(keepends=True)
    crawl.write_text("".join(random.Random(3).sample(rows, len(rows))))
    assert texts(cleaned(crawl, tmp_path / "four", folder, **kept)) == found


def test_a_resumed_run_counts_again(crawl, folder, tmp_path, monkeypatch):
    from unticker import workers

    expected = cleaned(crawl, tmp_path / "whole", folder, shard_rows=7)
    results = workers.results

    def cut_short(tasks, options, jobs):
        for number, found in enumerate(results(tasks, options, jobs)):
            if number == 3 and not found[0].counting:
                raise KeyboardInterrupt
            yield found

    monkeypatch.setattr(workers, "results", cut_short)
    with pytest.raises(KeyboardInterrupt):
        cleaned(crawl, tmp_path / "out", folder, shard_rows=7)
    monkeypatch.undo()
    assert cleaned(crawl, tmp_path / "out", folder, shard_rows=7, resume=True) == expected
    assert not (tmp_path / "out" / ".unticker" / "repeated").exists()


def test_what_takes_a_second_look_cannot_be_piped(crawl, folder):
    with pytest.raises(UsageError, match="into a folder"):
        pipe(BatchOptions(repeated=4, model=str(folder)), None, str(crawl))
    with pytest.raises(UsageError, match="from 2"):
        BatchOptions(repeated=1).check()


def test_standard_input_cannot_be_looked_at_twice(folder, tmp_path):
    made = BatchOptions(repeated=4, model=str(folder), quiet=True)
    with pytest.raises(UsageError, match="use a file"):
        run(made, ["-"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_line_that_recurs_is_known_in_markdown_too(fitted: Model) -> None:
    linked = SAME.replace("reading circle", "[reading circle](https://a.example/circle)")
    pages = [page(n).replace(SAME, linked) for n in range(4)]
    known = fitted.with_repeated(repetition.find(pages, least=4))
    assert known.label(pages[0]).lines[1].label in ("headline-ticker", "ui-chrome")
    assert hashes(linked).tolist() == hashes(SAME).tolist()
