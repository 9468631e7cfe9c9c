"""Put Rollbook together: settings, extensions, pages, commands."""

from flask import Flask, request
from flask_migrate import Migrate
from flask_security import Security, SQLAlchemyUserDatastore
from flask_wtf import CSRFProtect

import commands
import config
import database
from merge import search
from models import Role, User, db
from web.access import check_rules, may
from web.accounts import accounts, render, security_settings
from web.addresses import IdConverter
from web.bulk import bulk
from web.changes import changes
from web.compression import register_compression
from web.dashboard import dashboard
from web.errors import register_errors
from web.export import export
from web.headers import register_headers
from web.health import health
from web.history import history
from web.imports import imports
from web.static import register_static
from web.students import students
from web.views import views
from worker import InlineWorker

PAGES = (dashboard, students, views, bulk, history, changes, export, imports, accounts, health)


def create_app(settings: config.Settings | None = None) -> Flask:
    """Build the application from the environment's settings, or from these."""
    settings = settings or config.load()
    app = Flask(__name__, instance_path=str(settings.instance))
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=database.engine_options(settings.database_url),
        MAX_CONTENT_LENGTH=settings.max_upload,
        ADDRESS=f"http://{settings.host}:{settings.port}",
        UPLOADS=settings.uploads,
        KEEP_SHEETS=settings.keep_sheets,
        ROLLBOOK_WORKER=settings.worker,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,
        **security_settings(settings.secret_key),
    )
    db.init_app(app)
    with app.app_context():
        database.prepare(db.engine)
        search.prepare(db.engine)
    Migrate(app, db)
    _tell_reading_requests(app)  # before the extensions look up who is signed in
    CSRFProtect(app)
    Security(app, SQLAlchemyUserDatastore(db, User, Role), render_template=render)
    if settings.worker == "inline":
        app.before_request(InlineWorker(app).ensure_running)
    app.url_map.converters["id"] = IdConverter
    for pages in PAGES:
        app.register_blueprint(pages)
    app.jinja_env.globals["may"] = may
    register_errors(app)
    register_headers(app)
    register_static(app)
    register_compression(app)
    commands.register(app)
    check_rules(app)
    return app


def _tell_reading_requests(app: Flask) -> None:
    """Let requests that only read go beside the one that writes."""

    @app.before_request
    def begin() -> None:
        # A cancel has to reach the worker that holds the write lock before it waits for that lock.
        database.reading.set(request.method in ("GET", "HEAD") or request.endpoint == "imports.cancel")

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        database.reading.set(False)
