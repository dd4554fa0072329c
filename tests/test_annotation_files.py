"""Annotated lines from TSV and JSONL, as people write them; what is wrong is named."""

import json

import pytest
from conftest import cases
from hypothesis import given
from hypothesis import strategies as st

from unticker import annotations, evaluation
from unticker.annotations import AnnotatedPage
from unticker.errors import UsageError
from unticker.types import LABELS

ERRORS = cases("annotation_errors")
TSV = "ui-chrome\tMenu\n\t\nbody\tThe headline\nbody\tText\twith a tab.\n\nbyline\tBy Ana\n"
LINES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1)


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case["name"])
def test_what_is_wrong_is_named_by_file_and_row(case, tmp_path):
    path = tmp_path / case["file"]
    path.write_text(case["content"], "utf-8")
    with pytest.raises(UsageError) as raised:
        annotations.read([path])
    message = str(raised.value)
    assert "\n" not in message
    for said in case["says"]:
        assert said in message
    if "row" in case["says"][0]:
        assert str(path) in message


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n\n"])
@pytest.mark.parametrize("stop", ["", "\n", "\n\n \n"])
def test_tsv(end, start, stop, tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes((start + TSV.rstrip("\n") + stop).replace("\n", end).encode())
    first, second = annotations.read([path])
    assert first.lines == ("Menu", "", "The headline", "Text\twith a tab.")
    assert first.labels == ("ui-chrome", None, "body", "body")
    assert (second.lines, second.labels) == (("By Ana",), ("byline",))
    assert first.page != second.page
    assert first.site != second.site
    assert first.lang == "und"
    assert first.text == "Menu\n\nThe headline\nText\twith a tab."


def test_tsv_labels_may_stand_among_spaces(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text(" body \tText\n", "utf-8")
    assert annotations.read([path])[0].labels == ("body",)


def test_jsonl(tmp_path):
    path = tmp_path / "a.jsonl"
    rows = [
        {"page": "p", "line": 4, "text": "Text\u2028here", "label": "body", "lang": "fr"},
        {"page": "q", "line": 1, "text": "By Ana", "label": "byline", "site": "s"},
        {"page": "p", "line": 2, "text": " Menu", "label": "ui-chrome"},
    ]
    text = "\r\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text(text + "\n\n", "utf-8-sig")
    p, q = annotations.read([path])
    assert p.lines == ("", " Menu", "", "Text\u2028here")
    assert p.labels == (None, "ui-chrome", None, "body")
    assert (p.page, p.site, p.lang) == ("p", "p", "fr")
    assert (q.page, q.site, q.lang) == ("q", "s", "und")


def test_what_label_printed_can_be_corrected_and_read(run, folder, tmp_path):
    page = tmp_path / "page.txt"
    page.write_text("Menu\n\nThe council met on Monday.\n", "utf-8")
    printed = run("label", "-m", folder, page).out
    (tmp_path / "a.jsonl").write_text(printed, "utf-8")
    (found,) = annotations.read([tmp_path / "a.jsonl"])
    assert found.page == str(page)
    assert found.lines == ("Menu", "", "The council met on Monday.")


@given(st.lists(st.tuples(LINES, st.sampled_from(LABELS)), min_size=1, max_size=5))
def test_what_is_written_is_read(tmp_path_factory, pairs):
    pairs = [(text, label if text.strip() else None) for text, label in pairs]
    pairs.append(("end", "body"))
    texts, labels = zip(*[(text if label else "", label) for text, label in pairs], strict=True)
    page = AnnotatedPage("p", texts, labels, "fr", "s")
    path = tmp_path_factory.mktemp("written") / "a.jsonl"
    annotations.write([page], path)
    assert annotations.read([path]) == [page]


def test_several_files_are_read_in_their_order(tmp_path):
    for name in "ba":
        (tmp_path / f"{name}.tsv").write_text(f"body\t{name}\n", "utf-8")
    found = annotations.read([tmp_path / "b.tsv", str(tmp_path / "a.tsv")])
    assert [page.text for page in found] == ["b", "a"]


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "latin.tsv").write_bytes("body\tété".encode("latin-1"))
    for path, says in ((tmp_path, "folder"), (tmp_path / "none", "no such"), (
        tmp_path / "latin.tsv", "UTF-8")):  # fmt: skip
        with pytest.raises(UsageError, match=says) as raised:
            annotations.read([path])
        assert str(path) in str(raised.value)


def test_annotations_come_as_pages_rows_or_paths(tmp_path):
    path = tmp_path / "a.jsonl"
    row = {"page": "p", "line": 1, "text": "t", "label": "body"}
    path.write_text(json.dumps(row), "utf-8")
    expected = annotations.read([path])
    for given_ in (path, str(path), [path], [str(path)], [row], iter([row]), expected):
        assert evaluation.pages_of(given_) == expected


@pytest.mark.parametrize("given_", [[3], [None], [["body", "text"]], [{}]])
def test_other_annotations_are_refused(given_):
    with pytest.raises(UsageError, match="row 1"):
        evaluation.pages_of(given_)


# ---- pages whose newlines were kept otherwise

PAGE = AnnotatedPage(
    "p",
    ("Storm ahead    Bread is dear   Two held", "", " Head", "Text, two  spaces."),
    ("headline-ticker", None, "body", "body"),
    "en",
    "s",
)


def test_scattered_tickers():
    page = annotations.scatter(PAGE)
    assert page.lines == (
        "Storm ahead", "Bread is dear", "Two held", "", "Head", "Text, two  spaces."
    )  # fmt: skip
    assert page.labels == (*["headline-ticker"] * 3, None, "body", "body")
    assert page.variant


def test_dense_pages():
    page = annotations.dense(PAGE)
    assert page.lines == (PAGE.lines[0], *PAGE.lines[2:])
    assert page.labels == ("headline-ticker", "body", "body")


def test_blank_lines_change_no_label(fitted, pages):
    for page in pages:
        spaced = "\n\n".join(page.lines)
        labels = [line.label for line in fitted.label(annotations.dense(page).text).lines]
        assert [line.label for line in fitted.label(page.text).lines] == labels
        assert [line.label for line in fitted.label(spaced).lines] == labels


def test_collapsed_pages_keep_their_parts():
    page = annotations.collapse(PAGE, "    ")
    assert len(page.lines) == 1
    assert [page.text[start:end] for start, end, _ in page.parts] == [
        text.strip() for text in PAGE.lines if text
    ]
    assert [label for *_, label in page.parts] == ["headline-ticker", "body", "body"]
    assert page.variant
