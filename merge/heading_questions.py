"""Ask what a sheet's headings and first rows leave open, before any of its rows is staged."""

from collections.abc import Iterator
from difflib import get_close_matches

from merge.column_samples import Samples, words_of
from merge.columns import BY_NAME, KEY, MATCHING, NAME, VALUES, StudentColumn, places
from merge.headings import fold
from merge.oneroster import lacks_roles
from merge.options import Options
from merge.questions import Answer, Question, by_name, is_column, named, unanswered
from merge.scale_questions import ask_scale, says_maximum
from merge.sheet import ADD_HEADINGS, Sheet
from words import later

# A column of which less than this can be read holds something else.
HARDLY = 0.5
MOST_OFFERED = 5
HIGHEST_YEAR = 13
ALIKE = 0.85
SHORTEST_WORD = 3


def ask_before_reading(sheet: Sheet, options: Options) -> list[Question]:
    """Give the questions that nobody has answered; where one blocks, it is the first."""
    samples = Samples.of(sheet)
    asked = [*_which_students(sheet), *_rivals(sheet), *_no_key(sheet, samples), *_unreadable_key(sheet, options, samples)]
    asked += _missed_values(sheet, options, samples)
    for column in VALUES:
        if column.bounded and (at := places(sheet.columns).get(column.name)):
            asked += _ask_of_values(column, at[0], sheet, options, samples)
    return unanswered(asked, options)


def _which_students(sheet: Sheet) -> Iterator[Question]:
    if lacks_roles(sheet.headings):
        sentence = later(
            "This users.csv of a OneRoster export does not say who is a student: roles.csv does. Upload the whole archive "
            "with its manifest.csv, or say that everyone in this file is a student."
        )
        yield Question("roles", (), sentence, (Answer("all", later("Everyone in this file is a student")),), blocks=True)


def _rivals(sheet: Sheet) -> Iterator[Question]:
    for name, column in BY_NAME.items():
        rivals = [place for place, meant in enumerate(sheet.columns) if meant == name]
        if len(rivals) < 2:
            continue
        sentence = later(
            "Both %(one)s and %(other)s may be the %(column)s. Which of them is it?",
            one=named(sheet, rivals[0]),
            other=named(sheet, rivals[1]),
            column=later(column.heading),
        )
        answers = [
            Answer(
                str(place), is_column(sheet, place, column).label, {rival: name if rival == place else None for rival in rivals}
            )
            for place in rivals[:MOST_OFFERED]
        ]
        yield Question("rivals", tuple(rivals), sentence, tuple(answers), blocks=True)


def _no_key(sheet: Sheet, samples: Samples) -> Iterator[Question]:
    """Ask by what rows find their students, where no heading says so."""
    if MATCHING & places(sheet.columns).keys():
        return
    ignored = [place for place, column in enumerate(sheet.columns) if column is None]
    ids = [is_column(sheet, place, KEY, match=KEY.name) for place in ignored if samples.looks_like_ids(place)]
    names = [is_column(sheet, place, NAME, match=NAME.name) for place in ignored if _offers_name(samples, place)]
    if not any(sheet.headings):
        sentence = later(
            "The sheet has no header row. Choose which column is the %(key)s or the %(name)s.",
            key=later(KEY.heading),
            name=later(NAME.heading),
        )
        yield Question("no-key", (), sentence, tuple(ids[:MOST_OFFERED] + names[:MOST_OFFERED]), blocks=True)
        return
    sentence = later(
        "No heading says which column is the %(key)s or the %(name)s, so rows can't be matched with students. Choose it "
        "below. If the first row is a student, %(advice)s",
        key=later(KEY.heading),
        name=later(NAME.heading),
        advice=ADD_HEADINGS,
    )
    yield Question("no-key", (), sentence, tuple(ids[:MOST_OFFERED] + names[:MOST_OFFERED]), blocks=True)


def _unreadable_key(sheet: Sheet, options: Options, samples: Samples) -> Iterator[Question]:
    """Ask for another key where what was taken for it is blank or holds texts: nobody wants a page of rejected rows."""
    chosen = places(sheet.columns)
    if options.match != KEY.name or KEY.name not in chosen or len(chosen[KEY.name]) != 1:
        return
    (place,) = chosen[KEY.name]
    # One row may be a slip; from two on it is the column.
    if len(samples.rows) < 2 or samples.share_read(KEY, place, options.notation) >= HARDLY:
        return
    examples = samples.filled(place)
    sentence = (
        later(
            "%(heading)s contains text such as “%(example)s”, but the %(key)s is a whole number. How should rows be "
            "matched with students?",
            heading=named(sheet, place),
            example=examples[0],
            key=later(KEY.heading),
        )
        if examples
        else later("%(heading)s is blank. How should rows be matched with students?", heading=named(sheet, place))
    )
    reject = Answer("reject", later("Reject the rows without a %(key)s", key=later(KEY.heading)))
    answers = (*_other_keys(sheet, samples, place), reject)
    yield Question("unreadable-key", (place,), sentence, answers, blocks=True)


