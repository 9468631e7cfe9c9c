"""Names of people on pages: one question to the database a page, and only where somebody is named."""

from functools import cache

from flask import Flask
from markupsafe import Markup
from sqlalchemy import select

import people
from database import only_reading
from models import User, db
from people import Names
from web.addresses import is_for_machines


def register_people(app: Flask) -> None:
    """Have pages say names; other systems go on with addresses, which never change."""
    app.jinja_env.filters.update(person=_person)
    app.jinja_env.globals.update(name_of=people.name_of)

    @app.before_request
    def begin() -> None:
        if not is_for_machines():
            people.known.set(cache(_load))

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        people.known.set(people.nobody)


def _load() -> Names:
    named = select(User.email, User.name).where(User.name.is_not(None))
    with only_reading():
        return Names({email: name for email, name in db.session.execute(named) if name})


def _person(actor: str | None) -> str:
    """Name somebody, with the address at hand; who has no name is shown by it."""
    if people.name_of(actor) is None:
        return actor or ""
    return Markup('<bdi title="{}">{}</bdi>').format(actor, people.called(str(actor)))
