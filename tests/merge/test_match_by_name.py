"""A sheet without IDs is matched by name, however that is written; where several students can be meant, somebody chooses."""

import threading
from contextlib import contextmanager

import pytest
from sqlalchemy import event, func, literal, select

from merge import preview
from merge.choose import NoCandidate, Taken, candidates, choose
from merge.correct import correct
from merge.decisions import WrongState
from merge.fold import HYPHENS, UNSEEN, fold_name, name_key
from merge.imports import lifecycle
from merge.review import confirm
from merge.search import key_of
from merge.verify import verify
from models import Import, Student, db, students
from tests.merge.conftest import run, table, version_of

STORED = [
    (1, "Ada Lovelace", 12, None),
    (2, "Bo Nowak", 13, None),
    (3, "Bo Nowak", 14, None),
    (4, "René Lefèvre", 13, None),
    (5, "Siobhán O'Brien", 15, None),
    (6, "Anna-Lena Groß", 15, None),
    (7, "Jean Luc Picard", 15, None),
    (8, "王小明", 15, None),
]
WRITTEN = {
    "to the letter": (1, "Ada Lovelace"),
    "in capitals": (1, "ADA LOVELACE"),
    "last name first": (1, "Lovelace Ada"),
    "last name first, with a comma": (1, "Lovelace,Ada"),
    "without accents": (4, "Rene Lefevre"),
    "without accents, last name first": (4, "LEFEVRE, Rene"),
    "another apostrophe": (5, "Siobhán O’Brien"),
    "no apostrophe": (5, "Siobhan OBrien"),
    "a blank for the apostrophe": (5, "Siobhan O Brien"),
    "a blank for the hyphen": (6, "Anna Lena Gross"),
    "no hyphen": (6, "Annalena Gross"),
    "a hyphen for the blank": (7, "Jean-Luc Picard"),
    "other signs": (8, "王小明"),
}
SEVERAL = {
    "namesakes": "Bo Nowak",
    "namesakes, last name first": "Nowak, Bo",
    "one only told apart by an accent": "Zoë Kurz",
    "one only told apart by a hyphen": "Eva-Maria Lang",
    "twins with the same parts": "Kim Lee Roy",
}
TWINS = [
    (20, "Zoe Kurz"),
    (21, "Zoë Kurz"),
    (22, "Eva Maria Lang"),
    (23, "Eva-Maria Lang"),
    (24, "Kim Lee Roy"),
    (25, "Lee Kim Roy"),
]


@pytest.fixture
def stored(store):
    store(STORED)


@pytest.mark.usefixtures("stored")
def test_a_name_finds_its_student_however_it_is_written_and_renames_nobody(session, upload):
    found = {}
    for written, (_, name) in WRITTEN.items():
        previewed = upload(f'name,score\n"{name}",9\nZoe Novak,8\n')
        assert (previewed.inserts, previewed.reviews) == (1, 0), written
        (row,) = preview.rows(session, previewed, "update")
        found[written] = (int(row.cells[0].after), row.cells[1].after)
    assert found == {written: STORED[student_id - 1][:2] for written, (student_id, _) in WRITTEN.items()}


@pytest.mark.usefixtures("stored")
def test_a_name_that_can_mean_several_waits_for_a_choice_and_is_never_confirmed_in_passing(session, store, upload, apply):
    store([(key, twin, None, None) for key, twin in TWINS])
    before = table(session)
    for ambiguous, name in SEVERAL.items():
        previewed = upload(f'name,score\n"{name}",9\n')
        (row,) = preview.rows(session, previewed, "review")
        assert (row.review.reason, len(candidates(session, previewed, [2])[2])) == ("several", 2), ambiguous
        assert confirm(session, previewed.id, None, "sec@school.test", version=previewed.version) == 0
        apply(session.get_one(Import, previewed.id, populate_existing=True), confirmed=False)
    assert table(session) == before


