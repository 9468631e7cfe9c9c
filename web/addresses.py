"""How addresses are written: the ids in them, what other systems ask for, and what leads to a page of our own."""

import re

from flask import request
from werkzeug.routing import IntegerConverter, Map

# The databases keep 64 bits; a longer number in an address names nothing.
LARGEST = 2**63 - 1
# Browsers take \\ for /, and drop line breaks and tabs before they look where an address leads.
WITHIN = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f-\xa0]*")


class IdConverter(IntegerConverter):
    """`<id:student_id>`: a whole number that a database can hold."""

    regex = "[0-9]+"  # and no digits of other scripts, which Python reads too

    def __init__(self, map: Map) -> None:  # noqa: A002  Werkzeug's name
        super().__init__(map, max=LARGEST)


def is_for_machines() -> bool:
    """Tell whether another system asks, and not somebody with a browser."""
    return request.path.startswith("/api/")


def leads_within(address: str) -> bool:
    """Tell whether an address leads to a page of our own, however leniently a browser reads it."""
    return WITHIN.fullmatch(address) is not None


def page_before() -> str | None:
    """Give the path of our own page that the browser came from, if it says so."""
    came_from = request.referrer or ""
    path = "/" + re.split("[?#]", came_from.removeprefix(request.host_url))[0]
    return path if came_from.startswith(request.host_url) and leads_within(path) else None
