"""Rows find their students by whatever the model declares, and do no more than is asked for: add, update, or both."""

import io

import pytest

from merge import preview
from merge.choose import choose
from merge.columns import BY_NAME
from merge.imports import receiving
from merge.matching import MATCHES, Match
from merge.options import UploadOptions
from merge.problems import SheetRefused
from merge.verify import verify
from models import Import
from tests.merge.conftest import run, table

STORED = [(1, "Bo Nowak", 12, 50.0), (2, "Bo Nowak", 13, 60.0), (3, "Ada Chen", 14, 70.0)]


@pytest.fixture
def deliver(app, session, store):
    """Upload a sheet, with what it asks for."""
    store(STORED)

    def deliver(sheet, **asked):
        received = receiving.receive(
            session, app.config["UPLOADS"], "s.csv", io.BytesIO(sheet.encode()), "sec@school.test", UploadOptions(**asked)
        )
        return run(session, received.id)

    return deliver


def test_name_and_age_together_tell_namesakes_apart(session, deliver, apply):
    previewed = deliver("name,age,score\nNOWAK Bo,13,9\nDi Poe,15,8\nBo Nowak,,7\n", match="name+age")
    assert (previewed.updates, previewed.inserts, previewed.rejected) == (1, 1, 1)
    (row,) = preview.rows(session, previewed, "rejected")
    assert row.problems == ["Age is blank, so this row can’t be matched with a student."]
    apply(previewed)
    assert (2, "Bo Nowak", 13, 9.0) in table(session)


def test_a_name_with_another_age_is_somebody_new_only_where_that_is_chosen(session, deliver, apply):
    previewed = deliver("name,age,score\nAda Chen,15,8\nBo Nowak,12,1\nBo Nowak,13,2\nBo Nowak,14,3\n", match="name+age")
    assert (previewed.updates, previewed.inserts, previewed.reviews) == (2, 1, 1)
    (row,) = preview.rows(session, previewed, "review")
    assert (row.line, row.needs_choice, row.review.related) == (2, True, 3)
    choose(session, previewed.id, 2, 3, "sec@school.test", version=previewed.version)
    applied = apply(session.get_one(Import, previewed.id, populate_existing=True), confirmed=False)
    assert (applied.updates, applied.inserts, applied.reviews) == (3, 1, 0)
    assert (3, "Ada Chen", 14, 8.0) in table(session)


def test_a_declared_column_finds_the_student_and_another_name_needs_review(session, monkeypatch, deliver, apply, save):
    monkeypatch.setitem(MATCHES, "score", Match("score", (BY_NAME["score"],)))
    sheet = "name,age,score\nBo Nowak,20,50\nAda Chan,21,70\nDi Poe,22,80\n"
    previewed = deliver(sheet, match="score")
    assert (previewed.updates, previewed.inserts, previewed.reviews) == (1, 1, 1)
    assert [(row.line, row.review.reason) for row in preview.rows(session, previewed, "review")] == [(3, "other-name")]
    save({"id": 9, "name": "Eva", "age": None, "score": 80.0}, version=None)
    apply(previewed, confirmed=False)
    assert [row[:3] for row in table(session)] == [(1, "Bo Nowak", 20), *(row[:3] for row in STORED[1:]), (9, "Eva", None)]


def test_a_new_row_that_was_confirmed_beside_a_namesake_still_waits_for_whoever_gets_its_key(
    session, monkeypatch, deliver, apply, add
):
    monkeypatch.setitem(MATCHES, "score", Match("score", (BY_NAME["score"],)))
    previewed = deliver("name,age,score\nAda Chen,15,80\n", match="score")
    (row,) = preview.rows(session, previewed, "review")
    assert row.review.reason == "same-name"
    added = add(None, "Di Poe", None, 80.0)
    held = apply(previewed)
    assert (held.inserts, held.reviews) == (0, 1)
    (row,) = preview.rows(session, held, "review")
    assert (row.review.reason, row.review.related) == ("taken", added.id)


@pytest.mark.parametrize(
    ("only", "counts", "omitted"),
    [("", (1, 1, 0), []), ("update", (0, 1, 1), [3]), ("add", (1, 0, 1), [2])],
)
def test_a_sheet_adds_or_updates_only_where_that_is_asked_and_says_what_it_leaves_out(
    session, deliver, apply, only, counts, omitted
):
    previewed = deliver("id,name,score\n3,Ada Chen,9\n7,Zoe Poe,8\n1,Bo Nowak,50\n", only=only)
    assert (previewed.inserts, previewed.updates, previewed.omitted) == counts
    assert [row.line for row in preview.rows(session, previewed, "omitted")] == omitted
    applied = apply(previewed)
    assert (applied.inserts, applied.updates, applied.omitted) == counts
    assert ((3, "Ada Chen", 14, 9.0) in table(session)) == (only != "add")
    assert ((7, "Zoe Poe", None, 8.0) in table(session)) == (only != "update")
    assert [finding for finding in verify(session) if finding.broken] == []


def test_a_sheet_without_what_it_is_to_be_matched_by_is_refused_in_words(deliver):
    with pytest.raises(SheetRefused, match="This sheet has no column to match rows by"):
        deliver("id,score\n3,9\n", match="name")


def test_a_sheet_with_ids_is_matched_by_name_where_that_is_asked(deliver):
    previewed = deliver("id,name,score\n1,Ada Chen,9\n", match="name")
    assert (previewed.updates, previewed.reviews) == (1, 0)
