"""What can be wrong with a cell, a row or a sheet, as sentences for the person who made it."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, String, cast, literal

from words import Later, later, number

LONGEST_SHOWN = 60
SENTENCES = {
    "blank": later("%(label)s is required."),
    "whole": later("“%(text)s” is not a whole number."),
    "number": later("“%(text)s” is not a number."),
    "unknown": later("“%(text)s” is not a number. Leave it blank if it is unknown."),
    "decimal": later("“%(text)s” is not a number. Decimals are written with %(decimal)s here."),
    "percent": later("“%(text)s” is not a number. Enter it without the percent sign."),
    "ambiguous": later(
        "“%(text)s” may mean %(small)s or %(large)s. Write it without a separator, or say how thousands are separated."
    ),
    "date": later("“%(text)s” is a date, but %(label)s needs a number. In your spreadsheet, format the column as a number."),
    "range": later("%(label)s must be between %(minimum)s and %(maximum)s, not %(text)s."),
    "long": later("%(label)s must be at most %(maximum)s characters, not %(length)s."),
    "stacked": later("%(label)s has too many accents on one letter. Type it again."),
    "control": later("%(label)s contains an invisible character. Type it again."),
    "error": later("“%(text)s” is a spreadsheet error, not a value. Fix the formula, then upload the sheet again."),
    "formula": later(
        "This cell has a formula without a result. Open the file in Excel or LibreOffice, save it, and upload it again."
    ),
    "kind": later("%(label)s must be %(kind)s, not %(text)s."),
    "twice": later("Student %(text)s is on line %(first)s and again on line %(last)s. Keep one of them."),
    "nameless": later("There is no student %(text)s yet, and a new one needs a name, which this sheet has no column for."),
    "keyless": later("%(label)s is blank, so this row can’t be matched with a student."),
    "erased_id": later(
        "Student ID %(text)s belonged to a student who was erased. No one else can have it: give this row another ID."
    ),
    "erased": later("This row was about a student who was erased."),
    "few": later("This row has %(found)s cells, but the header row has %(expected)s. A cell or a delimiter may be missing."),
    "many": later(
        "This row has %(found)s cells, but the header row has %(expected)s. A cell with a delimiter in it may lack "
        "quotation marks."
    ),
}
# What an earlier release had found, and this one finds no more.
NO_LONGER_KNOWN = later("An earlier version of Rollbook couldn’t read this row. Upload the sheet again.")
# Among the values, what is an amount and no name of a line or a student.
AMOUNTS = {"minimum", "maximum", "length"}
WRITTEN = {
    ("decimal", "."): later("a point"),
    ("decimal", ","): later("a comma"),
    ("kind", "text"): later("a text"),
    ("kind", "number"): later("a number"),
}


class Problem(ValueError):
    """What is wrong with one cell. `values` fill the sentence's gaps; the label is filled in where it is shown."""

    def __init__(self, code: str, **values: Any) -> None:
        super().__init__(code)
        self.code = code
        self.values = values

    def sentence(self, label: str = "") -> str:
        return SENTENCES.get(self.code, NO_LONGER_KNOWN) % {
            "label": label,
            **{name: _shown(name, value) for name, value in self.values.items()},
        }


class SheetRefused(ValueError):
    """The whole sheet can't be read; the sentence says why and what to do."""

    def __init__(self, sentence: Later) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def dump_problems(problems: Mapping[str, Problem]) -> str:
    """Write a row's problems, by student column ("" for the row itself), as `staged_rows.problems` keeps them."""
    return json.dumps({column: [problem.code, problem.values] for column, problem in problems.items()})


def problem_text(column: str, code: str, **values: ColumnElement[Any]) -> ColumnElement[str]:
    """Build in the database what `dump_problems` writes for a problem whose values are whole numbers."""
    text: ColumnElement[str] = literal(f'{{"{column}": ["{code}", {{')
    for place, (name, value) in enumerate(values.items()):
        text = text + literal(f'{", " if place else ""}"{name}": ') + cast(value, String)
    return text + literal("}]}")


def load_problems(text: str) -> dict[str, Problem]:
    return {column: Problem(code, **values) for column, (code, values) in json.loads(text).items()}


def _shown(name: str, value: Any) -> str:
    """Write a value out, and shorten what was typed: a cell may hold a novel."""
    if name in AMOUNTS:
        return number(value)
    text = str(WRITTEN.get((name, value), value))
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
