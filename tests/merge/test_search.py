"""Search: names are folded alike everywhere, the index agrees with the table whatever was written, and any text is just text."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, literal, select, text

from merge import history, listing, search
from merge.fold import fold_name, mark
from merge.imports import lifecycle
from models import Import, Student
from tests.examples import examples
from tests.merge.conftest import kept_as_read, run, version_of

WRITING = [(0x20, 0x24F), (0x300, 0x52F), (0x591, 0x5EA), (0x621, 0x652), (0x1E00, 0x1FFF), (0x2010, 0x2030), (0x3041, 0x30FF)]
LETTERS = st.one_of(*(st.characters(min_codepoint=low, max_codepoint=high) for low, high in [*WRITING, (0x4E00, 0x9FFF)]))
NAMES = st.text(LETTERS, min_size=1, max_size=12)
FEW = settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@settings(FEW, max_examples=examples(40))
@given(name=NAMES)
def test_both_databases_fold_names_as_python_does(session, name):
    assert session.scalar(select(func.fold_name(literal(name)))) == fold_name(name)


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("Nguyễn Thị Ánh", "nguyen thi anh"),
        ("ĐẶNG Łukasz Søren", "dang lukasz soren"),
        ("Weiß WEIẞ", "weiss weiss"),
        ("Æsa Þóra Œuvre", "aesa thora oeuvre"),
        ("İpek ışık", "ipek isik"),
        ("O’Brien-Smith", "o'brien-smith"),
        ("Ёлкина", "елкина"),
        ("ΟΔΥΣΣΕΥΣ Οδυσσεύς", "οδυσσευσ οδυσσευσ"),
        ("王小明", "王王王小小小明明明"),
        ("Zoe\u0308", "zoe"),
    ],
)
def test_case_accents_and_typographic_signs_are_folded(session, name, folded):
    assert fold_name(name) == folded
    assert session.scalar(select(func.fold_name(literal(name)))) == folded


@pytest.mark.parametrize(
    ("name", "q", "marked"),
    [
        ("Nguyễn Thị Ánh", "anh nguyen", "[Nguyễn] Thị [Ánh]"),
        ("Weiß", "ss", "Wei[ß]"),
        ("Weiß", "s", "Wei[ß]"),
        ("Anna Hannah", "an", "[An]na H[an]nah"),
        ("王小明", "小明", "王[小明]"),
        ("Zoe\u0308 Zoe", "zoe", "[Zoe\u0308] [Zoe]"),
        ("<b>Ada</b>", "a", "<b>[A]d[a]</b>"),
        ("Ada", "", "Ada"),
    ],
)
def test_what_was_found_is_marked_in_the_name_as_it_is_written(name, q, marked):
    pieces = mark(name, search.read_words(q))
    assert "".join(f"[{piece}]" if found else piece for piece, found in pieces) == marked


@given(name=NAMES, q=NAMES)
def test_marks_never_change_a_name(name, q):
    assert "".join(piece for piece, _ in mark(name, search.read_words(q))) == name


HOSTILE = [
    *(
        "%",
        "_",
        "\\",
        "'",
        '"',
        '""',
        "';--",
        "*",
        "^",
        "(",
        "NEAR(a b)",
        "a AND b",
        "NOT",
        "name:ada",
        "- ada",
        "{x}",
        "/",
        "a/b",
    ),
    *("\0", "a\0b", "\ud7ff", "\ufffd", "\U0001f600", "x" * 4_000, "ab " * 1_300, '"' * 500, "%" * 500, "ß" * 199, "王" * 300),
    "".join(f"{number:x} " for number in range(1_000)),
]


@pytest.mark.parametrize("q", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_searched_for_as_text(session, add, monkeypatch, q):
    monkeypatch.setattr(listing, "FIRST_WALK", 1)
    add(1, "Ada")
    add(2, "Bo")
    name = " ".join(q.replace("\0", " ").split())
    if 0 < len(name) <= 200:
        add(3, name)
    query = listing.parse_query({"q": q})
    found = [student.id for student in listing.page(session, query).students]
    assert (3 in found) == (0 < len(name) <= 200)
    assert listing.count(session, query) == listing.Count(len(found))


WORDS = ["Ada", "Đặng", "bo", "Weiß", "Ng", "Anna", "王小明"]
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("save"), st.integers(1, 8), st.lists(st.sampled_from(WORDS), min_size=1, max_size=2)),
        st.tuples(st.just("remove"), st.integers(1, 8), st.none()),
        st.tuples(st.just("import"), st.integers(1, 5), st.lists(st.sampled_from(WORDS), min_size=1, max_size=3)),
        st.tuples(st.just("undo"), st.none(), st.none()),
    ),
    min_size=2,
    max_size=8,
)


@settings(FEW, max_examples=examples(4))
@given(acts=ACTS)
def test_the_index_agrees_with_the_table_after_any_writes(session, save, remove, upload, apply, acts):
    applied = []
    for act, number, words in acts:
        student = number and session.get(Student, number, populate_existing=True)
        if act == "save":
            newest = history.newest_version(session, number)
            save({"id": number, "name": " ".join(words)}, version=newest and newest.version)
        elif act == "remove" and student:
            remove(number, version=student.version)
        elif act == "import":
            rows = "".join(f"{number + place},{word}\n" for place, word in enumerate(words))
            applied.append(apply(kept_as_read(session, upload("id,name\n" + rows))).id)
        elif act == "undo" and applied and session.get_one(Import, applied[-1]).state == "applied":
            lifecycle.start_undo(session, applied[-1], "sec@school.test", version=version_of(session, applied[-1]))
            run(session, applied.pop())
    assert_index_agrees(session)


def test_an_index_that_is_built_anew_agrees_with_the_table(session):
    session.add_all(Student(id=number, name=word) for number, word in enumerate(WORDS, 1))
    session.commit()
    search.index_anew(session)
    session.commit()
    assert_index_agrees(session)


def test_a_postgresql_without_the_extension_searches_all_the_same_and_says_so(session, backend, add, caplog):
    add(1, "Nguyễn Thị Ánh")
    search._warn.cache_clear()
    if backend == "postgresql":
        session.execute(text("DROP INDEX ix_students_folded"))
    query = listing.parse_query({"q": "nguyen anh"})
    assert [student.id for student in listing.page(session, query).students] == [1]
    assert listing.count(session, query) == listing.Count(1)
    assert ("pg_trgm" in caplog.text) == (backend == "postgresql")
    session.rollback()


def assert_index_agrees(session):
    """Each trigram of each name, and no other, is in the index."""
    names = dict(session.execute(select(Student.id, Student.name)).all())
    kept = dict(session.execute(select(Student.id, Student.folded)).all())
    assert kept == {number: fold_name(name) for number, name in names.items()}
    if session.get_bind().dialect.name == "postgresql":
        # Without this, the planner would rather read a table as small as this one.
        session.execute(text("SET LOCAL enable_seqscan = off"))
        for word in (word for word in WORDS if len(fold_name(word)) > 2):
            found = {*session.scalars(search.find_ids(session, search.read_words(word)))}
            assert found == {number for number, name in names.items() if fold_name(word) in fold_name(name)}
        return
    trigrams = {
        folded[at : at + 3] for word in [*names.values(), *WORDS] for folded in [fold_name(word)] for at in range(len(folded) - 2)
    }
    for trigram in trigrams:
        found = {*session.scalars(text("SELECT rowid FROM student_names WHERE name MATCH :phrase"), {"phrase": f'"{trigram}"'})}
        assert found == {number for number, name in names.items() if trigram in fold_name(name)}
    assert search.count_indexed(session) == len(names)
