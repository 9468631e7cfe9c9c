"""The list that a page was opened from: its search, filters, sort and page go along, until somebody goes back to it."""

from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from flask import Flask, request, url_for

from merge.query import filter_names

# Within an address each sign may take three more, and no address may be longer than web/limits.py says.
LONGEST = 2_000
KEEPING = (
    *("students.edit", "students.new", "students.confirm_delete", "students.delete"),
    *("history.show", "history.confirm", "history.revert", "privacy.show"),
)


def register_within(app: Flask) -> None:
    """Have each address that leads further into a list keep that list."""
    app.url_defaults(_keep_list)
    app.jinja_env.globals.update(list_url=list_url, list_within=list_within)


def read_within(within: str) -> dict[str, Any]:
    """Take the address of a list apart that a page has carried along, and keep what such an address has."""
    names = ("q", "sort", "per_page", "after", "before", *filter_names())
    return {name: text for name, text in parse_qsl(within) if name in names} if len(within) <= LONGEST else {}


def write_within(address: dict[str, Any], place: dict[str, Any]) -> str:
    """Write the address of a list, with the place of its page, so that another address can hold it; without what is too long."""
    for kept in (urlencode(address | place), urlencode(address)):
        if len(quote(kept)) <= LONGEST:
            return kept
    return ""


def list_within() -> str:
    """Give the address of the list that this page was opened from, without what no list has."""
    return urlencode(read_within(request.values.get("within", "")))


def list_url() -> str:
    return url_for("students.list_", **read_within(request.values.get("within", "")))


def _keep_list(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint in KEEPING and request and "within" not in values and (within := list_within()):
        values["within"] = within