def _other_keys(sheet: Sheet, samples: Samples, place: int) -> Iterator[Answer]:
    """Offer the names, and where there is no column of names, those that look like one; and other numbers that are declared."""
    chosen = places(sheet.columns)
    if NAME.name in chosen:
        yield by_name(place)
    for column in VALUES:
        if column.match and column is not NAME and column.name not in chosen:
            yield Answer(column.name, is_column(sheet, place, column).label, {place: column.name}, {"match": column.name})
    ignored = [other for other, column in enumerate(sheet.columns) if column is None and NAME.name not in chosen]
    for other in (other for other in ignored if _offers_name(samples, other)):
        yield Answer(str(other), is_column(sheet, other, NAME).label, {place: None, other: NAME.name}, {"match": NAME.name})


def _offers_name(samples: Samples, place: int) -> bool:
    return samples.looks_like_names(place) and not samples.looks_like_accounts(place)


def _ask_of_values(column: StudentColumn, place: int, sheet: Sheet, options: Options, samples: Samples) -> Iterator[Question]:
    """Ask what a column of values is, where its cells do not look like that."""
    heading, cells = named(sheet, place), samples.filled(place)
    keep = Answer("value", is_column(sheet, place, column).label)
    if not cells:
        return
    if samples.share_read(column.unbounded, place, options.notation) < HARDLY or (
        column.name not in options.factors and samples.share_read(column, place, options.notation) < HARDLY
    ):
        sentence = later(
            "Most cells of %(heading)s can't be read as the %(column)s, for example “%(example)s”. What is it?",
            heading=heading,
            column=later(column.heading),
            example=_unreadable(column, cells, options),
        )
        others = [
            Answer(str(other), is_column(sheet, other, column).label, {place: None, other: column.name})
            for other in _numeric(column, sheet, options, samples)
        ]
        reject = Answer("reject", later("It is the %(column)s: reject these rows", column=later(column.heading)))
        yield Question("unreadable", (place,), sentence, (_ignore(sheet, place), *others[:MOST_OFFERED], reject))
    elif fold(sheet.headings[place]) in column.doubtful and _are_years(samples.read(column, place, options.notation)):
        sentence = later(
            "%(heading)s contains only whole numbers up to %(most)s. Is it the %(column)s or the year level?",
            heading=heading,
            most=HIGHEST_YEAR,
            column=later(column.heading),
        )
        year = Answer("year", later("It is the year: ignore it"), {place: None}, settles=(f"missed:{place}",))
        yield Question("year", (place,), sentence, (year, keep))
    else:
        yield from ask_scale(column, place, heading, sheet, options, samples)


def _missed_values(sheet: Sheet, options: Options, samples: Samples) -> Iterator[Question]:
    """Ask about ignored columns that look like one of ours, where the sheet has nothing else for it."""
    chosen = places(sheet.columns)
    for column in VALUES:
        if not column.bounded or column.name in chosen:
            continue
        found = [place for place in _numeric(column, sheet, options, samples) if _resembles(sheet.headings[place], column)]
        if found:
            sentence = later("No heading says which column is the %(column)s. Is it one of these?", column=later(column.heading))
            none = Answer("none", later("No, ignore them") if len(found) > 1 else later("No, ignore it"))
            answers = [is_column(sheet, place, column) for place in found[:MOST_OFFERED]]
            yield Question("missed", tuple(found), sentence, (*answers, none))


def _numeric(column: StudentColumn, sheet: Sheet, options: Options, samples: Samples) -> list[int]:
    """Find ignored columns whose cells fit, and that number or count nobody."""
    return [
        place
        for place, meant in enumerate(sheet.columns)
        if meant is None
        and samples.filled(place)
        and samples.share_read(column, place, options.notation) >= 0.8
        and not samples.looks_like_ids(place)
        and not samples.counts_rows(place)
        and not says_maximum(sheet.headings[place])
    ]


def _resembles(heading: str, column: StudentColumn) -> bool:
    words = [fold(word) for word in words_of(heading)]
    tried = [word for word in (fold(heading), *words) if len(word) >= SHORTEST_WORD]
    return any(get_close_matches(word, column.headings, 1, ALIKE) for word in tried)


def _are_years(numbers: list[float]) -> bool:
    return bool(numbers) and all(number.is_integer() and 0 <= number <= HIGHEST_YEAR for number in map(float, numbers))


def _unreadable(column: StudentColumn, cells: list[str], options: Options) -> str:
    _, problems = column.read_all(cells, options.notation)
    return cells[min(problems)]


def _ignore(sheet: Sheet, place: int) -> Answer:
    return Answer("ignore", later("Ignore %(heading)s", heading=named(sheet, place)), {place: None})
