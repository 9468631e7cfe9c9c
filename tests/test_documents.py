"""Whatever is kept as JSON is read from any earlier release: a sample of each version of each kind of document is kept here."""

import json
from dataclasses import asdict

import pytest
from sqlalchemy import JSON, select

from documents import KINDS, Document, Kind
from merge.figures import Figures, _read
from merge.options import Options
from merge.questions import dump_questions, load_questions
from merge.sanity import dump_findings, load_findings
from merge.selection import Selection
from merge.sheet import Sheet
from merge.unattended import Limits
from models import Base, KeptFigures, Token, User, db, now
from tests.server import ROOT

SAMPLES = json.loads((ROOT / "tests/files/documents.json").read_text())
AT = now()
DROPPED = {"a field that is no more": 1}


def read_selection(content, folder):
    (folder / "selection").write_text(json.dumps(content))
    return Selection.read(folder / "selection")


def write_figures(figures: Figures):
    return {name: value for name, value in asdict(figures).items() if name != "at"}


# What a document's content is made into, and the way back. The others are used as they are.
CLASSES = {
    "sheet": (Sheet.from_json, Sheet.to_json),
    "options": (Options.from_json, Options.to_json),
    "questions": (load_questions, dump_questions),
    "findings": (load_findings, dump_findings),
    "limits": (Limits.from_json, Limits.to_json),
    "selection": (lambda content: Selection(**content), asdict),
    "figures": (lambda content: _read(KeptFigures(at=AT, figures=content)), write_figures),
}


def test_all_json_in_the_database_is_a_document_of_a_known_kind():
    columns = [column for table in Base.metadata.sorted_tables for column in table.columns]
    assert not [str(column) for column in columns if type(column.type) is JSON]
    used = {column.type.kind.name for column in columns if isinstance(column.type, Document)}
    assert used | {"selection", "kept input", "unwritten entry"} == set(KINDS)


def test_a_sample_of_each_version_is_kept():
    assert {name: set(samples) for name, samples in SAMPLES.items()} == {
        name: {str(version) for version in range(kind.version + 1)} for name, kind in KINDS.items()
    }


@pytest.mark.parametrize(("name", "version"), [(name, version) for name in SAMPLES for version in SAMPLES[name]])
def test_a_document_of_any_version_is_read(name, version):
    content = read(name, version)
    load, dump = CLASSES.get(name, (lambda same: same, lambda same: same))
    newest = SAMPLES[name][max(SAMPLES[name])]
    written = json.loads(json.dumps(dump(load(content))))
    if int(version) == KINDS[name].version:
        assert written == newest, "what is written has changed: make it a new version, and keep a sample of it"
    else:
        assert shape(written) == shape(newest) or name not in CLASSES or isinstance(newest, list)


@pytest.mark.parametrize("name", CLASSES)
def test_a_field_that_a_later_release_dropped_is_left_out(name):
    content = read(name, max(SAMPLES[name]))
    load, dump = CLASSES[name]
    more = [{**item, **DROPPED} for item in content] if isinstance(content, list) else {**content, **DROPPED}
    if name != "selection":
        assert dump(load(more)) == dump(load(content))


def test_each_step_makes_the_next_version():
    kind = Kind("test", (lambda old: {**old, "one": 1}, lambda old: {**old, "two": old["one"] + 1}))
    assert kind.read({}) == {"one": 1, "two": 2}
    assert kind.read({"_version": 1, "_content": {"one": 5}}) == {"one": 5, "two": 6}
    assert kind.read(kind.write({"two": 9})) == {"two": 9}
    assert kind.read({"_version": 3, "_content": {"three": 3}}) == {"three": 3}


def test_a_selection_that_an_earlier_release_wrote_is_read(tmp_path):
    for version in SAMPLES["selection"]:
        kept = {**SAMPLES["selection"][version], **DROPPED}
        assert read_selection(kept if version == "0" else KINDS["selection"].write(kept), tmp_path).ids == [1, 2]


def test_a_row_that_an_earlier_release_wrote_is_read_and_one_of_today_says_its_version(session):
    session.add(User(email="a@school.example", password="x", fs_uniquifier="x"))
    session.flush()
    table = db.metadata.tables["tokens"]
    values = {"user_id": 1, "name": "x", "until": now(), "at": now()}
    session.execute(table.insert(), [{**values, "token_hash": "1", "scopes": ["read"]}])
    raw = session.connection().exec_driver_sql("SELECT scopes FROM tokens").scalar()
    assert json.loads(raw if isinstance(raw, str) else json.dumps(raw)) == {"_version": 1, "_content": ["read"]}
    session.connection().exec_driver_sql("UPDATE tokens SET scopes = '[\"write\"]'")
    assert session.scalar(select(Token.scopes)) == ["write"]


def read(name, version):
    kept = SAMPLES[name][version]
    return KINDS[name].read(kept if version == "0" else {"_version": int(version), "_content": kept})


def shape(content):
    return set(content) if isinstance(content, dict) else type(content)
