"""How a CSV file is written for whoever asks for it: as spreadsheets of their region open it, whatever their language is."""

import re
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from flask import Flask, request

from forms import CSV_FORMATS
from merge.csv_text import FORMATS, Format
from merge.query import BadQuery
from words import _, decimal_mark_in

NAME = "format"
STANDARD_NAME, SEMICOLON, SEMICOLON_POINT = FORMATS
# de-CH, zh-Hant-TW, es-419: a region is two letters, or three digits where it is larger than a country.
TAG = re.compile(r"(?P<language>[a-z]{2,3})(?:-[a-z]{4})?(?:-(?P<region>[a-z]{2}|[0-9]{3}))?(?:-.*)?", re.I)
# There a point stands before decimals, and yet spreadsheets expect semicolons.
POINT_AND_SEMICOLON = ("CH", "LI")


def register_csv_formats(app: Flask) -> None:
    """Let pages offer files in the format of the reader's region, and in the others."""
    app.jinja_env.globals.update(csv_format=format_for_link, csv_formats=_formats)


def asked_format() -> Format:
    """Give the format that the request asks for; without one, it is the one that programs expect. Raises BadQuery."""
    name = request.values.get(NAME, STANDARD_NAME)
    if name not in FORMATS:
        known = ", ".join(FORMATS)
        raise BadQuery(_("There is no CSV format “%(name)s”. There are: %(known)s.", name=name[:40], known=known))
    return FORMATS[name]


def format_of_reader() -> str:
    """Name the format of the region that the browser says its user is in."""
    first = next(iter(request.accept_languages.values()), "")
    return _format_of(first.lower())


def format_for_link() -> str | None:
    """Name it for an address; the standard one needs no name."""
    name = format_of_reader()
    return None if name == STANDARD_NAME else name


def _formats() -> list[tuple[str, str]]:
    """Give each format's name and label, the reader's own first."""
    own = format_of_reader()
    return [(name, str(CSV_FORMATS[name])) for name in sorted(FORMATS, key=lambda name: name != own)]


@lru_cache(maxsize=256)
def _format_of(tag: str) -> str:
    """Name the format for a language tag. Where it names no region, the one where most speak the language counts."""
    found = TAG.fullmatch(tag)
    if found is None:
        return STANDARD_NAME
    region = (found["region"] or "").upper()
    if region in POINT_AND_SEMICOLON:
        return SEMICOLON_POINT
    return STANDARD_NAME if decimal_mark_in(_locale(found["language"], region)) == "." else SEMICOLON


def _locale(language: str, region: str) -> Locale:
    """Give the locale of a language in a region, or where nobody has described that, the region's main one."""
    for name in (f"{language}_{region}", f"und_{region}") if region else (language,):
        try:
            return Locale.parse(name)
        except (UnknownLocaleError, ValueError):
            continue
    return Locale("en")
