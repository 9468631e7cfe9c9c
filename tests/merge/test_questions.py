"""What a sheet leaves open is asked, and no student changes before somebody answers; each kind of doubt in several dresses."""

import io
from pathlib import Path

import pytest

from merge import answers
from merge.column_samples import Samples, words_of
from merge.decisions import WrongState
from merge.imports import lifecycle, receiving
from merge.questions import NoSuchAnswer, Question, load_questions
from merge.unattended import Limits
from models import Import
from tests.merge.conftest import run, table

CASES = Path("tests/files/cases")
PEOPLE = [
    (1, "Ada Lovelace", 12, 91.0),
    (2, "Bo Adeyemi", 13, 55.5),
    (3, "Cem Kaya", 12, 78.0),
    (4, "Dina Okoro", 14, 64.0),
    (5, "Eva Lindqvist", 13, 88.0),
    (6, "Finn Murphy", 12, 47.0),
]
BASE = {"gradebook.csv", "india.csv", "nr_is_rownumber.csv", "grade_level.csv", "pct_dec.csv"}


@pytest.fixture
def people(store):
    store(PEOPLE)


@pytest.fixture
def read(app, session):
    """Read a sheet as a worker does: read("No,Name\\n1,Ada\\n"), or a file."""

    def read(sheet, filename="sheet.csv", limits=None):
        stream = io.BytesIO(sheet.encode() if isinstance(sheet, str) else sheet)
        received = receiving.receive(session, app.config["UPLOADS"], filename, stream, "sec@school.test", limits=limits)
        return received if received.state == "ready" else run(session, received.id)

    return read


@pytest.fixture
def answer(session):
    """Answer the question of this code, and read the sheet again."""

    def answer(import_, code, choice):
        key = next(question.key for question in load_questions(import_.questions) if question.code == code)
        answers.answer(session, import_.id, key, choice, "head@school.test", version=import_.version)
        again = session.get_one(Import, import_.id, populate_existing=True)
        return run(session, again.id) if again.state == "uploaded" else again

    return answer


def asked(import_) -> list[str]:
    return [question.code for question in load_questions(import_.questions)]


CASE_ASKS = {
    "ae_oe_ue.csv": ["missed"],
    "canvas_sis_blank.csv": ["other-names"],
    "d2l.csv": ["missed", "ignored-ids"],
    "edx_grade_report.csv": ["scale", "unnamed"],
    "first_last_no.csv": ["other-names"],
    "grade_level.csv": ["year"],
    "gradebook.csv": ["other-names"],
    "id_text.csv": ["unreadable-key"],
    "india.csv": ["other-names"],
    "last_first.csv": [],
    "letter_grade.xlsx": ["unreadable"],
    "max_points.csv": ["maximum"],
    "name_surname.csv": [],
    "nombre_apellido.csv": [],
    "nr_is_rownumber.csv": ["other-names"],
    "pct_dec.csv": ["scale"],
    "point.csv": ["missed"],
    "schueler_id.csv": [],
    "unnamed_first.csv": ["no-key"],
}


@pytest.mark.parametrize("case", CASE_ASKS)
def test_a_sheet_that_went_wrong_is_asked_about_and_changes_nobody(session, read, apply, case):
    seed = read((CASES / ("seed_base.csv" if case in BASE else "seed.csv")).read_bytes())
    apply(seed)
    before = table(session)
    import_ = read((CASES / case).read_bytes(), case, Limits())
    assert asked(import_) == CASE_ASKS[case]
    if CASE_ASKS[case]:
        assert import_.state == "ready"
        with pytest.raises(WrongState):
            lifecycle.start_apply(session, import_.id, "sec@school.test", version=import_.version)
        assert table(session) == before


