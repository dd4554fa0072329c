r"""A line ends at \n, \r\n or \r, and at nothing else."""

import pytest
from conftest import cases
from hypothesis import given
from hypothesis import strategies as st

from unticker import lines, reading

ENDS = st.text(st.sampled_from("ab\n\r \t\f\v\x1c\x1e\x85\u2028\u2029\0\ud800"), max_size=30)


def slowly(text: str) -> list[str]:
    """The same, one character at a time."""
    found = [""]
    for place, char in enumerate(text):
        if char == "\n" and place and text[place - 1] == "\r":
            continue
        if char in "\r\n":
            found.append("")
        else:
            found[-1] += char
    return found if found[-1] else found[:-1]


@pytest.mark.parametrize(("text", "expected"), cases("lines"))
def test_split(text, expected):
    assert lines.split(text) == expected


@given(ENDS)
def test_split_equals_a_slow_split(text):
    assert lines.split(text) == slowly(text)


@given(ENDS)
def test_reading_keeps_lines_and_their_numbers(text):
    document = reading.read(text, "text")
    kept = [(n, line) for n, line in enumerate(document.text.split("\n")) if line]
    assert kept == [(n, line) for n, line in enumerate(slowly(text)) if line]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_in_bytes(end, model):
    page = model.label(f"Menu{end}{end}Text of a\u2028paragraph\x85here.{end}".encode(), "text")
    assert [(line.number, line.text) for line in page.lines] == [
        (1, "Menu"),
        (3, "Text of a\u2028paragraph\x85here."),
    ]


@pytest.mark.parametrize("line", ["", " ", "\t", "\u00a0\u3000", "\f\v\x85\u2028"])
def test_blank(line):
    assert lines.is_blank(line)


@pytest.mark.parametrize("line", ["a", " a ", "\0", "\u200b", "\ufeff", "\ud800", ".", "\u0301"])
def test_not_blank(line):
    assert not lines.is_blank(line)
