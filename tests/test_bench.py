"""The bench measures what its docs say: against a stub model and pages made up here."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import bench
from bench import accuracy, cuttings, openings, peers, speed
from bench.peers import OTHER, body_lines

STORY = (
    ("The harbour bridge opens again", "body"),
    ("By Ines Calder", "byline"),
    ("The harbour bridge opened again on Monday after nine weeks of repairs, the city said.",
     "body"),
    ("Share", "ui-chrome"),
    ("Share prices of the two builders rose by a third within the first hour of trading.",
     "body"),
    ("Storm closes the northern ferry line until Thursday", "headline-ticker"),
)  # fmt: skip
LINES = [line for line, _ in STORY]
GOLD = dict(STORY)
PAGE = "<html><body>" + "".join(f"<p>{line}</p>" for line in LINES) + "</body></html>"


@dataclass
class StubPage:
    lines: list[Any]
    body: str


class Stub:
    """A model that knows the story by heart, or calls every line the same."""

    def __init__(self, always: str | None = None) -> None:
        self.always = always

    def label(self, source: Any, kind: str = "auto") -> StubPage:
        if kind == "html":
            from unticker import html

            source = "\n".join(html.read(source).markup.lines)
        lines = [
            SimpleNamespace(number=n, text=text, label=self.always or GOLD.get(text, "ui-chrome"))
            for n, text in enumerate(source.split("\n"), 1)
            if text.strip()
        ]
        return StubPage(lines, "\n".join(ln.text for ln in lines if ln.label == "body"))

    def label_many(self, sources: Iterable[Any], kind: str = "auto") -> Iterator[StubPage]:
        return (self.label(source, kind) for source in sources)


@pytest.fixture
def annotations(tmp_path: Path) -> Path:
    """Three public pages on three sites, one of them changed since, and an original page."""
    folder = tmp_path / "annotations"
    (folder / "standoff").mkdir(parents=True)
    (folder / "original").mkdir()
    (tmp_path / "corpora" / "made-up").mkdir(parents=True)
    rows = []
    for name in ("one", "two", "changed"):
        (tmp_path / "corpora" / "made-up" / f"{name}.html").write_text(PAGE, encoding="utf-8")
        for number, (line, label) in enumerate(STORY, 1):
            digest = hashlib.sha1((line + name * (name == "changed")).encode()).hexdigest()[:10]
            rows.append({"set": "made-up", "page": f"{name}.html", "line": number, "sha1": digest,
                         "label": label, "lang": "en", "site": f"{name}.example"})  # fmt: skip
    dump = "\n".join(map(json.dumps, rows)) + "\n"
    (folder / "standoff" / "made-up.jsonl").write_text(dump, encoding="utf-8")
    original = [
        {"page": "en-01", "line": 2 * n, "text": line, "label": label, "lang": "en",
         "site": "own.example"}
        for n, (line, label) in enumerate(STORY, 1)
    ]  # fmt: skip
    dump = "\n".join(map(json.dumps, original)) + "\n"
    (folder / "original" / "en.jsonl").write_text(dump, encoding="utf-8")
    return folder


def splits(folder: Path) -> None:
    (folder / "splits.json").write_text(
        json.dumps({"one.example": "test", "two.example": "train", "own.example": "test"})
    )


def story(html: bool = True) -> bench.Gold:
    data = PAGE.encode() if html else None
    return bench.Gold("story", "s", "en", tuple(LINES), tuple(GOLD[ln] for ln in LINES), data)


# ---- gold


def test_pages_whose_lines_changed_are_left_out_and_named(annotations: Path) -> None:
    pages, drifted = bench.public_pages("all", annotations, annotations.parent / "corpora")
    assert [page.name for page in pages] == ["made-up/one.html", "made-up/two.html"]
    assert drifted == ["made-up/changed.html"]
    assert list(pages[0].lines) == LINES
    assert pages[0].labels == tuple(GOLD[line] for line in LINES)


def test_a_split_takes_its_sites_only(annotations: Path) -> None:
    with pytest.raises(bench.BenchError, match="does not exist yet"):
        bench.original_pages("test", annotations)
    splits(annotations)
    pages, _ = bench.public_pages("test", annotations, annotations.parent / "corpora")
    assert [page.site for page in pages] == ["one.example"]
    assert bench.original_pages("train", annotations) == []


def test_blank_lines_of_original_pages_come_back(annotations: Path) -> None:
    (page,) = bench.original_pages("all", annotations)
    assert page.lines[:4] == ("", LINES[0], "", LINES[1])
    assert page.labels[:2] == (None, "body")
    assert page.html is None


def test_original_pages_come_with_the_html_they_were_written_as(annotations: Path) -> None:
    folder = annotations / "original" / "html"
    folder.mkdir()
    (folder / "en-01.html").write_text(PAGE, encoding="utf-8")
    (page,) = bench.original_pages("all", annotations)
    assert page.html == PAGE.encode()


# ---- peers


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("The council met on Monday evening.", True),
        ("Four words are short.", False),
        ("The council met on Monday evening", False),
        ("Read what the council said on...", False),
        ("Please enable JavaScript to read this page.", False),
        ("You accept our privacy policy by going on.", False),
        ('"We met on Monday evening," she said, "twice"', True),
    ],
)
def test_c4_rule(line: str, kept: bool) -> None:
    assert peers.c4(line) is kept


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("Rain in the north    Ferry stops    Team wins cup    Bank cuts rates", "headline-ticker"),
        ("14:05 Storm closes the northern ferry line", "headline-ticker"),
        ("By Ines Calder", "byline"),
        ("3 May 2024", "byline"),
        ("2024-05-03 14:05", "byline"),
        ("市议会星期一晚上召开会议，讨论了新的预算。", "body"),
        ("The council met on Monday evening.", "body"),
        ("Share", "ui-chrome"),
    ],
)
def test_patterns(line: str, label: str) -> None:
    assert peers.patterns(line) == label


def test_a_button_is_not_found_inside_a_sentence() -> None:
    assert body_lines(LINES, "\n".join([LINES[0], LINES[2], LINES[4]])) == [
        label == "body" for _, label in STORY
    ]


def test_white_space_and_case_do_not_matter_but_order_of_words_does() -> None:
    assert body_lines(["The  Harbour\tbridge"], "the harbour\nBRIDGE opens") == [True]
    assert body_lines(["bridge harbour"], "the harbour bridge") == [False]


def test_of_equal_lines_the_one_beside_the_article_counts() -> None:
    lines = ["Bridge opens again", "Menu", "Contact", "Bridge opens again", LINES[2], LINES[4]]
    text = "\n".join([lines[0], LINES[2], LINES[4]])
    assert body_lines(lines, text) == [False, False, False, True, True, True]


def test_long_lines_may_miss_a_fifth() -> None:
    words = [f"w{n}" for n in range(40)]
    assert body_lines([" ".join(words)], " ".join(words[:-3])) == [True]
    assert body_lines([" ".join(words)], " ".join(words[:20])) == [False]


def test_missing_peers_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr("importlib.import_module", missing)
    found, skipped = peers.html_peers()
    assert not found
    assert set(skipped) == set(peers._HTML)
    assert "No module named 'justext'" in skipped["jusText"]
    assert set(cuttings.cutters()[1]) == set(cuttings._CUTS)
    _, skipped = peers.text_peers([story()])
    assert "fastText" in skipped


def test_fasttext_learns_its_lines() -> None:
    pytest.importorskip("fasttext")
    model = peers.train_fasttext([story()] * 30)
    assert peers.fasttext_labels(model, ["Share", LINES[1]]) == ["ui-chrome", "byline"]
    assert peers.fasttext_labels(model, []) == []


@pytest.mark.parametrize("name", peers._HTML)
def test_installed_extractors_give_text(name: str) -> None:
    found, skipped = peers.html_peers([name])
    if skipped:
        pytest.skip(skipped[name])
    page = PAGE.replace("</p>", " " + LINES[2] * 4 + "</p>")
    assert found[0].extract is not None
    assert "nine weeks of repairs" in found[0].extract(page, "en").text


# ---- measures


def test_shingles_by_hand() -> None:
    # gold abcd bcde, said bcde cdef: one of two each way
    assert accuracy.shingles("a b c d e", "b, c d e f") == (0.5, 0.5)
    # multisets: one "a a a a" of the three said is gold's
    assert accuracy.shingles("a a a a", "a a a a a a") == (1 / 3, 1.0)
    assert accuracy.shingles("", "") == (1.0, 1.0)
    assert accuracy.shingles("a", "") == (0.0, 0.0)
    assert accuracy.shingles("a b", "a b") == (1.0, 1.0)


def test_page_precision_and_recall_are_averaged_before_f1() -> None:
    result = accuracy.shingle_f1([(1.0, 0.0), (0.0, 1.0)])
    assert result == {"precision": 0.5, "recall": 0.5, "f1": 0.5}


def test_labels_that_nobody_gives_count_zero() -> None:
    assert accuracy.prf(Counter({("byline", "body"): 2}), "byline")["f1"] == 0.0


def test_a_perfect_model_gets_one_and_the_rest_what_they_earn() -> None:
    results, _, _ = accuracy.judge([story()], [], Stub())
    for name in ("unticker text", "unticker html"):
        assert results[name]["macro_f1"] == results[name]["shingles"]["f1"] == 1.0
        assert results[name]["languages"] == {"en": {"lines": 6, "accuracy": 1.0}}
    rule = results["C4 rule"]
    assert rule["macro_f1"] is None
    assert rule["labels"]["body"] == {"precision": 1.0, "recall": pytest.approx(2 / 3),
                                      "f1": pytest.approx(0.8)}  # fmt: skip
    body, _, _ = accuracy.judge([story(html=False)], [], Stub("body"), html=False)
    assert body["unticker text"]["labels"]["body"]["precision"] == 0.5
    assert "unticker html" not in body


def test_lines_the_model_leaves_out_are_wrong() -> None:
    class Silent(Stub):
        def label(self, source: Any, kind: str = "auto") -> StubPage:
            return StubPage([], "")

    results, _, _ = accuracy.judge([story()], [], Silent(), html=False)
    assert results["unticker text"]["languages"]["en"]["accuracy"] == 0.0


def test_an_extractor_that_raises_is_counted() -> None:
    def broken(page: str, lang: str) -> peers.Extract:
        raise ValueError

    peer = peers.Peer("broken", "html", extract=broken)
    ((_, answer),) = accuracy.answers(peer, story())
    assert answer.failed
    assert set(answer.labels) == {OTHER}


def test_the_reported_headline_is_judged_apart() -> None:
    text = "\n".join([LINES[2], LINES[4]])
    peer = peers.Peer(
        "p", "html", titles=True, extract=lambda page, lang: peers.Extract(text, LINES[0])
    )
    plain, titled = accuracy.answers(peer, story())
    assert (plain[0], titled[0]) == ("", "titled")
    assert plain[1].labels[0] == OTHER
    assert titled[1].labels[0] == "body"
    again = peers.Extract(f"{LINES[0]}\n{text}", LINES[0])
    peer = peers.Peer("p", "html", titles=True, extract=lambda page, lang: again)
    assert [answer.text for _, answer in accuracy.answers(peer, story())] == [again.text] * 2


def test_accuracy_command_writes_numbers_and_no_text(
    annotations: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    splits(annotations)
    monkeypatch.setattr(bench, "load_model", lambda path: Stub())
    out = annotations / "out.json"
    command = ["--annotations", str(annotations), "--corpora", str(annotations.parent / "corpora"),
               "--json", str(out)]  # fmt: skip
    assert accuracy.main(command) == 0
    report = json.loads(out.read_text())
    assert report["public"]["pages"] == report["original"]["pages"] == 1
    assert report["public"]["peers"]["unticker html"]["macro_f1"] == 1.0
    printed = capsys.readouterr().out
    assert not any(line in out.read_text() + printed for line in LINES if line != "Share")
    (annotations / "splits.json").unlink()
    assert accuracy.main(command) == 1


# ---- speed


def test_contenders_take_turns() -> None:
    order: list[str] = []
    work: dict[str, speed.Work] = {name: partial(order.append, name) for name in "ab"}
    assert set(speed.rounds(work, 2)) == {"a", "b"}
    assert order == list("ab" * 3)  # a warm-up and two rounds


@pytest.mark.parametrize("size", [10, 1_000, 54_321])
def test_pages_of_a_size(size: int) -> None:
    lines = iter(["the quick brown fox", "žluťoučký kůň"] * 10_000)
    assert abs(len(speed.page_of(lines, size).encode()) - size) <= 8


def test_sizes_and_memory_with_a_stub(monkeypatch: pytest.MonkeyPatch) -> None:
    found = speed.size_speed([story()], 1, Stub(), largest=10_000, work_bytes=20_000)
    assert [row["size"] for row in found] == [1_000, 10_000]
    monkeypatch.setattr(bench, "load_model", lambda path: Stub())
    for what in ("stream", "page"):
        before, peak, _ = speed.memory_probe(what, 60_000, None, [story()])
        assert 0 < before <= peak


def test_a_broken_extractor_does_not_stop_the_clock() -> None:
    def broken(page: str, lang: str) -> peers.Extract:
        raise ValueError

    assert speed._extracting(peers.Peer("b", "html", extract=broken), [story()])() == 0


def test_speed_command_starts_with_one_thread(annotations: Path) -> None:
    command = [sys.executable, "-m", "bench.speed", "--split", "all", "--rounds", "1",
               "--annotations", str(annotations), "--corpora", str(annotations.parent / "corpora"),
               "--largest", "1000", "--no-memory"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=bench.ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert "MB/s" in done.stdout
    check = (
        "import os, bench.speed as s; s.one_core(); print(os.environ['OMP_NUM_THREADS'],"
        "len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else 1)"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, cwd=bench.ROOT, check=False,
        env={k: v for k, v in os.environ.items() if k not in speed.THREADS},
    )  # fmt: skip
    assert done.stdout.split() == ["1", "1"]


# ---- cuttings


def test_character_f1_ignores_marks_and_spaces() -> None:
    tally = cuttings.Tally()
    tally.add(cuttings.shingles("The bridge opens."), "**The**  bridge\nopens")
    tally.add(cuttings.shingles(""), "")
    tally.add(cuttings.shingles(""), "something else altogether")
    assert tally.pages == [1.0, 1.0, 0.0]
    assert tally.result()["recall"] == 1.0


def test_markdown_targets_do_not_count() -> None:
    text = r'a [b](http://c.example "t") ![d](e.png) [f \] g](h)' + "\\" * 40
    assert cuttings.without_targets(text).split()[:5] == ["a", "b", "f", r"\]", "g" + "\\" * 40]


def test_the_ceiling_takes_the_body_once() -> None:
    gold = cuttings.shingles(LINES[2])
    assert cuttings.ceiling(gold, "\n".join([LINES[1], LINES[2], LINES[2]])) == LINES[2]


def test_cuts_and_collapsed_pages_with_a_stub() -> None:
    found, skipped = cuttings.cut_pages([story()], Stub())
    assert found["own lines"]["unticker"]["mean"] == 1.0
    assert set(found) | set(skipped) == {"own lines", *cuttings._CUTS}
    results = cuttings.collapsed([story(html=False)], Stub("body"))
    assert set(results) == {"as they are", "four spaces", "one space"}
    assert results["one space"]["recall"] > 0.9


# ---- openings


def test_an_opening_is_headline_byline_and_first_paragraphs() -> None:
    prose = [
        f"The bridge opens to the traffic of the town on Monday, after {n} years." for n in (1, 2)
    ]
    rows = [
        ("Menu", "ui-chrome"), ("Sport", "ui-chrome"), ("Bridge", "body"), ("By Ana", "byline"),
        (prose[0], "body"), ("Map", "ui-chrome"), (prose[1], "body"), ("Foot", "ui-chrome"),
    ]  # fmt: skip
    lines, labels = zip(*rows, strict=True)
    page = bench.Gold("p", "s", "en", ("", *lines), (None, *labels))
    assert openings.opening(page, 1, 0) == [rows[2], rows[3], rows[4]]
    assert openings.opening(page, 2, 1) == [*rows[1:5], *rows[6:]]
    assert openings.opening(page, 3, 1) is None
    assert openings.as_html(rows[1:4]).count("<h1>Bridge</h1>") == 1


@pytest.mark.parametrize("kind", ["text", "html"])
def test_openings_are_judged(kind: str) -> None:
    cut = openings.opening(story(), 1, 1)
    assert cut is not None
    assert openings.judged([cut], Stub(), kind) == {
        "pages": 1, "emptied": 0.0, "headline": 1.0, "body_f1": 1.0,
    }  # fmt: skip
    assert openings.judged([cut] * 2, Stub("byline"), kind)["emptied"] == 1.0


def test_nothing_heavy_is_imported_with_the_bench() -> None:
    check = ("import sys, bench.accuracy, bench.speed, bench.cuttings, bench.openings; "
             "print(*{'numpy', 'lxml', 'trafilatura', 'fasttext'} & set(sys.modules))")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, cwd=bench.ROOT, check=True
    )
    assert done.stdout.strip() == ""