NUMBERED = [
    "No,Name,Score\n1,Nina Alt,85\n2,Olaf Neu,80\n3,Pia Ost,70\n",
    "Number;Student;Mark\n1;Nina Alt;85\n2;Olaf Neu;80\n",
    "Roll No.,Name of the Student,Marks\n1,Nina Alt,81\n2,Olaf Neu,70\n3,Pia Ost,66\n",
    "Roll Number,First name,Last name,Score\n1,Nina,Alt,81\n4,Olaf,Neu,70\n",
    "Student ID,Name,Score\n1,Nina Alt,81\n2,Olaf Neu,70\n3,Pia Ost,66\n",
    "No,First,Last,Score\n1,Zoe,Novak,10\n2,Ben,Schmidt,20\n3,Clara,Schneider,30\n",
    "ID,Name,Score\n3,Ada Lovelace,81\n5,Bo Adeyemi,70\n6,Cem Kaya,66\n",
    "Matrikelnummer;Name;Punkte\n9001;Lovelace, Ada;81\n9002;Adeyemi, Bo;70\n",
    "No.;Name;Score\n101;Ada Lovelace;81\n102;Bo Adeyemi;70\n",
]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("sheet", NUMBERED)
def test_ids_of_other_people_are_asked_about_and_matching_by_name_is_one_click(session, read, answer, sheet):
    import_ = read(sheet)
    assert asked(import_) == ["other-names"]
    by_name = answer(import_, "other-names", "name")
    assert (by_name.options["match"], asked(by_name)) == ("name", [])
    assert table(session) == PEOPLE


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("heading", ["No", "Number", "Roll No", "ID", "Student ID", "Schülernummer"])
def test_ids_whose_names_agree_are_never_asked_about(read, heading):
    sheet = f"{heading},Name,Score\n" + "".join(f"{key},{name},{score - 1}\n" for key, name, _, score in PEOPLE)
    import_ = read(sheet)
    assert (asked(import_), import_.updates) == ([], 6)


NAMELESS = [
    ("No,Score\n1,85\n2,80\n3,70\n", "unnamed-key"),
    ("Roll No,Score\n4,85\n2,80\n", "unnamed-key"),
    ("Student ID,Score\n1,85\n2,80\n3,70\n", "unnamed-key"),
    ("ID;Punkte\n2;85\n1;80\n", "unnamed-key"),
    ("Student ID,Learner profile,Score\n4,Nina Alt,85\n2,Olaf Neu,80\n", "unnamed"),
    ("Student ID,Username,Score\n4,nina.alt,85\n2,olaf.neu,80\n", "unnamed"),
    ("ID,Wer,Punkte\n4,Nina Alt,85\n6,Olaf Neu,80\n", "unnamed"),
]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(("sheet", "code"), NAMELESS)
def test_no_update_rests_on_a_number_alone_where_it_may_number_something_else(session, read, answer, apply, sheet, code):
    import_ = read(sheet, limits=Limits())
    assert (asked(import_), import_.state) == ([code], "ready")
    kept = answer(import_, code, "keep")
    assert asked(kept) == []
    assert apply(kept).state == "applied"
    assert table(session) != PEOPLE


@pytest.mark.usefixtures("people")
def test_an_id_that_no_sheet_would_count_with_needs_no_names(read):
    import_ = read("Student ID,Score\n6,85\n2,80\n")
    assert (asked(import_), import_.updates) == ([], 2)


IGNORED_IDS = [
    ("student_num,Name\n4711,New One\n4712,New Two\n", "0"),
    ("Name,SID\nNew One,a101\nNew Two,a102\n", "1"),
    ("OrgDefinedId,Name\n#4711,New One\n#4712,New Two\n", "0"),
    ("Name;Ausweis\nNew One;880123\nNew Two;880124\n", "1"),
    ("person_number;Name;Punkte\n20110;New One;50\n20111;New Two;60\n", "0"),
    ("user_id,Name\n17,New One\n19,New Two\n", "0"),
    ("GR,Name\n55,New One\n57,New Two\n", "0"),
]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(("sheet", "place"), IGNORED_IDS)
def test_nobody_is_numbered_anew_while_ids_are_ignored(session, read, answer, sheet, place):
    import_ = read(sheet)
    assert asked(import_) == ["ignored-ids"]
    assert asked(answer(import_, "ignored-ids", "new")) == []
    assert table(session) == PEOPLE