@pytest.mark.usefixtures("stored")
def test_a_choice_is_applied_and_what_is_none_is_refused(session, upload, apply):
    previewed = upload("name,score\nBo Nowak,9\nADA LOVELACE,8\nLovelace Ada,7\nADA LOVELACE,8\n")
    assert (previewed.inserts, previewed.updates, previewed.reviews) == (0, 0, 4)
    with pytest.raises(NoCandidate):
        pick(session, previewed, 2, 1)
    pick(session, previewed, 2, 3)
    pick(session, previewed, 3, 1)
    with pytest.raises(Taken, match="3"):
        pick(session, previewed, 4, 1)
    with pytest.raises(WrongState):
        choose(session, previewed.id, 4, None, "sec@school.test", version=1)
    pick(session, previewed, 4, None)
    chosen = session.get_one(Import, previewed.id, populate_existing=True)
    assert (chosen.inserts, chosen.updates, chosen.reviews) == (1, 2, 1)
    applied = apply(chosen, confirmed=False)
    assert (applied.inserts, applied.updates, applied.reviews, applied.conflicts) == (1, 2, 1, 0)
    assert {(1, "Ada Lovelace", 12, 8.0), (3, "Bo Nowak", 14, 9.0)} <= set(table(session))
    assert [row[1:] for row in table(session)[len(STORED) :]] == [("Lovelace Ada", None, 7.0)]
    assert [finding for finding in verify(session) if finding.broken] == []


def test_the_ids_that_a_preview_shows_are_given_to_nobody_else(session, upload, apply, add):
    previewed = upload("name,score\nDi,70\nEd,80\n")
    other = add(None, "Somebody")
    apply(previewed)
    assert len(table(session)) == 3
    assert other.id not in (1, 2)
    assert previewed.conflicts == 0


@pytest.mark.parametrize("at_once", [False, True])
def test_two_uploads_of_one_sheet_by_name_double_nobody(app, session, upload, at_once):
    staged = [upload("name,score\nAda Lovelace,90\nBo Nowak,80\n").id for _ in range(2)]
    session.rollback()
    if at_once:
        threads = [threading.Thread(target=_apply_in, args=(app, import_id)) for import_id in staged]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    else:
        for import_id in staged:
            _apply_in(app, import_id)
    assert [name for _, name, _, _ in table(session)] == ["Ada Lovelace", "Bo Nowak"]
    done = sorted((one.state, one.inserts, one.reviews) for one in session.scalars(select(Import)))
    assert done == [("applied", 0, 2), ("applied", 2, 0)]
    assert [finding for finding in verify(session) if finding.broken] == []


def _apply_in(app, import_id):
    with app.app_context():
        session = db.session()
        lifecycle.start_apply(session, import_id, "sec@school.test", version=version_of(session, import_id))
        run(session, import_id)
        session.rollback()


@pytest.mark.usefixtures("stored")
def test_a_name_that_became_ambiguous_since_is_held_when_it_is_applied(session, upload, apply, add):
    previewed = upload("name,score\nAda Lovelace,9\nRene Lefevre,8\n")
    other = add(None, "LOVELACE, Ada")
    applied = apply(previewed)
    assert (applied.updates, applied.reviews, applied.conflicts) == (1, 1, 0)
    (row,) = preview.rows(session, applied, "review")
    assert (row.line, row.review.reason, row.review.related) == (2, "several", other.id)
    assert table(session)[0] == STORED[0]


@pytest.mark.usefixtures("stored")
def test_what_was_chosen_among_namesakes_is_applied_unless_there_are_more_by_then(session, upload, apply, add):
    one, other = upload("name,score\nBo Nowak,9\n"), upload("name,score\nBo Nowak,7\n")
    for previewed in (one, other):
        pick(session, previewed, 2, 2)
    assert apply(session.get_one(Import, one.id, populate_existing=True)).updates == 1
    add(None, "Bo Nowak")
    held = apply(session.get_one(Import, other.id, populate_existing=True))
    assert (held.updates, held.reviews) == (0, 1)
    assert (2, "Bo Nowak", 13, 9.0) in table(session)


