"""Somebody with a browser: opens pages, sends their forms, and finds fault with every page on the way."""

from collections.abc import Mapping
from typing import Any

from flask import Flask, has_app_context
from flask.testing import EnvironBuilder
from werkzeug.test import TestResponse

from tests.pages import Page, lint_page


class Answer(Page):
    """What came back: a page, with its status and headers."""

    def __init__(self, response: TestResponse) -> None:
        super().__init__(response.text if response.mimetype == "text/html" else "")
        self.status = response.status_code
        self.headers = response.headers
        self.location = response.location or ""


class Visitor:
    """Each visitor has cookies of their own."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._client = app.test_client()

    def open(self, path: str, method: str = "GET", **arguments: Any) -> TestResponse:
        """Send a request just as it is, for what is no page."""
        assert not has_app_context(), "Inside an app context, requests would share its session and its signed-in user."
        request = EnvironBuilder(self._app, path, method=method, **arguments).get_request()
        try:
            return self._client.open(request)
        finally:
            request.environ["wsgi.input"].close()  # a large form is kept in a temporary file

    def visit(self, path: str, status: int = 200) -> Answer:
        """Open a page that has to answer like this."""
        return _checked(self.open(path), status)

    def send(self, path: str, data: Mapping[str, Any] | None = None, *, page: str | None = None, status: int = 303) -> Answer:
        """Post a form with what a page carries unseen, its token and version: the page at `page`, or else at `path` itself."""
        shown = self.visit(page or path).values
        unseen = {name: shown[name] for name in ("csrf_token", "version") if name in shown}
        return self.post(path, {**unseen, **(data or {})}, status)

    def post(self, path: str, data: Mapping[str, Any], status: int) -> Answer:
        """Post exactly this."""
        return _checked(self.open(path, "POST", data=dict(data)), status)


def _checked(response: TestResponse, status: int) -> Answer:
    with response:  # what is done once an answer was sent is done then
        answer = Answer(response)
    assert response.status_code == status, f"{response.request.path} answered {response.status}: {answer.text or response.text}"
    if answer.html and not 300 <= status < 400:
        faults = lint_page(answer.html)
        assert not faults, f"{response.request.path}: {faults}"
    return answer
