"""Read what staff typed, in a form field or a sheet's cell, and write it back as they would."""

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from merge.fold import drop_unseen
from merge.problems import Problem
from text_bounds import MAX_LENGTH, MAX_NUMBER_LENGTH, Unbounded, is_stacked, normalize
from words import decimal_mark

WHOLE = re.compile(r"[+-]?\d+")
# Spreadsheets turn 12 into "12.0" and 1000000 into "1e6": both are whole numbers to the person who typed them.
NUMBER = re.compile(r"[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d{1,3})?")
# What people write where a number is not known, in the languages of the pages; compared without case, blanks, points and slashes.
UNKNOWN = re.compile(
    r"[-–—−?]+|na|nan|none|null|nil|nothing|missing|unknown|tbd|kein[er]?|ka|nichts|fehlt|unbekannt|entfällt|entf"
    r"|sd|nd|sindatos?|ningun[oa]|ningún|nada|falta|desconocid[oa]"
)
# What spreadsheets show in a cell whose formula failed, in the languages of the pages, and what stands for one never calculated.
FAILED = re.compile(
    r"#(?:N/[AD]|NV|(?:REF|DIV/0|VALUE|NUM|NULL|SPILL|CALC|FIELD|BUSY|CONNECT|BLOCKED|UNKNOWN|PYTHON|BEZUG|WERT|ZAHL|ÜBERLAUF)!|NAME\?"
    r"|¡(?:REF|DIV/0|VALOR|NUM|NULO|DESBORDAMIENTO)!|¿NOMBRE\?|GETTING_DATA|FEHLT)|Err:\d{3}",
    re.IGNORECASE,
)
UNCALCULATED = "=?"
MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
DATE = re.compile(
    r"(\d{4}-\d{1,2}-\d{1,2}|\d{1,2}(?P<sign>[/.-])\d{1,2}(?P=sign)(\d{2}|\d{4}))([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?"
    # What Excel makes of "3/4" and of "4.3", say.
    rf"|\d{{1,2}}[-. ]{{1,2}}{MONTH}([-. ]{{1,2}}(\d{{2}}|\d{{4}}))?|{MONTH}[-. ]{{1,2}}\d{{2}}(\d{{2}})?",
    re.IGNORECASE,
)
# Characters that turn the direction of the text around them: a name could pose as another (Unicode TR36, section 2.10).
OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Control characters, and halves of a character, which no database can keep.
UNWRITABLE = ("Cc", "Cs")
DIGITS_OF_A_BIGINT = 18
# What Python's own int() and float() take or make that a reader refuses or makes otherwise: 1_0, 1e0001, -0.0.
UNLIKE_PYTHON = {int: "_", float: "_eE-"}
SAME_SEPARATORS = {" ": "\u00a0\u202f\u2009", "'": "’"}
DECIMALS = (".", ",")


@dataclass(frozen=True)
class Notation:
    """How numbers are written: the sign before decimals, the one between thousands if any, and whether with percent signs."""

    decimal: str = "."
    thousands: str = ""
    percent: bool = False


PLAIN = Notation()


def read_whole(text: str, notation: Notation = PLAIN) -> int:
    """Read a whole number in any script's digits: "12", "١٢", "12.0", "1e6". Raises Problem."""
    text = _bounded_number(text, "whole")
    if len(text) <= DIGITS_OF_A_BIGINT and WHOLE.fullmatch(text):
        return int(text)
    number = Decimal(_plain_number(text, notation, "whole"))
    if not notation.thousands and _looks_grouped(text, notation):
        raise Problem("ambiguous", text=text, small=f"{number.normalize():f}", large=text.replace(notation.decimal, ""))
    if number != 0 and number.adjusted() >= DIGITS_OF_A_BIGINT:
        raise Problem("whole", text=text)
    if number != number.to_integral_value():
        raise Problem("whole", text=text)
    return int(number)


def read_number(text: str, notation: Notation = PLAIN) -> float:
    """Read a finite number: "85", "85.5", "8.55e1", and "1.085,5" or "85 %" where it is so written. Raises Problem."""
    text = _bounded_number(text, "number")
    number = float(_plain_number(text, notation, "number"))
    if not math.isfinite(number):
        raise Problem("number", text=text)
    return number + 0.0  # makes -0.0 a plain 0.0


def read_text(text: str, _notation: Notation = PLAIN) -> str:
    """Read a name: NFC, each run of white space one blank, none at the ends. Raises Problem."""
    if len(text) > MAX_LENGTH:
        raise Problem("long", length=len(text), maximum=MAX_LENGTH)
    try:
        text = normalize("NFC", " ".join(drop_unseen(text).split()))
    except Unbounded:
        raise Problem("stacked") from None
    # Everything printable is at once known to be harmless; most names are.
    if not text.isprintable() and any(unicodedata.category(c) in UNWRITABLE or c in OVERRIDES for c in text):
        raise Problem("control")
    _refuse_failed(text)
    return text


