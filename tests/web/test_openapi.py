"""The API is as its document says, whatever is asked of it."""

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

import web.bearer
from merge.columns import COLUMNS, VALUES
from tests.examples import examples
from tests.machine import machine_of

EXAMPLES = examples(3)


def test_the_document_names_the_models_columns_and_filters(client):
    told = client.open("/api/v1/openapi.json").json
    assert told["openapi"].startswith("3.1")
    student = told["components"]["schemas"]["Student"]["properties"]
    assert set(student) == {*(column.name for column in COLUMNS), "version"}
    values = told["components"]["schemas"]["StudentValues"]
    assert set(values["properties"]) == {column.name for column in VALUES}
    assert values["required"] == ["name"]
    assert values["properties"]["age"] == {
        "type": ["integer", "null"],
        "title": "Age",
        "description": "A whole number from 0 to 150, or blank.",
        "minimum": 0,
        "maximum": 150,
    }
    asked = {parameter["name"] for parameter in told["paths"]["/api/v1/students"]["get"]["parameters"]}
    assert {"q", "sort", "per_page", "after", "before", "min_age", "blank_score", "since", "import"} <= asked


def test_every_answer_is_one_that_the_document_describes(app, monkeypatch, add):
    monkeypatch.setattr(web.bearer, "PER_MINUTE", 10**6)
    add(7, "Ada")
    authorization = {"Authorization": f"Bearer {machine_of(app).secret}"}
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    for operation in (result.ok() for result in schema.get_all_operations()):
        for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
            asked_at_random(operation, mode, authorization)


def asked_at_random(operation, mode, headers):
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        # What fits the document may still be stale, or a cursor that no page gave.
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

    ask()
