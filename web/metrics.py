"""What Prometheus asks for: requests and connections of this process, and the imports as the database has them."""

import time
from collections.abc import Iterator
from hmac import compare_digest
from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, g, request
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from config import LOOPBACK
from merge import queue
from models import db
from web.access import public

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
    """Count and time the requests of this process."""
    registry = app.extensions["metrics"] = CollectorRegistry(auto_describe=False)
    for collector in (ProcessCollector, PlatformCollector):
        collector(registry=registry)
    registry.register(School())
    requests = Counter("rollbook_requests", "Requests that were answered.", ("method", "route", "status"), registry=registry)
    running = Gauge("rollbook_requests_running", "Requests that are under way.", registry=registry)
    seconds = Histogram("rollbook_request_seconds", "Until the answer began.", ("route",), registry=registry, buckets=BUCKETS)

    @app.before_request
    def begin() -> None:
        g.begun = time.perf_counter()
        running.inc()

    @app.after_request
    def note(response: Response) -> Response:
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
        yield from _pool()
        try:
            yield from _imports()
        except SQLAlchemyError:
            db.session.rollback()
            yield GaugeMetricFamily("rollbook_database_up", "Whether the database answers.", 0)
        else:
            yield GaugeMetricFamily("rollbook_database_up", "Whether the database answers.", 1)


def _pool() -> Iterator[Metric]:
    pool = db.engine.pool
    assert isinstance(pool, QueuePool)
    connections = GaugeMetricFamily("rollbook_pool_connections", "Connections to the database.", labels=["state"])
    connections.add_metric(["in use"], pool.checkedout())
    connections.add_metric(["idle"], pool.checkedin())
    yield connections
    yield GaugeMetricFamily("rollbook_pool_size", "Connections that are kept open at most.", pool.size())


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
