"""Many students are changed at once as a sheet changes them: shown first, held back where somebody was faster, taken back."""

import pytest

from merge import preview
from merge.imports import lifecycle, receiving
from merge.selection import Selection, count_selected
from tests.merge.conftest import assert_revisions_agree, run, table
from words import later

STORED = [(1, "Ada", 12, 90.0), (2, "Bo", 13, None), (3, "Cy", 13, 70.5)]


@pytest.fixture
def prepare(app, session, add):
    for row in STORED:
        add(*row)

    def prepare(**selected):
        selection = Selection(**{"query": {}} | selected)
        return run(
            session, receiving.receive_selection(session, app.config["UPLOADS"], selection, later("title"), "head@school.test")
        )

    return prepare


def test_a_column_is_set_for_those_who_were_ticked(session, prepare, apply):
    prepared = prepare(ids=[2, 3], column="age", value="14")
    assert (prepared.state, prepared.rows, prepared.updates, prepared.unchanged) == ("ready", 2, 2, 0)
    assert table(session) == STORED
    apply(prepared)
    assert table(session) == [STORED[0], (2, "Bo", 14, None), (3, "Cy", 14, 70.5)]
    assert_revisions_agree(session)


def test_or_for_all_that_the_list_shows_and_who_has_it_already_is_left_alone(session, prepare, apply):
    prepared = prepare(query={"min_age": "13"}, column="score", value="70.5")
    assert (prepared.rows, prepared.updates, prepared.unchanged) == (2, 1, 1)
    apply(prepared)
    assert table(session) == [*STORED[:1], (2, "Bo", 13, 70.5), STORED[2]]


def test_a_column_may_be_cleared(session, prepare, apply):
    apply(prepare(column="age", value=""))
    assert [row[2] for row in table(session)] == [None, None, None]


def test_those_selected_are_deleted_and_come_back_by_an_undo(session, prepare, apply):
    prepared = prepare(query={"q": "o"})
    assert (prepared.kind, prepared.deletes) == ("delete", 1)
    (row,) = preview.rows(session, prepared, "delete")
    assert (row.verdict, [cell.after for cell in row.cells]) == ("delete", ["2", "Bo", "13", ""])
    applied = apply(prepared)
    assert (applied.state, applied.deletes) == ("applied", 1)
    assert table(session) == [STORED[0], STORED[2]]
    assert_revisions_agree(session)
    lifecycle.start_undo(session, applied.id, "head@school.test", version=applied.version)
    assert run(session, applied.id).state == "undone"
    assert table(session) == STORED
    assert_revisions_agree(session)


@pytest.mark.parametrize("selected", [{"ids": [1, 2]}, {"ids": [1, 2], "column": "age", "value": "99"}])
def test_who_was_changed_after_the_preview_is_held_back(session, prepare, apply, save, selected):
    prepared = prepare(**selected)
    save({"id": 1, "name": "Ada L", "age": 12, "score": 90.0}, version=1)
    applied = apply(prepared)
    assert (applied.conflicts, applied.updates + applied.deletes) == (1, 1)
    assert table(session)[0] == (1, "Ada L", 12, 90.0)
    assert_revisions_agree(session)


def test_cancelling_leaves_nothing(app, session, prepare):
    prepared = prepare(ids=[1], column="age", value="14")
    lifecycle.cancel(session, prepared.id, version=prepared.version)
    assert list(app.config["UPLOADS"].iterdir()) == []
    assert table(session) == STORED


def test_selected_students_are_counted(session, prepare):
    assert prepare
    selected = Selection({}), Selection({"q": "ada"}), Selection({}, [2, 9])
    assert [count_selected(session, each) for each in selected] == [3, 1, 1]
