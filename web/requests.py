"""A number for each request, which its answer carries, and a line in the log that says how it went."""

import logging
import secrets
import time
from functools import partial
from typing import Any

from flask import Flask, Response, g, request

from logs import request_id
from web.head_check import may_come

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"


def register_requests(app: Flask) -> None:
    """Number each request before anything else is done about it, and log it once all of its answer is sent."""
    app.before_request(_number)
    app.after_request(_sign)
    app.teardown_request(_forget)


def new_id() -> str:
    return secrets.token_hex(8)


def _number() -> None:
    g.request_id, g.arrived = new_id(), time.perf_counter()
    request_id.set(g.request_id)


def _sign(response: Response) -> Response:
    response.headers[HEADER] = g.request_id
    numbers = {name: value for name, value in (request.view_args or {}).items() if isinstance(value, int)}
    fields = {
        "request": g.request_id,
        "method": request.method,
        # The rule, not the address: there may be a name in what somebody looks for, or the secret of a link.
        "route": request.url_rule.rule if request.url_rule else None,
        **numbers,
        "status": response.status_code,
        "address": request.remote_addr,
    }
    if not may_come():
        response.call_on_close(partial(_log, fields, g.arrived))
    return response


def _log(fields: dict[str, Any], arrived: float) -> None:
    took = round((time.perf_counter() - arrived) * 1000, 1)
    log.info("request", extra={"fields": {**fields, "ms": took}})


def _forget(_error: BaseException | None) -> None:
    request_id.set(None)
