"""What a model sees of a page in Markdown, and where it stands in the page."""

import re
import time
from typing import Any

import pytest
from conftest import cases
from hypothesis import given
from hypothesis import strategies as st

import unticker
from unticker.marks import plain, view

CASES: list[dict[str, Any]] = cases("marks")
PIECES = st.sampled_from(
    [
        "[",
        "![",
        "]",
        "](",
        "](/a)",
        "](/a_(b))",
        '](/a "b")',
        ")",
        "**",
        "\n",
        " ",
        "word",
        "ö",
        "\\",
    ]
)


@pytest.mark.parametrize("case", CASES, ids=[case["text"] for case in CASES])
def test_views(case: dict[str, Any]) -> None:
    found = view(case["text"])
    assert (found.text if found else None) == case["view"]
    assert plain(case["text"]) == (case["text"] if case["view"] is None else case["view"])


@given(st.lists(PIECES, max_size=40).map("".join))
def test_a_view_keeps_lines_order_and_ink(text: str) -> None:
    found = view(text)
    if found is None:
        return
    before, after = text.split("\n"), found.text.split("\n")
    assert [bool(line.strip()) for line in before] == [bool(line.strip()) for line in after]
    assert len(found.starts) == len(found.ends) == len(found.text) + 1
    assert (found.starts[1:] >= found.starts[:-1]).all()
    assert (found.ends[1:] >= found.ends[:-1]).all()
    last = 0
    for word in re.finditer(r"\S+", found.text):
        start, end = int(found.starts[word.start()]), int(found.ends[word.end()])
        assert last <= start < end <= len(text)
        last = end
        stretch = iter(text[start:end])
        assert all(letter in stretch for letter in word[0])  # in this order
        assert "\n" not in text[start:end]


@given(st.lists(PIECES, min_size=1, max_size=40).map("".join))
def test_every_line_with_ink_is_labelled(text: str) -> None:
    page = unticker.load().label(text, kind="text")
    lines = text.split("\n")
    assert [line.number for line in page.lines] == [
        number for number, line in enumerate(lines, 1) if line.strip()
    ]
    for line in page.lines:
        assert line.text == lines[line.number - 1]
        ends = 0
        for part in line.segments:
            assert ends <= part.start < part.end <= len(line.text)
            ends = part.end


def test_a_page_in_markdown_has_the_labels_of_its_plain_text() -> None:
    text = (
        "[Home](/) [Politics](/p) [Sport](/s)\n\n# Council opens [the bridge](/b) again\n\n"
        "By [Ada Moreau](/ada), 3 May 2026\n\n![The bridge at noon](b.jpg)\n\n"
        "The **council** of Sidi Brahim opened the [old bridge](https://a.example/b) on Monday, "
        "two years after the flood that had closed it.\n\nIt cost four million, it said.\n"
    )
    model = unticker.load()
    marked, bare = (model.label(each, kind="text") for each in (text, plain(text)))
    assert [line.label for line in marked.lines] == [line.label for line in bare.lines]
    assert [line.probabilities for line in marked.lines] == [
        line.probabilities for line in bare.lines
    ]
    assert marked.title == bare.title == "Council opens the bridge again"
    assert "two years after" in marked.body
    assert "[old bridge](https://a.example/b)" in marked.body  # what comes out is the page's own


@pytest.mark.parametrize(
    "piece", ["[", "](", "[a](", '[a](x "', "![a](b)", "**", "[![a](b)](c)", "[a](b)", "![", "]"]
)
def test_time_is_linear(piece: str) -> None:
    text = "[x](y)" + piece * 50_000
    start = time.process_time()
    view(text)
    assert time.process_time() - start < 2  # some 0.05; a quadratic search took 24
