"""Rows from markup and hints: the same in any batch, and telling where they should be."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unticker import elements, html, weights
from unticker.elements import Elements, Lines, of_lines
from unticker.families import MARKUP_FAMILIES
from unticker.hint_features import COMPARED, hint_rows
from unticker.hints import NO_HINTS, Hints
from unticker.surroundings import Surroundings
from unticker.units import cut
from unticker.words import Text

CASES = json.loads((Path(__file__).parent / "cases" / "agreement.json").read_text("utf-8"))
PAGES = [
    "<title>Ferry runs</title><h1>Ferry runs</h1><p>By Ada<article><p>Long text "
    + "of a ferry, " * 20
    + "</article><ul><li><a href=x>Other</a><li><a href=y>Another</a></ul>",
    "<table><tr><td>a<td>b</table>" + "<div class=teaser><a href=z>More to read</a></div>" * 9,
    "<p>" + "One sentence. " * 80,
    "<div hidden>nothing</div>",
    "text alone",
]


def prepared(sources: list[str]) -> weights.Batch:
    markups = [html.read(source).markup for source in sources]
    return weights.prepare(["\n".join(markup.lines) for markup in markups], markups)


def rows_by_unit(batch: weights.Batch) -> list[list[int]]:
    found: list[list[int]] = [[] for _ in range(len(batch.units))]
    for unit, bucket in batch.rows:
        assert (np.diff(unit) >= 0).all()
        for number, row in zip(unit.tolist(), bucket.tolist(), strict=True):
            found[number].append(row)
    return found


def test_rows_do_not_hang_on_the_batch() -> None:
    together = rows_by_unit(prepared(PAGES))
    alone = [rows for page in PAGES for rows in rows_by_unit(prepared([page]))]
    assert together == alone
    assert (
        rows_by_unit(prepared(PAGES[::-1]))[: len(rows_by_unit(prepared(PAGES[4:])))]
        == alone[-len(rows_by_unit(prepared(PAGES[4:]))) :]
    )


def test_a_page_without_markup_selects_none_of_its_rows() -> None:
    sources = [PAGES[0], PAGES[1], PAGES[0]]
    markups = [html.read(source).markup for source in sources]
    texts = ["\n".join(markup.lines) for markup in markups]
    mixed = weights.prepare(texts, [markups[0], None, markups[2]])
    whole, bare = weights.prepare(texts, markups), weights.prepare(texts)
    without = [number for number, page in enumerate(mixed.units.page.tolist()) if page == 1]
    for number, rows in enumerate(rows_by_unit(mixed)):
        assert rows == rows_by_unit(bare if number in without else whole)[number]
    assert not weights.prepare(texts, [None] * 3).markup


def test_empty_pages_have_no_rows() -> None:
    nothing = html.read("<div hidden>nothing</div>").markup
    assert len(weights.prepare(["", ""], [nothing, nothing]).units) == 0


def agreement(lines: list[str], hints: Hints) -> dict[str, list[int]]:
    """By family: for each line, the bucket of its agreement with the hints."""
    rows = hint_rows(Text(cut(["\n".join(lines)])), [hints])
    return dict(zip((*COMPARED, "dates"), (row.tolist() for row in rows), strict=True))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_agreement(case: dict[str, Any]) -> None:
    """Lines that should be alike to a family share a row, others do not."""
    found = agreement(case["alike"] + case["other"], Hints(**case["hints"]))[case["family"]]
    alike, other = found[: len(case["alike"])], found[len(case["alike"]) :]
    assert len(set(alike)) == 1
    assert not set(alike) & set(other)


def test_pages_without_hints_say_so() -> None:
    lines = ["Ferry runs again", "Another line of words"]
    without, with_ = agreement(lines, NO_HINTS), agreement(lines, Hints(headline="No ferry"))
    assert len(set(without["headline"])) == 1
    assert without["headline"][0] not in with_["headline"]


def test_every_family_is_described() -> None:
    assert {*COMPARED, "dates"} <= set(MARKUP_FAMILIES)
    assert all(meaning and not meaning.endswith(".") for meaning in MARKUP_FAMILIES.values())


def test_elements_of_other_lines_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rows_by_unit(prepared(PAGES))
    monkeypatch.setattr(elements, "_MANY", 0)
    assert rows_by_unit(prepared(PAGES)) == whole
    page = of_lines(html.read("<nav><a href=x>a</a></nav><p>b").markup)
    last = replace(page, lines=page.lines[1:], contexts=page.contexts[1:])
    assert [name for _, name, _ in of_lines(last).elements] == ["", "body", "p"]


# ---- surroundings

PROSE = "<p>" + "A sentence of the article that is long enough. " * 4


def surroundings(source: str) -> Surroundings:
    markup = html.read(source).markup
    found = Elements([markup])
    return Surroundings(Lines([markup], found), found)


def test_lines_in_before_and_behind_the_main_part() -> None:
    around = "<div class=row><span>Not the article</span></div>"
    rows = surroundings(f"{around}<main>{PROSE * 3}</main>{around}").main()[0]
    assert len({*rows.tolist()}) == 3
    assert len({*rows[1:4].tolist()}) == 1


def test_tables_and_links_are_no_prose() -> None:
    cell = "<tr><td>cookie<td>" + "This cookie is used for all that there is. " * 4
    linked = "<p><a href=x>" + "A teaser that is as long as a paragraph. " * 4 + "</a>"
    seen = surroundings(f"<table>{cell * 20}</table>{linked * 20}<main>{PROSE}</main>")
    assert np.flatnonzero(seen.prose).tolist() == [40]
    assert seen.main()[0][40] not in seen.main()[0][:40]


def test_many_lines_of_a_kind_are_told_from_one() -> None:
    many, one = "<li><a href=x>Another headline of today</a>", "Another headline of today"
    rows = surroundings(f"<ul>{many * 9}</ul><ol><li><a href=x>{one}</a></ol>").clusters()
    for row in rows[0], rows[2]:
        assert len({*row[:9].tolist()}) == 1
        assert row[9] not in row[:9]


def test_lines_since_the_headline() -> None:
    text = "<p>A line of text</p>"
    row = surroundings(f"{text * 2}<h1>One</h1>{text * 3}<h1>Two</h1>{text}").since().tolist()
    assert row[0] == row[1]
    assert len({row[1], row[3], row[5], row[7]}) == 4  # which <h1>, and how far behind
