"""Put Rollbook together: settings, extensions, pages, commands."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
from flask import Flask, request
from flask_migrate import Migrate
from flask_wtf import CSRFProtect
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

import cli
import config
import database
import doctor
from merge import search
from models import db
from web import acts
from web.access import check_rules, may, may_undo, may_undo_change
from web.accounts import accounts
from web.addresses import IdConverter
from web.api import api
from web.arrivals import register_arrivals
from web.audit import audit
from web.bearer import register_bearer
from web.body_kinds import register_fields
from web.bulk import bulk
from web.cell import cell
from web.changes import changes
from web.compression import register_compression
from web.csv_format import register_csv_formats
from web.dashboard import dashboard
from web.duplicates import duplicates
from web.errors import register_errors
from web.export import export
from web.head_check import head_alone, register_head_check
from web.headers import register_headers
from web.health import health
from web.history import history
from web.hosts import register_hosts
from web.icons import register_icons
from web.imports.blueprint import imports
from web.imports.corrections import corrections
from web.kept_input import register_authors, register_kept_input
from web.language import language, register_language, register_language_choice
from web.limits import register_limits
from web.messages import messages
from web.metrics import metrics, register_metrics
from web.noting import register_noting
from web.people import register_people
from web.places import register_places
from web.privacy import privacy
from web.profile import profile
from web.replica import register_replica
from web.requests import register_requests
from web.security import register_security, security_settings
from web.senders import register_senders
from web.sessions import register_sessions
from web.start import start
from web.static import register_static
from web.students import students
from web.styleguide import styleguide
from web.throttle import register_throttle
from web.time_zone import register_time_zone
from web.tokens import tokens
from web.users import users
from web.views import views
from web.within import register_within
from worker import start_beside

PAGES = (
    dashboard,
    start,
    language,
    students,
    views,
    cell,
    bulk,
    history,
    duplicates,
    privacy,
    changes,
    export,
    imports,
    corrections,
    users,
    audit,
    profile,
    tokens,
    accounts,
    api,
    health,
    metrics,
    styleguide,
)


COOKIES = {"SESSION_COOKIE_NAME": "session", "DEVICE_COOKIE_NAME": "device", "LANGUAGE_COOKIE_NAME": "language"}


def create_app(settings: config.Settings | None = None) -> Flask:
    """Build the application from the environment's settings, or from these."""
    settings = settings or _settings_of_environment()
    _refuse_unsafe_flask_run(settings)
    app = Flask(__name__, instance_path=str(settings.instance))
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=database.engine_options(settings.database_url, settings.web_processes),
        MAX_UPLOAD=settings.max_upload,
        MAX_FORM=settings.max_form,
        SETTINGS=settings,
        ADDRESS=settings.address,
        UPLOADS=settings.uploads,
        KEEP_SHEETS=settings.keep_sheets,
        KEEP_WAITING=settings.keep_waiting,
        KEEP_AUDIT=settings.keep_audit,
        KEEP_DELETED=settings.keep_deleted,
        ROLLBOOK_WORKER=settings.worker,
        TIME_ZONE=settings.time_zone,
        SERVER_TIME_ZONE=settings.server_time_zone,
        SMTP=settings.smtp,
        MAIL_FROM=settings.mail_from,
        METRICS_TOKEN=settings.metrics_token,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,  # web/senders.py looks where a form comes from
        **_cookies(settings),
        **_keys(settings),
        **security_settings([settings.secret_key, *settings.old_secret_keys]),
    )
    db.init_app(app)
    _let_go(app)
    with app.app_context():
        database.prepare(db.engine)
        search.prepare(db.engine)
    register_requests(app)  # first, so that all that is logged of a request names it
    register_metrics(app)  # then, so that what the others do is timed, too
    if settings.traces:
        _trace(app, settings.traces)
    register_replica(app, settings)
    Migrate(app, db, directory=str(Path(__file__).parent / "migrations"))  # wherever a command is run
    register_language(app)
    register_people(app)
    register_time_zone(app)
    register_hosts(app, settings)
    register_limits(app)
    register_senders(app)
    register_arrivals(app, settings)
    register_kept_input(app)
    register_fields(app)
    _tell_reading_requests(app)  # before the extensions look up who is signed in
    register_places(app)
    register_sessions(app)
    register_bearer(app)
    register_head_check(app, settings)
    register_authors(app)
    register_language_choice(app)
    register_noting(app)
    CSRFProtect(app).exempt(api)  # nobody is let in there by a cookie
    register_throttle(app)
    register_security(app)
    app.url_map.converters["id"] = IdConverter
    for pages in PAGES:
        app.register_blueprint(pages)
    register_within(app)
    register_csv_formats(app)
    app.jinja_env.globals.update(may=may, acts=acts, may_undo=may_undo, may_undo_change=may_undo_change)
    app.jinja_env.globals.update(messages=messages, version=config.VERSION)
    register_errors(app)
    register_headers(app, https=settings.https)
    register_static(app)
    register_icons(app)
    register_compression(app)
    cli.register(app)
    check_rules(app)
    if _flask_run() and settings.worker == "inline":
        start_beside(app)
    return app


