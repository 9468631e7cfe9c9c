"""Read what staff typed, in a form field or a sheet's cell, and write it back as they would."""

import math
import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal

from merge.problems import Problem

WHOLE = re.compile(r"[+-]?\d+")
# Spreadsheets turn 12 into "12.0" and 1000000 into "1e6": both are whole numbers to the person who typed them.
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
# Characters that turn the direction of the text around them: a name could pose as another (Unicode TR36, section 2.10).
OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
DIGITS_OF_A_BIGINT = 18


def read_whole(text: str) -> int:
    """Read a whole number in any script's digits: "12", "١٢", "12.0", "1e6". Raises Problem."""
    text = text.strip()
    if WHOLE.fullmatch(text) and len(text) <= DIGITS_OF_A_BIGINT:
        return int(text)
    if not NUMBER.fullmatch(text):
        raise Problem("whole", text=text)
    number = Decimal(text)
    if number != 0 and number.adjusted() >= DIGITS_OF_A_BIGINT:
        raise Problem("whole", text=text)
    if number != number.to_integral_value():
        raise Problem("whole", text=text)
    return int(number)


def read_number(text: str) -> float:
    """Read a finite number: "85", "85.5", "8.55e1". Raises Problem."""
    text = text.strip()
    if not NUMBER.fullmatch(text):
        raise Problem("number", text=text)
    number = float(text)
    if not math.isfinite(number):
        raise Problem("number", text=text)
    return number + 0.0  # makes -0.0 a plain 0.0


def read_text(text: str) -> str:
    """Read a name: NFC, each run of white space one blank, none at the ends. Raises Problem."""
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    # Everything printable is at once known to be harmless; most names are.
    if not text.isprintable() and any(unicodedata.category(c) == "Cc" or c in OVERRIDES for c in text):
        raise Problem("control")
    return text


def read_plain_wholes(texts: Sequence[str]) -> list[int] | None:
    """Read a column at once if each cell is nothing but a whole number; None if they need to be read one by one."""
    if "_" in "".join(texts):  # which int() takes for a separator
        return None
    try:
        return list(map(int, texts))
    except ValueError:
        return None


def read_plain_texts(texts: Sequence[str]) -> list[str] | None:
    """Give the column itself if `read_text` would change no cell of it; None if they need to be read one by one."""
    joined = "\n".join(texts)
    # What is printable is no control or format character, and no white space but the blank.
    plain = joined.count("\n") == len(texts) - 1 and joined.replace("\n", "").isprintable()
    untrimmed = any(mark in f"\n{joined}\n" for mark in ("\n ", " \n", "  "))
    return list(texts) if plain and not untrimmed and unicodedata.is_normalized("NFC", joined) else None


def write_cell(value: str | int | float | None) -> str:
    """Write a value as staff type it: nothing for a blank, 85 for 85.0."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
