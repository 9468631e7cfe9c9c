"""What Prometheus is told, and who may ask."""

import json
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app import create_app
from merge.verify import STATES
from tests.conftest import settings
from tests.server import ROOT
from tests.visitor import Visitor
from tests.web.conftest import sheet_file

DASHBOARD = json.loads((ROOT / "deploy" / "grafana.json").read_text())


@pytest.fixture
def metrics(client):
    """Give each sample that is told now, by its name and labels: {("rollbook_imports", ("state", "ready")): 1}."""

    def metrics():
        families = text_string_to_metric_families(client.open("/metrics").text)
        return {(s.name, *sorted(s.labels.items())): s.value for family in families for s in family.samples}

    return metrics


def test_requests_are_counted_and_timed_by_route_whatever_the_address(viewer, add, metrics):
    before = metrics()
    for number in (1, 2):
        add(number, "Ada")
        viewer.visit(f"/students/{number}")
    viewer.visit("/students/3", status=404)
    viewer.visit("/no/such/page", status=404)
    told, route = since(metrics(), before), ("route", "/students/<id:student_id>")
    assert told["rollbook_requests_total", ("method", "GET"), route, ("status", "200")] == 2
    assert told["rollbook_requests_total", ("method", "GET"), route, ("status", "404")] == 1
    assert told["rollbook_requests_total", ("method", "GET"), ("route", "unknown"), ("status", "404")] == 1
    assert told["rollbook_request_seconds_count", route] == 3
    assert told["rollbook_request_seconds_sum", route] > 0


def since(told, before):
    """Give how much each sample has grown: the app has answered other tests before."""
    return {sample: value - before.get(sample, 0) for sample, value in told.items()}


def test_imports_are_told_by_their_state_and_how_long_one_has_waited(editor, work, metrics):
    editor.send("/imports/new", {"file": sheet_file("id,name\n1,Ada\n"), "blank": "keep"})
    told = metrics()
    assert told["rollbook_imports", ("state", "uploaded")] == 1
    assert told["rollbook_import_queue_age_seconds",] > 0
    work()
    told = metrics()
    assert {state: told["rollbook_imports", ("state", state)] for state in STATES} == {**dict.fromkeys(STATES, 0), "ready": 1}
    assert told["rollbook_import_queue_age_seconds",] == 0
    assert told["rollbook_import_rows_per_second",] == 0
    assert told["rollbook_database_up",] == 1
    assert told["rollbook_pool_connections", ("state", "in use")] == 0
    assert 1 <= told["rollbook_pool_connections", ("state", "idle")] <= told["rollbook_pool_size",]


def test_while_the_database_is_away_the_rest_is_told(tmp_path):
    away = Visitor(create_app(settings(tmp_path / "instance", "postgresql://me@127.0.0.1:1/school")))
    answer = away.open("/metrics")
    assert answer.status_code == 200
    assert "rollbook_database_up 0.0" in answer.text
    assert "process_resident_memory_bytes" in answer.text


@pytest.mark.parametrize("backend", ["sqlite"])
def test_it_is_told_on_the_machine_itself_or_for_the_token_and_to_nobody_else(database_url, tmp_path):
    far = {"REMOTE_ADDR": "192.0.2.7"}
    for token in ("", "a long secret"):
        visitor = Visitor(create_app(settings(tmp_path / "instance", database_url, ROLLBOOK_METRICS_TOKEN=token)))
        assert visitor.open("/metrics").status_code == 200
        assert visitor.open("/metrics", environ_overrides=far).status_code == 404
        for wrong in ("Bearer ", "Bearer a short one", "Bearer ö", "a long secret"):
            headers = {"Authorization": wrong.encode().decode("latin-1")}
            assert visitor.open("/metrics", environ_overrides=far, headers=headers).status_code == 404
        # Whoever comes through a proxy on this machine seems to be this machine.
        for header in ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"):
            assert visitor.open("/metrics", headers={header: "192.0.2.7"}).status_code == 404
    headers = {"Authorization": "Bearer a long secret"}
    assert visitor.open("/metrics", environ_overrides=far, headers=headers).status_code == 200


def test_the_dashboard_asks_only_for_what_is_told(viewer, client):
    viewer.visit("/students")
    names = {sample.name for family in text_string_to_metric_families(client.open("/metrics").text) for sample in family.samples}
    queries = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    asked = {name for query in queries for name in re.findall(r"\b(?:rollbook|process)_\w+", query)}
    assert asked <= names
    assert {name for name in names if name.startswith("rollbook")} - asked <= {
        "rollbook_requests_created",
        "rollbook_request_seconds_created",
        "rollbook_request_seconds_sum",
        "rollbook_request_seconds_count",
    }
