"""What Prometheus asks for: requests, connections and memory of the server's processes, and the imports as the database has them.

Where there are several processes, each keeps what it counts in files of a folder that all of them share, and whichever is
asked adds up (prometheus.github.io/client_python/multiprocess). `PROMETHEUS_MULTIPROC_DIR` names it: gunicorn.conf.py does.
"""

import os
import time
from collections.abc import Iterator
from hmac import compare_digest
from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, g, request
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import Engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from config import LOOPBACK
from merge import queue
from models import db
from web.access import public
from web.head_check import may_come
from web.processes import Processes

metrics = Blueprint("metrics", __name__)

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
# What a proxy adds: whoever sends one of these did not come straight from this machine.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


@metrics.get("/metrics")
@public
def show() -> ResponseReturnValue:
    """Answer what is asked on the machine itself, or with the token of the settings; to anybody else there is no such page."""
    if not (_has_token() or _is_asked_here()):
        abort(404)
    return Response(generate_latest(current_app.extensions["metrics"]), content_type=CONTENT_TYPE_LATEST)


def register_metrics(app: Flask) -> None:
    """Count and time the requests."""
    own = CollectorRegistry(auto_describe=False)
    app.extensions["metrics"] = registry = _of_all_processes() or own
    requests = Counter("rollbook_requests", "Requests that were answered.", ("method", "route", "status"), registry=own)
    running = Gauge("rollbook_requests_running", "Requests that are under way.", registry=own, multiprocess_mode="livesum")
    seconds = Histogram("rollbook_request_seconds", "Until the answer began.", ("route",), registry=own, buckets=BUCKETS)
    with app.app_context():
        _count_connections(db.engine, own)
    # The school comes last: to look takes a connection, too.
    for collector in (PlatformCollector(registry=None), Processes(), School()):
        registry.register(collector)

    @app.before_request
    def begin() -> None:
        g.begun = time.perf_counter()
        running.inc()

    @app.after_request
    def note(response: Response) -> Response:
        if may_come():
            return response
        # The rule, not the address: that would be a line for each student.
        route = request.url_rule.rule if request.url_rule else "unknown"
        requests.labels(request.method, route, response.status_code).inc()
        seconds.labels(route).observe(time.perf_counter() - g.begun)
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        running.dec()


class School:
    """Looks when it is asked, so that any process tells the same of the imports, wherever they run."""

    def collect(self) -> Iterator[Metric]:
        try:
            yield from _imports()
        except SQLAlchemyError:
            db.session.rollback()
            yield GaugeMetricFamily("rollbook_database_up", "Whether the database answers.", 0)
        else:
            yield GaugeMetricFamily("rollbook_database_up", "Whether the database answers.", 1)


def _of_all_processes() -> CollectorRegistry | None:
    """Give the registry that adds up what all processes count; None where there is only this one."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return None
    registry = CollectorRegistry(auto_describe=False)
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def _count_connections(engine: Engine, registry: CollectorRegistry) -> None:
    """Tell how many connections to the database there are, whenever one is taken or given back."""
    options: Any = {"registry": registry, "multiprocess_mode": "livesum"}
    size = Gauge("rollbook_pool_size", "Connections that are kept open at most.", **options)
    connections = Gauge("rollbook_pool_connections", "Connections to the database.", ("state",), **options)

    def count(given_back: int) -> None:
        pool = engine.pool
        assert isinstance(pool, QueuePool)
        size.set(pool.size())
        connections.labels("in use").set(pool.checkedout() - given_back)
        connections.labels("idle").set(min(pool.size(), pool.checkedin() + given_back))

    event.listen(engine, "checkout", lambda *_: count(0))
    # One that is about to be given back still counts as taken.
    event.listen(engine, "checkin", lambda *_: count(1))


def _imports() -> Iterator[Metric]:
    now = queue.look(db.session())
    imports = GaugeMetricFamily("rollbook_imports", "Imports by their state.", labels=["state"])
    for state, number in now.states.items():
        imports.add_metric([state], number)
    yield imports
    yield GaugeMetricFamily(
        "rollbook_import_queue_age_seconds", "How long the import has waited that nobody works at.", now.age_s
    )
    yield GaugeMetricFamily(
        "rollbook_import_rows_per_second", "How many rows a second the running imports do.", now.rows_per_second
    )


def _has_token() -> bool:
    token: Any = current_app.config["METRICS_TOKEN"]
    return bool(token) and compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode())


def _is_asked_here() -> bool:
    return request.remote_addr in LOOPBACK and not any(name in request.headers for name in FORWARDED)
