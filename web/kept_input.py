"""What somebody typed outlives a refusal: the page that refuses a form holds it, and its button shows the form filled in.

It is held in that page alone, sealed, so that neither the browser's storage nor the database has any of it. "Continue"
sends it to the form's own address, where it never counts as valid: the form is shown, and a person saves it.
Passwords, codes, tokens and files are never held; forms.is_secret says what is one.
"""

import json
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Flask, Response, current_app, flash, g, request, url_for
from flask_wtf.csrf import generate_csrf
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import select
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException

from documents import KEPT_INPUT
from forms import filled, in_words, is_file, is_secret
from models import User, db
from web.addresses import is_for_machines
from web.head_check import head_alone
from web.senders import is_own_page
from words import LANGUAGES, Later, _

# What "Continue" sends, and what a button sends that only chooses another language for the page.
HELD, SHOWN, LANGUAGE = "kept", "shown", "language"
AUTHOR, TOKEN = "author", "csrf_token"

View = Callable[..., Any]
Words = Callable[[str, str], tuple[str, str] | None]
"""Gives a label and a text to show for a field's name and text, or None."""


class Author(NamedTuple):
    """Whose typing it is."""

    id: int
    email: str


@dataclass(frozen=True)
class Kept:
    """What a form brought: its fields by name, in order, without any secret."""

    author: Author | None
    """None where nobody was signed in."""
    path: str
    fields: list[tuple[str, str]]


@dataclass(frozen=True)
class Step:
    """What somebody has to do first: sign in, say."""

    code: int
    heading: Later
    sentence: Later
    label: Later
    endpoint: str
    flashed: Collection[str] = ()
    """The methods after which the page of that step begins with the sentence."""
    comes_back: bool = True

    def href(self, back: str) -> str:
        """Give the address of the step's page, from which one comes back to another, if that page has an end."""
        return url_for(self.endpoint, next=back if self.comes_back else None)


class StepNeeded(HTTPException):
    """Something has to be done before this may be asked for."""

    def __init__(self, step: Step) -> None:
        super().__init__(str(step.sentence))
        self.code, self.step = step.code, step


class TypedBySomebodyElse(Forbidden):
    """Another user than the one who is signed in typed this."""


def keeps(form: type, others: Words = lambda _name, _text: None) -> Callable[[View], View]:
    """Have a view's form outlive a refusal. `others` puts those fields into words that the form's class does not declare."""

    def decorate(view: View) -> View:
        view.kept_form, view.kept_others = form, others  # type: ignore[attr-defined]
        return view

    return decorate


def keeps_nothing(view: View) -> View:
    """State that a view's forms bring nothing that somebody typed, or nothing but secrets."""
    view.kept_form = None  # type: ignore[attr-defined]
    return view


def told_to_scripts(view: View) -> View:
    """State that a script sends a view's form from a page that goes on showing what was typed: a refusal is told as JSON."""
    view.told_to_scripts = True  # type: ignore[attr-defined]
    return keeps_nothing(view)


def is_for_scripts() -> bool:
    """Tell whether a script of our own page waits for the answer."""
    return hasattr(_view(), "told_to_scripts") and is_own_page()


def told(heading: str, sentence: str) -> dict[str, str]:
    """Say to a script why its form was refused, with a new token where the user is still the one who was shown the page."""
    author = _author() if "form" in vars(request) else None
    if author is None or "user_session" not in g or author.id != g.user_session.user_id:
        return {"sentence": f"{heading}. {sentence}"}
    return {"sentence": f"{heading}. {sentence}", "csrf_token": generate_csrf()}


def register_kept_input(app: Flask) -> None:
    """Take up what a page has held, before anybody looks at the request's form."""
    app.before_request(_take_up)
    app.after_request(_not_refused)
    app.jinja_env.globals.update(author=author_marker, author_id=author_id, held_input=held_input)


def register_authors(app: Flask) -> None:
    """Hold what was typed against who is signed in, once that is known."""

    @app.before_request
    def check() -> None:
        if "kept" in g and is_somebody_elses(g.kept):
            raise TypedBySomebodyElse
        if "kept" in g:
            flash(_("Nothing is saved yet. Check what you typed, then save it."), "info")


def check_declared(app: Flask) -> None:
    """Refuse to start with a form of which nobody said whether what is typed into it has to be kept."""
    rules = [rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ()) and not rule.rule.startswith("/api/")]
    silent = sorted({rule.endpoint for rule in rules if not hasattr(app.view_functions[rule.endpoint], "kept_form")})
    if silent:
        raise RuntimeError(f"Nothing says what is kept of what is typed at: {', '.join(silent)}")


def author_marker() -> str:
    """Say in a form, signed, who was shown it; nothing where nobody is signed in."""
    if "user_session" not in g:
        return ""
    if "author_marker" not in g:
        g.author_marker = _signer().dumps([g.user_session.user_id, g.user_session.email])
    return str(g.author_marker)


