"""Make the headings of sheets comparable."""

import re
import unicodedata

UNIT = re.compile(r"(?<=\S)\s+in (%|percent|prozent)\s*$", re.IGNORECASE)


def fold(heading: str) -> str:
    """Make headings comparable: without case, accents, blanks, punctuation and "in %"; "Student #" is a student number."""
    named = UNIT.sub("", heading.replace("#", " number ") if heading.strip("# ") else heading)
    decomposed = unicodedata.normalize("NFKD", named.casefold())
    return "".join(character for character in decomposed if character.isalnum())