def _flask_run() -> click.Context | None:
    """Give the command where Flask's own server runs this."""
    running = click.get_current_context(silent=True)
    return running if running and running.info_name == "run" else None


def _settings_of_environment() -> config.Settings:
    """End the process with a sentence where a setting can't be used."""
    try:
        return config.load()
    except ValueError as reason:
        raise SystemExit(f"Rollbook does not start:\n{reason}") from None


def _refuse_unsafe_flask_run(settings: config.Settings) -> None:
    """Hold Flask's own server to what gunicorn.conf.py asks of the real one; its host is no setting of ours."""
    if running := _flask_run():
        doctor.refuse_unsafe(replace(settings, host=running.params["host"]))


def _let_go(app: Flask) -> None:
    """Let nobody's answer be lost because the connection broke after it was made, and its transaction can't be ended any more."""

    @app.teardown_appcontext
    def end(_error: BaseException | None) -> None:
        # Flask ends what was begun last first: before the session is closed, which says the same of a broken connection.
        try:
            db.session.rollback()
        except SQLAlchemyError as error:
            app.logger.warning("a transaction could not be ended: %s", error)


def _trace(app: Flask, collector: str) -> None:
    """Load what that takes only where somebody wants it."""
    try:
        from web.traces import register_traces
    except ImportError:
        sentence = "ROLLBOOK_TRACES is set, but its packages are missing: pip install --require-hashes -r requirements-traces.txt"
        raise SystemExit(f"Rollbook does not start:\n{sentence}") from None
    with app.app_context():
        register_traces(app, collector, db.engine)


def _cookies(settings: config.Settings) -> dict[str, Any]:
    path = settings.path or "/"
    return {
        **{setting: cookie_name(settings, of) for setting, of in COOKIES.items()},
        "APPLICATION_ROOT": path,
        "SESSION_COOKIE_PATH": path,
        "REMEMBER_COOKIE_PATH": path,
        "SESSION_COOKIE_SECURE": settings.https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_IDLE": settings.session_idle,
        "SESSION_LIFETIME": settings.session_lifetime,
    }


def cookie_name(settings: config.Settings, of: str) -> str:
    """Name a cookie of this Rollbook's own: cookies know no ports, so another one on the same host would take its place.

    The servers of one Rollbook share its address and its database, and so the name; a new secret key leaves it as it is.
    """
    database_url = make_url(settings.database_url)
    own = f"{settings.address} {database_url.host} {database_url.port} {database_url.database}"
    # A browser takes a __Host- cookie over https and for all paths only, and lets no neighbouring name set it.
    prefix = "" if not settings.https else "__Secure-" if settings.path else "__Host-"
    return f"{prefix}rollbook_{of}_{sha256(own.encode()).hexdigest()[:12]}"


def _keys(settings: config.Settings) -> dict[str, Any]:
    return {
        "SECRET_KEY": settings.secret_key,
        "SECRET_KEY_FALLBACKS": list(settings.old_secret_keys),
        # Of several keys the last one signs, and each of them verifies.
        "WTF_CSRF_SECRET_KEY": [*settings.old_secret_keys, settings.secret_key],
    }


def _tell_reading_requests(app: Flask) -> None:
    """Let requests that only read go beside the one that writes."""

    @app.before_request
    def begin() -> None:
        # A cancel has to reach the worker that holds the write lock before it waits for that lock.
        looks = request.method in ("GET", "HEAD") or head_alone() is not None
        database.reading.set(looks or request.endpoint == "imports.cancel")

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        database.reading.set(False)
