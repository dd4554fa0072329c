"""What a model knows of n-grams, and that others add nothing."""

from dataclasses import replace

import numpy as np

import unticker
from unticker import weights
from unticker.examples import Options, gather
from unticker.ngrams import BUCKETS
from unticker.vocabulary import Vocabulary


def test_known_ngrams_have_the_row_of_their_place():
    known = Vocabulary(np.array([0, 63, 64, 9000, BUCKETS - 1]))
    unit, bucket = np.array([0, 0, 1, 1, 2, 3]), np.array([64, 65, 9000, 0, BUCKETS - 1, 62])
    units, rows = known.known((unit, bucket))
    assert units.tolist() == [0, 1, 1, 2]
    assert rows.tolist() == [2, 3, 0, 4]
    assert known.find(bucket).tolist() == [2, -1, 3, 0, 4, -1]


def test_no_ngram_is_known_of_an_empty_vocabulary():
    units, rows = Vocabulary(np.zeros(0, np.int32)).known((np.arange(3), np.array([0, 1, 2])))
    assert len(units) == len(rows) == 0


def test_ngrams_that_no_site_showed_add_nothing():
    model = unticker.load().text
    batch = weights.prepare(["Zqxvkj wqzzxj\nqxzzv"])
    known = Vocabulary(model.vocabulary)
    assert sum(len(known.known(family)[0]) for family in batch.ngrams[:4]) == 0
    shared = weights.prepare(["Contact\nPar la rédaction"])
    assert weights.row_sums(model, shared).any(axis=1).all()


def test_wording_of_another_site_is_not_shown_as_its_own(pages):
    options = Options(min_sites=3)
    plain, *others = pages
    word = replace(plain, lines=("Quizzaciously",), labels=("body",), page="a", site="a.example")
    carried = [replace(word, page=name, site=f"{name}.example", foreign=True) for name in "bcd"]
    known = gather([*others, word, *carried], options, False)
    without = gather([*others, word], options, False)
    own = [replace(each, foreign=False) for each in carried]
    shown = gather([*others, word, *own], options, False)
    assert known.vocabulary.tolist() == without.vocabulary.tolist()
    assert len(shown.vocabulary) > len(known.vocabulary)


def test_a_model_knows_what_enough_sites_select(pages):
    options = {"iterations": 10, "jobs": 1}
    few, many = (unticker.fit(pages, **options, min_sites=sites) for sites in (2, 4))
    assert set(many.text.vocabulary) < set(few.text.vocabulary)
    assert (np.diff(few.text.vocabulary) > 0).all()
    assert len(few.text.ngrams) == len(few.text.ngrams3) == len(few.text.vocabulary)
