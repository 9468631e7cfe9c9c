"""The school's time zone: what pages, filters and files for people say and mean."""

from functools import cache
from zoneinfo import ZoneInfo

from flask import Flask, current_app, g

import school
import words
from merge.query import example_of_time
from models import db
from web.addresses import is_for_machines


def register_time_zone(app: Flask) -> None:
    """Say all times in the school's zone, but to other systems in UTC."""
    app.jinja_env.filters.update(moment=words.moment, recent=words.recent, exact=words.exact, instant=words.instant)
    app.jinja_env.globals.update(time_zone_name=lambda: spaced(school_zone().key), example_of_time=example_of_time)

    @app.before_request
    def begin() -> None:
        # Only once it is asked for, as who asks has to be known by then; and a page asks for it a hundred times and more.
        words.zone.set(cache(school_zone) if not is_for_machines() else lambda: None)

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        words.zone.set(lambda: None)


def school_zone() -> ZoneInfo:
    """Give the school's zone; who is signed in brought its name along, so that no page has to ask for it."""
    fixed, default = current_app.config["TIME_ZONE"], current_app.config["SERVER_TIME_ZONE"]
    if "user_session" in g and fixed is None:
        return school.known_zone(g.user_session.time_zone, default)
    return school.time_zone(db.session(), fixed, default)


def spaced(name: str) -> str:
    """Write a zone's name as people read it: America/New York."""
    return name.replace("_", " ")
