"""What can be wrong with a cell, a row or a sheet, as sentences for the person who made it."""

import json
from collections.abc import Mapping
from typing import Any

LONGEST_SHOWN = 60
SENTENCES = {
    "blank": "{label} is blank, but every student needs one.",
    "whole": "“{text}” is not a whole number.",
    "number": "“{text}” is not a number.",
    "decimal": "“{text}” is not a number. Decimals are written with {decimal} here.",
    "percent": "“{text}” is not a number by itself. Leave out the percent sign.",
    "ambiguous": "“{text}” may mean {small} or {large}. Write it without a separator, or say how thousands are separated.",
    "date": "“{text}” is a date, but {label} needs a number. In your spreadsheet, format the column as a number.",
    "range": "{label} has to be from {minimum:,} to {maximum:,}, but here it is {text}.",
    "long": "{label} has {length:,} characters; at most {maximum:,} fit.",
    "control": "{label} contains an invisible control character. Type it again by hand.",
    "twice": "Student {text} stands on line {first} and again on line {last}. Keep one of them.",
    "same_name": "This name stands on line {first} and again on line {last}. Only an ID can tell the two apart.",
    "several": "Several students go by this name, {first} and {last} among them. Only an ID can tell which of them is meant.",
    "nameless": "There is no student {text} yet, and a new one needs a name, which this sheet has no column for.",
    "few": "This row has {found} cells, but the heading has {expected}. A cell or a separator may be missing.",
    "many": "This row has {found} cells, but the heading has {expected}. A cell with a separator in it may lack quotation marks.",
}


class Problem(ValueError):
    """What is wrong with one cell. `values` fill the sentence's gaps; the label is filled in where it is shown."""

    def __init__(self, code: str, **values: Any) -> None:
        super().__init__(code)
        self.code = code
        self.values = values

    def sentence(self, label: str = "") -> str:
        return SENTENCES[self.code].format(label=label, **{name: _shown(value) for name, value in self.values.items()})


class SheetRefused(ValueError):
    """The whole sheet can't be read; the message is the sentence that says why and what to do."""


def dump_problems(problems: Mapping[str, Problem]) -> str:
    """Write a row's problems, by student column ("" for the row itself), as `staged_rows.problems` keeps them."""
    return json.dumps({column: [problem.code, problem.values] for column, problem in problems.items()})


def load_problems(text: str) -> dict[str, Problem]:
    return {column: Problem(code, **values) for column, (code, values) in json.loads(text).items()}


def _shown(value: Any) -> str:
    """Shorten what was typed: a cell may hold a novel."""
    return value if not isinstance(value, str) or len(value) <= LONGEST_SHOWN else value[: LONGEST_SHOWN - 1] + "…"
