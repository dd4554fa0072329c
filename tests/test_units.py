"""Units hold every character that is not white space once, in order, at its place."""

import pytest
from conftest import cases
from hypothesis import example, given
from hypothesis import strategies as st

from unticker import units

SENTENCE = "The council met on Monday and agreed on the plan for the old harbour. "
ODD = cases("odd_pages")
PAGES = st.lists(
    st.one_of(
        st.sampled_from(list(ODD.values())),
        st.text(st.sampled_from('aB1é.!،,:»"-|€@©中。ا😀𐐀\ud800\0 \u00a0\n'), max_size=60),
        st.text(st.characters(exclude_characters="\r"), max_size=20),
    ),
    max_size=6,
)


def parts(texts: list[str]) -> list[tuple[int, int, int, str]]:
    """Page, line, offset in the page, and text of each unit."""
    cut = units.cut(texts)
    found = []
    for unit in range(len(cut)):
        page = int(cut.page[unit])
        start = int(cut.starts[unit] - cut.page_starts[page])
        end = int(cut.ends[unit] - cut.page_starts[page])
        found.append((page, int(cut.line[unit]), start, texts[page][start:end]))
    return found


@given(PAGES)
@example(list(ODD.values()))
@example([])
@example([""] * 3)
def test_units_cover_every_character_once_and_in_order(texts):
    inked = [
        (page, place, char)
        for page, text in enumerate(texts)
        for place, char in enumerate(text)
        if not char.isspace()
    ]
    covered = [
        (page, start + offset, char)
        for page, _, start, part in parts(texts)
        for offset, char in enumerate(part)
        if not char.isspace()
    ]
    assert covered == inked


@given(PAGES)
@example(list(ODD.values()))
def test_a_unit_stands_in_its_line(texts):
    for page, line, start, part in parts(texts):
        assert texts[page].count("\n", 0, start) == line
        assert "\n" not in part
        assert part
        assert part == part.strip()


@given(PAGES)
@example(list(ODD.values()))
def test_counts_of_units(texts):
    cut = units.cut(texts)
    places = [(page, line) for page, line, _, _ in parts(texts)]
    assert cut.parts.tolist() == [places.count(place) for place in places]
    assert cut.part.tolist() == [places[:n].count(place) for n, place in enumerate(places)]
    assert cut.first.tolist() == [
        sum(page < n for page, _ in places) for n in range(len(texts) + 1)
    ]


@pytest.mark.parametrize("case", cases("cuts"), ids=lambda case: case["shows"])
def test_cuts(case):
    long = SENTENCE.replace(".", ",") * 10 + "and so on."
    expected = [(line, text.replace("{a}", long)) for line, text in case["units"]]
    found = parts([case["page"].replace("{a}", long)])
    assert [(line, text) for _, line, _, text in found] == expected


@pytest.mark.parametrize("space", [" ", "    "])
def test_a_collapsed_page_falls_into_its_sentences(space):
    sentences = [f"Sentence number {n} is about the plan for the harbour." for n in range(40)]
    found = parts([space.join(sentences).replace("number", "Number")])
    assert [text.replace("Number", "number") for *_, text in found] == sentences


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Menu\nMore", 0),
        ("Menu    More    Sport", 0),
        (SENTENCE * 20, 19),
        ("a\n" + SENTENCE * 20, 19),
    ],
)
def test_units_that_follow_another_in_their_line(text, count):
    cut = units.cut([text])
    assert units.following(cut.line, cut.starts, cut.ends) == count


def test_many_empty_lines():
    assert parts(["\n" * 50_000 + "x"]) == [(0, 50_000, 50_000, "x")]


def test_a_long_line_without_a_space():
    assert parts(["x" * 1_000_000]) == [(0, 0, 0, "x" * 1_000_000)]
