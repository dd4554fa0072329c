"""N-grams and shapes against slow references; the same rows in any batch."""

from itertools import groupby

import numpy as np
import pytest
from conftest import cases
from hypothesis import example, given
from hypothesis import strategies as st
from test_units import ODD, PAGES

from unticker import alphabet, units, weights
from unticker.ngrams import NGRAMS
from unticker.shapes import SHAPE_OFFSETS, SHAPES
from unticker.words import COUNTED, Text

BASE, MODULUS = 0x9E3779B97F4A7C15, 1 << 64
TABLES = alphabet.tables()
KNOWN = dict(zip(TABLES.words.tolist(), TABLES.kinds.tolist(), strict=True))


def slow_hash(text: str) -> int:
    """Horner's rule over the folded characters, in Python's own integers."""
    value = 0
    for char in reversed(text):
        value = (value * BASE + int(TABLES.fold[ord(char)]) + 1) % MODULUS
    return value


def slow_words(text: str) -> list[str]:
    """Runs of letters, runs of digits, and single signs of scripts without spaces."""
    kinds = [int(alphabet.KIND[TABLES.classes[ord(char)]]) for char in text]
    found = []
    for kind, run in groupby(zip(kinds, text), key=lambda pair: pair[0]):
        word = "".join(char for _, char in run)
        found += list(word) if kind == 3 else [word] if kind else []
    return found


def text_of(pages: list[str]) -> Text:
    return Text(units.cut(pages))


def of_unit(text: Text, unit: int) -> str:
    codes = text.units.codes[text.units.starts[unit] : text.units.ends[unit]]
    return codes.tobytes().decode("utf-32-le", "surrogatepass")


@given(PAGES, st.data())
def test_hashes_equal_a_slow_hash(pages, data):
    joined = "\n".join(pages) + "\n"
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    hasher = alphabet.Hasher(codes, TABLES.fold)
    places = st.integers(0, len(joined))
    spans = data.draw(st.lists(st.tuples(places, places).map(sorted), min_size=1, max_size=10))
    found = hasher.spans(*np.array(spans).T)
    assert found.tolist() == [slow_hash(joined[start:end]) for start, end in spans]


def test_hashes_far_into_a_text():
    text = "abc " * (alphabet.MAX_CODES // 4)
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    hasher = alphabet.Hasher(codes, TABLES.fold)
    end = len(text)
    found = hasher.spans(np.array([0, 4, end - 4]), np.array([3, 7, end - 1]))
    assert set(found.tolist()) == {slow_hash("abc")}


@pytest.mark.parametrize(
    ("one", "other"), [("Monday", "MONDAY"), ("14:05", "23:59"), ("١٤", "99"), ("É", "é")]
)
def test_case_and_digits_are_folded(one, other):
    assert slow_hash(one) == slow_hash(other)
    assert set(text_of([one, other]).unit_hashes.tolist()) == {slow_hash(one)}


def test_hash_words_hashes_as_texts_do():
    words = ["lundi", "янв", "يناير"]
    assert alphabet.hash_words(words, TABLES.fold).tolist() == [slow_hash(w) for w in words]
    assert text_of(words).word_hashes.tolist() == [slow_hash(w) for w in words]


@given(PAGES)
@example(list(ODD.values()))
def test_words_equal_slow_words(pages):
    text = text_of(pages)
    joined = "\n".join(pages) + "\n"
    found = [
        [joined[s:e] for s, e in zip(text.word_starts[low:high], text.word_ends[low:high])]
        for low, high in zip(text.first_word, text.last_word)
    ]
    assert found == [slow_words(of_unit(text, unit)) for unit in range(len(text.units))]


@given(PAGES)
@example(list(ODD.values()))
@example(["a" * 254 + "1" * 600, "! " * 400, "word " * 300])
def test_counts_equal_slow_counts(pages):
    text = text_of(pages)
    for unit in range(len(text.units)):
        counted = of_unit(text, unit)[:COUNTED]
        classes = [int(TABLES.classes[ord(char)]) for char in counted]
        for number in range(len(alphabet.CLASSES)):
            assert text.count(number)[unit] == classes.count(number)


@given(PAGES)
@example(list(ODD.values()))
@example(["word " * 300 + "Word 12:05 12 Januar"])
def test_word_traits_equal_slow_traits(pages):
    text = text_of(pages)
    for unit in range(len(text.units)):
        words = slow_words(of_unit(text, unit))[:COUNTED]
        numbers = [word for word in words if TABLES.classes[ord(word[0])] == alphabet.DIGIT]
        letters = [word for word in words if word not in numbers]
        first = [int(TABLES.classes[ord(word[0])]) for word in words]
        known = [KNOWN.get(slow_hash(word), 0) for word in words]
        named = [
            kinds & alphabet.NAME and each in (alphabet.UPPER, alphabet.LETTER)
            for kinds, each in zip(known, first, strict=True)
        ]
        assert text.word_traits[[0, 1, 2, 3, 4, 6, 7], unit].tolist() == [
            first.count(alphabet.UPPER),
            sum(len(word) <= 3 for word in letters),
            sum(len(word) >= 7 for word in letters),
            len(numbers),
            sum(bool(kinds & alphabet.DATE) for kinds in known),
            sum(map(bool, named)),
            sum(bool(kinds & alphabet.FUNCTION) for kinds in known),
        ]


@pytest.mark.parametrize(
    ("line", "glued"),
    [("14:05", 1), ("3/5/2024", 2), ("2 4", 0), ("3, 5", 0), ("a1", 0), ("12", 0), ("١٤:٠٥", 1)],
)
def test_glued_numbers(line, glued):
    assert text_of([line]).word_traits[5].tolist() == [glued]


def test_numbers_of_two_lines_or_pages_are_not_glued():
    assert text_of(["3\n5", "7"]).word_traits[5].tolist() == [0, 0, 0]


@pytest.mark.parametrize("word", ["January", "lundi", "enero", "يناير", "Montag", "января"])
def test_date_words_of_many_languages(word):
    assert text_of([word]).word_traits[4].tolist() == [1]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("Maria Schmidt", 1), ("by Thomas and Aicha", 2), ("thomas", 0), ("محمد", 1), ("Марія", 1),
        ("THOMAS", 1), ("Port", 0),
    ],
)  # fmt: skip
def test_given_names_of_many_languages(line, names):
    assert text_of([line]).word_traits[6].tolist() == [names]


