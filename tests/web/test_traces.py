"""An OpenTelemetry collector is told how requests went, if a setting names one; otherwise nothing of it is loaded."""

import gzip
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from flask import Flask
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app import create_app
from models import db
from tests.conftest import settings
from tests.server import ROOT

CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"


class Collector(HTTPServer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        super().__init__(("127.0.0.1", 0), Post)

    def spans(self):
        messages = [ExportTraceServiceRequest.FromString(body) for body in self.sent]
        scopes = [scope for message in messages for resource in message.resource_spans for scope in resource.scope_spans]
        return [span for scope in scopes for span in scope.spans]


class Post(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        self.server.sent.append(body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_message) -> None:
        """The tests' output is no place for it."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def app(collector: Collector, database_url: str, tmp_path) -> Iterator[Flask]:
    address = f"http://127.0.0.1:{collector.server_port}"
    made = create_app(settings(tmp_path / "instance", database_url, ROLLBOOK_TRACES=address))
    yield made
    made.extensions["traces"].shutdown()
    with made.app_context():
        db.engine.dispose()


def test_a_request_and_its_statements_are_told_and_nothing_that_somebody_typed(app, collector, viewer, add):
    add(1, "Ada Lovelace")
    viewer.open("/students?q=Lovelace", headers={"traceparent": f"00-{CALLER}-00f067aa0ba902b7-01"})
    viewer.visit("/students/9", status=404)
    app.extensions["traces"].force_flush()
    spans = {span.name: span for span in collector.spans()}
    page = next(span for span in collector.spans() if span.trace_id.hex() == CALLER and span.name == "GET /students")
    told = {attribute.key: attribute.value for attribute in page.attributes}
    assert told["http.response.status_code"].int_value == 200
    statements = [span for span in collector.spans() if span.parent_span_id == page.span_id]
    assert any(span.name == "SELECT" for span in statements)
    assert "GET /students/<id:student_id>" in spans
    assert all(b"Lovelace" not in body for body in collector.sent)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_without_its_packages_a_sentence_says_what_to_install(database_url, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "web.traces", None)
    with pytest.raises(SystemExit, match=r"pip install --require-hashes -r requirements-traces\.txt"):
        create_app(settings(tmp_path / "instance", database_url, ROLLBOOK_TRACES="http://127.0.0.1:1"))


def test_nothing_of_it_is_loaded_where_no_setting_asks_for_it(tmp_path):
    question = "import sys, app; app.create_app(); print(any(name.startswith('opentelemetry') for name in sys.modules))"
    environ = {"ROLLBOOK_INSTANCE": str(tmp_path)}
    asked = subprocess.run([sys.executable, "-c", question], cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    assert asked.stdout == "False\n"