def author_id() -> int | None:
    """Give the id of who is shown a form."""
    return g.user_session.user_id if "user_session" in g else None


def kept_of_request() -> Kept | None:
    """Give what this request has typed; None where there is nothing worth keeping, or a page of ours did not send it."""
    if "acted" in g:
        return None
    if "kept" in g:
        return g.kept  # type: ignore[no-any-return]
    if not _is_declared() or "form" not in vars(request) or not is_own_page():
        return None
    if sealed := _sealed():
        return _unseal(sealed)
    secret = {field.short_name for field in filled(_view().kept_form, MultiDict()) if is_secret(field)} | {
        HELD,
        SHOWN,
        AUTHOR,
        TOKEN,
    }
    fields = [(name, text) for name, text in request.form.items(multi=True) if _plain(name) not in secret]
    return Kept(_author(), request.path, fields) if fields else None


def acted() -> None:
    """Have nothing shown again of what this request has typed: it was acted on, though its answer is a page."""
    g.acted = True


def held_input() -> str | None:
    """Give what the page that answers this form has to hold in order to be shown once more, as in another language."""
    kept = kept_of_request()
    return seal(kept) if kept else None


def is_somebody_elses(kept: Kept) -> bool:
    """Tell whether another user is signed in than the one who typed it."""
    return kept.author is not None and "user_session" in g and g.user_session.user_id != kept.author.id


def seal(kept: Kept) -> str:
    text = json.dumps(KEPT_INPUT.write([kept.author, kept.path, kept.fields]), ensure_ascii=False)
    return _cipher().encrypt(zlib.compress(text.encode())).decode()


def readable(kept: Kept) -> list[tuple[str, str]]:
    """Give what was typed as label and text, without what the page itself had put there; a file has to be chosen again."""
    form = filled(_view().kept_form, MultiDict((_plain(name), text) for name, text in kept.fields))
    files = [(field.label.text, _("Choose the file again.")) for field in form if is_file(field)]
    others = [_view().kept_others(name, text) for name, text in kept.fields]
    return [*filter(None, map(in_words, form)), *filter(None, others), *files]


def _take_up() -> None:
    if request.method != "POST" or head_alone() is not None or is_for_machines() or not _sealed():
        return
    kept = kept_of_request()
    if kept is None:
        raise BadRequest
    g.kept = kept
    if request.form.get(LANGUAGE) in LANGUAGES:
        g.language = request.form[LANGUAGE]
    # Signing in has made the page's own token void. Nothing is saved here, so that the seal proves enough.
    request.form = ImmutableMultiDict([*kept.fields, (TOKEN, generate_csrf())])


def _not_refused(response: Response) -> Response:
    """A form that is shown again as it was asked for is no failure."""
    if "kept" in g and response.status_code == 422:
        response.status_code = 200
    return response


def _sealed() -> str | None:
    return request.form.get(HELD) or (request.form.get(SHOWN) if LANGUAGE in request.form else None)


def _unseal(sealed: str) -> Kept | None:
    try:
        author, path, fields = KEPT_INPUT.read(json.loads(zlib.decompress(_cipher().decrypt(sealed))))
    except (InvalidToken, ValueError):
        return None
    if path != request.path:
        return None
    return Kept(Author(*author) if author else None, path, [(name, text) for name, text in fields])


def _author() -> Author | None:
    """Name who was shown the form; where it does not say so, who is signed in, or has just ceased to be."""
    try:
        return Author(*_signer().loads(request.form.get(AUTHOR, "")))
    except BadSignature:
        pass
    if "user_session" in g:
        return Author(g.user_session.user_id, g.user_session.email)
    if "was_signed_in" in g:
        was = db.session.execute(select(User.id, User.email).where(User.fs_uniquifier == g.was_signed_in)).first()
        return Author(*was) if was else None
    return None


def _plain(name: str) -> str:
    """Give a field's name without the number that tells one of several forms on a page from the others."""
    number, dash, rest = name.partition("-")
    return rest if dash and number.isdecimal() else name


def _is_declared() -> bool:
    return request.method == "POST" and getattr(_view(), "kept_form", None) is not None


def _view() -> Any:
    return current_app.view_functions.get(request.endpoint or "")


def _cipher() -> MultiFernet:
    return MultiFernet(
        [Fernet(_key(key)) for key in (current_app.config["SECRET_KEY"], *current_app.config["SECRET_KEY_FALLBACKS"])]
    )


def _key(secret: str) -> bytes:
    return urlsafe_b64encode(HKDF(SHA256(), 32, salt=None, info=b"kept input").derive(secret.encode()))


def _signer() -> URLSafeSerializer:
    config = current_app.config
    return URLSafeSerializer([*config["SECRET_KEY_FALLBACKS"], config["SECRET_KEY"]], salt="author")
