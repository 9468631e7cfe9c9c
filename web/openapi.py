"""Describe the API as OpenAPI 3.1 has it, from the model's columns and the list's filters."""

from typing import Any

from accounts import SCOPES
from forms import BOTH, ONLY
from merge.cells import OVERRIDES
from merge.columns import BY_NAME, COLUMNS, KEY, VALUES, StudentColumn
from merge.matching import MATCHES
from merge.preview import VERDICTS
from merge.query import MOST_PER_PAGE, PER_PAGE, SIDES, filter_names
from merge.review import LINES_AT_ONCE, ReviewReason
from merge.unattended import Limits
from merge.verify import STATES
from web.repeats import LONGEST_KEY

Part = dict[str, Any]
KINDS: dict[type, str] = {int: "integer", float: "number", str: "string"}
CONTROLS = r"\u0000-\u001f\u007f-\u009f" + "".join(rf"\u{ord(sign):04x}" for sign in sorted(OVERRIDES))
# At least one character that is no blank, and none that can't be seen.
TEXT = rf"^[^{CONTROLS}]*[^\s{CONTROLS}][^{CONTROLS}]*$"
YES_OR_NO = {"type": "string", "enum": ["yes", "no"]}
TEXT_OR_NULL = {"type": ["string", "null"]}
SINCE = {
    "type": "string",
    "description": "A date, or a date and a time, such as 2026-03-01T12:00Z; in UTC where it names no offset.",
}
COUNT = {"type": "integer", "minimum": 0}


