"""What is logged: a line of JSON each, which holds nothing that somebody typed and nothing of what is stored."""

import json
import logging
import logging.config
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Of the request that is being answered, as its answer and its page name it."""

# What these say is worded in this house; of anybody else's words only the numbers are shown.
OWN = {"database", "doctor", "merge", "server", "web", "worker"}


class Lines(logging.Formatter):
    """Writes a record as one line of JSON. A fault is told by its kind and by where it happened: its words may hold values."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "says": _words(record),
            "request": request_id.get(),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1]:
            line["faults"] = _faults(record.exc_info[1])
        return json.dumps({name: value for name, value in line.items() if value is not None}, ensure_ascii=False)


CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": Lines}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"level": "INFO", "handlers": ["stderr"]},
    "loggers": {
        "alembic": {"level": "WARNING"},
        "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True},
    },
}


def configure() -> None:
    """Write lines to the standard error, in a process that gunicorn does not configure."""
    logging.config.dictConfig(CONFIG)


def _words(record: logging.LogRecord) -> str:
    room = record.name.partition(".")[0]
    # gunicorn tells of itself, but where a request goes wrong it tells the request's address.
    if room in OWN or (room == "gunicorn" and not record.exc_info):
        return record.getMessage()
    arguments = record.args if isinstance(record.args, tuple) else ()
    try:
        return str(record.msg) % tuple(_number_or_kind(argument) for argument in arguments) if arguments else str(record.msg)
    except (TypeError, ValueError):
        return str(record.msg)


def _number_or_kind(argument: object) -> object:
    return argument if isinstance(argument, int | float) else f"<{type(argument).__name__}>"


def _faults(error: BaseException) -> list[dict[str, Any]]:
    """Tell of an error and of those behind it, the nearest first."""
    faults, seen = [], set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        steps = traceback.extract_tb(cause.__traceback__)
        faults.append({"kind": f"{type(cause).__module__}.{type(cause).__name__}", "in": [_place(step) for step in steps]})
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return faults


def _place(step: traceback.FrameSummary) -> str:
    return f"{step.filename}:{step.lineno} {step.name}"
