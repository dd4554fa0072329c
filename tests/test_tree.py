"""Sums over what elements hold: the same as adding up by hand, in any batch, at any depth."""

import numpy as np

from unticker import html, weights
from unticker.columns import AROUND, CLASSES, column_names
from unticker.context import Context
from unticker.elements import Elements
from unticker.tree import Tree

PAGES = [
    "<div><p>One</p><p>Two <b>three</b></p><ul><li>Four<li>Five</ul></div><p>Six",
    "alone",
    "<section><div><p>Seven</div></section><div hidden>no</div>" + "<i><div>" * 300 + "deep",
    "<div hidden>nothing</div>",
]


def prepared(sources: list[str]) -> weights.Batch:
    markups = [html.read(source).markup for source in sources]
    return weights.prepare(["\n".join(markup.lines) for markup in markups], markups)


def tree(sources: list[str]) -> Tree:
    found = prepared(sources).tree
    assert found is not None
    return found


def by_hand(elements: Elements, element: np.ndarray, values: np.ndarray) -> np.ndarray:
    total = np.zeros(len(elements))
    for here, value in zip(element.tolist(), values.tolist(), strict=True):
        total[here] += value
        while elements.parents[here] != here:
            here = elements.parents[here]
            total[here] += value
    return total


def test_an_element_counts_with_all_that_it_holds() -> None:
    found = tree(PAGES[:2])
    values = np.arange(1, len(found.page) + 1)
    sums = found.sums(np.stack([values, values * values]).astype(float))
    for row, each in zip(sums, (values, values * values), strict=True):
        wanted = by_hand(found.elements, found.lines.element[found.line], each)
        assert sorted(row.tolist()) == sorted(wanted.tolist())
    # Elements of one path are one: both paragraphs of the page's first element, both items.
    assert sums[0, found.around[0]].tolist() == [3, 3, 7, 7, 5, 6]
    assert sums[0, found.around[2]].tolist() == [10, 10, 7, 7, 15, 6]
    assert sums[0, :2].tolist() == [15, 6]  # the roots come first


def test_what_is_deeper_than_deepest_counts_as_what_is_around_it() -> None:
    found = tree([PAGES[2]])
    sums = found.sums(np.array([[1.0, 2.0]]))[0]
    assert sums[0] == 3
    assert sums[found.around[0]].tolist() == [1, 2]
    assert sums[found.around[4]].tolist()[1] == 2


def test_the_main_element_is_the_smallest_with_over_half() -> None:
    source = "<p>Top<div><p>a<div class=x><p>b<p>c</div><p>d</div><p>Foot"
    found = tree([source, source, "<div hidden>nothing</div>"])
    assert found.page.tolist() == [0] * 6 + [1] * 6
    #                Top a  b  c  d  Foot
    mass = np.array([1, 1, 9, 9, 1, 1, 9, 1, 1, 1, 9, 1], float)
    side, steps = found.main(found.sums(mass[None])[0])
    assert side.tolist() == [0, 0, 1, 1, 2, 2, 0, 1, 1, 1, 1, 2]
    assert steps.tolist() == [1, 1, 0, 0, 1, 1, 1, 1, 2, 2, 1, 1]
    nothing, _ = found.main(found.sums(np.zeros((1, 12)))[0])
    assert nothing.tolist() == [4] * 12


ARTICLE = "<article><header class=top><h1>{}</h1></header><p>a<p>b</article>"


def states(sources: list[str], prose: list[int], likely: str) -> list[list[int]]:
    """What `Tree.again` says of each page, where the units of ``likely`` texts are likely body."""
    found = prepared(sources)
    assert found.tree is not None
    texts = [found.text.units.codes[a:b].tobytes().decode("utf-32-le") for a, b in zip(
        found.units.starts, found.units.ends, strict=True)]  # fmt: skip
    marked = np.array([text in likely.split() for text in texts])
    again = found.tree.again(marked, np.append(0, np.cumsum(np.resize(prose, len(texts)))))
    return [again[found.units.of(page)].tolist() for page in range(len(sources))]


