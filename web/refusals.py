"""Say to another system why its request can't be met, as RFC 9457 has problems told."""

from collections.abc import Mapping
from typing import Any

from flask import Response, current_app, json
from werkzeug.exceptions import HTTPException

KIND = "application/problem+json"


class Refusal(HTTPException):
    """A request that can't be met: a title that stands for the kind of problem, a sentence about this one, and more members."""

    def __init__(self, code: int, title: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.title, self.detail = title, detail
        self.headers = headers or {}
        self.more = more


def problem(code: int, title: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    told = {"type": "about:blank", "title": str(title), "status": code, "detail": str(detail), **more}
    response = current_app.response_class(json.dumps(told), code, headers)
    response.mimetype = KIND
    return response
