"""How a sheet is meant is guessed from its first rows, and never where two guesses are as good."""

import pytest

from merge.columns import match_headings
from merge.options import Options, guess

PLAIN, COMMA = (".", "", False), (",", "", False)

GUESSES = [
    ("numbers without decimals are plain", "id,score", ["1|85", "2|90"], PLAIN),
    ("a decimal point", "id,score", ["1|85.5", "2|90"], PLAIN),
    ("a decimal comma", "id,score", ["1|85,5", "2|90"], COMMA),
    ("a decimal comma before three digits, since a score has no thousands", "id,score", ["1|85,125"], COMMA),
    ("a decimal point before three digits", "id,score", ["1|85.125"], PLAIN),
    ("a percent sign", "id,score", ["1|85 %", "2|90%", "3|"], (".", "", True)),
    ("a percent sign behind a decimal comma", "id,score", ["1|85,5 %"], (",", "", True)),
    ("thousands with commas", "id,score", ["1,234|85.5"], (".", ",", False)),
    ("thousands with points", "id,score", ["1.234|85,5"], (",", ".", False)),
    ("thousands with blanks", "id,score", ["1 234|85,5"], (",", " ", False)),
    ("thousands with apostrophes", "id,score", ["1’234|85.5"], (".", "'", False)),
    ("an id that may mean two numbers stays a problem", "id,name", ["1.000|Ada", "2.000|Bo"], PLAIN),
    ("one number beside it says which", "id,score", ["1.000|85,5", "2.000|90"], (",", ".", False)),
    ("most cells count where they differ", "id,score", ["1|85.5", "2|90.5", "3|70,5"], PLAIN),
    ("what is no number says nothing", "id,score", ["1|absent", "2|n/a", "x|"], PLAIN),
    ("names say nothing", "id,name", ["1|Ada, Lovelace 85,5 %"], PLAIN),
    ("a column that is ignored says nothing", "id,weight", ["1|85,5"], PLAIN),
    ("rows that are too short", "id,name,score", ["1", "2|Bo", "3|Cy|1,5"], COMMA),
    ("no rows", "id,score", [], PLAIN),
]


@pytest.mark.parametrize(("headings", "rows", "notation"), [case[1:] for case in GUESSES], ids=[case[0] for case in GUESSES])
def test_how_numbers_are_written_is_guessed_from_the_first_rows(headings, rows, notation):
    guessed = guess(match_headings(headings.split(",")), [row.split("|") for row in rows])
    assert (guessed.decimal, guessed.thousands, guessed.percent) == notation
    assert not guessed.blank_clears


@pytest.mark.parametrize(
    ("columns", "match"),
    [(["id", "name"], "id"), (["id"], "id"), (["name", "score"], "name"), (["name:first", "name:last"], "name"), ([None], "id")],
)
def test_rows_are_matched_by_name_where_there_are_no_ids(columns, match):
    assert guess(columns, []).match == match


@pytest.mark.parametrize("options", [Options(), Options("name", True, ",", ".", True)])
def test_options_come_back_as_they_were_kept(options):
    assert Options.from_json(options.to_json()) == options


def test_what_an_older_import_keeps_is_enough():
    assert Options.from_json({"blank_clears": True, "forgotten": 1}) == Options(blank_clears=True)
