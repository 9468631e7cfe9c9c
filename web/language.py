"""The language of each page: what the user chose, or who uses this browser, or else what the browser asks for."""

from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any

from flask import Blueprint, Flask, Response, abort, after_this_request, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import Babel, get_locale
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup, escape

import words
from models import User, db
from web.access import public
from web.addresses import leads_within, own_address, page_to_return_to
from web.kept_input import keeps_nothing

KEPT_S = 365 * 24 * 3600

language = Blueprint("language", __name__)


@language.post("/language")
@public
@keeps_nothing
def choose() -> ResponseReturnValue:
    """Keep a language in this browser, and with the user who is signed in."""
    chosen = request.form.get("language")
    if chosen not in words.LANGUAGES:
        abort(400)
    _keep(chosen)
    return redirect(_way_back(), 303)


def register_language_choice(app: Flask) -> None:
    """Keep a language that was chosen on a page that answered a form, which is then shown again in it."""

    @app.before_request
    def keep() -> None:
        if "language" in g:
            _keep(g.language)


def _keep(chosen: str) -> None:
    if "user_session" in g:
        db.session.get_one(User, g.user_session.user_id).language = chosen
        db.session.commit()
    after_this_request(partial(_set_cookie, chosen))


def _set_cookie(chosen: str, response: Response) -> Response:
    config = current_app.config
    response.set_cookie(
        config["LANGUAGE_COOKIE_NAME"],
        chosen,
        max_age=KEPT_S,
        path=config["SESSION_COOKIE_PATH"],
        secure=config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return response


def _way_back() -> str:
    """Give the page that the choice was made on, if it is one of ours."""
    address = request.args.get("next", "")
    return address.rstrip("?") if leads_within(address) else url_for("dashboard.show")


def register_language(app: Flask) -> None:
    """Say everything in the language of whoever asks."""
    Babel(app, default_locale=words.SOURCE, locale_selector=_choose)
    said = {"gettext": _on_pages(words.gettext), "ngettext": _on_pages(words.ngettext)}
    app.jinja_env.globals.update(said, _=said["gettext"], later=words.later)
    app.jinja_env.globals.update(
        language=lambda: words.reader.get()(),
        known_languages=words.LANGUAGES,
        right_to_left=words.right_to_left,
        own_address=own_address,
        page_to_return_to=page_to_return_to,
    )
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.filters.update(number=words.number, listed=_listed, said=words.Later.load)

    @app.before_request
    def begin() -> None:
        # Only once it is asked for, as the user has to be known by then; and a page asks for it a hundred times and more.
        words.reader.set(cache(_language))

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        words.reader.set(lambda: words.SOURCE)


def _language() -> str:
    return str(get_locale() or words.SOURCE)


def _choose() -> str | None:
    """Name the language, or None for the source's own."""
    if not request:
        return None
    # What the session's row says of its user: an error page must not have to ask the database once more.
    in_cookie = request.cookies.get(current_app.config["LANGUAGE_COOKIE_NAME"])
    chosen = [g.get("language"), g.user_session.language if "user_session" in g else None, in_cookie]
    known = [language for language in chosen if language in words.LANGUAGES]
    return known[0] if known else request.accept_languages.best_match(words.LANGUAGES)


def _listed(phrases: Iterable[Any]) -> Markup:
    return Markup(words.listed(map(escape, phrases)))  # noqa: S704  each phrase is escaped


def _on_pages(say: Callable[..., str]) -> Callable[..., str]:
    """Let a sentence hold markup, and its values none but what is marked as such."""

    @pass_eval_context
    def said(context: EvalContext, *message: Any, **values: Any) -> str:
        if not context.autoescape:
            return say(*message, **values)
        return Markup(say(*message, **{name: escape(value) for name, value in values.items()}))  # noqa: S704  sentences are our own

    return said
