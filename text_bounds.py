"""How long and how stacked a text from outside may be before it is normalized, folded or matched.

To normalize takes the square of the accents that stand on one letter. No language has more than a few, and Unicode's
own format for streams, which is made for this, takes 30 (unicode.org/reports/tr15, section 13).
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Literal

# What somebody types into one field, or a cell that is read; 255 characters fit into the longest column.
MAX_LENGTH = 4_096
# No number has more; nor has an age that somebody wrote out in words.
MAX_NUMBER_LENGTH = 100
MAX_ACCENTS = 30

Form = Literal["NFC", "NFKC", "NFKD"]


def _ranges() -> Iterator[str]:
    """Give the characters that stand on the letter before them, as ranges of a pattern."""
    first = None
    for number in range(0x300, 0x1F000):
        marked = unicodedata.combining(chr(number)) > 0
        if marked and first is None:
            first = number
        elif not marked and first is not None:
            yield f"{chr(first)}-{chr(number - 1)}"
            first = None


STACKED = re.compile(f"[{''.join(_ranges())}]{{{MAX_ACCENTS + 1}}}")


class Unbounded(ValueError):
    """The text is longer, or its accents are more, than anybody means."""


def is_stacked(text: str) -> bool:
    """Tell whether more accents stand on one letter than in any language."""
    return not text.isascii() and STACKED.search(text) is not None


def normalize(form: Form, text: str, most: int = MAX_LENGTH) -> str:
    """Bring a text into a Unicode normal form in time that grows with its length. Raises Unbounded."""
    if len(text) > most or is_stacked(text):
        raise Unbounded
    return unicodedata.normalize(form, text)


def normalize_each(form: Form, text: str) -> str:
    """Take each character of a text apart, whatever its length; accents that stand on one letter keep their order."""
    return "".join([unicodedata.normalize(form, character) for character in text])
