"""What a unit sees of its page: the same in any batch, whole numbers, and what its name says."""

from operator import mul

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from test_units import ODD, PAGES

from unticker import sums, weights
from unticker.columns import CLASS_NAMES, CLASSES, FAMILIES, LABEL_OF_CLASS
from unticker.context import Context
from unticker.shapes import SHAPE_OFFSETS
from unticker.softmax import probabilities
from unticker.types import BODY, CHROME, LABELS

PROSE = "The council met on Monday and agreed on the plan for the old harbour, at long last."


def scores_of(batch: weights.Batch) -> np.ndarray:
    """Scores that hang on a unit's text alone, without a model."""
    hashes = batch.text.unit_hashes
    return np.stack(
        [(hashes >> np.uint64(4 * n)).astype(np.int64) % 2000 for n in range(CLASSES)], 1
    )


def context(texts: list[str], chances: np.ndarray | None = None) -> Context:
    batch = weights.prepare(texts)
    if chances is None:
        chances = probabilities(scores_of(batch))
    return Context(batch.text, batch.shapes - SHAPE_OFFSETS[:-1], chances)


def column(found: Context, name: str) -> list[int]:
    return dict(found.columns())[name].tolist()


def certain(*labels: int) -> np.ndarray:
    return 255 * np.eye(CLASSES, dtype=np.int64)[list(labels)]


@given(PAGES)
@example(list(ODD.values()))
@example(["on 3", "5 June", "x\n1", "2", "Ad\nAd", "Ad"])
def test_both_passes_see_the_same_in_any_batch(pages):
    pages = [page for page in pages if page.strip()] or ["a"]
    together = weights.prepare(pages)
    together_scores = scores_of(together)
    seen = weights.second_context(together, together_scores)
    both = weights.third_context(together, seen, together_scores[:, :4])
    for number, page in enumerate(pages):
        alone = weights.prepare([page])
        scores = scores_of(alone)
        seen1 = weights.second_context(alone, scores)
        both1 = weights.third_context(alone, seen1, scores[:, :4])
        low, high = together.units.first[number : number + 2]
        for whole, part in ((seen, seen1), (both, both1)):
            assert (whole.values[low:high] == part.values).all()
            assert (whole.crosses[low:high] == part.crosses).all()
        units = weights.ngram_units(together, together_scores[:, :4])[:, low:high]
        units1 = weights.ngram_units(alone, scores[:, :4])
        assert (np.where(units < len(together.units), units - low, high - low) == units1).all()


def test_columns_are_whole_numbers_that_float64_holds():
    seen = context(list(ODD.values())).see()
    assert (seen.values == np.floor(seen.values)).all()
    assert (seen.values >= 0).all()
    # 2**31 for a weight, 2**12 for the columns: the sum stays below 2**53.
    assert seen.values.max() < 2**10


@pytest.mark.parametrize("classes", [CLASSES, 4])
def test_crosses_stay_in_their_range(classes):
    batch = weights.prepare(list(ODD.values()))
    chances = probabilities(scores_of(batch))[:, :classes]
    found = Context(batch.text, batch.shapes - SHAPE_OFFSETS[:-1], chances)
    for name, values, size in found.crosses():
        assert 0 <= values.min() <= values.max() < size, name
    assert found.see().crosses.max() < weights.crosses_size(classes)


@pytest.mark.parametrize("classes", [CLASSES, 4])
def test_every_column_has_one_name_of_a_family(classes):
    found = context(["a\nb"], np.zeros((2, classes), np.int64))
    names = [name for name, _ in found.columns()]
    assert len(set(names)) == len(names)
    assert {name.split(":")[0] for name in names} == {family.name for family in FAMILIES}
    assert len({name for name, *_ in found.crosses()}) == len(found.crosses())


def test_the_seven_classes_add_up_to_the_four_labels():
    found = context(["\n".join("abcdefg")], certain(*range(CLASSES)))
    assert found.labels.argmax(axis=1).tolist() == LABEL_OF_CLASS.tolist()
    assert (found.labels.sum(axis=1) == 255).all()
    assert CLASS_NAMES[:4] == LABELS