def document(address: str) -> Part:
    """Give the whole document, for a Rollbook at this address."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rollbook", "version": "1", "description": "A school's student records, for its other systems."},
        "servers": [{"url": address}],
        "security": [{"token": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": f"Scopes: {', '.join(SCOPES)}."}},
            "schemas": {
                "Student": _student(),
                "StudentValues": _values(),
                "Page": _page(),
                "Import": _import(),
                "QuestionAnswer": _question_answer(),
                "Problem": _problem(),
            },
            "responses": {
                "Problem": _answer("What kept the request from being met (RFC 9457).", "Problem", "application/problem+json")
            },
        },
    }


def _paths() -> Part:
    student, import_ = _path_id("student_id", KEY.maximum), _path_id("import_id")
    return {
        "/api/v1/students": {"get": _act("List students", _filters(), _answer("A page of the list.", "Page"))},
        "/api/v1/students/{student_id}": {
            "parameters": [student],
            "get": _act("Give a student", [_header("If-None-Match")], _tagged("The student.")),
            "put": _act("Merge a student", [*_versions(), _key()], _tagged("The student as it stands now."), "201")
            | {"requestBody": _body("application/json", _ref("StudentValues"))},
        },
        "/api/v1/imports": {
            "post": _act("Bring in a sheet", [_key()], _import_answer(), "202")
            | {"requestBody": _body("multipart/form-data", _delivery())},
        },
        "/api/v1/imports/{import_id}": {
            "parameters": [import_],
            "get": _act("Tell how an import stands", [], _answer("The import.", "Import") | _tags()),
        },
        "/api/v1/imports/{import_id}/apply": {
            "parameters": [import_],
            "post": _act("Apply an import that waits", [_decided_on(), _key()], _import_answer(), "202"),
        },
        "/api/v1/imports/{import_id}/answers": {
            "parameters": [import_],
            "post": _act("Answer a question that a sheet leaves open", [_key()], _import_answer(), "202")
            | {"requestBody": _body("application/json", _ref("QuestionAnswer"))},
        },
        "/api/v1/imports/{import_id}/confirm": {
            "parameters": [import_],
            "post": _act("Confirm rows that need review", [_decided_on(), _key()], _answer("The import.", "Import") | _tags())
            | {"requestBody": _body("application/json", _confirmation())},
        },
        "/api/v1/imports/{import_id}/choose": {
            "parameters": [import_],
            "post": _act("Choose whom a row means", [_decided_on(), _key()], _answer("The import.", "Import") | _tags())
            | {"requestBody": _body("application/json", _choice())},
        },
        "/api/v1/imports/{import_id}/rest": {
            "parameters": [import_],
            "post": _act("Go on with the rows that nobody has confirmed", [_decided_on(), _key()], _rest(), "201"),
        },
        "/api/v1/imports/{import_id}/undo": {
            "parameters": [import_],
            "post": _act("Take back an import that was applied", [_decided_on(), _key()], _import_answer(), "202"),
        },
    }


def _act(summary: str, parameters: list[Part], answer: Part, *more: str) -> Part:
    """Describe one method of an address; `more` statuses have the same answer, and 202 takes the place of 200."""
    statuses = more if "202" in more else ("200", *more)
    responses = dict.fromkeys(statuses, answer) | {"default": {"$ref": "#/components/responses/Problem"}}
    if any(parameter["name"] == "If-None-Match" for parameter in parameters) and not more:
        responses["307"] = {"description": "The record was merged into another student’s, whose address Location gives."}
        responses["304"] = {"description": "The student is at that version still."}
    return {"summary": summary, "parameters": parameters, "responses": responses}


def _filters() -> list[Part]:
    sorts = [sign + column.name for column in COLUMNS for sign in ("", "-")]
    known: dict[str, Part] = {
        "q": {"type": "string", "description": "Words of the name, in any order."},
        "sort": {"type": "string", "enum": sorts, "default": "name"},
        "per_page": {"type": "integer", "minimum": 1, "maximum": MOST_PER_PAGE, "default": PER_PAGE},
        "after": {"type": "string", "description": "The cursor that a page gave as its “after”."},
        "before": {"type": "string", "description": "The cursor that a page gave as its “before”."},
    }
    return [
        _parameter(name, "query", schema) for name, schema in (known | {name: _filter(name) for name in filter_names()}).items()
    ]


def _filter(name: str) -> Part:
    kind, _, column = name.partition("_")
    if kind in SIDES:
        return _value(BY_NAME[column]) | {"type": KINDS[BY_NAME[column].kind]}
    others: dict[str, Part] = {"since": SINCE, "import": {"type": "integer", "minimum": 1}}
    return others.get(name, YES_OR_NO)


def _value(column: StudentColumn) -> Part:
    """Describe what fits into a column."""
    kind: Any = KINDS[column.kind] if column.required else [KINDS[column.kind], "null"]
    if column.kind is str:
        bounds: Part = {"minLength": 1, "maxLength": column.maximum, "pattern": TEXT}
    else:
        bounds = {"minimum": column.minimum, "maximum": column.maximum}
    own = {name: bound for name, bound in bounds.items() if bound is not None}
    return {"type": kind, "title": str(column.label), "description": str(column.hint), **own}


def _student() -> Part:
    # What stands in the table was checked when it was written, perhaps by other bounds.
    known = {column.name: {"type": _value(column)["type"], "title": str(column.label)} for column in COLUMNS}
    return _object(known | {"version": {"type": "integer", "minimum": 1}})


def _values() -> Part:
    properties = {column.name: _value(column) for column in VALUES}
    required = [column.name for column in VALUES if column.required]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _page() -> Part:
    count = _object({"number": COUNT, "kind": {"type": "string", "enum": ["exactly", "about", "more than", "at least"]}})
    students = {"type": "array", "items": _ref("Student")}
    return _object({"students": students, "count": count, "before": TEXT_OR_NULL, "after": TEXT_OR_NULL})


def _import() -> Part:
    texts = {"type": "array", "items": {"type": "string"}}
    left_out = {"type": "array", "items": _object({"line": COUNT, "reason": {"type": "string"}})}
    own = {
        "id": {"type": "integer"},
        "filename": {"type": "string"},
        "state": {"type": "string", "enum": list(STATES)},
        "version": {"type": "integer", "minimum": 1},
        "at": {"type": "string", "format": "date-time"},
        "actor": {"type": "string", "description": "the uploader's e-mail address, or a command"},
        "applied_by": TEXT_OR_NULL,
        "rest_of": {"type": ["integer", "null"]},
        "rows": COUNT,
    }
    counts = dict.fromkeys(VERDICTS, COUNT)
    rejected = {"type": "array", "items": _object({"line": COUNT, "problems": texts}), "maxItems": 100}
    reviews = {"type": "array", "items": _review(texts), "maxItems": 100}
    rest = {
        "ignored": texts,
        "left_out": left_out,
        "notes": texts,
        "rejected_rows": rejected,
        "review_rows": reviews,
        "questions": {"type": "array", "items": _question(texts)},
        "findings": {"type": "array", "items": _finding()},
        "held_back": texts,
        "failure": TEXT_OR_NULL,
    }
    return _object(own | counts | rest)


def _review(texts: Part) -> Part:
    return _object(
        {
            "line": COUNT,
            "student_id": {"type": ["integer", "null"]},
            "name": {"type": "string"},
            "stored_name": TEXT_OR_NULL,
            "action": {"type": "string", "enum": ["insert", "update"]},
            "reason": {"type": "string", "enum": [reason.value for reason in ReviewReason]},
            "related": {"type": ["integer", "null"]},
            "problems": texts,
            "candidates": {"type": "array", "items": _object({column.name: _value(column) for column in COLUMNS})},
        }
    )


def _finding() -> Part:
    """Describe one thing that is remarkable about a sheet as a whole."""
    counted = {"finding": {"type": "string"}, "column": TEXT_OR_NULL, "number": COUNT, "of": COUNT}
    return _object(counted | {"sentence": {"type": "string"}, "stops": {"type": "boolean"}})


def _question(texts: Part) -> Part:
    """Describe what a sheet leaves open, with the answers that there are to choose from."""
    offered = {"type": "array", "items": _object({"answer": {"type": "string"}, "label": {"type": "string"}})}
    return _object({"question": {"type": "string"}, "sentence": {"type": "string"}, "columns": texts, "answers": offered})


def _question_answer() -> Part:
    return _object({"question": {"type": "string"}, "answer": {"type": "string"}}) | {"additionalProperties": False}


def _problem() -> Part:
    told = {"type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"}}
    errors = {"type": "array", "items": _object({"field": {"type": "string"}, "detail": {"type": "string"}})}
    current = {"anyOf": [_ref("Student"), _ref("Import"), {"type": "null"}]}
    was = {"version": COUNT, "name": {"type": "string"}, "at": {"type": "string"}, "actor": {"type": "string"}}
    deleted = {"anyOf": [_object(was), {"type": "null"}]}
    merged = {"type": "integer", "description": "The student whom the ID leads to, since its record was merged."}
    more = {"errors": errors, "current": current, "deleted": deleted, "merged_into": merged}
    return _object(told) | {"properties": told | more}


def _confirmation() -> Part:
    lines = {"type": "array", "items": COUNT | {"maximum": 2**31 - 1}, "minItems": 1, "maxItems": LINES_AT_ONCE}
    properties = {"lines": {"anyOf": [lines, {"type": "string", "enum": ["all"]}]}}
    return {"type": "object", "properties": properties, "required": ["lines"], "additionalProperties": False}


def _choice() -> Part:
    student = {"type": ["integer", "null"], "minimum": 1, "description": "Null for somebody new."}
    properties: Part = {"line": COUNT | {"maximum": 2**31 - 1}, "student": student}
    return _object(properties) | {"additionalProperties": False}


def _delivery() -> Part:
    limits = {f"most_{name}": COUNT | {"default": most, "maximum": 10**9} for name, most in Limits().numbers.items()}
    properties: Part = {
        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
        "blank": {"type": "string", "enum": ["keep", "clear"], "default": "keep"},
        "match": {"type": "string", "enum": ["", *MATCHES], "default": ""},
        "only": {"type": "string", "enum": [*ONLY], "default": BOTH},
        "apply": {"type": "string", "enum": ["ask", "auto"], "default": "ask"},
        **limits,
    }
    return {"type": "object", "properties": properties, "required": ["file"], "additionalProperties": False}


def _versions() -> list[Part]:
    seen = _header("If-Match", "The ETag that the student had, or that a 409 gave who was deleted and is to be restored.")
    return [seen, _parameter("If-None-Match", "header", {"type": "string", "enum": ["*"]}, "For a new student.")]


def _decided_on() -> Part:
    return _header(
        "If-Match", "The ETag that the import had. Needed once somebody has changed it, or taken it back, since its upload."
    )


def _key() -> Part:
    schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"}
    return _parameter("Idempotency-Key", "header", schema, "The same request with the same key is done once.")


def _tagged(description: str) -> Part:
    return _answer(description, "Student") | _tags()


def _import_answer() -> Part:
    where = {"Location": {"schema": {"type": "string"}, "description": "Where to ask how it stands."}}
    return _answer("A worker goes on with it.", "Import") | {"headers": {**_tags()["headers"], **where}}


def _rest() -> Part:
    where = {"Location": {"schema": {"type": "string"}, "description": "The import of these rows."}}
    return _answer("An import of these rows, which waits for somebody to confirm them.", "Import") | {
        "headers": {**_tags()["headers"], **where}
    }


def _tags() -> Part:
    return {"headers": {"ETag": {"schema": {"type": "string"}, "description": "The version."}}}


def _answer(description: str, schema: str, kind: str = "application/json") -> Part:
    return {"description": description, "content": {kind: {"schema": _ref(schema)}}}


def _body(kind: str, schema: Part) -> Part:
    return {"required": True, "content": {kind: {"schema": schema}}}


def _object(properties: Part) -> Part:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _path_id(name: str, most: int | None = 2**63 - 1) -> Part:
    return _parameter(name, "path", {"type": "integer", "minimum": 1, "maximum": most}) | {"required": True}


def _header(name: str, description: str = "") -> Part:
    return _parameter(name, "header", {"type": "string"}, description)


def _parameter(name: str, place: str, schema: Part, description: str = "") -> Part:
    return {"name": name, "in": place, "schema": schema, **({"description": description} if description else {})}


def _ref(name: str) -> Part:
    return {"$ref": f"#/components/schemas/{name}"}
