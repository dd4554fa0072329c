"""A model's labels do not depend on the batch; a folder that is not a model is refused."""

import hashlib
import io
import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bs4 import BeautifulSoup
from hypothesis import example, given
from hypothesis import strategies as st
from test_units import ODD, PAGES

import unticker
from unticker import reading
from unticker.errors import ModelError, PageError, UsageError
from unticker.model import BATCH_CODES, Model
from unticker.parts import Part
from unticker.types import LABELS, Page

HTML = "<html><body><nav>Menu</nav><h1>Head</h1><p>The council met on Monday.</p></body></html>"


def signature(page: Page) -> tuple:
    """All that a page says, to the last bit."""
    lines = []
    for line in page.lines:
        lines.append((line.number, line.text, line.label, tuple(line.probabilities.items())))
        for part in line.segments:
            lines.append((part.start, part.end, part.label, tuple(part.probabilities.items())))
    return lines, page.title, page.title_spans, page.article_probability


@pytest.fixture(scope="module")
def real(pages):
    return [page.text for page in pages[::4]]


# ---- the same labels in any batch


@given(st.data(), PAGES)
@example(None, ["on 3", "5 June", "x\n1", "", "2", "Ad\nAd", "Ad"])
@example(None, list(ODD.values()))
def test_labels_do_not_depend_on_batch_order_and_split(request, data, texts):
    model = request.getfixturevalue("model")  # not an argument: hypothesis would print it
    texts = texts + request.getfixturevalue("real")[:1]
    alone = {text: signature(model.label(text, "text")) for text in texts}
    order, size = texts[::-1], 3
    if data is not None:
        order = data.draw(st.permutations(texts))
        size = data.draw(st.integers(1, len(texts)))
    found = list(model.label_many(order, "text"))
    assert [signature(page) for page in found] == [alone[text] for text in order]
    for start in range(0, len(order), size):
        some = order[start : start + size]
        found = list(model.label_many(some, "text"))
        assert [signature(page) for page in found] == [alone[text] for text in some]