@pytest.mark.usefixtures("people")
def test_ignored_ids_become_the_key_by_one_click(session, read, answer, apply):
    import_ = answer(read("OrgDefinedId,Name\n#4711,New One\n#4712,New Two\n"), "ignored-ids", "0")
    apply(import_)
    assert [row[:2] for row in table(session)[-2:]] == [(4711, "New One"), (4712, "New Two")]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    "sheet",
    [
        "Name,Phone number\nNew One,49301234\nNew Two,49301235\n",
        "Name,Postcode\nNew One,10115\nNew Two,10117\n",
        "#,Name\n1,New One\n2,New Two\n",
        "Name,House no\nNew One,12\nNew Two,14\n",
        "Name,Klasse\nNew One,5a\nNew Two,5a\n",
        "Name,Fehltage\nNew One,3\nNew Two,14\n",
        "Name,Year of birth\nNew One,2011\nNew Two,2012\n",
    ],
)
def test_columns_that_number_no_people_raise_no_question(read, sheet):
    assert "ignored-ids" not in asked(read(sheet))


UNREADABLE_KEYS = [
    "ID,Full name,Score\nPS01,Ada Lovelace,95\nPS02,Bo Adeyemi,60\n",
    "Student ID;Name;Punkte\nA-1;Ada Lovelace;95\nA-2;Bo Adeyemi;60\n",
    "Matricule,Nom complet\nx,Ada Lovelace\ny,Bo Adeyemi\n3,Cem Kaya\n",
    "ID,First name,Last name,Score\nada@school.test,Ada,Lovelace,95\nbo@school.test,Bo,Adeyemi,60\n",
    "Student ID,Name,Score\n,Ada Lovelace,95\n,Bo Adeyemi,60\n7,Gita Rao,\n",
]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("sheet", UNREADABLE_KEYS)
def test_a_column_that_can_hardly_be_read_is_no_key_and_names_are_offered(read, answer, sheet):
    import_ = read(sheet)
    assert (asked(import_), import_.rejected) == (["unreadable-key"], 0)
    by_name = answer(import_, "unreadable-key", "name")
    assert (by_name.rejected, by_name.updates + by_name.unchanged + by_name.inserts) == (0, by_name.rows)


@pytest.mark.usefixtures("people")
def test_a_blank_column_is_no_key(read):
    import_ = read("Student ID,Name,Score\n,Ada Lovelace,95\n,Bo Adeyemi,60\n")
    assert (asked(import_), import_.options["match"], import_.updates) == ([], "name", 2)


YEARS = [
    "Student ID,Name,Grade\n1,Ada Lovelace,9\n2,Bo Adeyemi,10\n",
    "Name;grade\nAda Lovelace;5\nBo Adeyemi;5\n",
    "ID,First name,Last name,GRADE\n1,Ada,Lovelace,13\n2,Bo,Adeyemi,\n3,Cem,Kaya,1\n",
    "Student ID,Name,Grade\n1,Ada Lovelace,9.0\n2,Bo Adeyemi,10.0\n",
    "Name,Grade:\nAda Lovelace,12\n",
]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("sheet", YEARS)
def test_a_grade_of_small_whole_numbers_may_be_the_year(read, answer, sheet):
    import_ = read(sheet)
    assert "year" in asked(import_)
    year = answer(import_, "year", "year")
    assert (year.updates, asked(year)) == (0, [])


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("cells", [("85", "70"), ("9.5", "10"), ("9", "14")])
def test_a_grade_of_other_numbers_is_the_score(read, cells):
    assert "year" not in asked(read(f"Student ID,Name,Grade\n1,Ada Lovelace,{cells[0]}\n2,Bo Adeyemi,{cells[1]}\n"))


