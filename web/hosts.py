"""Under which names Rollbook answers, and what it believes of a proxy: only what the settings say."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, request
from werkzeug.exceptions import BadRequest
from werkzeug.middleware.proxy_fix import ProxyFix

from config import Settings

# Marks a request that named another host.
UNKNOWN = "rollbook.unknown_host"


class UnknownHost(BadRequest):
    """The request asks for a name that is not Rollbook's."""


def register_hosts(app: Flask, settings: Settings) -> None:
    """Refuse other names, and see the visitor's address and the scheme as they are in front of the proxies."""
    names = {name.lower() for name in settings.hosts}

    @app.before_request
    def check() -> None:
        if UNKNOWN in request.environ or _name(request.host) not in names:
            raise UnknownHost

    app.wsgi_app = _under_own_name(app.wsgi_app, names, urlsplit(settings.address).netloc)  # type: ignore[method-assign]
    # The proxies name the visitor; scheme and host are not theirs to say.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=0, x_host=0)  # type: ignore[method-assign]
    if settings.https:
        app.wsgi_app = _as_https(app.wsgi_app)  # type: ignore[method-assign]
    if settings.path:
        app.wsgi_app = _below(app.wsgi_app, settings.path)  # type: ignore[method-assign]


def _under_own_name(inner: Callable[..., Any], names: set[str], own: str) -> Callable[..., Any]:
    """Answer who asks for another name from under our own: no address can be built under one that is none."""

    def outer(environ: dict[str, Any], start_response: Any) -> Any:
        if _name(environ.get("HTTP_HOST", own)) not in names:
            environ = {**environ, "HTTP_HOST": own, UNKNOWN: True}
        return inner(environ, start_response)

    return outer


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _as_https(inner: Callable[..., Any]) -> Callable[..., Any]:
    def outer(environ: dict[str, Any], start_response: Any) -> Any:
        return inner({**environ, "wsgi.url_scheme": "https"}, start_response)

    return outer


def _below(inner: Callable[..., Any], root: str) -> Callable[..., Any]:
    """Have every address begin with this path, whether a proxy passes it on or takes it away; probes need not know of it."""

    def outer(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ.get("PATH_INFO", "")
        asked = path.removeprefix(root) if f"{path}/".startswith(f"{root}/") else path
        return inner({**environ, "SCRIPT_NAME": root, "PATH_INFO": asked}, start_response)

    return outer