def test_a_row_waits_for_whoever_can_be_meant_only_since_however_its_student_was_found(session, store, upload, apply, add):
    store([(1, "Anna-Lena Gross", 9, 9), (2, "Ben Müller", 9, 9), (3, "Eva-Li Roy", 9, 9), (4, "Eva-Li Roy", 9, 9)])
    rows = {"Anna Lena Gross": "settled", "Ben Mueller": None, "Eva Li Roy": 3}
    for name, chosen in rows.items():
        previewed = upload(f"name,score\n{name},8\n")
        if chosen != "settled":
            pick(session, previewed, 2, chosen)
        added = add(None, name)
        before = table(session)
        held = apply(session.get_one(Import, previewed.id, populate_existing=True), confirmed=False)
        assert (held.inserts, held.updates, held.reviews) == (0, 0, 1), name
        (row,) = preview.rows(session, held, "review")
        assert (row.needs_choice, row.review.related) == (True, added.id), name
        assert table(session) == before


def test_a_choice_waits_until_whoever_was_added_since_is_shown(session, store, upload, apply, add):
    store([(number, "Bo Nowak", None, None) for number in range(1, 31)])
    previewed = upload("name,score\nBo Nowak,9\n")
    shown = previewed.version
    add(40, "Nowak, Bo")
    for student_id in (3, None):
        with pytest.raises(WrongState):
            choose(session, previewed.id, 2, student_id, "sec@school.test", version=shown)
    pick(session, previewed, 2, 3)
    applied = apply(session.get_one(Import, previewed.id, populate_existing=True), confirmed=False)
    assert (applied.updates, applied.reviews) == (1, 0)
    assert (3, "Bo Nowak", None, 9.0) in table(session)


@pytest.mark.parametrize(
    "sheet", ["id,name,score\n1,Ada Lovelace,9\n7,Zoe Novak,8\n", "name,score\nAda Lovelace,9\nZoe Novak,8\n"]
)
def test_a_new_student_who_was_added_by_others_since_is_held_when_the_sheet_is_applied(session, add, upload, apply, sheet):
    add(1, "Ada Lovelace")
    previewed = upload(sheet)
    assert (previewed.inserts, previewed.updates, previewed.reviews) == (1, 1, 0)
    added = add(None, "NOVAK, Zoe")
    applied = apply(previewed)
    assert (applied.inserts, applied.updates, applied.reviews) == (0, 1, 1)
    (row,) = preview.rows(session, applied, "review")
    assert (row.line, row.review.reason in ("taken", "added-since"), row.review.related) == (3, True, added.id)
    assert len(table(session)) == 2


def test_a_confirmed_namesake_is_applied_since_nobody_was_added(session, store, upload, apply):
    store([(1, "Kim Lee", None, 1.0), (2, "Bo Roy", None, 2.0)])
    previewed = upload("id,name\n7,Lee Kim\n2,Bo Roy\n")
    assert previewed.reviews == 1
    applied = apply(previewed)
    assert (applied.inserts, applied.reviews) == (1, 0)


def test_a_row_whose_student_was_deleted_or_erased_since_is_not_written(session, store, remove, upload, apply):
    store([(1, "Ada Lovelace", None, 1.0), (2, "Bo Roy", None, 2.0)])
    previewed = upload("id,name,score\n1,Ada Lovelace,9\n2,Bo Roy,8\n")
    remove(1, version=1)
    applied = apply(previewed)
    assert (applied.updates, applied.reviews, applied.conflicts) == (1, 1, 0)
    (row,) = preview.rows(session, applied, "review")
    assert (row.line, row.review.reason, row.review.action) == (2, "former-id", "insert")
    assert table(session) == [(2, "Bo Roy", None, 8.0)]


