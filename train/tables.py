"""Build ``unticker/tables.npz``: what every code point is, and the words it knows.

Character classes come from Python's Unicode database, words from `train.lexicon`. The result
is shipped, so that a label depends neither on the Python version nor on other packages.
"""

import sys
import unicodedata
from pathlib import Path

import numpy as np

from train.lexicon import known_words
from unticker.alphabet import CLASSES

_STOP = ".!?…。！？؟۔।॥።፧։។‥｡"
_COMMA = ",;،؛、，；፣፤՝"
_COLON = ":：፡∶"
_QUOTE = "\"'`´“”„‟«»‹›‘’‚‛「」『』〈〉《》〝〞＂″′"
_BAR = "|·•/\\›→←►▸▶◄●■□◆*~^_<>+=¦｜・‧∙▪▼▲↑↓"
_UNIT_SCRIPTS = (
    (0x0E00, 0x0EFF), (0x0F00, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x303F), (0x3040, 0x30FF),
    (0x3100, 0x312F), (0x31A0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF), (0xFF66, 0xFF9F),
)  # fmt: skip


def _class(code: int) -> str:
    char = chr(code)
    if char.isspace():
        return "space"
    for characters, name in (
        (_STOP, "stop"), (_COMMA, "comma"), (_COLON, "colon"), (_QUOTE, "quote"), (_BAR, "bar"),
        ("@#&", "at"), ("%‰", "money"), ("©®℗", "rights"),
    ):  # fmt: skip
        if char in characters:
            return name
    category = unicodedata.category(char)
    unit = any(low <= code <= high for low, high in _UNIT_SCRIPTS)
    if category[0] == "L" or category in ("Mn", "Mc", "Me", "Nl"):
        if unit:
            return "unit"
        if category in ("Lu", "Lt"):
            return "upper"
        if category == "Ll":
            return "lower"
        return "mark" if category[0] == "M" else "letter"
    return {
        "Nd": "digit", "No": "digit", "Pd": "dash", "Ps": "open", "Pe": "close", "Pi": "quote",
        "Pf": "quote", "Sc": "money",
    }.get(category, "other")  # fmt: skip


def _fold(code: int) -> int:
    """Lower case, digits as 0, in 16 bits (planes above the first share them)."""
    char = chr(code)
    if unicodedata.category(char) == "Nd":
        return ord("0")
    lowered = char.lower()
    return (ord(lowered) if len(lowered) == 1 else code) & 0xFFFF


def build(path: Path) -> None:
    classes = np.zeros(sys.maxunicode + 1, np.uint8)
    fold = np.zeros(sys.maxunicode + 1, np.uint16)
    for code in range(sys.maxunicode + 1):
        classes[code] = CLASSES.index(_class(code)) if not 0xD800 <= code < 0xE000 else 1
        fold[code] = _fold(code)
    words, kinds = known_words(classes, fold)
    shift = fold - np.arange(len(fold)).astype(np.uint16)  # nearly all zero: packs well
    np.savez_compressed(path, classes=classes, shift=shift, words=words, kinds=kinds)


if __name__ == "__main__":
    build(Path(__file__).parent.parent / "unticker" / "tables.npz")
