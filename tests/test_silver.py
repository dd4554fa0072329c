"""Weak labels: what becomes a line of which label, and what is left out."""

import struct

from train import silver


def catalogue(entries):
    """The bytes of a GNU .mo file (msgfmt's format, version 0)."""
    entries = {"": "Content-Type: text/plain; charset=UTF-8\n"} | entries
    keys, data, places = sorted(entries), b"", []
    for text in [*keys, *(entries[key] for key in keys)]:
        places.append((len(text.encode()), len(data)))
        data += text.encode() + b"\0"
    start = 28 + 8 * len(places)
    head = struct.pack("<7I", 0x950412DE, 0, len(keys), 28, 28 + 8 * len(keys), 0, 0)
    return head + b"".join(struct.pack("<2I", n, start + at) for n, at in places) + data


def test_catalogues_give_short_lines_of_chrome(tmp_path):
    translated = {
        "Reply": "Répondre", "Log in &amp; reply": "Se connecter &amp; répondre",
        "Hi %s": "Salut %s",
        "Bold": "<b>Gras</b>", "Two": "Deux\nlignes", "Long": "x" * 41, "OK": "OK",
    }  # fmt: skip
    (tmp_path / "fr_FR.mo").write_bytes(catalogue(translated))
    (tmp_path / "admin-fr_FR.mo").write_bytes(catalogue({"Plugins": "Extensions"}))
    (page,) = silver.catalogues(tmp_path)
    assert page.lines == ("Répondre", "Se connecter & répondre")
    assert set(page.labels) == {"ui-chrome"}
    assert (page.lang, page.weight) == ("fr", silver.WEIGHT)


def test_paragraphs_of_the_corpus_are_body(tmp_path):
    folder = tmp_path / "the-moroccan-news-corpus" / "THE CORPUS"
    folder.mkdir(parents=True)
    long = "قال الناطق باسم الوزارة إن الاجتماع يعقد يوم الاثنين"
    rows = [f"content: ['{long} 1', 'قصير', '{long}  2']", "title: x", f"content: ['{long}']"]
    (folder / "feb.txt").write_text("\n".join(rows), "utf-8")
    (page,) = silver.paragraphs(tmp_path)
    assert page.lines == (f"{long} 1", f"{long} 2")
    assert page.labels == ("body", "body")


def test_lines_on_which_extractors_differ_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(silver, "_extracted", lambda data: ["a one two b", "a one three b"])
    monkeypatch.setattr(silver, "PROSE", 1)
    path = tmp_path / "goose3" / "new.html"
    path.parent.mkdir()
    path.write_text("<p>One</p><p>Two</p><p>Three</p><p>Menu</p>")
    for name in ("fundus", "trafilatura", "readability", "newspaper4k"):
        (tmp_path / name).mkdir()
    (page,) = silver.agreed(tmp_path)
    assert page.lines == ("One", "Menu")
    assert page.labels == ("body", "ui-chrome")
