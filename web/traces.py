"""Tell an OpenTelemetry collector how each request went and which statements it took, where the settings name one."""

from flask import Flask, Response, g, request
from opentelemetry import context, propagate
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, set_span_in_context
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext


def register_traces(app: Flask, collector: str, engine: Engine) -> None:
    """Trace requests and statements. Neither what somebody typed nor what stands in a record is told."""
    provider = app.extensions["traces"] = TracerProvider(resource=Resource.create({"service.name": "rollbook"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{collector}/v1/traces")))
    _trace_requests(app, provider)
    _trace_statements(engine, provider)


def _trace_requests(app: Flask, provider: TracerProvider) -> None:
    tracer = provider.get_tracer("rollbook.web")

    @app.before_request
    def begin() -> None:
        route = request.url_rule.rule if request.url_rule else "unknown"
        told = {"http.request.method": request.method, "http.route": route}
        caller = propagate.extract(request.headers)
        g.span = tracer.start_span(f"{request.method} {route}", caller, SpanKind.SERVER, told)
        g.traced = context.attach(set_span_in_context(g.span, caller))

    @app.after_request
    def note(response: Response) -> Response:
        g.span.set_attribute("http.response.status_code", response.status_code)
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        context.detach(g.traced)
        g.span.end()


def _trace_statements(engine: Engine, provider: TracerProvider) -> None:
    tracer = provider.get_tracer("rollbook.database")

    @event.listens_for(engine, "before_cursor_execute")
    def begin(connection: Connection, _cursor: object, statement: str, *_more: object) -> None:
        told = {"db.system.name": engine.dialect.name, "db.query.text": statement}
        connection.info["span"] = tracer.start_span(statement.split(maxsplit=1)[0], kind=SpanKind.CLIENT, attributes=told)

    @event.listens_for(engine, "after_cursor_execute")
    def end(connection: Connection, *_more: object) -> None:
        connection.info.pop("span").end()

    @event.listens_for(engine, "handle_error")
    def fail(failure: ExceptionContext) -> None:
        if failure.connection and (span := failure.connection.info.pop("span", None)):
            span.end()
