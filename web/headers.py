"""Headers that every answer carries, errors too."""

from flask import Flask, Response, request

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), "
        "payment=(), publickey-credentials-create=(self), publickey-credentials-get=(self), screen-wake-lock=(), usb=()"
    ),
}
BEHIND_HTTPS = {"Strict-Transport-Security": "max-age=31536000"}


def register_headers(app: Flask, *, https: bool) -> None:
    """Add them to every answer; behind https also the promise to stay there."""
    headers = HEADERS | (BEHIND_HTTPS if https else {})

    @app.after_request
    def add(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        if request.endpoint != "static":
            # Records stay out of the browser's cache: the next person at this desk may press "back".
            response.headers["Cache-Control"] = "no-store"
        return response