def test_the_database_makes_the_key_that_staging_does(session, save):
    names = [
        *[name for _, name in WRITTEN.values()],
        "-",
        "a.b",
        "d’Arc, Jeanne",
        "B. “Bo” Roy",
        "z y",
        "É A",
        "a b c",
        "x-",
        "Ab a",
        *(f"Ada{sign}Lee Roy" for sign in UNSEEN + HYPHENS),
    ]
    keys = [name_key(fold_name(name)) for name in names]
    assert [session.scalar(select(key_of(session, literal(name)))) for name in names] == keys
    assert [session.scalar(select(func.name_key(func.fold_name(literal(name))))) for name in names] == keys
    for number, name in enumerate(names, 1):
        save({"id": number, "name": name, "age": None, "score": None}, version=None)
    assert list(session.scalars(select(Student.name_key).order_by(Student.id))) == keys


@pytest.mark.parametrize(("other", "corrected"), [("Anna-Lena Gross", "Anna Lena Gross"), ("Anna Lena Gross", "GROSS, Annalena")])
def test_a_corrected_row_that_means_the_student_of_another_row_leaves_both_to_be_chosen(session, store, upload, other, corrected):
    store([(1, "Anna-Lena Gross", None, 1.0)])
    previewed = upload(f'name,score\n{other},9\n"{corrected}",abc\n')
    assert (previewed.updates, previewed.rejected) == (1, 1)
    correct(session, previewed.id, {3: {1: "5"}}, version=previewed.version)
    assert (previewed.updates, previewed.rejected, previewed.reviews) == (0, 0, 2)
    assert {row.review.reason for row in preview.rows(session, previewed, "review")} == {"repeated"}


@pytest.mark.parametrize(("stored", "written"), [("Anna-Lena {}", "Anna Lena {}"), ("Ben Müller {}", "Ben Mueller {}")])
def test_a_batch_of_other_spellings_is_settled_by_as_many_statements_as_one(session, store, upload, stored, written):
    letters = "abcdefghij"
    store([(number, stored.format(f"Gross{letter}"), None, 1.0) for number, letter in enumerate(letters, 1)])
    numbers = []
    for some in (letters[:1], letters):
        with counted_statements(session) as statements:
            previewed = upload("name,score\n" + "".join(f"{written.format(f'Gross{letter}')},9\n" for letter in some))
        assert (previewed.updates + previewed.reviews, previewed.inserts) == (len(some), 0)
        numbers.append(sum("_rows SET" in text for text in statements))
    assert numbers[0] == numbers[1]


def test_a_new_row_gets_no_id_of_a_student_of_whom_no_version_is_kept(session, upload, apply):
    session.execute(
        students.insert().values(id=1, name="Ada Lovelace", version=1, folded="ada lovelace", name_key="ada lovelace")
    )
    session.commit()
    apply(upload("name,score\nZoe Novak,9\n"))
    assert [row[:2] for row in table(session)] == [(1, "Ada Lovelace"), (2, "Zoe Novak")]


@pytest.mark.parametrize(
    ("stored", "written"), [("Annalena Roy", "Anna Lena Roy"), ("Vandijk, Bo", "Bo van Dijk"), ("Ada Lee", "Ada Lee Jr.")]
)
def test_a_new_name_that_joins_to_a_stored_one_waits_for_a_choice(session, store, upload, stored, written):
    store([(1, stored, None, 1.0)])
    previewed = upload(f"name,score\n{written},9\n")
    (row,) = preview.rows(session, previewed, "review")
    assert (row.review.reason, row.review.related, previewed.inserts) == ("alike", 1, 0)
    assert [student.id for student in candidates(session, previewed, [2])[2]] == [1]


