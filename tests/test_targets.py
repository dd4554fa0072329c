"""Addresses of links, and the rows that lines select by them."""

import numpy as np
import pytest

from unticker import addresses, html, weights
from unticker.addresses import CONTACT, HERE, PLACE, SCRIPT
from unticker.families import spread
from unticker.targets import target_rows

MENU = "".join(f"<li><a href=/section{n}/>Section {n}</a>" for n in range(12))


def of(href: str) -> addresses.Address:
    return addresses.of_tag(f'<a class="x" href="{href}">')


def selected(*pages: str) -> list[list[int]]:
    """The rows of each line of the pages, in the pages' order."""
    markups = [html.read(page).markup for page in pages]
    batch = weights.prepare(["\n".join(markup.lines) for markup in markups], markups)
    assert batch.tree is not None
    found: list[list[int]] = [[] for _ in range(len(batch.units))]
    for unit, bucket in target_rows(batch.text, batch.tree):
        assert (np.diff(unit) >= 0).all()
        for number, row in zip(unit.tolist(), bucket.tolist(), strict=True):
            found[number].append(row)
    return found


def teaser(href: str, text: str = "Für die Fähre nach Ærø") -> list[int]:
    return selected(f"<ul>{MENU}</ul><p><a href='{href}'>{text}</a>")[-1]


@pytest.mark.parametrize(
    ("href", "kind"),
    [
        ("", HERE), ("#top", HERE), ("javascript:void(0)", SCRIPT), ("mailto:a@b.example", CONTACT),
        ("TEL:123", CONTACT), ("/", PLACE), ("a.html", PLACE), ("https://x.example", PLACE),
        ("//x.example/a", PLACE), ("android-app://x.example/a", PLACE), ("?page=2", PLACE),
    ],
)  # fmt: skip
def test_kinds_of_addresses(href: str, kind: int) -> None:
    assert of(href).kind == kind


def test_an_address_is_read_whatever_it_holds() -> None:
    for href in ("http:", "//", "http:///", "%zz/%", "a" * 10_000, "\ud800/?\ud800", "/../.."):
        assert of(href).kind == PLACE


def test_what_an_address_says() -> None:
    found = of(
        "https://WWW.News.example:443/2026/05/ferry-runs-again_now-12345.html?ref=a&amp;p=2#x"
    )
    assert (found.host, found.path) == (
        "news.example:443", "2026/05/ferry-runs-again_now-12345.html"
    )  # fmt: skip
    assert (found.depth, found.hyphens, found.number, found.dated) == (3, 3, 1, 3)
    assert (found.query, found.name) == ("ref=a&p=2", "ferry runs again now")
    assert of("/news/").hyphens == of("/news/").dated == of("/news/").outermost == 0
    assert of("a.html").ending == of("/b/c.HTML").ending != of("a.php").ending


def test_a_name_of_many_words_is_no_folder() -> None:
    assert set(of("/news/ferry-runs-again-now").words[1]) & set(of("/ferry").words[1]) == set()
    assert set(of("/news/sport").words[1]) & set(of("/sport").words[1])


def test_the_commonest_host_is_the_pages_own() -> None:
    found = [of(f"https://news.example/{n}") for n in range(3)]
    others = [of("https://shop.news.example/a"), of("https://other.example/b"), of("/c"), of("#d")]
    assert addresses.of_site(found + others) == [True, True, True, True, False, True, True]


def test_an_odd_link_does_not_make_a_site_of_another() -> None:
    found = [of(f"/{n}") for n in range(9)] + [of("https://other.example/b")]
    assert addresses.of_site(found) == [True] * 9 + [False]
    assert addresses.of_site([]) == []


def test_few_addresses_tell_nothing() -> None:
    few = "".join(f"<li><a href=#{n}>Section {n}</a>" for n in range(12))
    assert selected(f"<ul>{few}</ul><p>Text") == [[]] * 13
    assert all(selected(f"<ul>{MENU}</ul><p>Text"))


def test_rows_are_spread_over_units_and_over_none() -> None:
    row, bucket = np.array([0, 0, 2]), np.array([7, 8, 9])
    unit, found = spread(np.array([2, 0, 1, 2]), row, bucket)
    assert (unit.tolist(), found.tolist()) == ([0, 1, 1, 3], [9, 7, 8, 9])
    assert [len(each) for each in spread(row[:0], row, bucket)] == [0, 0]


def test_a_line_is_compared_with_the_name_it_leads_to() -> None:
    names = "fuer-die-faehre-nach-aeroe", "fur-die-fahre-nach-aro", "xxx-yyy-zzzz-qq-w"
    spelt, bare, foreign = (teaser(f"/a/{name}") for name in names)
    assert spelt == bare
    differ = [one != other for one, other in zip(bare, foreign, strict=True)]
    assert sum(differ) == 3


def test_lines_that_lead_to_the_same_place_are_told() -> None:
    page = "<ul>{}</ul><p><a href=/a/b-c>Picture</a><p><a href=/a/{}>Ferry runs</a>"
    same, other = (selected(page.format(MENU, name))[-1] for name in ("b-c", "b-d"))
    assert same != other


def test_rows_do_not_hang_on_the_batch() -> None:
    pages = [f"<ul>{MENU}</ul><p><a href=/a/b-c>B, c</a><p>Text", "<p>Text", f"<ol>{MENU}</ol>"]
    assert selected(*pages) == [rows for page in pages for rows in selected(page)]
