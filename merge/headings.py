"""Make the headings of sheets comparable."""

import re

from text_bounds import normalize_each

UNIT = re.compile(r"(?<=\S)\s++in (%|percent|prozent)\s*+$", re.IGNORECASE)

_UNITS = (
    "percent|prozent|years?|yrs?|jahren?|años|points?|pts|punkten?|puntos|marks?|number|text|date"
    "|required|optional|pflicht(?:feld)?|obligatorio|opcional"
)
# What says how a column is filled, not what is in it: "Score (max 100)", "Score /100", "Age [years]", "Student ID (required)".
QUALIFIER = re.compile(
    rf"(?<=\S)\s*+(?:[(\[]\s*+(?:max(?:imum|\.)?|out of|of|in|/)?\s*+:?\s*+\d*+\s*+(?:%|{_UNITS})?\s*+[)\]]"
    r"|(?:/|out of)\s*+\d++|\*)\s*+$",
    re.IGNORECASE,
)


def without_qualifier(heading: str) -> str:
    """Give the heading without what only says how its column is filled."""
    return QUALIFIER.sub("", heading)


def fold(heading: str) -> str:
    """Make headings comparable: without case, accents, blanks, punctuation and "in %"; "Student #" is a student number."""
    named = UNIT.sub("", heading.replace("#", " number ") if heading.strip("# ") else heading)
    # Accents are dropped, so that their order doesn't matter.
    decomposed = normalize_each("NFKD", named.casefold())
    return "".join(filter(str.isalnum, decomposed))
