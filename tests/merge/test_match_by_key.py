"""Rows find their students by whatever the model declares, and do no more than is asked for: add, update, or both."""

import io

import pytest

from merge import imports, preview
from merge.columns import BY_NAME
from merge.matching import MATCHES, Match
from merge.options import UploadOptions
from merge.problems import SheetRefused
from merge.verify import verify
from tests.merge.conftest import run, table

STORED = [(1, "Bo Nowak", 12, 50.0), (2, "Bo Nowak", 13, 60.0), (3, "Ada Chen", 14, 70.0)]


@pytest.fixture
def deliver(app, session, store):
    """Upload a sheet, with what it asks for."""
    store(STORED)

    def deliver(sheet, **asked):
        received = imports.receive(
            session, app.config["UPLOADS"], "s.csv", io.BytesIO(sheet.encode()), "sec@school.test", UploadOptions(**asked)
        )
        return run(session, received.id)

    return deliver


def test_name_and_age_together_tell_namesakes_apart(session, deliver, apply):
    previewed = deliver("name,age,score\nNOWAK Bo,13,9\nAda Chen,15,8\nBo Nowak,,7\n", match="name+age")
    assert (previewed.updates, previewed.inserts, previewed.rejected) == (1, 1, 1)
    (row,) = preview.rows(session, previewed, "rejected")
    assert row.problems == ["Age is blank, so this row can’t find its student by it."]
    apply(previewed)
    assert (2, "Bo Nowak", 13, 9.0) in table(session)


def test_a_declared_column_finds_the_student_and_another_name_needs_review(session, monkeypatch, deliver, apply, save):
    monkeypatch.setitem(MATCHES, "score", Match("score", (BY_NAME["score"],)))
    sheet = "name,age,score\nBo Nowak,20,50\nAda Chan,21,70\nDi Poe,22,80\n"
    previewed = deliver(sheet, match="score")
    assert (previewed.updates, previewed.inserts, previewed.reviews) == (1, 1, 1)
    assert [(row.line, row.review.reason) for row in preview.rows(session, previewed, "review")] == [(3, "other-name")]
    save({"id": 9, "name": "Eva", "age": None, "score": 80.0}, version=None)
    apply(previewed, confirmed=False)
    assert [row[:3] for row in table(session)] == [(1, "Bo Nowak", 20), *(row[:3] for row in STORED[1:]), (9, "Eva", None)]


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
    with pytest.raises(SheetRefused, match="No column of this sheet can be read so that rows find their students"):
        deliver("id,score\n3,9\n", match="name")


def test_a_sheet_with_ids_is_matched_by_name_where_that_is_asked(deliver):
    previewed = deliver("id,name,score\n1,Ada Chen,9\n", match="name")
    assert (previewed.updates, previewed.reviews) == (1, 0)
