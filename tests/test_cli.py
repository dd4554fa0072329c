"""The command: its rows, its exit codes, and one sentence where it fails."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, cases
from test_training import BY_HAND

import unticker
from unticker import console, streams
from unticker.errors import OutputError, UsageError
from unticker.phrases import Phrases

COMMANDS = ("label", "clean", "train", "evaluate", "explain", "model")
PAGE = """\
Home | News | Sport

The harbour opens in spring
By Ana Bell
The new harbour will open in spring, the council said on Monday after a long debate.
"""
HTML = (
    "<!DOCTYPE html><html><body><nav><a href=x>Menu</a></nav><p>The council met.</p></body></html>"
)
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0\x1f\x15\xc4\x89"
BINARY = {
    "empty": b"",
    "blank": b"\n \r\n\t\r",
    "NUL": b"\0" * 500,
    "PNG": PNG + bytes(range(256)) * 4,
    "bad UTF-8": b"Menu\nThe council met\xff\xfe on Monday.\n\xc3",
    "UTF-16": "Menu\nنص".encode("utf-16"),
    "half a byte order mark": b"\xff\xfe\0",
    "markup that never ends": b"<html><body><p><!-- " + b"<" * 500,
    "gzip": b"\x1f\x8b\x08\0\0\0\0\0" + bytes(range(255, 0, -1)),
    **{f"random {n}": random.Random(n).randbytes(3000) for n in range(6)},
}


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.txt"
    path.write_text(PAGE, "utf-8")
    return path


@pytest.fixture
def site(tmp_path):
    """A folder of pages, one of them HTML, beside a file that is no page."""
    path = tmp_path / "site"
    (path / "b").mkdir(parents=True)
    (path / "a.txt").write_text(PAGE, "utf-8")
    (path / "b" / "c.html").write_text(HTML, "utf-8")
    (path / "b" / "a.txt").write_text(PAGE.replace("harbour", "bridge"), "utf-8")
    (path / "picture.png").write_bytes(PNG)
    return path


def sentence(err: str) -> bool:
    return err.startswith("unticker: ") and err.count("\n") == 1 and err.endswith("\n")


def test_the_command_says_what_it_is(run):
    assert run("--version").out == f"unticker {unticker.__version__}\n"
    short, long = run("-h"), run("--help")
    assert (short.code, long.code) == (0, 0)
    assert short.out == long.out
    assert "what in a crawled news page is the article" in " ".join(short.out.split())


# ---- label


def test_label_prints_a_row_for_each_line_that_is_not_blank(run, folder, page, model):
    ran = run("label", "-m", folder, page)
    assert (ran.code, ran.err) == (0, "")
    assert [list(row) for row in ran.rows] == [
        ["source", "line", "label", "probability", "text"]
    ] * 4
    assert [row["line"] for row in ran.rows] == [1, 3, 4, 5]
    assert [row["text"] for row in ran.rows] == [line for line in PAGE.split("\n") if line]
    assert {row["source"] for row in ran.rows} == {str(page)}
    for row, line in zip(ran.rows, model.label(page).lines, strict=True):
        assert row["label"] == line.label
        assert row["probability"] == pytest.approx(line.probability, abs=1e-4)


@pytest.mark.parametrize("args", [[], ["-"]])
def test_label_reads_standard_input(run, folder, args):
    ran = run("label", "-m", folder, *args, stdin=PAGE.encode())
    assert ran.code == 0
    assert [(row["source"], row["line"]) for row in ran.rows] == [("-", n) for n in (1, 3, 4, 5)]


def test_label_walks_folders_in_order(run, folder, site):
    ran = run("label", "-m", folder, site)
    assert ran.code == 0
    sources = list(dict.fromkeys(row["source"] for row in ran.rows))
    assert sources == [str(site / name) for name in ("a.txt", "b/a.txt", "b/c.html")]
    html = [row["text"] for row in ran.rows if row["source"].endswith(".html")]
    assert html == ["Menu", "The council met."]


def test_label_writes_one_file_a_page(run, folder, site, tmp_path):
    ran = run("label", "-m", folder, site, "-o", tmp_path / "out")
    assert (ran.code, ran.out) == (0, "")
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    rows = [json.loads(row) for path in files for row in path.read_text("utf-8").split("\n") if row]
    assert len(files) == 3
    assert sorted(json.dumps(row) for row in rows) == sorted(
        json.dumps(row) for row in run("label", "-m", folder, site).rows
    )
    assert run("label", "-m", folder, site, "-o", tmp_path / "out").code == 2
    assert run("label", "-m", folder, site, "-o", tmp_path / "out", "--overwrite").code == 0


def test_label_refuses_a_file_as_its_folder(run, folder, page):
    ran = run("label", "-m", folder, page, "-o", page)
    assert ran.code == 2
    assert sentence(ran.err)
    assert page.read_text("utf-8") == PAGE


def test_kind_overrules(run, folder, tmp_path):
    (tmp_path / "a.txt").write_text(HTML, "utf-8")
    assert len(run("label", "-m", folder, tmp_path / "a.txt").rows) == 1
    assert len(run("label", "-m", folder, "--kind", "html", tmp_path / "a.txt").rows) == 2
    assert len(run("label", "-m", folder, stdin=HTML.encode()).rows) == 2
    assert len(run("label", "-m", folder, "--kind", "text", stdin=HTML.encode()).rows) == 1


@pytest.mark.parametrize("codec", [".gz", ".bz2", ".xz"])
def test_a_compressed_page_is_read_as_what_it_holds(run, folder, tmp_path, codec):
    path = tmp_path / f"a.html{codec}"
    path.write_bytes(streams.compress(HTML.encode(), codec))
    rows = run("label", "-m", folder, path).rows
    assert [row["text"] for row in rows] == ["Menu", "The council met."]
    assert run("label", "-m", folder, tmp_path).rows == rows
    path.write_bytes(path.read_bytes()[:-5])
    for command in ("label", "clean"):
        ran = run(command, "-m", folder, path)
        assert (ran.code, ran.out) == (1, "")
        assert sentence(ran.err)
        assert str(path) in ran.err


def test_an_encoding_can_be_named(run, folder, tmp_path):
    (tmp_path / "a.txt").write_bytes("Přílišný".encode("cp1250"))
    ran = run("label", "-m", folder, "--encoding", "cp1250", tmp_path / "a.txt")
    assert ran.rows[0]["text"] == "Přílišný"


def test_phrases_are_weighed(run, folder, page, tmp_path):
    before = run("label", "-m", folder, page).rows[1]
    (tmp_path / "phrases.tsv").write_text("byline\tthe harbour opens in spring\n", "utf-8")
    after = run("label", "-m", folder, "--phrases", tmp_path / "phrases.tsv", page).rows[1]
    assert (after["label"], after["probability"]) != (before["label"], before["probability"])


# ---- what fails


@pytest.mark.parametrize("command", ["label", "clean"])
def test_a_missing_file_is_named_and_counts_as_failed(run, folder, command, tmp_path):
    ran = run(command, "-m", folder, tmp_path / "none.txt")
    assert (ran.code, ran.out) == (1, "")
    assert sentence(ran.err)
    assert str(tmp_path / "none.txt") in ran.err


@pytest.mark.parametrize(
    "option", [["--threshold", "2"], ["--timeout", "nan"], ["--memory", "0"], ["--jobs", "0"]]
)
@pytest.mark.parametrize("output", [[], ["-o", "out"]])
def test_options_are_checked_for_one_page_as_for_many(
    run, folder, page, tmp_path, monkeypatch, option, output
):
    monkeypatch.chdir(tmp_path)
    ran = run("clean", "-m", folder, page, *option, *output)
    assert (ran.code, ran.out) == (2, "")
    assert sentence(ran.err)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
@pytest.mark.parametrize("command", ["label", "clean"])
def test_output_that_cannot_be_written_is_one_sentence(folder, page, command):
    with open("/dev/full", "wb") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "unticker", command, "-m", str(folder), str(page)],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert ran.returncode == 2
    assert sentence(ran.stderr)


def test_closed_streams_are_one_sentence(run, folder, page, monkeypatch):
    monkeypatch.setattr(console.sys, "stdout", None)
    with pytest.raises(OutputError, match="standard output is closed"):
        console.print_text("a")
    monkeypatch.undo()
    monkeypatch.setattr(streams.sys, "stdin", None)
    with pytest.raises(UsageError, match="standard input is closed"):
        console.read_source("-")


def test_train_refuses_what_it_cannot_do_before_it_fits(run, page, tmp_path):
    (tmp_path / "a.tsv").write_text("body\ttext\nui-chrome\tmenu\n")
    for args in (["-o", page / "m"], ["-o", tmp_path / "m", "--jobs", "0"]):
        ran = run("train", tmp_path / "a.tsv", *args)
        assert (ran.code, ran.out) == (2, "")
        assert sentence(ran.err)


def test_the_other_pages_are_labelled_all_the_same(run, folder, page, tmp_path):
    ran = run("label", "-m", folder, tmp_path / "none.txt", page, tmp_path / "no.txt")
    assert ran.code == 1
    assert len(ran.rows) == 4
    assert [name in ran.err for name in ("none.txt", "no.txt", "page.txt")] == [True, True, False]


@pytest.mark.parametrize(
    "args",
    [
        ["label", "{page}"], ["clean", "{page}"], ["clean", "{page}", "-o", "{folder}/out"],
        ["explain", "{page}", "--line", "1"], ["evaluate", "{tsv}"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_missing_model_is_refused(run, page, tmp_path, args):
    (tmp_path / "a.tsv").write_text("body\ttext\n")
    names = {"page": page, "folder": tmp_path, "tsv": tmp_path / "a.tsv"}
    ran = run(*[arg.format(**names) for arg in args], "-m", tmp_path / "nowhere")
    assert (ran.code, ran.out) == (3, "")
    assert sentence(ran.err)
    assert "nowhere" in ran.err
    assert not (tmp_path / "out").exists()


def test_model_refuses_a_folder_that_is_none(run, tmp_path):
    ran = run("model", tmp_path)
    assert ran.code == 3
    assert sentence(ran.err)


def test_a_damaged_model_is_refused(run, folder, page, tmp_path):
    shutil.copytree(folder, tmp_path / "m")
    with (tmp_path / "m" / "weights.npz").open("ab") as stream:
        stream.write(b"x")
    ran = run("label", "-m", tmp_path / "m", page)
    assert ran.code == 3
    assert "SHA-256" in ran.err


@pytest.mark.parametrize("args", cases("usage"), ids=" ".join)
def test_bad_usage(run, folder, page, site, args):
    names = {"page": page, "folder": site, "model": folder}
    ran = run(*[arg.format(**names) for arg in args])
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.strip()
    assert page.read_text("utf-8") == PAGE


@pytest.mark.parametrize("command", ["label", "clean"])
@pytest.mark.parametrize("name", ["nothing", "pictures"])
def test_a_folder_without_pages_is_one_sentence_or_an_empty_result(
    run, folder, tmp_path, command, name
):
    (tmp_path / name).mkdir()
    if name == "pictures":
        (tmp_path / name / "picture.png").write_bytes(PNG)
    output = ["-o", tmp_path / "out", "-q"] if command == "clean" else []
    ran = run(command, "-m", folder, tmp_path / name, *output)
    assert ran.out == ""
    assert not list((tmp_path / "out").glob("*.txt"))
    if ran.code:
        assert ran.code == 2
        assert sentence(ran.err)
        assert name in ran.err


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("suffix", [".txt", ".html", ""])
def test_any_bytes_are_a_page(run, folder, tmp_path, name, suffix):
    path = tmp_path / f"page{suffix}"
    path.write_bytes(BINARY[name])
    for args in (["label", path], ["clean", path], ["clean", "--keep", "ui-chrome", "-"]):
        ran = run(*args, "-m", folder, stdin=BINARY[name])
        assert ran.code == 0
        assert ran.err == ""
    if name in ("empty", "blank"):
        assert ran.out == ""


def test_annotations_of_any_bytes_are_refused(run, tmp_path):
    for n, data in enumerate(BINARY.values()):
        for suffix in ("tsv", "jsonl"):
            path = tmp_path / f"{n}.{suffix}"
            path.write_bytes(data)
            ran = run("train", path, "-o", tmp_path / "m")
            assert ran.code == 2
            assert sentence(ran.err)
    assert not (tmp_path / "m").exists()


# ---- clean


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ([], {}),
        (["--no-title"], {"title": False}),
        (["--keep", "body,byline"], {"keep": ("body", "byline")}),
        (["--keep", " byline , ui-chrome"], {"keep": ("byline", "ui-chrome")}),
        (["--threshold", "0.2"], {"threshold": 0.2}),
        (["--trim"], {"trim": True}),
    ],
    ids=str,
)
def test_clean_prints_the_text_of_a_page(run, folder, page, model, args, options):
    ran = run("clean", "-m", folder, page, *args)
    expected = model.label(page).text(**options)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (expected + "\n" if expected else "")
    assert run("clean", "-m", folder, "-", *args, stdin=PAGE.encode()).out == ran.out


def test_clean_can_refuse_to_gut_a_page(run, folder, page):
    kept = run("clean", "-m", folder, page, "--max-removed", "1")
    assert kept.code == 0
    ran = run("clean", "-m", folder, page, "--keep", "byline", "--max-removed", "0.01")
    assert (ran.code, ran.out) == (1, "")
    assert sentence(ran.err)


def test_clean_mirrors_a_folder(run, folder, site, model, tmp_path):
    ran = run("clean", "-m", folder, site, "-o", tmp_path / "out", "-q")
    assert ran.code == 0
    texts = {
        path.relative_to(tmp_path / "out").as_posix(): path.read_text("utf-8").strip()
        for path in (tmp_path / "out").rglob("*.txt")
    }
    assert texts == {
        name: model.label(site / source).text()
        for name, source in (("a.txt", "a.txt"), ("b/a.txt", "b/a.txt"), ("b/c.txt", "b/c.html"))
    }
    again = run("clean", "-m", folder, site, "-o", tmp_path / "out", "-q")
    assert again.code == 2
    assert len(again.err.strip().split("\n")) == 1
    assert run("clean", "-m", folder, site, "-o", tmp_path / "out", "-q", "--overwrite").code == 0


def test_clean_refuses_two_pages_of_one_name(run, folder, site, tmp_path):
    (site / "b" / "a.html").write_text(HTML, "utf-8")
    ran = run("clean", "-m", folder, site, "-o", tmp_path / "out", "-q")
    assert ran.code == 2
    assert sentence(ran.err)
    assert "b/a.txt" in ran.err
    assert not (tmp_path / "out").exists()


def test_clean_names_a_page_that_is_missing(run, folder, page, tmp_path):
    ran = run("clean", "-m", folder, page, tmp_path / "none.txt", "-o", tmp_path / "out", "-q")
    assert ran.code in (1, 2)
    assert "none.txt" in ran.err
    assert "Traceback" not in ran.err


# ---- train and evaluate


def test_a_new_user_trains_on_two_pages_and_labels_with_them(run, page, tmp_path):
    (tmp_path / "my.tsv").write_text(BY_HAND, "utf-8")
    ran = run("train", tmp_path / "my.tsv", "-o", tmp_path / "my-model", "--jobs", 1)
    assert ran.code == 0, ran.err
    assert "14 lines" in ran.out
    files = {path.name for path in (tmp_path / "my-model").iterdir()}
    assert files == {"weights.npz", "model.json", "metrics.json", "README.md"}
    assert len(run("label", "-m", tmp_path / "my-model", page).rows) == 4
    assert run("model", tmp_path / "my-model").code == 0
    card = (tmp_path / "my-model" / "README.md").read_text("utf-8")
    assert "14 annotated lines of 2 pages" in card

    again = run("train", tmp_path / "my.tsv", "-o", tmp_path / "my-model")
    assert again.code == 2
    assert sentence(again.err)
    assert "--overwrite" in again.err

    scored = run("evaluate", "-m", tmp_path / "my-model", tmp_path / "my.tsv", "--json")
    assert json.loads(scored.out)["lines"] == 14
    shown = run("evaluate", "-m", tmp_path / "my-model", tmp_path / "my.tsv")
    assert shown.code == 0
    assert "2 pages" in shown.out
    assert "macro-F1" in shown.out


def test_one_label_is_refused(run, tmp_path):
    (tmp_path / "my.tsv").write_text("body\ta\nbody\tb\n", "utf-8")
    ran = run("train", tmp_path / "my.tsv", "-o", tmp_path / "m", "--jobs", 1)
    assert ran.code == 2
    assert sentence(ran.err)
    assert not (tmp_path / "m").exists()


def test_a_wrong_row_is_named(run, tmp_path, folder):
    (tmp_path / "my.tsv").write_text("body\ta\n\nbodi\tb\n", "utf-8")
    for args in (["train", "-o", tmp_path / "m"], ["evaluate", "-m", folder]):
        ran = run(args[0], tmp_path / "my.tsv", *args[1:])
        assert ran.code == 2
        assert sentence(ran.err)
        assert "my.tsv, row 3" in ran.err


# ---- explain and model


@pytest.mark.parametrize("number", [1, 3, 4, 5])
def test_explain_shows_what_carried_a_label(run, folder, page, number, model):
    ran = run("explain", "-m", folder, page, "--line", number)
    assert ran.code == 0
    line = next(line for line in model.label(page).lines if line.number == number)
    assert ran.out.startswith(f"line {number}: {line.text}\n")
    assert f"by itself, for {line.label}" in ran.out
    assert f"in its page, for {line.label} over " in ran.out
    assert ran.out.count("\n") > 10


def test_explain_takes_the_segment_that_gave_a_line_its_label(run, folder, tmp_path, model):
    path = tmp_path / "page.txt"
    path.write_text("Menu    Sport    " + "The council met on Monday and agreed on the plan. " * 4)
    [line] = model.label(path).lines
    segment = max(
        (s for s in line.segments if s.label == line.label), key=lambda s: s.end - s.start
    )
    assert len(line.segments) > 1
    ran = run("explain", "-m", folder, path, "--line", 1)
    assert ran.out.startswith(f"line 1: {line.text[segment.start : segment.end][:40]}")
    assert f"{line.label} {segment.probability:.3f}" in ran.out


def test_explain_reads_standard_input_and_html(run, folder):
    ran = run("explain", "-m", folder, "-", "-n", 2, stdin=HTML.encode())
    assert ran.code == 0
    assert "The council met." in ran.out


def test_explain_a_line_of_a_huge_page(run, folder, tmp_path):
    path = tmp_path / "huge.txt"
    path.write_text("A sentence of it, and a few words more.\n" * 30_000 + "By Ana Bell\n", "utf-8")
    ran = run("explain", "-m", folder, path, "--line", 30_001)
    assert ran.code == 0
    assert "By Ana Bell" in ran.out


def test_model_shows_what_is_loaded(run, folder, model, loops):
    ran = run("model", folder)
    assert f"inner loops: {loops}" in ran.out
    assert ran.code == 0
    for shown in (str(folder), model.digest, "12 pages", "12 sites", "byline", "fr", "0."):
        assert shown in ran.out
    assert json.loads(run("model", folder, "--json").out)["pages"] == 12


def test_model_without_readable_scores(run, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "m")
    (tmp_path / "m" / "metrics.json").write_bytes(b'{"cross_val')
    ran = run("model", tmp_path / "m")
    assert ran.code == 3
    assert sentence(ran.err)


# ---- the command itself


def test_help_names_every_command(run):
    ran = run("--help")
    assert ran.code == 0
    assert all(command in ran.out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(run, command):
    ran = run(command, "--help")
    assert ran.code == 0
    assert "Usage:" in ran.out
    assert ran.err == ""


def test_no_arguments_show_the_help(run):
    ran = run()
    assert ran.code in (0, 2)
    assert "Usage:" in ran.out + ran.err


def command(*args: object, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    program = Path(sys.executable).with_name("unticker")
    return subprocess.run([program, *map(str, args)], input=stdin, capture_output=True, cwd=ROOT)


def test_the_installed_command(folder, page):
    done = command("label", "-m", folder, "-", stdin=PAGE.encode())
    assert done.returncode == 0
    assert [json.loads(row)["line"] for row in done.stdout.splitlines()] == [1, 3, 4, 5]
    assert command("label", "-m", folder, "none.txt").returncode == 1
    assert command("label", "-m", "none", page).returncode == 3
    assert command("label", "--nonsense").returncode == 2


def test_a_reader_that_goes_away_is_no_error(folder, tmp_path):
    (tmp_path / "long.txt").write_text("A line of text\n" * 20_000, "utf-8")
    program = Path(sys.executable).with_name("unticker")
    with subprocess.Popen(
        [program, "label", "-m", folder, tmp_path / "long.txt"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


# ---- what reaches a batch run


def test_phrases_reach_batch_runs(run, folder, site, tmp_path):
    phrases = tmp_path / "phrases.tsv"
    phrases.write_text("byline\tthe harbour opens in spring\n", "utf-8")
    model = unticker.load(folder)
    before, after = (
        labeller.label(site / "a.txt").lines[1].probabilities["byline"]
        for labeller in (model, model.with_phrases(Phrases.read(phrases)))
    )
    assert before < after
    args = ("clean", "--keep", "byline", "--threshold", (before + after) / 2, "-m", folder)
    for name, more in (("without", ()), ("with", ("--phrases", phrases))):
        assert run(*args, site, "--quiet", "-o", tmp_path / name, *more).code == 0
        alone = run(*args, site / "a.txt", *more).out
        found = (tmp_path / name / "a.txt").read_text()
        assert found.strip() == alone.strip()
        assert ("The harbour" in found) == (name == "with")


def test_a_run_with_other_phrases_is_not_resumed(run, folder, site, tmp_path):
    phrases = tmp_path / "phrases.tsv"
    args = ("clean", site, "-m", folder, "-o", tmp_path / "out", "--quiet", "--phrases", phrases)
    phrases.write_text("byline\tthe new harbour will open\n", "utf-8")
    assert run(*args).code == 0
    assert run(*args, "--resume").code == 0
    phrases.write_text("byline\tthe old harbour\n", "utf-8")
    again = run(*args, "--resume")
    assert again.code == 2
    assert "model" in again.err
    assert sentence(again.err)


def test_the_parser_reaches_batch_runs(run, folder, tmp_path, monkeypatch):
    from unticker import html

    seen = []
    read = html.read
    monkeypatch.setattr(html, "read", lambda source, **how: seen.append(how) or read(source, **how))
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": HTML}) + "\n", "utf-8")
    from unticker import batch, engines

    options = batch.BatchOptions(parser="bs4", kind="html", quiet=True, html_field="text")
    # In this process: what a worker does for a page.
    labelled = engines.label_pages(
        engines.loader(folder)(), [(HTML, "html")], None, parser=options.parser
    )
    assert labelled[0].reader == "bs4"
    assert [how["parser"] for how in seen] == ["bs4"]
    assert "parser" in options.shape()
    done = run("clean", tmp_path / "a.jsonl", "-m", folder, "-o", tmp_path / "out", "--quiet",
               "--parser", "bs4", "--html-field", "text")  # fmt: skip
    assert done.code == 0


def test_label_and_clean_take_the_same_files_of_a_folder(run, folder, tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    for name in ("a.txt", "b.text", "c.md", "d", "e.html", "f.xhtml", "g.png", "h.css"):
        (site / name).write_text(PAGE, "utf-8")
    labelled = {row["source"] for row in run("label", "-m", folder, site).rows}
    assert run("clean", site, "-m", folder, "-o", tmp_path / "out", "--quiet").code == 0
    cleaned = {path.stem for path in (tmp_path / "out").glob("*.txt")}
    assert {Path(name).stem for name in labelled} == cleaned == set("abcdef")
