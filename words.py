"""Say sentences, numbers and times in the reader's language and the school's time zone.

The web names both for each request; commands and the worker leave them English and UTC, and say so. What is kept in the
database is kept as a `Later`, so that everybody reads it in their own language. A percent sign within a sentence is written
%%.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache, lru_cache
from gettext import NullTranslations
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from babel import Locale
from babel.dates import format_date, format_time, get_month_names, get_timezone_gmt
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
zone: ContextVar[Callable[[], tzinfo | None]] = ContextVar("zone", default=lambda: None)
"""Names the time zone that times are said in; None where they are said in UTC, with that word."""
HOUR = timedelta(hours=1)
# As English, German and Spanish write a date, with a time after it or without: 1. März 2026, 1 de marzo de 2026, 08:30.
WRITTEN_DATE = re.compile(
    r"(?P<day>[0-9]{1,2})\.? (?:de )?(?P<month>[^\W\d_]{3,12})\.? (?:de )?(?P<year>[0-9]{4})"
    r"(?:,? (?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2}))?"
)
MAX_WRITTEN_LENGTH = 50
WIDTHS: tuple[Literal["wide", "abbreviated"], ...] = ("wide", "abbreviated")
CONTEXTS: tuple[Literal["format", "stand-alone"], ...] = ("format", "stand-alone")


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
    """Write a date and time to the minute: 27 March 2026, 14:05."""
    local = in_zone(at)
    written = f"{day(local)}, {_clock(local)}"
    return written if zone.get()() else f"{written} UTC"


def recent(at: datetime, now: datetime | None = None) -> str:
    """Write how long ago it was, to the minute within an hour and by the day until yesterday; else the date and time."""
    local, present = in_zone(at), in_zone(now or datetime.now(UTC))
    ago = present.astimezone(UTC) - local.astimezone(UTC)
    if timedelta() <= ago < HOUR:
        minutes = ago // timedelta(minutes=1)
        return ngettext("%(num)s minute ago", "%(num)s minutes ago", minutes) if minutes else gettext("just now")
    clock = _clock(local)
    if local.date() == present.date() and ago > timedelta():
        return gettext("today, %(time)s", time=clock)
    if present.date() - local.date() == timedelta(days=1):
        return gettext("yesterday, %(time)s", time=clock)
    return moment(at)


def exact(at: datetime) -> str:
    """Write a date and time to the second, with how far its clock is from Greenwich's: no two times are written alike."""
    local = in_zone(at)
    offset = get_timezone_gmt(local, locale=_locale())
    return f"{day(local)}, {format_time(local, 'medium', locale=_locale())} {offset}"


def day(on: date) -> str:
    """Write a date: 27 March 2026."""
    return _written_day(on.toordinal(), reader.get()())


def instant(at: datetime) -> str:
    """Write a date and time for programs, as the zone's clock shows it and with its offset."""
    return in_zone(at).isoformat(timespec="seconds")


def in_zone(at: datetime) -> datetime:
    """Give it as the zone's clock shows it; one without an offset is in UTC."""
    return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).astimezone(zone.get()() or UTC)


def read_date_and_time(text: str) -> tuple[date, time | None] | None:
    """Read a date as it is written in any of the languages, with a time or without one: 27 March 2026, 14:05."""
    found = WRITTEN_DATE.fullmatch(text.strip().casefold()) if len(text) <= MAX_WRITTEN_LENGTH else None
    month = found and _months().get(found["month"])
    if not found or not month:
        return None
    try:
        clock = time(int(found["hour"]), int(found["minute"])) if found["hour"] else None
        return date(int(found["year"]), month, int(found["day"])), clock
    except ValueError:
        return None


@cache
def _months() -> dict[str, int]:
    """Number the months by their names and abbreviations in all languages."""
    locales = [_locale_of(language) for language in LANGUAGES]
    names = [get_month_names(width, context, locale) for locale in locales for width in WIDTHS for context in CONTEXTS]
    return {name.casefold().rstrip("."): number for months in names for number, name in months.items()}


def _clock(local: datetime) -> str:
    return _written_clock(local.hour, local.minute, reader.get()())


# A page writes the same few days and times again and again.
@lru_cache(1_000)
def _written_day(ordinal: int, language: str) -> str:
    return format_date(date.fromordinal(ordinal), "long", _locale_of(language))


@lru_cache(5_000)
def _written_clock(hour: int, minute: int, language: str) -> str:
    return format_time(time(hour, minute), "short", locale=_locale_of(language))


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
