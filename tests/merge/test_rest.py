"""Rows that nobody had confirmed when their sheet was applied can be confirmed later, as an import of their own."""

from pathlib import Path

import pytest

from merge import erase, preview
from merge.decisions import WrongState
from merge.imports import lifecycle
from merge.rest import go_on_with_rest, rest_of
from merge.review import confirm
from merge.verify import verify
from models import Import
from tests.merge.conftest import run, table, version_of

STORED = [(1, "Ada", None, 1.0), (2, "Bo", None, 2.0), (3, "Cy", None, 3.0)]
SHEET = "id,name,score\n1,Ada,10\n2,Bob,20\n3,Cyd,30\n"


@pytest.fixture
def applied(store, upload, apply):
    """Apply a sheet with two rows that need review, which nobody confirms."""
    store(STORED)
    return apply(upload(SHEET), confirmed=False)


def test_the_rest_is_confirmed_applied_and_undone_by_itself(session, applied, apply):
    assert (applied.updates, applied.reviews) == (1, 2)
    rest_id = go_on(session, applied)
    rest = session.get_one(Import, rest_id)
    assert (rest.state, rest.rows, rest.reviews, rest.rest_of) == ("ready", 2, 2, applied.id)
    assert [row.line for row in preview.rows(session, rest, "review")] == [3, 4]
    confirm(session, rest_id, [3], "head@school.test", version=rest.version)
    done = apply(session.get_one(Import, rest_id, populate_existing=True), confirmed=False)
    assert (done.updates, done.reviews) == (1, 1)
    assert table(session) == [(1, "Ada", None, 10.0), (2, "Bob", None, 20.0), (3, "Cy", None, 3.0)]
    assert [finding for finding in verify(session) if finding.broken] == []
    lifecycle.start_undo(session, rest_id, "head@school.test", version=version_of(session, rest_id))
    assert run(session, rest_id).state == "undone"
    assert table(session) == [(1, "Ada", None, 10.0), *STORED[1:]]


def test_the_rest_is_taken_up_once_until_it_is_cancelled(session, applied):
    rest_id = go_on(session, applied)
    assert go_on(session, applied) == rest_id == rest_of(session, applied.id)
    lifecycle.cancel(session, rest_id, version=version_of(session, rest_id))
    assert Path(session.get_one(Import, applied.id).path).exists()
    assert go_on(session, applied) != rest_id


def test_only_what_was_applied_with_such_rows_and_as_it_was_seen_has_a_rest(session, store, upload, apply):
    store(STORED)
    waiting = upload(SHEET)
    whole = apply(upload("id,name,score\n1,Ada,10\n"))
    for import_, version in ((waiting, waiting.version), (whole, whole.version), (whole, None)):
        with pytest.raises(WrongState):
            go_on_with_rest(session, import_.id, "sec@school.test", version=version)


def test_an_erasure_also_takes_the_file_that_the_rest_has(session, applied):
    rest_id = go_on(session, applied)
    file = Path(session.get_one(Import, rest_id).path)
    there = erase.outlook(session, 1)
    assert ([one.id for one in there.done], [one.id for one in there.waiting]) == ([applied.id], [rest_id])
    erase.erase(session, 1, version=there.version, seen=there.seen, actor="head@school.test")
    assert not file.exists()
    assert session.get_one(Import, rest_id, populate_existing=True).state == "cancelled"


def go_on(session, applied):
    return go_on_with_rest(session, applied.id, "sec@school.test", version=version_of(session, applied.id))
