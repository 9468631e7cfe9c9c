"""The student's columns: headings found, cells read within bounds."""

import pytest

from merge.columns import BY_NAME, COLUMNS, KEY, fold, match_headings
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


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("id", "0", "Student ID has to be from 1 to 999,999,999,999,999, but here it is 0."),
        ("id", "", "Student ID is blank, but every student needs one."),
        ("id", "1000000000000000", "Student ID has to be from 1 to 999,999,999,999,999, but here it is 1000000000000000."),
        ("name", " ", "Name is blank, but every student needs one."),
        ("name", "x" * 201, "Name has 201 characters; at most 200 fit."),
        ("age", "-1", "Age has to be from 0 to 150, but here it is -1."),
        ("age", "151", "Age has to be from 0 to 150, but here it is 151."),
        ("age", "12,5", "“12,5” is not a whole number."),
        ("score", "100.5", "Score has to be from 0 to 100, but here it is 100.5."),
        ("score", "n/a", "“n/a” is not a number."),
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
