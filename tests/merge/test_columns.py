"""The student's columns: headings found, cells read within bounds."""

from dataclasses import replace

import pytest

from merge.columns import BY_NAME, COLUMNS, KEY, clashes, column_of, match_headings, places
from merge.headings import fold
from merge.problems import Problem


def test_the_columns_are_the_models_and_the_id_is_their_key():
    assert [column.name for column in COLUMNS] == ["id", "name", "age", "score"]
    assert KEY.name == "id"
    assert [column.name for column in COLUMNS if column.required] == ["id", "name"]


@pytest.mark.parametrize(
    ("heading", "column"),
    [
        ("id", "id"),
        ("ID", "id"),
        ("Student ID", "id"),
        ("student_no", "id"),
        ("Full name", "name"),
        (" NAME ", "name"),
        ("Náme", "name"),
        ("Age (in years)", "age"),
        ("Grade", "score"),
        ("Marks", "score"),
        ("Final Score", "score"),
        ("SIS User ID", "id"),
        ("Student #", "id"),
        ("Schülernummer", "id"),
        ("N° élève", "id"),
        ("Nombre completo", "name"),
        ("Nom", "name"),
        ("Âge", "age"),
        ("Edad", "age"),
        ("Calificación", "score"),
        ("Punkte", "score"),
        ("Mark in %", "score"),
        ("Punkte in Prozent", "score"),
        ("in %", None),
        ("Note", None),
        ("#", None),
        ("E-mail", None),
        ("", None),
        ("???", None),
    ],
)
def test_headings_are_matched_without_case_punctuation_and_accents(heading, column):
    assert match_headings([heading]) == [column]


def test_no_heading_belongs_to_two_columns():
    every = [heading for column in COLUMNS for heading in column.headings]
    assert len(every) == len(set(every))
    assert all(heading == fold(heading) for heading in every)


def test_no_heading_belongs_to_two_parts_or_to_another_column():
    of_parts = [
        (column, (heading, other))
        for column in COLUMNS
        for headings in column.parts.values()
        for heading, beside in headings.items()
        for other in beside or {""}
    ]
    assert len(of_parts) == len({heading for _, heading in of_parts})
    assert not any(heading in other.headings for column, (heading, _) in of_parts for other in COLUMNS if other is not column)


@pytest.mark.parametrize(
    ("headings", "columns"),
    [
        ("ID, First name, Last name", ["id", "name:first", "name:last"]),
        ("Surname, Given Name", ["name:last", "name:first"]),
        ("Name, Vorname", ["name:last", "name:first"]),
        ("Nom, Prénom, Âge", ["name:last", "name:first", "age"]),
        ("Nombre, Apellido(s)", ["name:first", "name:last"]),
        ("Nombre, Edad", ["name", "age"]),
        ("Name, First name", ["name", None]),
        ("Student, First name, Last name", ["name", None, None]),
        ("ID, First name", ["id", None]),
        ("ID, Vorname", ["id", None]),
        ("Student, ID, SIS User ID, Final Score", ["name", None, "id", "score"]),
        ("ID, Student ID", ["id", "id"]),
    ],
)
def test_headings_are_matched_by_what_stands_beside_them(headings, columns):
    assert match_headings(headings.split(", ")) == columns


@pytest.mark.parametrize(
    ("columns", "made_of"),
    [
        (["id", None, "name"], {"id": [0], "name": [2]}),
        (["name:last", "id", "name:first"], {"id": [1], "name": [2, 0]}),
        ([None], {}),
    ],
)
def test_each_column_knows_the_places_that_it_is_made_of_in_order(columns, made_of):
    assert places(columns) == made_of
    assert {column_of(choice) for choice in columns if choice} == set(made_of)


TWICE = "Score is chosen more than once. Keep one of these columns and ignore the others."


@pytest.mark.parametrize(
    ("columns", "sentences"),
    [
        (["id", "name", None, None], {}),
        (["name:first", "name:last"], {}),
        (["score", "id", "score"], {0: TWICE, 2: TWICE}),
        (["id", "name:last"], {1: "Last name alone is not the whole Name. Choose a column for First name too."}),
        (
            ["name", "name:first", "name:last"],
            {
                1: "There is already a Name column, so First name can’t be joined to it. Ignore one of the two.",
                2: "There is already a Name column, so Last name can’t be joined to it. Ignore one of the two.",
            },
        ),
    ],
)
def test_choices_that_do_not_fit_together_get_a_sentence_each(columns, sentences):
    assert clashes(columns) == sentences


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("id", "0", "Student ID must be between 1 and 999,999,999,999,999, not 0."),
        ("id", "", "Student ID is required."),
        ("id", "1000000000000000", "Student ID must be between 1 and 999,999,999,999,999, not 1000000000000000."),
        ("name", " ", "Name is required."),
        ("name", "x" * 201, "Name must be at most 200 characters, not 201."),
        ("age", "-1", "Age must be between 0 and 150, not -1."),
        ("age", "151", "Age must be between 0 and 150, not 151."),
        ("age", "12,5", "“12,5” is not a whole number."),
        ("score", "100.5", "Score must be between 0 and 100, not 100.5."),
        ("score", "n/a", "“n/a” is not a number. Leave it blank if it is unknown."),
    ],
)
def test_a_cell_that_does_not_fit_gets_a_sentence(name, text, sentence):
    with pytest.raises(Problem) as caught:
        BY_NAME[name].read(text)
    assert caught.value.sentence(BY_NAME[name].label) == sentence


def test_a_long_cell_is_shortened_in_the_sentence():
    with pytest.raises(Problem) as caught:
        BY_NAME["age"].read("x" * 1000)
    assert len(caught.value.sentence("Age")) < 100


def test_blank_cells_of_other_columns_are_blank():
    assert BY_NAME["age"].read("") is None
    assert BY_NAME["score"].read(" \u00a0") is None


def test_a_column_that_is_called_as_the_heading_comes_before_one_that_may_be_called_so(monkeypatch):
    ours = replace(BY_NAME["age"], own=frozenset({fold("Admission No")}))
    monkeypatch.setattr("merge.columns.COLUMNS", [ours if column.name == "age" else column for column in COLUMNS])
    assert match_headings(["Admission No", "Name"]) == ["age", "name"]
