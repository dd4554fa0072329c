"""A model that labels by rule: fast, exact, and able to misbehave where a page asks for it."""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from unticker import lines
from unticker.errors import PageError
from unticker.types import LABELS, Kind, Label, Line, Page, Segment


class Fake:
    """Lines that start with a label's name and a colon have it; the others are body."""

    digest = "fa4e" * 4

    def label(
        self, source: Any, kind: Kind = "auto", encoding: str | None = None, parser: str = "lexbor"
    ) -> Page:
        if isinstance(source, Path):
            source = source.read_bytes()
        text = source.decode("utf-8", "replace") if isinstance(source, bytes) else source
        if kind == "html":
            text = text.replace("<p>", "\n").replace("</p>", "")
        if "%" in text:
            _misbehave(text)
        found = []
        for number, line in enumerate(lines.split(text), 1):
            if lines.is_blank(line):
                continue
            label: Label = next((name for name in LABELS if line.startswith(name + ":")), "body")
            sure = dict.fromkeys(LABELS, 0.1) | {label: 0.7}
            found.append(Line(number, line, label, sure, (Segment(0, len(line), label, sure),)))
        first = next((line for line in found if line.label == "body"), None)
        spans = frozenset({(first.number, 0)} if first else ())
        return Page(found, first.text if first else None, spans, 1.0)

    def label_many(
        self, sources: Iterable[Any], kind: Kind = "auto", encoding: str | None = None,
        parser: str = "lexbor",
    ) -> Iterator[Page]:  # fmt: skip
        for source in sources:
            yield self.label(source, kind, encoding, parser)


def _misbehave(text: str) -> None:
    if "%error%" in text:
        raise PageError("this page asked for an error")
    if "%bug%" in text:
        raise KeyError("bug")
    if "%kill%" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    if "%exit%" in text:
        os._exit(7)
    if "%sleep%" in text:
        time.sleep(3600)
    if "%block%" in text:  # no signal gets through: only ending the process helps
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        time.sleep(3600)
    if "%memory%" in text:
        held = []
        while True:
            held.append(bytearray(64 << 20))
    if "%slow%" in text:
        time.sleep(0.02)


class Slow(Fake):
    """Takes its time, so that a kill hits the middle of a run."""

    def label(
        self, source: Any, kind: Kind = "auto", encoding: str | None = None, parser: str = "lexbor"
    ) -> Page:
        time.sleep(0.002)
        return super().label(source, kind, encoding, parser)


def load() -> Fake:
    return Fake()


def load_slow() -> Fake:
    return Slow()
