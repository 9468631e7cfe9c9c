"""Put Rollbook together: settings, extensions, pages, commands."""

from typing import Any

from flask import Flask, request
from flask_migrate import Migrate
from flask_wtf import CSRFProtect

import commands
import config
import database
from merge import search
from models import db
from web.access import check_rules, may, may_undo
from web.accounts import accounts
from web.addresses import IdConverter
from web.bulk import bulk
from web.cell import cell
from web.changes import changes
from web.compression import register_compression
from web.dashboard import dashboard
from web.errors import register_errors
from web.export import export
from web.headers import register_headers
from web.health import health
from web.history import history
from web.hosts import register_hosts
from web.imports import imports
from web.profile import profile
from web.security import register_security, security_settings
from web.sessions import register_sessions
from web.static import register_static
from web.students import students
from web.throttle import register_throttle
from web.users import users
from web.views import views
from worker import InlineWorker

PAGES = (dashboard, students, views, cell, bulk, history, changes, export, imports, users, profile, accounts, health)


def create_app(settings: config.Settings | None = None) -> Flask:
    """Build the application from the environment's settings, or from these."""
    settings = settings or config.load()
    app = Flask(__name__, instance_path=str(settings.instance))
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=database.engine_options(settings.database_url),
        MAX_CONTENT_LENGTH=settings.max_upload,
        ADDRESS=settings.address,
        UPLOADS=settings.uploads,
        KEEP_SHEETS=settings.keep_sheets,
        ROLLBOOK_WORKER=settings.worker,
        SMTP=settings.smtp,
        MAIL_FROM=settings.mail_from,
        WTF_CSRF_TIME_LIMIT=None,
        **_cookies(settings),
        **_keys(settings),
        **security_settings([settings.secret_key, *settings.old_secret_keys]),
    )
    db.init_app(app)
    with app.app_context():
        database.prepare(db.engine)
        search.prepare(db.engine)
    Migrate(app, db)
    register_hosts(app, settings)
    _tell_reading_requests(app)  # before the extensions look up who is signed in
    register_sessions(app)
    CSRFProtect(app)
    register_throttle(app)
    register_security(app)
    if settings.worker == "inline":
        app.before_request(InlineWorker(app).ensure_running)
    app.url_map.converters["id"] = IdConverter
    for pages in PAGES:
        app.register_blueprint(pages)
    app.jinja_env.globals.update(may=may, may_undo=may_undo)
    register_errors(app)
    register_headers(app, https=settings.https)
    register_static(app)
    register_compression(app)
    commands.register(app)
    check_rules(app)
    return app


def _cookies(settings: config.Settings) -> dict[str, Any]:
    # A browser takes a __Host- cookie over https only, and lets no neighbouring name set it.
    prefix = "__Host-" if settings.https else ""
    return {
        "SESSION_COOKIE_NAME": f"{prefix}session",
        "DEVICE_COOKIE_NAME": f"{prefix}device",
        "SESSION_COOKIE_SECURE": settings.https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_IDLE": settings.session_idle,
        "SESSION_LIFETIME": settings.session_lifetime,
    }


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
        database.reading.set(request.method in ("GET", "HEAD") or request.endpoint == "imports.cancel")

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        database.reading.set(False)
