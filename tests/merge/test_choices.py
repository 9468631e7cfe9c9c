"""What somebody chose for a sheet is the start for the next one with the same headings."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from merge import choices
from merge.options import Options
from merge.sheet import inspect
from models import HeadingChoice

OPTIONS = Options("id", blank_clears=True, decimal=",", percent=True)


@pytest.fixture
def sheet(tmp_path):
    """Read a sheet: sheet("id,name\\n1,Ada\\n")."""

    def sheet(text):
        path = tmp_path / "sheet.csv"
        path.write_text(text, encoding="utf-8")
        return inspect(path)

    return sheet


def test_a_sheet_that_nobody_chose_for_is_guessed(session, sheet):
    found, options = choices.recall(session, sheet("ID;Score;House\n1;85,5 %;Blue\n"))
    assert found.columns == ["id", "score", None]
    assert options == Options("id", decimal=",", percent=True)


def remember(session, sheet, options):
    choices.remember(session, choices.plan_reading(sheet, options), "sec@school.test")


@pytest.mark.parametrize("headings", ["id,Mark,Name", "ID, mark ,NAME", "“Id”,Márk,Name:"])
def test_a_choice_is_remembered_for_the_same_headings(session, sheet, headings):
    first = replace(sheet("id,mark,name\n1,2,Ada\n"), columns=["id", None, "name"])
    remember(session, first, OPTIONS)
    session.commit()
    found, options = choices.recall(session, sheet(f"{headings}\n2,3,Bo\n"))
    assert (found.columns, options) == (["id", None, "name"], OPTIONS)


@pytest.mark.parametrize("headings", ["id,name,mark", "id,mark", "id,mark,name,age", "i,dmark,name,id"])
def test_other_headings_are_another_sheet(session, sheet, headings):
    remember(session, replace(sheet("id,mark,name\n1,2,Ada\n"), columns=["id", None, "name"]), OPTIONS)
    _, options = choices.recall(session, sheet(f"{headings}\n1,2,3,4\n"))
    assert options == Options()


def test_the_last_choice_counts(session, sheet):
    read = sheet("id,mark\n1,2\n")
    remember(session, replace(read, columns=["id", None]), Options())
    remember(session, read, OPTIONS)
    assert choices.recall(session, read) == (read, OPTIONS)
    assert len(session.scalars(select(HeadingChoice)).all()) == 1


@pytest.mark.parametrize("columns", [["id", "gone"], ["id"], ["score", "score"], ["id", "name:middle"]])
def test_a_choice_that_means_nothing_any_more_is_guessed_anew(session, sheet, columns):
    read = sheet("id,mark\n1,2\n")
    remember(session, read, OPTIONS)
    session.execute(update(HeadingChoice).values(columns=columns))
    assert choices.recall(session, read) == (read, Options())


def test_the_first_cells_are_the_students(sheet):
    assert choices.first_cells(sheet("id,name,age\n\n1,Ada,\n2\n3,Cy,14\n4,Di,15\n")) == [
        ["1", "2", "3"],
        ["Ada", "Cy"],
        ["", "14"],
    ]
