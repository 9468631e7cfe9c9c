"""CSV as a spreadsheet opens it."""

import pytest

from merge.csv_text import defuse

DEFUSED = [("=1+1", "'=1+1"), ("@x", "'@x"), ("-x", "'-x"), ("+49 30", "'+49 30"), ("'=x", "''=x")]
HARMLESS = [("-5", "-5"), ("O'Brien", "O'Brien"), ("", "")]


@pytest.mark.parametrize(("cell", "defused"), DEFUSED + HARMLESS)
def test_a_spreadsheet_runs_no_cell_as_a_formula(cell, defused):
    assert defuse(cell) == defused