def test_a_sign_that_nobody_sees_or_types_makes_no_second_record(session, store, upload):
    signs = "".join(sorted(UNSEEN + HYPHENS + "-"))
    store((number, f"Ada{chr(96 + number)} Love{sign}lace", None, 1.0) for number, sign in enumerate(signs, 1))
    plain = [f"Ada{chr(96 + number)} Lovelace" for number in range(1, len(signs) + 1)]
    parted = [f"Ada{chr(96 + number)} Love{sign}Lace" for number, sign in enumerate(signs[::-1], 1)]
    joined = [f"Ada{chr(96 + number)}{sign}Lovelace" for number, sign in enumerate(signs, 1)]
    for names in (plain, parted, joined):
        previewed = upload("name,score\n" + "".join(f"{name},9\n" for name in names))
        assert (previewed.inserts, previewed.updates + previewed.reviews) == (0, len(signs)), names
    typed = upload("name,score\nعلی\u200cرضا,9\n")
    assert [row.cells[1].after for row in preview.rows(session, typed, "insert")] == ["علی\u200cرضا"]


PAIRS = [
    ("Anna-Lena Roy", "Anna Lena Roy"),
    ("Zoe Anna Roy", "Zoe-Anna Roy"),
    ("Ben Müller", "Ben Mueller"),
    ("Bo vanDijk", "Bo van Dijk"),
]


def test_of_new_rows_that_differ_only_in_spelling_the_later_waits_for_a_choice(session, upload):
    names = [name for pair in PAIRS for name in pair]
    previewed = upload(
        "name,score\n" + "".join(f"{name},9\n" for name in [*names, "Di Poe", "Kim Lee Roy", "Aaron Poe", "Aron Poe", "x"])
    )
    assert previewed.inserts == len(PAIRS) + 4
    held = [(row.line, row.review.reason, row.review.related) for row in preview.rows(session, previewed, "review")]
    assert held[:-1] == [(line, "repeated", line - 1) for line in range(3, 2 + len(names), 2)]


def test_new_rows_are_held_whose_students_were_added_or_renamed_since_in_other_spellings(session, add, save, upload, apply):
    add(1, "Di Poe", None, 1.0)
    names = ["Anna-Lena Roy", "Zoe-Anna Roy", "Ben Mueller", "Bo van Dijk", "Håkon Lie", "Le Min Kai", "Kim Lee Roy"]
    previewed = upload("name,score\n" + "".join(f"{name},9\n" for name in names))
    save({"id": 1, "name": "MinKai, Le", "age": None, "score": 1.0}, version=1)
    added = [add(None, name).id for name in ("Anna Lena Roy", "Roy, Zoe Anna", "Ben Müller", "Bo vanDijk", "Haakon Lie")]
    held = apply(previewed)
    assert (held.inserts, held.reviews) == (1, 6)
    rows = preview.rows(session, held, "review")
    assert [(row.review.reason, row.review.related) for row in rows] == [("taken", one) for one in (*added, 1)]
    assert [student.id for student in candidates(session, held, [2])[2]] == [added[0]]


def test_a_row_that_was_chosen_to_be_somebody_new_is_added_beside_another_spelling(session, add, upload, apply):
    add(1, "Annalena Roy")
    previewed = upload("name,score\nAnna Lena Roy,9\n")
    pick(session, previewed, 2, None)
    assert apply(session.get_one(Import, previewed.id, populate_existing=True)).inserts == 1


def test_a_line_about_the_sheet_is_no_new_student_unasked(session, upload):
    previewed = upload("name,score\nZoe Novak,9\nClass 9b,\nPrinted: today,\nSignature ____,\n")
    assert (previewed.inserts, previewed.reviews) == (1, 3)
    assert {row.review.reason for row in preview.rows(session, previewed, "review")} == {"no-name"}


@contextmanager
def counted_statements(session):
    statements = []
    engine, heard = session.get_bind(), lambda _connection, _cursor, text, *_rest: statements.append(text)
    event.listen(engine, "before_cursor_execute", heard)
    yield statements
    event.remove(engine, "before_cursor_execute", heard)


def pick(session, previewed, line, student_id):
    choose(session, previewed.id, line, student_id, "sec@school.test", version=version_of(session, previewed.id))
