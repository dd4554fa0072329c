"""What is listed for a label is all that carried it."""

import math
import re

import pytest
from conftest import ROOT

from unticker import weights
from unticker.assembly import NO_ARTICLE
from unticker.explanation import explain
from unticker.phrases import Phrases
from unticker.types import LABELS

LEAST = 0.005
"""Logits below which a reason is not listed; hundreds of them are."""


def adds_up(why, line, bias):
    """Whether the line can be judged by its reasons; asserts that they are all of its odds."""
    chances = why.probabilities[why.label], why.probabilities[why.rival]
    if len(line.segments) > 1 or min(chances) < 1e-5:
        return False
    ours, theirs = LABELS.index(why.label), LABELS.index(why.rival)
    listed = sum(reason.weight for reason in why.context) + bias[ours] - bias[theirs]
    assert listed == pytest.approx(math.log(chances[0] / chances[1]), abs=100 * LEAST)
    return True


@pytest.mark.parametrize("which", ["model", "conjoined"])
def test_reasons_add_up_to_the_difference_of_both_labels(pages, which, request):
    model = request.getfixturevalue(which)
    bias = model.text.bias3 / weights.CONTEXT_SCALE
    explained = 0
    for page in pages:
        found = model.label(page.text, kind="text")
        if found.article_probability < NO_ARTICLE:
            continue  # its labels are not those of the last pass
        for line in list(found.lines)[::4]:
            why = explain(model, page.text, line.number, "text")
            explained += adds_up(why, line, bias)
    assert explained > 40


def test_a_conjunction_is_named_by_its_answers(pages, conjoined):
    text = pages[0].text
    names = [
        reason.name
        for line in conjoined.label(text, kind="text").lines
        for reason in explain(conjoined, text, line.number, "text").context
    ]
    named = {name for name in names if name.count(" and ") == 3}
    assert named
    assert all(len(re.findall(r" (?:>|<=) -?\d+(?: and |$)", name)) == 4 for name in named)


def test_what_the_lines_beside_say_is_among_the_reasons(pages, model):
    text, names = pages[0].text, set()
    for line in model.label(text, kind="text").lines:
        names |= {reason.name for reason in explain(model, text, line.number, "text").context}
    assert {"labels of the units before", "labels of the units behind"} <= names


def test_reasons_for_a_line_of_html_are_those_of_both_weights(shipped):
    path = ROOT / "annotations" / "original" / "html" / "en-k-13.html"
    found = shipped.label(path)
    assert found.article_probability > NO_ARTICLE
    bias = (2 * shipped.html.bias3 + shipped.text.bias3) / (3 * weights.CONTEXT_SCALE)
    explained, own = 0, set()
    for line in found.lines:
        why = explain(shipped, path, line.number)
        own |= {reason.name for reason in why.own}
        if adds_up(why, line, bias):
            names = [reason.name for reason in why.context]
            assert len(set(names)) == len(names)
            explained += 1
    assert explained > 20
    assert "markup" in own


def test_a_users_phrases_are_among_the_reasons(pages, model):
    text = pages[0].text
    line = next(line for line in model.label(text, kind="text").lines if line.label != "byline")
    told = model.with_phrases(Phrases.of({line.text.split()[0]: "byline"}))
    before, after = (explain(each, text, line.number, "text") for each in (model, told))
    assert after.probabilities != before.probabilities
    assert not any(reason.name.startswith("phrases") for reason in before.own)
    assert any(reason.name.startswith("phrases") for reason in after.own)
