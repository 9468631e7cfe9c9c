"""What a request may bring as its body, seen from its head; and JSON read in one way, wherever it is read.

A page that two parsers could read, a form's and JSON's, would be guarded against what the one makes of it and do what
the other does. So pages take forms alone, the passkeys' too: what a browser says of a passkey is a field of a form.
"""

import json
from collections import Counter
from collections.abc import Collection
from typing import Any

from flask import Flask, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from merge.limits import LONGEST_CELL
from web.addresses import is_for_machines
from web.head_check import head_alone
from web.limits import MULTIPART, URLENCODED, endpoint_is, most_bytes, names_of_several
from web.refusals import Refusal
from words import _

# A page of 500 students names each by an id of 19 signs; what a browser says of a passkey is half as long.
MAX_FIELD_LENGTH = 16_384
MAX_NAME_LENGTH = 255


class NotAnObject(ValueError):
    """The text is no JSON, or a number, a list or too deep, or holds what nobody asked for."""


def has_body() -> bool:
    """Tell whether there is a body to be read."""
    return head_alone() is None and (bool(request.content_length) or "Transfer-Encoding" in request.headers)


def check_kind() -> None:
    """Refuse a body that the address does not take, before anything is read of it. Raises UnsupportedMediaType."""
    if request.mimetype in (URLENCODED, MULTIPART) or (request.is_json and _takes_json()):
        return
    raise UnsupportedMediaType


def read_object(text: str | bytes, known: Collection[str] | None = None) -> dict[str, Any]:
    """Read a JSON object, which may have no other keys than those that are known. Raises NotAnObject."""
    try:
        sent = json.loads(text, object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        raise NotAnObject from None
    if not isinstance(sent, dict) or (known is not None and not sent.keys() <= set(known)):
        raise NotAnObject
    return sent


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Give an object; of two values under one name, one would silently count for nothing. Raises NotAnObject."""
    known = dict(pairs)
    if len(known) < len(pairs):
        raise NotAnObject
    return known


def check_json() -> None:
    """Refuse JSON that is no object, also where nobody reads it. Raises Refusal."""
    if request.is_json:
        sent_object()


def sent_object() -> dict[str, Any]:
    """Give the object that the request has brought. Raises Refusal."""
    body = request.get_data()
    if request.content_length is None and len(body) >= most_bytes():
        raise RequestEntityTooLarge
    try:
        return read_object(body)
    except NotAnObject:
        raise Refusal(400, _("Not JSON"), _("The body must be a JSON object in which each name appears once.")) from None


def register_fields(app: Flask) -> None:
    """Bound the texts of each form, once what a page had held of it is taken up, before anything else looks at it."""
    app.before_request(_check_fields)


def _check_fields() -> None:
    if not has_body():
        return
    most = LONGEST_CELL if endpoint_is("takes_cells") else MAX_FIELD_LENGTH
    texts = [*request.form.items(multi=True), *((name, file.filename or "") for name, file in request.files.items(multi=True))]
    if any(len(text) > most or len(name) > MAX_NAME_LENGTH for name, text in texts):
        raise FieldTooLong(most)
    sent = Counter(name for name, _text in texts)
    if any(number > 1 and name not in names_of_several() for name, number in sent.items()):
        raise SentTwice


class SentTwice(BadRequest):
    """A form has two fields, or a field and a file, of one name, and one of them would silently count for nothing."""


class FieldTooLong(RequestEntityTooLarge):
    """A field of the form holds more characters than any is taken with."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most


def _takes_json() -> bool:
    """Whether other systems send JSON there; a sheet comes as a file of a form."""
    return is_for_machines() and not endpoint_is("takes_sheets")