SCALES = [
    ("Student ID,Name,Score (%)\n1,Ada Lovelace,0.9\n2,Bo Adeyemi,0.85\n", "scale", 90.0),
    ("Student ID;Name;Punkte\n1;Ada Lovelace;0,9\n2;Bo Adeyemi;1\n", "scale", 90.0),
    ("Name,Score\nAda Lovelace,9\nBo Adeyemi,5.5\nCem Kaya,7.8\n", "scale", 90.0),
    ("Name,Points\nAda Lovelace,4.5\nBo Adeyemi,2\nCem Kaya,3\n", "scale", 90.0),
    ("Name,Score,Max Points\nAda Lovelace,45,50\nBo Adeyemi,20,50\n", "maximum", 90.0),
    ("Name,Mark,Points possible\nAda Lovelace,36,40\nBo Adeyemi,20,50\n", "maximum", 90.0),
    ("Name;Punkte;Maximale Punktzahl\nAda Lovelace;13,5;15\nBo Adeyemi;12;15\n", "maximum", 90.0),
]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(("sheet", "code", "score"), SCALES)
def test_values_that_count_in_something_else_are_asked_about_and_converted(session, read, answer, apply, sheet, code, score):
    import_ = read(sheet)
    assert asked(import_) == [code]
    converted = answer(import_, code, "convert")
    assert (asked(converted), converted.rejected) == ([], 0)
    apply(converted)
    assert table(session)[0][3] == pytest.approx(score)


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("sheet", [scale[0] for scale in SCALES])
def test_values_are_taken_as_they_are_where_somebody_says_so(read, answer, sheet):
    import_ = read(sheet)
    assert asked(answer(import_, asked(import_)[0], "keep")) == []


UNREADABLE = [
    ("Name,Grade\nAda Lovelace,A\nBo Adeyemi,B+\n", "ignore"),
    ("Name,Final mark\nAda Lovelace,pass\nBo Adeyemi,fail\n", "ignore"),
    ("Name,Score\nAda Lovelace,1350\nBo Adeyemi,1200\n", "ignore"),
    ("Name,Age\nAda Lovelace,2012-03-27\nBo Adeyemi,2011-05-01\n", "ignore"),
    ("Name,Nota\nAda Lovelace,Sobresaliente\nBo Adeyemi,Notable\n", "ignore"),
]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(("sheet", "choice"), UNREADABLE)
def test_a_column_of_values_that_can_hardly_be_read_is_asked_about(read, answer, sheet, choice):
    import_ = read(sheet)
    assert asked(import_) == ["unreadable"]
    assert (answer(import_, "unreadable", choice).rejected, import_.state) == (0, "ready")


MISSED = [
    "Name,point\nAda Lovelace,95\nBo Adeyemi,70\n",
    "Schueler;Note in Punkten\nAda Lovelace;95\nBo Adeyemi;70\n",
    "Name,Scores\nAda Lovelace,95\nBo Adeyemi,70\n",
    "Name,Exam grades\nAda Lovelace,95\nBo Adeyemi,70\n",
    "Student ID,Name,Final percent mark\n1,Ada Lovelace,95\n2,Bo Adeyemi,70\n",
]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("sheet", MISSED)
def test_an_ignored_column_that_looks_like_the_score_is_asked_about(session, read, answer, apply, sheet):
    import_ = read(sheet)
    (question,) = load_questions(import_.questions)
    assert question.code == "missed"
    apply(answer(import_, "missed", question.answers[0].code))
    assert [row[3] for row in table(session)[:2]] == [95.0, 70.0]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("sheet", "turned"),
    [
        ('Student,Score\n"Lovelace, Ada",95\n"Adeyemi, Bo",60\n"Kaya,Cem",70\n', True),
        ("Name;Punkte\nLovelace, Ada;95\nAdeyemi, Bo;60\nKaya, Cem;70\n", True),
        ('Student,Score\n"Lovelace , Ada",95\nBo Adeyemi,60\n"Kaya, Cem",70\n', False),
        ("Name,Score\nAda Lovelace,95\nBo Adeyemi,60\nCem Kaya,70\n", False),
    ],
)
def test_names_with_the_last_one_first_are_turned_round_where_most_are(read, sheet, turned):
    import_ = read(sheet)
    assert import_.options["turned"] is turned
    # The order of a name's parts makes nobody new, whether or not the column is turned.
    assert import_.inserts == 0