def test_neighbours_end_at_the_page():
    found = context(["a\nb", "c"], certain(0, 1, 2))
    assert column(found, "neighbours: ui-chrome at +1") == [255, 0, 0]
    assert column(found, "neighbours: byline at +1") == [0, 0, 0]
    assert column(found, "neighbours: headline-ticker at -1") == [0, 255, 0]
    assert column(found, "neighbours: page ends +1") == [0, 1, 1]
    assert column(found, "neighbours: page ends -1") == [1, 0, 1]


def test_short_lines_that_come_again_and_again_are_passed_over():
    page = "\n".join(["Ad", "first", "Ad", "second", "Ad", "Ad", "third"])
    found = context([page], certain(1, 3, 1, 2, 1, 1, 0))
    assert column(found, "neighbours: byline at +1")[1] == 255
    assert column(found, "neighbours: headline-ticker at +1")[3:6] == [255, 255, 255]
    assert column(found, "neighbours: byline at -1")[4:] == [255, 255, 255]


def test_what_stands_beside_counts_also_where_it_comes_again_and_again():
    lines = ["First", "Reply", "Second", "Reply", "Third", "Reply", "Reply"]
    layout = context(["\n".join(lines)]).layout
    assert layout.repeats_beside.tolist() == [14, 0, 10, 0, 10, 2, 11]
    assert (layout.repeats_around // 4 % 16 == layout.repeats_beside).all()


@given(st.lists(st.sampled_from([0, 3]), min_size=1, max_size=130))
def test_distances_to_prose_equal_slow_distances(labels):
    page = "\n".join(f"{chr(97 + n % 26)}{n} {PROSE}" for n in range(len(labels)))
    before, behind = context([page], certain(*labels)).distances
    prose = [n for n, label in enumerate(labels) if label == BODY]
    for n in range(len(labels)):
        assert before[n] == min([n - p for p in prose if p < n], default=99)
        assert behind[n] == min([p - n for p in prose if p > n], default=99)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=50), st.sampled_from([3, 8, 20, 60]))
def test_windows_equal_slow_windows(labels, width):
    page = "\n".join(f"line {chr(97 + n % 26)}{n * n}x" for n in range(len(labels)))
    found = context([page], certain(*labels))
    for side in ("before", "behind"):
        mean = column(found, f"windows: {CLASS_NAMES[5]} over {width} {side}")
        for n in range(len(labels)):
            near = labels[max(n - width, 0) : n] if side == "before" else labels[n + 1 :][:width]
            assert mean[n] == sum(255 * (label == 5) for label in near) // max(len(near), 1)


