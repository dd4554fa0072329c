"""The five documents the project started from, with the model that never saw them."""

import pytest
from conftest import ROOT, cases

import unticker

CASES = cases("seeds")
SEEDS = ROOT / "seeds"
NAMES = list(CASES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["path", "text", "bytes"])
def test_every_line_of_a_seed_is_right(name, form, shipped):
    path = SEEDS / name
    source = {"path": path, "text": path.read_bytes().decode(), "bytes": path.read_bytes()}[form]
    page = shipped.label(source)
    found = {str(line.number): line.label for line in page.lines}
    assert {
        n: (found.get(n), label) for n, label in CASES[name].items() if found.get(n) != label
    } == {}
    assert list(found) == list(CASES[name])


def test_the_seeds_are_right_in_one_batch(shipped):
    found = [
        line.label
        for page in shipped.label_many([SEEDS / name for name in NAMES])
        for line in page.lines
    ]
    assert found == [label for name in NAMES for label in CASES[name].values()]
    assert len(found) == 65


def test_cleaning_000_without_its_title_gives_001(shipped, run):
    expected = (SEEDS / NAMES[1]).read_text("utf-8").split()
    assert unticker.clean(SEEDS / NAMES[0], title=False).split() == expected
    assert shipped.label(SEEDS / NAMES[1]).text().split() == expected
    ran = run("clean", "--no-title", SEEDS / NAMES[0])
    assert (ran.code, ran.out.split()) == (0, expected)


@pytest.mark.parametrize("name", NAMES)
def test_the_title_of_a_seed(name, shipped):
    page = shipped.label(SEEDS / name)
    lines = (SEEDS / name).read_text("utf-8").split("\n")
    number = {"000": 14, "002": 12, "003": 1, "004": 14}.get(name[:3])
    assert page.title == (lines[number - 1].strip() if number else None)
    assert page.article_probability > 0.5


def test_the_shipped_model_is_the_default():
    assert unticker.label("Menu").lines[0].label in unticker.LABELS
    assert isinstance(unticker.clean("Menu\n"), str)
