"""How addresses are written: the ids in them, what other systems ask for, and what leads to a page of our own."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from flask import current_app, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.routing import IntegerConverter, Map

# The databases keep 64 bits; a longer number in an address names nothing.
LARGEST = 2**63 - 1
# Browsers take \\ for /, and drop line breaks and tabs before they look where an address leads.
WITHIN = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f-\xa0]*")
# And take a part of a path that is “..”, however it is written, for the way up.
CLIMBING = re.compile(r"/(\.|%2e){2}(/|$)", re.IGNORECASE)


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
    return leads_below(request.script_root, address)


def leads_below(root: str, address: str) -> bool:
    """Tell whether an address leads below a path of our own server, "" for any."""
    path = re.split("[?#]", address)[0]
    below = f"{path}/".startswith(f"{root}/") and not CLIMBING.search(path)
    return below and WITHIN.fullmatch(address) is not None


def own_address() -> str:
    """Give the address of this request, as a link within the site has it."""
    return request.script_root + request.full_path.rstrip("?")


def whole_address(path: str) -> str:
    """Give an address of our own with the scheme and the name that people open, as a letter has it."""
    ours = urlsplit(current_app.config["ADDRESS"])
    return f"{ours.scheme}://{ours.netloc}{path}"


def page_to_return_to() -> str:
    """Give the page that this request asks for; for a form the one that it came from, or else the nearest above it."""
    if request.method in ("GET", "HEAD"):
        return own_address()
    before = page_before()
    if before and _can_be_opened(before.removeprefix(request.script_root)):
        return before
    return request.script_root + next(filter(_can_be_opened, _upwards(request.path)))


def page_after_signing_in() -> str:
    """Give the page that somebody wanted who was asked to sign in first."""
    wanted = request.args.get("next", "")
    return wanted if leads_within(wanted) else url_for("dashboard.show")


def _upwards(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition("/")[0]
    yield "/"


def _can_be_opened(path: str) -> bool:
    try:
        current_app.url_map.bind("").match(path, "GET")
    except HTTPException:
        return False
    return True


def page_before() -> str | None:
    """Give the path of our own page that the browser came from, if it says so."""
    came_from = request.referrer or ""
    path = "/" + re.split("[?#]", came_from.removeprefix(request.host_url))[0]
    return path if came_from.startswith(request.host_url) and leads_within(path) else None
