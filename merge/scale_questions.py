"""Ask in what a sheet counts, where its numbers or headings say that it is not what the column counts in."""

import re
from collections.abc import Iterator

from merge.column_samples import Samples, words_of
from merge.columns import StudentColumn
from merge.options import Options
from merge.questions import Answer, Question
from merge.sheet import Sheet
from words import Later, later

SAID = re.compile(r"(?:/|\b(?:out of|of|max\.?|maximum|von|sur|sobre|de))\s*:?\s*(\d{1,6})\b", re.IGNORECASE)
MAXIMUM_WORDS = {
    *("max", "maximum", "maximal", "maximale", "possible", "denominator", "available", "maxpoints", "maxscore", "outof"),
    *("höchstpunktzahl", "höchstpunkte", "máximo", "máxima"),
}
SCALE = "scale"
"""The code of these questions."""
# What a school may mark out of.
SCALES = (1, 4, 5, 6, 10, 15, 20, 25, 30, 40, 50)


def ask_scale(
    column: StudentColumn, place: int, heading: Later, sheet: Sheet, options: Options, samples: Samples
) -> Iterator[Question]:
    """Ask whether to convert: values beside a maximum, under a heading that names one, or all of them fractions."""
    if column.maximum is None or column.minimum != 0:
        return
    numbers = samples.read(column, place, options.notation)
    said = _said(sheet.headings[place], column)
    beside = _maximum_beside(column, sheet, options, samples)
    if said and all(value <= said for value in numbers):
        yield ask_factor(SCALE, column, place, said, later("%(heading)s is out of %(most)s.", heading=heading, most=said))
    elif beside is not None:
        yield _ask_maximum(column, place, beside, heading, sheet)
    elif numbers and all(0 <= value <= 1 for value in numbers) and not all(value.is_integer() for value in map(float, numbers)):
        yield ask_factor(SCALE, column, place, 1, later("All values of %(heading)s are from 0 to 1.", heading=heading))


def ask_factor(code: str, column: StudentColumn, place: int, most: int, reason: Later) -> Question:
    """Ask whether what is out of `most` is to be read as out of the column's own maximum."""
    assert column.maximum is not None
    sentence = later(
        "%(reason)s The %(column)s must be between %(minimum)s and %(maximum)s. How should the values be read?",
        reason=reason,
        column=later(column.heading),
        minimum=column.minimum or 0,
        maximum=column.maximum,
    )
    example = round(most * 0.9, 2) if most <= 1 else max(1, most * 9 // 10)
    one, other = f"{example:g}", f"{round(example * column.maximum / most, 2):g}"
    label = later("Convert them: %(one)s becomes %(other)s", one=one, other=other)
    convert = Answer("convert", label, options={"factors": {column.name: column.maximum / most}})
    return Question(code, (place,), sentence, (convert, _as_they_are()))


def says_maximum(heading: str) -> bool:
    """Tell a heading such as "Max Points", under which stands how much could be reached."""
    return bool(words_of(heading) & MAXIMUM_WORDS)


def nearest_scale(highest: float) -> int | None:
    """Give what values up to this one may be out of."""
    return next((scale for scale in SCALES if highest <= scale), None)


def _said(heading: str, column: StudentColumn) -> int | None:
    found = SAID.search(heading)
    said = int(found[1]) if found else 0
    return said if said and said != column.maximum else None


def _maximum_beside(column: StudentColumn, sheet: Sheet, options: Options, samples: Samples) -> int | None:
    """Find a column that holds how much could be reached, unless that is the maximum that we count in anyway."""
    for place, meant in enumerate(sheet.columns):
        if meant is None and says_maximum(sheet.headings[place]):
            numbers = samples.read(column, place, options.notation)
            if numbers and all(value > 0 for value in numbers) and any(value != column.maximum for value in numbers):
                return place
    return None


def _ask_maximum(column: StudentColumn, place: int, beside: int, heading: Later, sheet: Sheet) -> Question:
    sentence = later(
        "“%(most)s” is beside %(heading)s. The %(column)s must be between %(minimum)s and %(maximum)s. How should the "
        "values be read?",
        most=sheet.headings[beside],
        heading=heading,
        column=later(column.heading),
        minimum=column.minimum or 0,
        maximum=column.maximum or 0,
    )
    label = later(
        "Convert them: divide by “%(most)s” and multiply by %(maximum)s", most=sheet.headings[beside], maximum=column.maximum
    )
    convert = Answer("convert", label, options={"maxima": {column.name: beside}})
    return Question("maximum", (place, beside), sentence, (convert, _as_they_are()))


def _as_they_are() -> Answer:
    return Answer("keep", later("Use them as they are"))