@pytest.mark.parametrize(
    ("line", "words"),
    [("Die Katze und der Hund", 3), ("في البيت", 1), ("de la", 2), ("Hafenkran", 0), ("的", 1)],
)
def test_function_words_of_many_languages(line, words):
    assert text_of([line]).word_traits[7].tolist() == [words]


def test_the_tables_name_and_explain_every_feature():
    for table in (NGRAMS, SHAPES):
        names = [feature.name for feature in table]
        assert len(set(names)) == len(names)
        assert all(feature.meaning.strip() for feature in table)
    assert SHAPE_OFFSETS[-1] == sum(shape.size for shape in SHAPES)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_shape_stays_in_its_range(shape):
    text = text_of([*ODD.values(), "x" * 2000, "1 " * 2000, "a" * 2000 + ". B. C. D. E. F."])
    values = shape.values(text)
    assert values.shape == (len(text.units),)
    assert 0 <= values.min() <= values.max() < shape.size


@pytest.mark.parametrize("ngram", NGRAMS, ids=lambda ngram: ngram.name)
def test_a_span_stands_in_its_unit_and_spans_come_in_their_order(ngram):
    text = text_of(list(ODD.values()))
    unit, starts, ends = ngram.places(text)
    assert len(unit)
    assert (np.diff(unit) >= 0).all()  # the first pass sums runs of the same unit
    assert (starts < ends).all()
    assert (starts >= text.units.starts[unit]).all()
    assert (ends <= text.units.ends[unit]).all()


@pytest.mark.parametrize("case", cases("ngrams"), ids=lambda case: case["name"])
def test_spans(case):
    text = text_of([case["page"]])
    ngram = next(ngram for ngram in NGRAMS if ngram.name == case["name"])
    _, starts, ends = ngram.places(text)
    assert [case["page"][s:e] for s, e in zip(starts, ends)] == case["spans"]


@given(PAGES)
@example(list(ODD.values()))
@example(["on 3", "5 June", "x\n1", "", "2", "Ad\nAd", "Ad"])
def test_rows_do_not_depend_on_the_batch(pages):
    together = weights.prepare(pages)
    for number, page in enumerate(pages):
        alone = weights.prepare([page])
        low, high = together.units.first[number : number + 2]
        assert (together.shapes[low:high] == alone.shapes).all()
        for (unit, bucket), (unit1, bucket1) in zip(together.rows, alone.rows, strict=True):
            mine = (unit >= low) & (unit < high)
            assert (unit[mine] - low).tolist() == unit1.tolist()
            assert bucket[mine].tolist() == bucket1.tolist()
