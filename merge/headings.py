"""Make the headings of sheets comparable."""

import re

from text_bounds import normalize_each

UNIT = re.compile(r"(?<=\S)\s++in (%|percent|prozent)\s*+$", re.IGNORECASE)


def fold(heading: str) -> str:
    """Make headings comparable: without case, accents, blanks, punctuation and "in %"; "Student #" is a student number."""
    named = UNIT.sub("", heading.replace("#", " number ") if heading.strip("# ") else heading)
    # Accents are dropped, so that their order doesn't matter.
    decomposed = normalize_each("NFKD", named.casefold())
    return "".join(filter(str.isalnum, decomposed))