def read_plain_wholes(texts: Sequence[str], notation: Notation = PLAIN) -> list[int] | None:
    """Read filled cells at once if each is nothing but a whole number; None if they need to be read one by one."""
    return _read_plain(int, texts, notation)


def read_plain_numbers(texts: Sequence[str], notation: Notation = PLAIN) -> list[float] | None:
    """Read filled cells at once if each is nothing but a number; None if they need to be read one by one."""
    numbers = _read_plain(float, texts, notation)
    # Python's float() takes "nan" and "inf" too, and either makes the sum one.
    return numbers if numbers is not None and math.isfinite(sum(numbers)) else None


def read_plain_texts(texts: Sequence[str], _notation: Notation = PLAIN) -> list[str] | None:
    """Give the column itself if `read_text` would change no cell of it; None if they need to be read one by one."""
    if max(map(len, texts)) > MAX_LENGTH:
        return None
    joined = "\n".join(texts)
    # What is printable is no control or format character, and no white space but the blank.
    plain = joined.count("\n") == len(texts) - 1 and joined.replace("\n", "").isprintable()
    untrimmed = any(mark in f"\n{joined}\n" for mark in ("\n ", " \n", "  "))
    failed = any(mark in joined for mark in ("#", "=", ":"))
    if not plain or untrimmed or failed or is_stacked(joined):
        return None
    return list(texts) if unicodedata.is_normalized("NFC", joined) else None


def write_cell(value: str | int | float | None) -> str:
    """Write a value as staff type it: nothing for a blank, 85 for 85.0."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def show_cell(value: str | int | float | None) -> str:
    """Write a value as whoever reads the page would: 85,5 where that is their language's way."""
    text = write_cell(value)
    return text.replace(".", decimal_mark()) if isinstance(value, float) else text


def typed_notation() -> Notation:
    """Name the way in which whoever reads the page writes numbers, so that what is shown in a field can be sent back."""
    return Notation(decimal_mark())


def _read_plain(kind: type[Any], texts: Sequence[str], notation: Notation) -> list[Any] | None:
    lines = "\n".join(texts) + "\n"
    if any(mark in lines for mark in UNLIKE_PYTHON[kind]):
        return None
    if notation != PLAIN:
        rewritten = _in_plain_notation(lines, notation)
        if rewritten is None or lines.count("\n") != len(texts):
            return None
        texts = texts if rewritten == lines else rewritten.split("\n")[:-1]
    try:
        return list(map(kind, texts))
    except ValueError:
        return None


def _in_plain_notation(lines: str, notation: Notation) -> str | None:
    """Rewrite numbers, each ended by a line feed, as Python writes them; None if some are not written in this notation."""
    for same in SAME_SEPARATORS.get(notation.thousands, ""):
        lines = lines.replace(same, notation.thousands)
    if notation.percent:
        lines = lines.replace(" %\n", "%\n").replace("%\n", "\n")
    if notation.thousands and notation.thousands in lines:
        if not _grouped(notation).fullmatch(lines):
            return None
        lines = lines.replace(notation.thousands, "")
    if notation.decimal != ".":
        return None if "." in lines else lines.replace(notation.decimal, ".")
    return lines


@cache
def _grouped(notation: Notation) -> re.Pattern[str]:
    """Find lines in which a separator of thousands stands nowhere but where it belongs."""
    thousands, decimal = re.escape(notation.thousands), re.escape(notation.decimal)
    return re.compile(rf"(?:[+-]?(?:\d{{1,3}}(?:{thousands}\d{{3}})+|\d+)(?:{decimal}\d*)?\n)*+")


def _refuse_failed(text: str) -> None:
    if text == UNCALCULATED:
        raise Problem("formula")
    if FAILED.fullmatch(text):
        raise Problem("error", text=text)


def _looks_grouped(text: str, notation: Notation) -> bool:
    """Tell "1.500" from "1.5": where nobody said how thousands are separated, it may be either number."""
    return bool(re.fullmatch(rf"[+-]?[1-9]\d{{0,2}}{re.escape(notation.decimal)}\d{{3}}", text))


def _bounded_number(text: str, code: str) -> str:
    text = drop_unseen(text).strip()
    if len(text) > MAX_NUMBER_LENGTH:
        raise Problem(code, text=text)
    return text


def _plain_number(text: str, notation: Notation, code: str) -> str:
    plain = (_in_plain_notation(f"{text}\n", notation) or "").strip()
    if NUMBER.fullmatch(plain):
        return plain
    if DATE.fullmatch(text):
        raise Problem("date", text=text)
    _refuse_failed(text)
    if "%" in text and not notation.percent and NUMBER.fullmatch(text.replace(notation.decimal, ".").rstrip("% \u00a0\u202f")):
        raise Problem("percent", text=text)
    if code == "number" and re.fullmatch(r"[+-]?\d*[.,]\d+", text):
        raise Problem("decimal", text=text, decimal=notation.decimal)
    raise Problem("unknown" if UNKNOWN.fullmatch(re.sub(r"[\s./]", "", text.casefold())) else code, text=text)
