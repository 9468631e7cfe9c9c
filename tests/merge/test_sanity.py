"""What is remarkable about a sheet as a whole is counted when it is compared, leads to its rows, and stops unattended imports."""

import io

import pytest

from merge import preview
from merge.imports import receiving
from merge.options import UploadOptions
from merge.pages import Query
from merge.sanity import CHECKS, Finding, dump_findings, load_findings
from merge.unattended import Limits, held_back
from tests.merge.conftest import run, table

PEOPLE = [(number, f"Person {number}", 12, 90.0) for number in range(101, 141)]


@pytest.fixture
def people(store):
    store(PEOPLE)


@pytest.fixture
def bring(app, session):
    """Bring in a sheet that is applied with nobody looking on if it stays within wide limits."""

    def bring(sheet, **options):
        limits = Limits(inserts=1_000, updates=1_000)
        asked, uploads = UploadOptions(**options), app.config["UPLOADS"]
        received = receiving.receive(session, uploads, "sheet.csv", io.BytesIO(sheet.encode()), "sis", asked, limits=limits)
        import_ = run(session, received.id)
        return run(session, received.id) if import_.state == "applying" else import_

    return bring


def sheet_of(rows) -> str:
    return "Student ID,Name,Age,Score\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)


def found(import_) -> list[tuple[str, str | None, int, int, bool]]:
    return [
        (finding.code, finding.column, finding.number, finding.of, finding.stops) for finding in load_findings(import_.findings)
    ]


@pytest.mark.usefixtures("people")
def test_values_that_moved_far_are_counted_and_lead_to_their_rows(session, bring):
    rows = [(key, name, age, 40 if key <= 110 else 89) for key, name, age, _ in PEOPLE]
    import_ = bring(sheet_of(rows))
    assert (import_.state, found(import_)) == ("ready", [("moved", "score", 10, 40, True)])
    assert "Score changed by more than a third of its range for 10 of 40 students." in held_back(import_)
    page = preview.page(session, import_, Query("all", check="moved-score"))
    assert [row.line for row in page.rows] == list(range(2, 12))
    assert table(session) == PEOPLE


@pytest.mark.usefixtures("people")
def test_values_that_are_cleared_are_counted(session, bring):
    rows = [(key, name, "" if key <= 106 else age, score) for key, name, age, score in PEOPLE]
    import_ = bring(sheet_of(rows), blank_clears=True)
    assert (import_.state, found(import_)) == ("ready", [("blanked", "age", 6, 40, True)])
    assert len(preview.page(session, import_, Query("all", check="blanked-age")).rows) == 6


@pytest.mark.usefixtures("people")
def test_students_who_are_renamed_are_counted(session, upload):
    rows = [(key, f"{name} Smith" if key <= 103 else name, age, score) for key, name, age, score in PEOPLE]
    import_ = upload(sheet_of(rows))
    assert found(import_) == [("renamed", "name", 3, 40, False)]
    assert len(preview.page(session, import_, Query("all", check="renamed-name")).rows) == 3


@pytest.mark.usefixtures("people")
def test_a_few_far_changes_are_said_and_stop_nothing(session, bring):
    rows = [(key, name, age, 20 if key <= 104 else score) for key, name, age, score in PEOPLE]
    import_ = bring(sheet_of(rows))
    assert (import_.state, found(import_)) == ("applied", [("moved", "score", 4, 40, False)])


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("score", ["89", "60", "100", ""])
def test_small_changes_and_blanks_that_keep_are_not_remarkable(bring, score):
    import_ = bring(sheet_of([(key, name, age, score) for key, name, age, _ in PEOPLE]))
    assert (import_.state, found(import_)) == ("applied", [])


def _usual(bring, changed):
    for day, number in enumerate(changed):
        bring(sheet_of([(key, name, age, 80 + day if key <= 100 + number else score) for key, name, age, score in PEOPLE]))


@pytest.mark.usefixtures("people")
def test_far_more_changes_than_usual_for_these_headings_stop_the_import(bring):
    _usual(bring, (3, 4, 5))
    import_ = bring(sheet_of([(key, name, age, 88) for key, name, age, _ in PEOPLE]))
    assert (import_.state, found(import_)) == ("ready", [("changes", None, 40, 0, True)])
    usual = "40 students added or changed; sheets with these headings usually add or change 3 to 5."
    assert usual in held_back(import_)


@pytest.mark.usefixtures("people")
def test_far_fewer_rows_than_usual_for_these_headings_stop_the_import(bring):
    _usual(bring, (3, 4, 5))
    import_ = bring(sheet_of(PEOPLE[:9]))
    assert ("rows", None, 9, 0, True) in found(import_)


@pytest.mark.usefixtures("people")
def test_other_headings_and_few_sheets_before_say_nothing_of_what_is_usual(bring):
    _usual(bring, (3, 4))
    assert found(bring(sheet_of([(key, name, age, 88) for key, name, age, _ in PEOPLE]))) == []
    _usual(bring, (3,))
    other = sheet_of([(key, name, age, 77) for key, name, age, _ in PEOPLE]).replace("Score", "Mark")
    assert found(bring(other)) == []


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(("rows", "absent"), [(40, 0), (36, 0), (35, 5), (21, 19), (20, 0), (5, 0)])
def test_a_sheet_of_most_students_that_lacks_many_stops_and_one_of_a_class_does_not(bring, rows, absent):
    import_ = bring(sheet_of([(key, name, age, 88) for key, name, age, _ in PEOPLE[:rows]]))
    assert found(import_) == ([("absent", None, absent, 40, True)] if absent else [])
    assert import_.state == ("ready" if absent else "applied")


def test_findings_come_back_as_they_were_kept():
    findings = [Finding("changes", None, 900, 0, (10, 40)), Finding("moved", "score", 3, 9)]
    assert load_findings(dump_findings(findings)) == findings
    assert {finding.check for finding in findings} <= {None, *CHECKS}