def test_names_are_left_as_they_are_where_those_stored_have_the_last_one_first(store, read):
    store([(1, "Lovelace, Ada", 12, 91.0), (2, "Adeyemi, Bo", 13, 55.0)])
    import_ = read('Student,Score\n"Lovelace, Ada",95\n"Adeyemi, Bo",60\n')
    assert (import_.options["turned"], import_.updates) == (False, 2)


@pytest.mark.usefixtures("people")
def test_the_last_of_several_name_columns_is_not_joined_to_a_whole_name(session, read, apply):
    apply(read("Student ID,Name,Surname,Score\n1,Ada Lovelace,Lovelace,95\n2,Bo Adeyemi,Adeyemi,60\n"))
    assert [row[1] for row in table(session)[:2]] == ["Ada Lovelace", "Bo Adeyemi"]


@pytest.mark.usefixtures("people")
def test_an_answer_is_remembered_for_the_same_headings(session, read, answer):
    answer(read(NUMBERED[0]), "other-names", "name")
    again = read(NUMBERED[0].replace("Alt", "Jung"))
    assert (asked(again), again.options["match"]) == ([], "name")


@pytest.mark.usefixtures("people")
def test_an_answer_about_ids_is_void_once_a_sheet_shows_other_names(read, answer):
    sheet = "Student ID,Learner profile,Score\n4,Nina Alt,85\n2,Olaf Neu,80\n"
    answer(read(sheet), "unnamed", "keep")
    assert asked(read(sheet.replace("85", "86"))) == []
    assert asked(read(sheet.replace("Nina Alt", "Else Wer").replace("Olaf Neu", "Emil Wo"))) == ["unnamed"]


@pytest.mark.usefixtures("people")
def test_a_number_alone_is_asked_about_each_time(read, answer):
    answer(read(NAMELESS[0][0]), "unnamed-key", "keep")
    assert asked(read(NAMELESS[0][0])) == ["unnamed-key"]


@pytest.mark.usefixtures("people")
def test_a_conversion_is_asked_about_again_once_it_does_not_fit(read, answer):
    answer(read("Name,Score\nAda Lovelace,0.9\nBo Adeyemi,0.5\n"), "scale", "convert")
    assert asked(read("Name,Score\nAda Lovelace,0.8\nBo Adeyemi,0.6\n")) == []
    plain = read("Name,Score\nAda Lovelace,80\nBo Adeyemi,60\n")
    assert (asked(plain), plain.options["factors"], plain.rejected) == ([], {}, 0)


@pytest.mark.usefixtures("people")
def test_an_answer_that_is_not_offered_changes_nothing(session, read):
    import_ = read(NUMBERED[0])
    for key, code in (("other-names:0", "maybe"), ("other-names:9", "name"), ("", "")):
        with pytest.raises(NoSuchAnswer):
            answers.answer(session, import_.id, key, code, "head@school.test", version=import_.version)
    session.rollback()
    assert session.get_one(Import, import_.id, populate_existing=True).state == "ready"


@pytest.mark.usefixtures("people")
def test_questions_come_back_as_they_were_kept(read):
    for question in load_questions(read(NUMBERED[0]).questions):
        assert Question.from_json(question.to_json()) == question


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("OrgDefinedId", {"org", "defined", "id"}),
        ("student_num", {"student", "num"}),
        ("ID-Nummer", {"id", "nummer"}),
        ("SIS User ID", {"sis", "user", "id"}),
        ("#", {"#"}),
        ("", set()),
    ],
)
def test_a_heading_is_taken_apart(heading, words):
    assert words_of(heading) == words


def test_cells_are_sampled_from_rows_of_any_width():
    samples = Samples(["a", "b"], [["1"], ["2", "x", "y"]])
    assert (samples.cells(1), samples.filled(1), samples.is_blank(1)) == (["", "x"], ["x"], False)
