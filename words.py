"""Say sentences, numbers and moments in the reader's language.

The web names the language for each request; commands and the worker leave it English. What is kept in the database is
kept as a `Later`, so that everybody reads it in their own language. A percent sign within a sentence is written %%.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from gettext import NullTranslations
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_date, format_time
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import Translations

LANGUAGES = {"en": "English", "de": "Deutsch", "es": "Español"}
SOURCE = "en"
FOLDER = Path(__file__).parent / "translations"

reader: ContextVar[Callable[[], str]] = ContextVar("reader", default=lambda: SOURCE)
"""Names the language of whoever reads what is being said."""


def gettext(message: str, /, **values: Any) -> str:
    """Say a sentence, with the values in its gaps: _("%(name)s is gone.", name=name)."""
    return _catalog(reader.get()()).gettext(message) % values


def ngettext(one: str, many: str, num: int, /, **values: Any) -> str:
    """Say one of two sentences, by a number which either may hold: ngettext("%(num)s row", "%(num)s rows", rows)."""
    return _catalog(reader.get()()).ngettext(one, many, num) % {"num": number(num), **values}


_ = gettext


class Later:
    """A sentence that is said anew for each of its readers, wherever it is kept until then."""

    def __init__(self, message: str, /, **values: Any) -> None:
        self.message = message
        self.values = values

    def __str__(self) -> str:
        return self % {}

    def __mod__(self, values: Mapping[str, Any]) -> str:
        """Say it with these values, as libraries fill the gaps of their messages."""
        written = {name: number(value) if isinstance(value, int) else value for name, value in self.values.items()}
        return gettext(self.message, **written, **values)

    def __html__(self) -> str:
        return escape(str(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Later) and (self.message, self.values) == (other.message, other.values)

    def __hash__(self) -> int:
        return hash(self.message)

    def dump(self) -> str:
        """Write it as the database keeps it, and another process reads it."""
        return json.dumps(self, default=lambda sentence: {"say": sentence.message, "with": sentence.values})

    @classmethod
    def load(cls, kept: str) -> "Later":
        """Read what `dump` wrote; whatever else stands there is a sentence without gaps."""
        try:
            sentence = json.loads(kept, object_hook=_later_or_values)
        except ValueError:
            sentence = kept
        return sentence if isinstance(sentence, cls) else cls(kept.replace("%", "%%"))


def _later_or_values(read: dict[str, Any]) -> Any:
    return Later(read["say"], **read["with"]) if read.keys() == {"say", "with"} else read


later = Later


def number(value: float) -> str:
    """Write a number with the language's own marks: 1,234.5 or 1.234,5."""
    return format_decimal(value, locale=_locale(), decimal_quantization=False)


def moment(at: datetime) -> str:
    """Write a point in time to the minute."""
    return f"{format_date(at, 'medium', _locale())}, {format_time(at, 'short', locale=_locale())} UTC"


def listed(phrases: Iterable[str]) -> str:
    """Join phrases as a sentence does: a, b and c."""
    return format_list(list(phrases), locale=_locale())


def decimal_mark() -> str:
    """Name the sign that stands before decimals."""
    return decimal_mark_in(_locale())


def right_to_left() -> bool:
    return _locale().text_direction == "rtl"


@cache
def decimal_mark_in(locale: Locale) -> str:
    """Name the sign that stands before decimals where people write so."""
    return str(locale.number_symbols["latn"]["decimal"])


def _locale() -> Locale:
    return _locale_of(reader.get()())


@cache
def _locale_of(language: str) -> Locale:
    # The day stands before the month in plain English as in most languages.
    return Locale.parse("en_GB" if language == SOURCE else language)


@cache
def _catalog(language: str) -> NullTranslations:
    """Read the language's sentences from the file that translators edit, so that no compiled copy can fall behind it."""
    file = FOLDER / language / "LC_MESSAGES" / "messages.po"
    if not file.exists():
        return NullTranslations()
    compiled = BytesIO()
    with file.open("rb") as written:
        write_mo(compiled, read_po(written, locale=language))
    compiled.seek(0)
    return Translations(compiled)
