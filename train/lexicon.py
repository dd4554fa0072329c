"""The words that the tables know: of dates and times, given names, function words.

Names of months, days and units of time come from CLDR by way of Babel, given names from
Faker, function words from stopwords-iso: lists of facts, of which only hashes are shipped.
"""

import importlib
import pkgutil
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from unticker.alphabet import DATE, FUNCTION, KIND, NAME, hash_words


def known_words(
    classes: NDArray[np.uint8], fold: NDArray[np.uint16]
) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Sorted hashes of all words, and the kinds of each; ``classes`` and ``fold`` by code point."""
    known: dict[int, int] = {}
    for kind, words in (
        (DATE, date_words()),
        (NAME, _whole(given_names(), classes)),
        (FUNCTION, _whole(function_words(), classes)),
    ):
        for word in set(hash_words(words, fold).tolist()):
            known[word] = known.get(word, 0) | kind
    hashes = sorted(known)
    return np.array(hashes, np.uint64), np.array([known[each] for each in hashes], np.uint8)


def date_words() -> list[str]:
    """Names of months, days and units of time in every language of CLDR."""
    from babel import Locale
    from babel.localedata import locale_identifiers

    words: set[str] = set()
    for name in sorted(locale_identifiers()):
        if "_" in name:
            continue
        locale = Locale.parse(name)
        for names in (locale.months, locale.days):
            for context in ("format", "stand-alone"):
                for width in ("wide", "abbreviated"):
                    for value in names.get(context, {}).get(width, {}).values():
                        words.update(value.replace(".", " ").replace("-", " ").split())
        for unit in ("hour", "minute", "day", "week"):
            for forms in locale._data.get("date_fields", {}).get(unit, {}).values():
                if isinstance(forms, dict):
                    for value in forms.values():
                        words.update(str(value).replace("{0}", " ").split())
    return sorted(word for word in words if len(word) > 2 and not any(c.isdigit() for c in word))


def given_names() -> list[str]:
    """Given names of the languages and countries of Faker."""
    import faker.providers.person as person

    names: set[str] = set()
    for module in pkgutil.iter_modules(person.__path__):
        if not module.ispkg:
            continue
        provider = importlib.import_module(f"{person.__name__}.{module.name}").Provider
        for field in dir(provider):
            values = getattr(provider, field)
            if field.startswith("first_name") and isinstance(values, Collection):
                names.update(name for name in values if isinstance(name, str))
    return sorted(name for name in names if len(name) > 2)


def function_words() -> list[str]:
    """Function words of the languages of stopwords-iso."""
    import stopwordsiso

    return sorted({w for lang in stopwordsiso.langs() for w in stopwordsiso.stopwords(lang)})


def _whole(words: list[str], classes: NDArray[np.uint8]) -> list[str]:
    """Those that are one word to `unticker.words`: letters alone, or one character of a script
    without spaces."""
    kept = []
    for word in words:
        kinds = set(KIND[classes[[ord(char) for char in word]]].tolist())
        if kinds == {1} or (kinds == {3} and len(word) == 1):
            kept.append(word)
    return kept