def test_labels_do_not_depend_on_huge_neighbours(model, real):
    huge = "\n".join(real) * (BATCH_CODES // len("\n".join(real)) + 2)
    assert len(huge) > BATCH_CODES
    alone = [signature(model.label(text, "text")) for text in (real[0], huge, real[1])]
    together = model.label_many([real[0], huge, real[1]], "text")
    assert [signature(page) for page in together] == alone


def test_documents_of_both_kinds_keep_their_order(model, real):
    sources = [real[0], HTML, "", BeautifulSoup(HTML, "html.parser"), real[1], HTML.encode()]
    found = [signature(page) for page in model.label_many(sources)]
    assert found == [signature(model.label(source)) for source in sources]


def test_a_loaded_model_labels_as_the_fitted_one(fitted, model, real):
    for text in [*real, *ODD.values()]:
        assert signature(model.label(text, "text")) == signature(fitted.label(text, "text"))


# ---- large pages


def test_a_huge_page_is_worked_through_in_pieces_and_keeps_its_lines(model, real):
    text = ("\n\n".join(real) + "\n") * 35
    assert len(text) > BATCH_CODES
    page = model.label(text, "text")
    numbered = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    assert [(line.number, line.text) for line in page.lines] == numbered
    assert len(page.lines) == len(numbered)
    assert "".join(page.text(keep=LABELS).split()) == "".join(text.split())


def test_fifty_thousand_empty_lines(model):
    page = model.label("Menu" + "\n" * 50_000 + "A line of text.\n", "text")
    assert [(line.number, line.text) for line in page.lines] == [
        (1, "Menu"),
        (50_001, "A line of text."),
    ]


@pytest.mark.parametrize(
    "text",
    ["word " * 210_000, "x" * 1_050_000, "A sentence of it. " * 60_000, "one    two    " * 75_000],
    ids=["words", "one word", "sentences", "wide spaces"],
)
def test_a_line_of_a_megabyte_is_one_line(model, text):
    page = model.label(f"Menu\n{text}\nEnd", "text")
    assert "".join(page.text(keep=LABELS).split()) == f"Menu{''.join(text.split())}End"
    assert [line.number for line in page.lines] == [1, 2, 3]
    assert page.lines[1].text == text
    assert len(page.lines) == 3


def test_words_are_not_torn_between_pieces(model):
    page = model.label("x" * (3 * BATCH_CODES), "text")
    assert page.text(keep=LABELS) == "x" * (3 * BATCH_CODES)


@pytest.mark.parametrize(
    ("sources", "limit"),
    [(["Menu"] * 5_000, 100e6), (["ab\n" * 60_000], 300e6)],
    ids=["many tiny pages", "a page of tiny lines"],
)
def test_labelling_needs_little_memory(model, sources, limit):
    tracemalloc.start()
    found = list(model.label_many(sources, "text"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == len(sources)
    assert peak < limit


# ---- what label and label_many take


def test_label_many_is_lazy(model):
    def sources():
        yield "A line of text to read. " * (BATCH_CODES // 20)
        raise AssertionError("read too early")

    assert next(model.label_many(sources(), "text")).lines[0].number == 1


@pytest.mark.parametrize("weights_for_html", [True, False])
def test_html_is_not_markdown_whatever_weights_judge_it(weights_for_html):
    shipped = unticker.load()
    judging = shipped if weights_for_html else replace(shipped, html=None)
    for source, kind, is_read in (
        ("<p># Head [it](/x)", "html", False),
        ("# Head [it](/x)", "text", True),
    ):
        document = reading.read(source, kind)
        judges = judging.judges([(document, Part(0, len(document.text), 0))])
        both = weights_for_html and kind == "html"
        assert (judges[0].batch.views[0] is not None) == is_read
        assert [each.weights for each in judges] == [shipped.html, shipped.text][not both :]
        assert sum(each.share for each in judges) == pytest.approx(1)


@pytest.mark.parametrize("source", ["text", b"bytes", Path("page.txt")])
def test_label_many_refuses_one_source(model, source):
    with pytest.raises(PageError, match="use label"):
        list(model.label_many(source))


@pytest.mark.parametrize("source", [None, 3, ["a"], object()])
def test_a_source_of_no_known_type_is_refused(model, source):
    with pytest.raises(PageError, match="cannot read a"):
        model.label(source)


def test_an_unknown_kind_is_refused(model):
    with pytest.raises(UsageError, match="pdf"):
        model.label("a", "pdf")


def test_a_path_goes_by_its_suffix_and_text_by_its_start(model, tmp_path):
    for name in ("page.html", "page.txt", "page.HTM", "page"):
        (tmp_path / name).write_text(HTML, "utf-8")
    kinds = {p.name: model.label(p).reader for p in tmp_path.iterdir()}
    assert kinds == {"page.html": "lexbor", "page.txt": None, "page.HTM": "lexbor", "page": None}
    assert model.label(HTML).reader == model.label(HTML.encode()).reader == "lexbor"
    assert model.label(HTML, "text").reader is None
    assert model.label("a < b\n<not markup>").reader is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_bytes_are_decoded(model, encoding):
    page = model.label("Menu\nالمجلس اجتمع يوم الاثنين".encode(encoding), "text")
    assert [line.text for line in page.lines] == ["Menu", "المجلس اجتمع يوم الاثنين"]
    assert page.encoding is not None


def test_a_missing_path_and_a_folder_are_page_errors(model, tmp_path):
    with pytest.raises(PageError, match="no such file"):
        model.label(tmp_path / "none.txt")
    with pytest.raises(PageError, match="folder"):
        model.label(tmp_path)


# ---- save and load


def test_saving_a_loaded_model_writes_the_same_bytes(model, folder, tmp_path):
    model.save(tmp_path / "again")
    for name in ("weights.npz", "model.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_model_json_says_what_the_model_is(folder):
    about = json.loads((folder / "model.json").read_text("utf-8"))
    data = (folder / "weights.npz").read_bytes()
    assert about["sha256"] == hashlib.sha256(data).hexdigest()
    assert about["labels"] == list(LABELS)
    assert about["unticker"] == unticker.__version__
    assert {"schema", "article", "lines", "pages", "sites", "seed", "cross_validated"} <= set(about)


class Damage:
    """A copy of a model's folder, to be damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def about(self, **changes: object) -> None:
        path = self.path / "model.json"
        path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")

    def weights(self, data: bytes, *, sign: bool = True) -> None:
        (self.path / "weights.npz").write_bytes(data)
        if sign:
            self.about(sha256=hashlib.sha256(data).hexdigest())

    def flip(self, place: int, *, sign: bool = False) -> None:
        data = bytearray((self.path / "weights.npz").read_bytes())
        data[place] ^= 0x10
        self.weights(bytes(data), sign=sign)

    def arrays(self, **changes: object) -> None:
        with np.load(self.path / "weights.npz") as held:
            arrays = {name: held[name] for name in held.files}
        for name, value in changes.items():
            if value is None:
                del arrays[name.replace("_", ".")]
            else:
                arrays[name.replace("_", ".")] = value
        stream = io.BytesIO()
        np.savez(stream, **arrays)
        self.weights(stream.getvalue())


def npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    return stream.getvalue()


DAMAGES = {
    "no weights": lambda d: (d.path / "weights.npz").unlink(),
    "no model.json": lambda d: (d.path / "model.json").unlink(),
    "model.json is empty": lambda d: (d.path / "model.json").write_bytes(b""),
    "model.json is cut": lambda d: (d.path / "model.json").write_bytes(b'{"format": 1, "lab'),
    "model.json is not UTF-8": lambda d: (d.path / "model.json").write_bytes(b'{"a": "\xff"}'),
    "model.json is a list": lambda d: (d.path / "model.json").write_bytes(b"[]"),
    "other format": lambda d: d.about(format=99),
    "format is text": lambda d: d.about(format="1"),
    "other labels": lambda d: d.about(labels=["good", "bad"]),
    "other order of labels": lambda d: d.about(labels=list(LABELS)[::-1]),
    "other features": lambda d: d.about(schema="0" * 16),
    "no digest": lambda d: d.about(sha256=None),
    "article is short": lambda d: d.about(article=[1.0]),
    "article is text": lambda d: d.about(article=["a"] * 7),
    "article holds null": lambda d: d.about(article=[None] * 7),
    "article is not finite": lambda d: d.about(article=[float("nan")] * 7),
    "first byte": lambda d: d.flip(0),
    "a byte in the middle": lambda d: d.flip(5000),
    "last byte": lambda d: d.flip(-1),
    "weights are empty": lambda d: d.weights(b"", sign=False),
    "weights are cut": lambda d: d.weights(
        (d.path / "weights.npz").read_bytes()[:5000], sign=False
    ),
    # A folder whose digest was made to fit is not verified by it: the arrays are.
    "signed, empty": lambda d: d.weights(b""),
    "signed, cut": lambda d: d.weights((d.path / "weights.npz").read_bytes()[:5000]),
    "signed, a byte in the middle": lambda d: d.flip(5000, sign=True),
    "signed, one array": lambda d: d.weights(npy()),
    "signed, no archive": lambda d: d.weights(b"PK\3\4 not an archive"),
    "an array is missing": lambda d: d.arrays(text_bias=None),
    "wrong shape": lambda d: d.arrays(text_bias=np.zeros(7, np.int32)),
    "wrong type": lambda d: d.arrays(text_bias=np.zeros(8, np.float64)),
    "too few n-grams": lambda d: d.arrays(text_ngrams=np.zeros((16, 12), np.int16)),
    "n-grams of no bucket": lambda d: d.arrays(
        text_vocabulary=np.array([3, 1 << 30], np.int32), text_ngrams=np.zeros((2, 12), np.int16),
        text_ngrams3=np.zeros((2, 20), np.int16),
    ),
    "n-grams out of order": lambda d: d.arrays(
        text_vocabulary=np.array([9, 3], np.int32), text_ngrams=np.zeros((2, 12), np.int16),
        text_ngrams3=np.zeros((2, 20), np.int16),
    ),
    "n-grams are a number": lambda d: d.arrays(text_vocabulary=np.array(3, np.int32)),
    "conjunctions without cases": lambda d: d.arrays(
        text_tests=np.zeros((2, 4, 2), np.int32), text_cases=np.zeros((16, 4), np.int32)
    ),
    "an odd conjunction": lambda d: d.arrays(
        text_tests=np.zeros((1, 4, 2), np.int32), text_cases=np.zeros((16, 4), np.int32)
    ),
    "conjunctions of no column": lambda d: d.arrays(
        text_tests=np.full((2, 4, 2), 9999, np.int32), text_cases=np.zeros((32, 4), np.int32)
    ),
    "conjunctions of a column below 0": lambda d: d.arrays(
        text_tests=np.full((2, 4, 2), -1, np.int32), text_cases=np.zeros((32, 4), np.int32)
    ),
    "conjunctions are a number": lambda d: d.arrays(text_tests=np.array(3, np.int32)),
    "a pickled array": lambda d: d.arrays(text_bias=np.array([{}] * 8, object)),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_folder_is_refused(name, model, tmp_path):
    model.save(tmp_path)
    DAMAGES[name](Damage(tmp_path))
    with pytest.raises(ModelError) as raised:
        Model.load(tmp_path)
    message = str(raised.value)
    assert str(tmp_path) in message
    assert "\n" not in message
    assert len(message) < len(str(tmp_path)) + 200


@pytest.mark.parametrize("name", ["none", "file.txt", "empty"])
def test_what_is_no_model_folder_is_refused(name, tmp_path):
    (tmp_path / "file.txt").write_text("a")
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / name, str(tmp_path / name)):
        with pytest.raises(ModelError, match="holds no model"):
            unticker.load(path)


def test_every_flipped_byte_is_found(model, tmp_path):
    model.save(tmp_path)
    data = (tmp_path / "weights.npz").read_bytes()
    for place in range(0, len(data), len(data) // 40):
        flipped = bytearray(data)
        flipped[place] ^= 1
        (tmp_path / "weights.npz").write_bytes(flipped)
        with pytest.raises(ModelError, match="SHA-256"):
            Model.load(tmp_path)