def test_prose_is_counted_on_both_sides():
    found = context([f"Menu\n{PROSE}\nAd\n{PROSE}b"], certain(1, 3, 1, 3))
    assert column(found, "prose: share of prose before")[::3] == [0, 255 * 83 // 167]
    assert column(found, "prose: share of prose behind")[::3] == [255, 0]


def test_shared_words_speak_for_a_line():
    page = f"{PROSE}\ncouncil harbour agreed\nfootball results tonight"
    found = context([page], certain(3, 0, 0))
    assert column(found, "cohesion: shared words")[1:] == [3, 0]


def test_a_second_article_shares_its_own_words_but_not_those_of_the_beginning():
    first = [
        f"The harbour council plans a ferry to island number {n} next year." for n in range(20)
    ]
    second = [
        f"Striker scores twice as rovers beat united in round {n} at home." for n in range(20)
    ]
    found = context(["\n".join(first + second)], certain(*[3] * 40))
    columns = dict(found.columns())
    assert min(columns["cohesion: share of shared words"]) == 255
    share = columns["opening: share of shared words"].tolist()
    assert min(share[:20]) > 200
    assert max(share[20:]) == 0
    prose = found.layout.prose_length.tolist()
    for n in range(40):
        for width in (3, 8, 20):
            before, behind = slice(max(n - width, 0), n), slice(n + 1, n + 1 + width)
            for side, near in (("before", before), ("behind", behind)):
                shared = sum(map(mul, share[near], prose[near])) // max(sum(prose[near]), 1)
                assert columns[f"opening: share of them in {width} {side}"][n] == shared


def test_the_beginning_is_each_page_s_own():
    page = (
        f"{PROSE}\nfootball results tonight, as ever, for all who stayed at home to listen to them"
    )
    found = context([page, page], certain(3, 3, 3, 3))
    for name in ("share of shared words", "weight of shared words", "share of them in 3 before"):
        values = column(found, f"opening: {name}")
        assert values[:2] == values[2:]


def test_lines_are_told_apart_by_how_often_they_come_again():
    texts = {text: times for times, text in enumerate("abcdefgh")} | {"i": 12, "j": 13, "k": 60}
    page = "\n".join(text for text, more in texts.items() for _ in range(more + 1))
    repeats = context([page]).layout.shape("repeats").tolist()
    steps = [repeats[page.split("\n").index(text)] for text in texts]
    assert steps == [0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 7]


@given(
    st.lists(
        st.lists(st.integers(-40_000, 40_000), min_size=CLASSES, max_size=CLASSES), max_size=20
    )
)
def test_probabilities_are_bytes_that_add_up(scores):
    found = probabilities(np.array(scores, np.int64).reshape(len(scores), CLASSES))
    assert ((found >= 0) & (found <= 255)).all()
    assert (abs(found.sum(axis=1) - 255) <= CLASSES / 2).all()


# ---- n-grams


def test_ngrams_count_beside_the_unit_and_by_its_side_of_the_article():
    texts = ["Menu\n" + PROSE + "\nShare", "Alone"]
    batch = weights.prepare(texts)
    scores = 4000 * np.eye(4, dtype=np.int64)[[CHROME, BODY, CHROME, CHROME]]
    before, behind, *own = weights.ngram_units(batch, scores).tolist()
    assert before == [4, 0, 1, 4]  # 4 units: no unit there
    assert behind == [1, 2, 4, 4]
    assert own[0] == [0, 4, 4, 4]
    assert own[1] == [4, 1, 4, 3]  # a page without body: its first unit is all its stretch
    assert own[2] == [4, 4, 2, 4]


def test_ngram_scores_pick_each_places_weights():
    each = np.arange(3 * 32, dtype=np.int32).reshape(3, 32)
    seen = np.array([[3, 0, 1], [1, 2, 3], [0, 3, 3], [3, 1, 3], [3, 3, 2]])
    added = weights.ngram_scores(each, seen)
    assert added[0].tolist() == (each[1, 16:20] + each[0, 20:24]).tolist()
    assert added[1].tolist() == (each[0, 12:16] + each[2, 16:20] + each[1, 24:28]).tolist()
    assert added[2].tolist() == (each[1, 12:16] + each[2, 28:32]).tolist()


@given(st.lists(st.integers(1, 20), min_size=1, max_size=30))
def test_sums_of_segments(sizes):
    starts = np.cumsum([0, *sizes[:-1]])
    rows = np.arange(sum(sizes)) * 7 % 23
    table = np.arange(23 * 3, dtype=np.int16).reshape(23, 3) ** 2
    expected = np.add.reduceat(table.take(rows, axis=0).astype(np.int32), starts, axis=0)
    assert (sums._segment_sums(table, rows, starts) == expected).all()


@pytest.mark.parametrize("units", [0, 1, 83, 5000])
def test_products_are_exact_however_many_units_are_multiplied_at_a_time(units):
    rng = np.random.default_rng(units)
    columns = rng.integers(-(1 << 20), 1 << 20, (400, 8)).astype(np.int32)
    values = rng.integers(-300, 300, (400, units))
    exact = (columns.T.astype(np.int64) @ values).T
    assert (sums.product(columns, values.astype(np.float64)) == exact).all()
