"""The rejected rows come back as a sheet that can be mended and uploaded."""

import csv
import io

from merge.rejects import rejected_sheet
from merge.sheet import Sheet
from tests.merge.conftest import table

SHEET = "House,id,name,age\nBlue,1,Ada,12\nRed,x,=Bo,13\nRed,3,'=Cy,old\nBlue,4,Di\n"


def test_the_users_own_columns_come_back_with_the_line_and_the_problem(session, upload):
    text = _rejected(session, upload(SHEET))
    assert text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert rows[0] == ["House", "id", "name", "age", "line", "problem"]
    assert [row[4] for row in rows[1:]] == ["3", "4", "5"]
    assert rows[1][:4] == ["Red", "x", "'=Bo", "13"]
    assert rows[2][5] == "“old” is not a whole number."
    assert rows[3][:4] == ["Blue", "4", "Di", ""]


def test_mended_and_uploaded_again_they_are_what_was_meant(session, upload, apply):
    text = _rejected(session, upload(SHEET))
    mended = text.replace("Red,x,", "Red,2,").replace(",old,", ",14,").replace("Blue,4,Di,,", "Blue,4,Di,15,")
    applied = apply(upload(mended))
    assert (applied.inserts, applied.rejected) == (3, 0)
    assert [row[1] for row in table(session)] == ["=Bo", "'=Cy", "Di"]


def _rejected(session, import_):
    return "".join(line for part in rejected_sheet(session, import_.id, Sheet(**import_.sheet)) for line in part)
