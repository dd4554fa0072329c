"""Pages whose newlines were lost are cut where their lines ended."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import cases
from hypothesis import example, given
from hypothesis import strategies as st

from unticker import units, weights
from unticker.alphabet import coded
from unticker.annotations import collapse, scatter
from unticker.examples import Options
from unticker.gaps import GAP_BUCKETS, breaks, gaps
from unticker.line_ends import fit_gaps

NEVER, ALWAYS = (np.zeros(GAP_BUCKETS + 1, np.int16) for _ in range(2))
ALWAYS[-1] = 1
NONE = np.zeros(0, np.int64)
RANDOM = np.random.default_rng(5).integers(-100, 100, GAP_BUCKETS + 1).astype(np.int16)
ODD = list(cases("odd_pages").values())


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("", []),
        (" ", []),
        ("one", []),
        (" one ", []),
        ("a b", [2]),
        ("  Home  Sport\tNews.  ", [8, 14]),
        ("خبر عاجل 中文。 😀", [4, 9, 13]),
    ],
)
def test_a_gap_stands_before_every_token_but_the_first(text, starts):
    assert gaps(*coded(text)).starts.tolist() == starts
    assert breaks(ALWAYS, *coded(text), NONE).tolist() == starts
    assert breaks(NEVER, *coded(text), NONE).tolist() == []


def test_features_are_of_the_tokens_around():
    rows = gaps(*coded("Home Sport News Home Sport News")).rows
    before, behind = rows[0], rows[1]
    assert before[0] == before[3]
    assert behind[0] == behind[3]
    assert len({*before.tolist()}) == len({*behind.tolist()}) == 3
    assert (rows >= 0).all()
    assert (rows < GAP_BUCKETS).all()


def test_digits_and_case_are_folded():
    assert gaps(*coded("Page 12")).rows[:2].tolist() == gaps(*coded("page 47")).rows[:2].tolist()


def test_only_a_clear_break_stands_near_a_likelier_one():
    text = coded("a b c d e f g h")
    rows = gaps(*text).rows[1]  # of the token behind
    table = np.zeros(GAP_BUCKETS + 1, np.int16)
    table[rows[[0, 2, 6]]] = 10, 20, 10
    assert breaks(table, *text, NONE).tolist() == [6, 14]
    assert breaks(table, *text, np.array([12])).tolist() == []
    table[rows[[0, 2, 6]]] = 300, 400, 300
    assert breaks(table, *text, np.array([12])).tolist() == [2, 6, 14]


@given(st.lists(st.sampled_from([*ODD, "Menu Sport " * 80, "One. Two " * 120]), max_size=4))
@example(["x" * 700, "a b " * 400])
def test_any_table_cuts_a_page_alike_in_any_batch_and_loses_nothing(texts):
    together = units.cut(texts, RANDOM)
    for page, text in enumerate(texts):
        own = slice(together.first[page], together.first[page + 1])
        start = together.page_starts[page]
        alone = units.cut([text], RANDOM)
        assert (together.starts[own] - start).tolist() == alone.starts.tolist()
        inked = "".join(
            text[a:b] for a, b in zip(alone.starts.tolist(), alone.ends.tolist(), strict=True)
        )
        assert "".join(inked.split()) == "".join(text.split())


def test_lines_of_a_page_that_has_its_newlines_are_not_cut():
    page = "\n".join(["Home Sport News"] * 60)
    assert len(units.cut([page], ALWAYS)) == 60


def test_parts_between_runs_of_spaces_are_cut_if_they_are_long():
    short, long = "Home Sport", "Home Sport " * 60
    cut = units.cut([f"{short}    {long}    {short}"], ALWAYS)
    assert len(cut) == 1 + 120 + 1


def test_a_fit_of_twelve_pages_finds_where_lines_ended(pages):
    table = fit_gaps(pages, Options())
    right = found = ends = 0
    for page in pages:
        whole = collapse(scatter(page), " ")
        true = {start for start, _, _ in whole.parts[1:]}
        said = set(breaks(table, *coded(whole.text), NONE).tolist())
        right, found, ends = right + len(true & said), found + len(said), ends + len(true)
    assert right > 0.35 * ends
    assert right > 0.7 * found


def test_a_fit_without_any_gap_cuts_nothing(pages):
    one = [page for page in pages[:1] for page in [collapse(page, "")]]
    assert not fit_gaps([], Options()).any()
    assert not fit_gaps(one, Options()).any()
    unlabelled = replace(pages[0], labels=(None,) * len(pages[0].lines))
    assert not fit_gaps([unlabelled], Options()).any()


def test_a_model_cuts_by_its_own_table(model, pages):
    text = collapse(pages[0], " ").text
    plain = weights.prepare([text])
    cut = weights.prepare([text], None, model.text.gaps)
    assert len(cut.units) > len(plain.units)
    assert len(model.label(text, kind="text").lines[0].segments) == len(cut.units)