def test_a_heading_like_the_own_one_behind_prose_opens_another_article() -> None:
    two = "<p>Top" + ARTICLE.format("One") + "<p>x" + ARTICLE.format("Two")
    other = "<p>Top" + ARTICLE.format("One") + "<h1>Elsewhere</h1><h2>Less</h2>"
    #                  Top One a    b    x  Two a  b
    assert states([two], [0, 0, 200, 200, 0, 0, 9, 9], "One Two") == [[0, 1, 1, 1, 1, 3, 3, 3]]
    assert states([two], [0, 0, 9, 9, 0, 0, 9, 9], "One Two") == [[0, 1, 1, 1, 1, 1, 1, 1]]
    assert states([other], [0, 0, 200, 200, 0, 0], "One") == [[0, 1, 1, 1, 1, 1]]
    lesser = two.replace("h1", "h2")
    alone = "<p>Nothing<p>more"
    assert states([lesser, alone, two], [0, 0, 200, 200, 0, 0, 9, 9, 0, 0], "One") == [
        [0, 2, 2, 2, 2, 4, 4, 4],
        [0, 0],
        [0, 1, 1, 1, 1, 3, 3, 3],
    ]


def test_headings_that_come_again_soon_are_subheads() -> None:
    source = "<main><h2>One</h2><p>a<h2>Two</h2><p>b<h2>Three</h2><p>c</main>"
    assert states([source], [0, 200, 0, 400, 0, 9], "One") == [[2] * 6]
    assert states([source], [0, 400, 0, 400, 0, 9], "One") == [[2, 2, 4, 4, 4, 4]]


def test_columns_and_crosses_are_the_same_in_any_batch() -> None:
    together = prepared(PAGES)
    rng = np.random.default_rng(0)
    first = rng.integers(-1000, 1000, (len(together.units), CLASSES))
    seen = weights.second_context(together, first)
    both = weights.third_context(together, seen, first[:, :4])
    for number, page in enumerate(PAGES):
        own = together.units.of(number)
        alone = prepared([page])
        seen1 = weights.second_context(alone, first[own])
        both1 = weights.third_context(alone, seen1, first[own, :4])
        assert (seen.values[own] == seen1.values).all()
        assert (both.crosses[own] == both1.crosses).all()
        assert (both.values[own] == both1.values).all()
    assert both.crosses.max() < weights.crosses_size(CLASSES, True) + weights.crosses_size(4, True)


def test_units_see_the_labels_of_others_in_the_same_elements() -> None:
    batch = prepared(["<ul class=list><li>One<li>Two<li>Three</ul><p>Prose"])
    certain = 255 * np.eye(CLASSES, dtype=np.int64)[[0, 0, 1, 3]]
    context = Context(batch.text, batch.layout.shapes, certain, batch.layout, batch.tree)
    seen = dict(context.columns())
    assert seen["tree: headline-ticker in its element"].tolist() == [127, 127, 255, 0]
    assert seen["tree: ui-chrome in its element"].tolist() == [127, 127, 0, 0]
    assert seen["tree: units in its block"].tolist()[3] == 0
    assert seen["tree: units in its block"].tolist()[0] > 0


def test_units_without_markup_see_nothing_of_it() -> None:
    markup = html.read(PAGES[0]).markup
    texts = ["\n".join(markup.lines)] * 2
    batch = weights.prepare(texts, [markup, None])
    seen = weights.second_context(batch, np.zeros((len(batch.units), CLASSES), np.int64))
    names = column_names(CLASSES, True)
    columns = [place for place, name in enumerate(names) if name.startswith("tree: ")]
    assert len(columns) == 10 * len(AROUND)
    own, other = batch.units.of(0), batch.units.of(1)
    assert seen.values[own][:, columns].any()
    assert not seen.values[other][:, columns].any()
    plain = weights.second_context(batch.unmarked, np.zeros((len(batch.units), CLASSES), np.int64))
    assert plain.values.shape[1] == len(names) - len(columns)
    assert plain.values.shape[1] == len(column_names(CLASSES))
