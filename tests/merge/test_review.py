"""A row that may mean another student waits for somebody to confirm it, and nothing else does."""

import pytest
from sqlalchemy import select

from merge import preview
from merge.decisions import WrongState
from merge.report import report
from merge.review import ReviewReason, confirm, hold_for_review
from merge.verify import verify
from models import AuditEntry, Import, planned_rows
from tests.merge.conftest import assert_revisions_agree, table

SHEET = "id,name,score\n1,Ada,60\n2,Bo,70\n3,Cy,80\n4,Di,90\n"
STORED = [(1, "Ada", None, 10.0), (2, "Bo", None, 20.0), (3, "Cy", None, 30.0)]


@pytest.fixture
def held(session, store, upload):
    """Preview the sheet, with the rows on lines 3 and 5 held for review: an update and an insert."""
    store(STORED)
    previewed = upload(SHEET)
    hold_for_review(session, previewed.id, planned_rows.c.line.in_((3, 5)), ReviewReason.OTHER_NAME)
    previewed.updates, previewed.inserts, previewed.reviews = 2, 0, 2
    session.commit()
    return previewed


def test_apply_passes_by_rows_that_need_review(session, held, apply):
    applied = apply(held, confirmed=False)
    assert [(key, score) for key, _, _, score in table(session)] == [(1, 60.0), (2, 20.0), (3, 80.0)]
    assert (applied.updates, applied.inserts, applied.reviews, applied.conflicts) == (2, 0, 2, 0)
    assert [row.line for row in preview.rows(session, applied, "review")] == [3, 5]
    assert [finding for finding in verify(session) if finding.broken] == []
    assert_revisions_agree(session)


@pytest.mark.parametrize(("lines", "counts"), [([3], (3, 0, 1)), ([5], (2, 1, 1)), (None, (3, 1, 0)), ([2, 99], (2, 0, 2))])
def test_confirmed_rows_are_applied_as_planned_and_keep_their_reason(session, held, apply, lines, counts):
    reasons = select(planned_rows.c.line, planned_rows.c.reason).where(planned_rows.c.reason.is_not(None))
    number = confirm(session, held.id, lines, "head@school.test", version=held.version)
    assert number == 2 - counts[2]
    applied = apply(held, confirmed=False)
    assert (applied.updates, applied.inserts, applied.reviews) == counts
    assert [tuple(row) for row in session.execute(reasons.order_by(planned_rows.c.line))] == [
        (3, "other-name"),
        (5, "other-name"),
    ]
    noted = session.execute(select(AuditEntry.actor, AuditEntry.about).where(AuditEntry.act == "rows-confirmed")).all()
    assert [tuple(row) for row in noted] == ([("head@school.test", f"import {held.id}")] if number else [])
    assert_revisions_agree(session)


def test_an_import_that_is_not_ready_takes_no_confirmation(session, held, apply):
    applied = apply(held, confirmed=False)
    with pytest.raises(WrongState):
        confirm(session, applied.id, None, "head@school.test", version=applied.version)
    assert session.get_one(Import, applied.id).reviews == 2


def test_a_report_names_the_rows_that_need_review_and_why(session, held):
    told = report(session, held)
    assert told["review"] == 2
    assert [(row["line"], row["student_id"], row["stored_name"], row["name"], row["action"]) for row in told["review_rows"]] == [
        (3, 2, "Bo", "Bo", "update"),
        (5, 4, None, "Di", "insert"),
    ]
    assert {row["reason"] for row in told["review_rows"]} == {"other-name"}
