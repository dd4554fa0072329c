"""Pages with another page's article: lines, labels, and folds that saw neither site."""

from dataclasses import replace

import pytest

from train import recipe
from train.gold import Gold
from train.grafts import grafts
from unticker.annotations import AnnotatedPage
from unticker.examples import Options, site_folds

LABELS = ("ui-chrome", "body", "body", "byline", "body", "body", "headline-ticker")
OPTIONS = Options(folds=2, context_folds=2)


def page(name: str, **other) -> AnnotatedPage:
    kinds = ("menu", "title", "first", "by", "second", "third", "more")
    lines = tuple(f"{kind} {name}" for kind in kinds)
    return replace(AnnotatedPage(name, lines, LABELS, "en", f"{name}.example"), **other)


def alike(count: int) -> list[str]:
    """Names of pages whose sites share both folds."""
    names = [f"a{n}" for n in range(40)]
    first, second = site_folds({f"{name}.example" for name in names}, OPTIONS)
    same = [name for name in names if not first[f"{name}.example"] | second[f"{name}.example"]]
    return same[:count]


@pytest.fixture(scope="module")
def sites() -> list[AnnotatedPage]:
    """Pages of forty sites, so that their folds are those of `alike`."""
    return [page(f"a{n}", labels=("ui-chrome",) * 7) for n in range(40)]


def grafted(sites, *pages: AnnotatedPage) -> list[AnnotatedPage]:
    names = {each.page for each in pages}
    return grafts([*(each for each in sites if each.page not in names), *pages], OPTIONS)


def test_the_article_is_the_others_and_all_else_the_pages_own(sites):
    one, other = alike(2)
    made = {each.page: each for each in grafted(sites, page(one), page(other))}
    found = made[f"{one} (with {other})"]
    assert found.lines == (
        f"menu {one}", f"title {other}", f"first {other}", f"by {other}", f"second {other}",
        f"third {other}", f"more {one}",
    )  # fmt: skip
    assert found.labels == LABELS
    assert (found.site, found.weight) == (f"{one}.example", 0.5)
    assert found.variant
    assert found.foreign
    assert len(made) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"lang": "de"}, {"page": "goose3/a.html"}, {"weight": 0.4},
        {"labels": ("body",) * 3 + ("ui-chrome",) * 4},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_pages_of_different_kinds_and_those_without_an_article_are_no_pair(sites, change):
    one, other = alike(2)
    assert grafted(sites, page(one), page(other, **change)) == []


def test_pairs_share_the_folds_of_both_passes(sites):
    every = [page(each.page) for each in sites]
    first, second = site_folds({each.site for each in every}, OPTIONS)
    made = grafts(every, OPTIONS)
    assert len(made) == 40
    for each in made:
        other = each.page.partition("(with ")[2].removesuffix(")") + ".example"
        assert other != each.site
        assert (first[other], second[other]) == (first[each.site], second[each.site])


def test_pages_of_one_site_are_no_pair(sites):
    (one,) = alike(1)
    assert grafted(sites, page(one), page(one, page="z")) == []


def test_the_recipe_fits_on_grafts(monkeypatch):
    pages = [page(f"a{n}") for n in range(40)]
    fitted = []

    def fit_each(sets, options):
        fitted.extend(sets)
        raise KeyboardInterrupt

    monkeypatch.setattr(recipe.training, "fit_each", fit_each)
    with pytest.raises(KeyboardInterrupt):
        recipe.build(Gold(pages, [], [], dict.fromkeys((p.site for p in pages), "train")), "all")
    (names,) = ([each.page for each in pages] for pages in fitted)
    assert any(" (with a" in name for name in names)
