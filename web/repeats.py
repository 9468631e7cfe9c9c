"""Do once what is asked twice: a request that names a key in Idempotency-Key is answered again as it was the first time.

The key, what was done, and the answer are one transaction. So a kill leaves all of them or nothing, and of two that
ask at once, the second waits for the first one's answer.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Protocol

from flask import Response, g, json, make_response, request
from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from database import only_reading
from models import KeptAnswer, db
from web.access import user_id
from web.refusals import Refusal
from words import _

LONGEST_KEY = 255
CHUNK = 1 << 20
KEPT_HEADERS = ("ETag", "Location")
# Two requests that differ in these ask for something else, even at the same address.
ASKING_HEADERS = ("If-Match", "If-None-Match")

View = Callable[..., Any]
answers: Any = KeptAnswer.__table__


class Prepared(Protocol):
    """What takes long, and was done before anybody has to wait for it."""

    def discard(self) -> None: ...


def once(view: View) -> View:
    """Have a view that acts do so once for each key. What was refused has done nothing, and may be asked again."""

    @wraps(view)
    def acting(*args: Any, **kwargs: Any) -> Any:
        return _act_once(key, _fingerprint(), lambda: view(*args, **kwargs)) if (key := _key()) else view(*args, **kwargs)

    return acting


def once_prepared(prepare: Callable[[], Prepared]) -> Callable[[View], View]:
    """Do so with what is prepared outside of that transaction, and given to the view."""

    def decorate(view: View) -> View:
        @wraps(view)
        def acting() -> Any:
            return _prepare_and_act_once(key, prepare, view) if (key := _key()) else view(prepare())

        return acting

    return decorate


def _key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (key.isascii() and key.isprintable() and 0 < len(key) <= LONGEST_KEY):
        raise Refusal(400, _("The key can’t be used"), _("An Idempotency-Key has 1 to 255 plain characters."))
    return key


def _prepare_and_act_once(key: str, prepare: Callable[[], Prepared], act: View) -> Response:
    fingerprint = _fingerprint()
    db.session.rollback()
    with only_reading(), db.engine.connect() as connection:
        kept = connection.execute(select(answers).where(*_named(key))).first()
    if kept is not None:
        return _again(kept, fingerprint)
    prepared = prepare()
    acted = False

    def act_on_prepared() -> Any:
        nonlocal acted
        acted = True
        return act(prepared)

    response = _act_once(key, fingerprint, act_on_prepared)
    if not acted:  # somebody else was faster with the same
        prepared.discard()
    return response


def _act_once(key: str, fingerprint: str, act: Callable[[], Any]) -> Response:
    db.session.remove()  # on SQLite it would wait for itself
    with db.engine.begin() as connection:
        if kept := _keep(connection, key, fingerprint):
            return _again(kept, fingerprint)
        with _session_within(connection):
            response = make_response(act())
        connection.execute(update(answers).where(*_named(key)).values(**_said(response)))
    return response


def _keep(connection: Connection, key: str, fingerprint: str) -> Row[Any] | None:
    """Take the key, or give what it was taken for."""
    dialect: Any = {"postgresql": postgresql, "sqlite": sqlite}[connection.dialect.name]
    taking = {"user_id": user_id(), "key": key, "fingerprint": fingerprint, "status": 0, "headers": {}, "body": ""}
    if connection.execute(dialect.insert(answers).values(taking).on_conflict_do_nothing()).rowcount:
        return None
    return connection.execute(select(answers).where(*_named(key))).one()


def _again(kept: Row[Any], fingerprint: str) -> Response:
    if kept.fingerprint != fingerprint:
        raise Refusal(
            422,
            _("This key was used for another request"),
            _("An Idempotency-Key is used again only to send the same request again."),
        )
    response = make_response(kept.body, kept.status, kept.headers)
    response.mimetype = "application/json"
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _said(response: Response) -> dict[str, Any]:
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    body = response.get_data(as_text=True)
    return {
        "status": response.status_code,
        "headers": headers,
        "body": body,
        "student_id": (request.view_args or {}).get("student_id"),
    }


def _named(key: str) -> tuple[Any, Any]:
    return answers.c.user_id == user_id(), answers.c.key == key


@contextmanager
def _session_within(connection: Connection) -> Iterator[None]:
    """Let the request's session work within this transaction: what it commits is in force once this is."""
    db.session.remove()
    db.session(bind=connection, join_transaction_mode="create_savepoint")
    try:
        yield
    finally:
        db.session.remove()


def _fingerprint() -> str:
    """Sum up what is asked for. Each sending of the same form has other boundaries, so its parts are what counts."""
    files = [(name, file.filename, _digest(file.stream)) for name, file in request.files.items(multi=True)]
    asked = {
        # What a token may read is told to no other one that may not.
        "scopes": sorted(g.token.scopes),
        "what": [request.method, request.path, sorted(request.args.items(multi=True))],
        "headers": [request.headers.get(name) for name in ASKING_HEADERS],
        "form": sorted(request.form.items(multi=True)),
        "files": sorted(files),
        "body": hashlib.sha256(request.get_data()).hexdigest(),
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _digest(stream: Any) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
    stream.seek(0)
    return digest.hexdigest()
