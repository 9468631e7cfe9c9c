"""Ask what only the comparison of a sheet with the students shows: IDs that are other people's, values that are far off."""

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Join, and_, func, select
from sqlalchemy.orm import Session

from merge.column_samples import MOSTLY, Samples
from merge.columns import KEY, NAME, VALUES, StudentColumn, places
from merge.compare import Counts
from merge.fold import fold_name
from merge.headings import fold
from merge.options import Options
from merge.questions import Answer, Question, by_name, is_column, named, places_of, unanswered
from merge.scale_questions import ask_factor, nearest_scale
from merge.sheet import Sheet
from models import planned_rows, staged_rows, students
from words import later

# So many rows are judged one by one; the others are taken to be like them.
JUDGED = 1_000
# Of the rows under a heading that often counts rows, and under one that hardly ever does, so many may be other people.
DOUBTFUL_SHARE, SHARE = 0.1, 0.5
FEW = 3
MOST_OFFERED = 5
# A sheet whose values are so many times smaller than what is stored counts in something else.
TIMES_SMALLER = 4


def ask_after_comparing(
    session: Session, import_id: int, sheet: Sheet, options: Options, counts: Counts, already: Sequence[Question]
) -> list[Question]:
    """Give the questions that nobody has answered about the staged and planned rows, beside those that are asked already."""
    samples, chosen = Samples.of(sheet), places(sheet.columns)
    asked: list[Question] = []
    if options.match == KEY.name and KEY.name in chosen:
        (place,) = chosen[KEY.name]
        doubtful, counting = fold(sheet.headings[place]) in KEY.doubtful, _counts_rows(session, import_id)
        if NAME.name in chosen:
            few, share = 1 if doubtful else FEW, DOUBTFUL_SHARE if doubtful or counting else SHARE
            asked += _other_names(session, import_id, sheet, place, counts, few=few, share=share)
        else:
            asked += _without_names(sheet, samples, place, doubtful=doubtful or counting)
    elif counts.inserts:
        asked += _ignored_ids(sheet, samples)
    about = {place for question in already for place in question.places} | places_of(options.answers, "maximum")
    for column in VALUES:
        if column.bounded and column.name in chosen and column.name not in {*options.factors, *options.maxima}:
            (place,) = chosen[column.name]
            asked += _far_off(session, import_id, column, place, sheet, counts) if place not in about else ()
    return unanswered(asked, options)


def _counts_rows(session: Session, import_id: int) -> bool:
    """Tell whether the IDs are exactly 1, 2, 3 and so on, in any order."""
    ids = staged_rows.c.student_id
    figures = select(func.count(ids), func.min(ids), func.max(ids)).where(staged_rows.c.import_id == import_id)
    number, lowest, highest = session.execute(figures).one()
    return bool(number > 1 and lowest == 1 and highest <= number)


def _other_names(
    session: Session, import_id: int, sheet: Sheet, place: int, counts: Counts, *, few: int, share: float
) -> Iterator[Question]:
    """Ask where IDs point to students with other names, or to nobody while the names are stored under other IDs."""
    differing, elsewhere = _differing(session, import_id), _elsewhere(session, import_id, counts.inserts)
    suspicious, compared = differing + elsewhere, counts.updates + counts.reviews + counts.unchanged + elsewhere
    # Where all are stored under other IDs, two are enough: hardly anybody is new under the name of somebody else.
    if suspicious < (2 if elsewhere > 1 else few) or suspicious < share * compared:
        return
    sentence = later(
        "These IDs point to students with other names: %(differing)s of %(compared)s rows. "
        "Is %(heading)s the %(key)s, or does it only number the rows of this sheet?",
        differing=suspicious,
        compared=compared,
        heading=named(sheet, place),
        key=later(KEY.heading),
    )
    keep = Answer("keep", is_column(sheet, place, KEY).label)
    yield Question("other-names", (place,), sentence, (by_name(place), keep))


def _without_names(sheet: Sheet, samples: Samples, place: int, *, doubtful: bool) -> Iterator[Question]:
    """Ask where nothing but a number says which student a row is."""
    ignored = [other for other, meant in enumerate(sheet.columns) if meant is None and samples.looks_like_names(other)]
    if not doubtful and not ignored:
        return
    sentence = later(
        "Only the number in %(heading)s says which student a row is about, and no column is read as the %(name)s. "
        "Is it the %(key)s?",
        heading=named(sheet, place),
        name=later(NAME.heading),
        key=later(KEY.heading),
    )
    offered = [other for other in ignored if not samples.looks_like_accounts(other)]
    names = [Answer(str(other), is_column(sheet, other, NAME).label, {other: NAME.name}) for other in offered[:MOST_OFFERED]]
    keep = Answer("keep", is_column(sheet, place, KEY).label)
    yield Question("unnamed-key" if doubtful else "unnamed", (place,), sentence, (*names, keep))


def _ignored_ids(sheet: Sheet, samples: Samples) -> Iterator[Question]:
    """Ask before students are numbered anew beside a column that numbers them already."""
    found = [place for place, meant in enumerate(sheet.columns) if meant is None and samples.looks_like_ids(place)]
    for place in found[:MOST_OFFERED]:
        sentence = later(
            "%(heading)s looks like IDs, but is ignored, and new students would get new IDs. Is it the %(key)s?",
            heading=named(sheet, place),
            key=later(KEY.heading),
        )
        new = Answer("new", later("No, give new students new IDs"))
        yield Question("ignored-ids", (place,), sentence, (is_column(sheet, place, KEY, match=KEY.name), new))


def _far_off(
    session: Session, import_id: int, column: StudentColumn, place: int, sheet: Sheet, counts: Counts
) -> Iterator[Question]:
    """Ask where nearly all values are a fraction of those that are stored, as marks out of ten are under a score out of 100."""
    new, old = planned_rows.c[column.name], students.c[column.name]
    both = and_(_planned(import_id), new.is_not(None), old.is_not(None))
    figures = select(func.count(), func.avg(new), func.avg(old), func.max(new)).select_from(_with_students()).where(both)
    number, average, stored, highest = session.execute(figures).one()
    if (
        number < max(2, MOSTLY * (counts.updates + counts.reviews + counts.unchanged))
        or column.maximum is None
        or column.minimum != 0
        or highest <= 0
    ):
        return
    most = nearest_scale(float(highest))
    if most is None or most > column.maximum / TIMES_SMALLER or float(stored) < TIMES_SMALLER * float(average):
        return
    reason = later("No value of %(heading)s is above %(most)s, far below what is stored.", heading=named(sheet, place), most=most)
    yield ask_factor("scale", column, place, most, reason)


def _differing(session: Session, import_id: int) -> int:
    """Count the rows whose student has another name; of many, from a share that is judged."""
    differ = and_(_planned(import_id), planned_rows.c.name != students.c.name)
    number = session.scalar(select(func.count()).select_from(_with_students()).where(differ)) or 0
    pairs = session.execute(
        select(planned_rows.c.name, students.c.name).select_from(_with_students()).where(differ).limit(JUDGED)
    ).all()
    others = sum(_parts(new) != _parts(old) for new, old in pairs)
    return round(number * others / len(pairs)) if pairs else 0


def _elsewhere(session: Session, import_id: int, inserts: int) -> int:
    """Count the new rows whose name is stored under another ID; of many, from the first."""
    new = planned_rows.c.import_id == import_id, planned_rows.c.verdict == "insert"
    names = list(session.scalars(select(planned_rows.c.name).where(*new).order_by(planned_rows.c.line).limit(JUDGED)))
    if not names:
        return 0
    known = set(session.scalars(select(students.c.name).where(students.c.name.in_(names))))
    return round(inserts * sum(name in known for name in names) / len(names))


def _parts(name: str) -> list[str]:
    """Compare names whatever the order of their parts."""
    return sorted("".join(sign if sign.isalnum() else " " for sign in fold_name(name)).split())


def _with_students() -> Join:
    return planned_rows.join(students, students.c.id == planned_rows.c.student_id)


def _planned(import_id: int) -> ColumnElement[bool]:
    return and_(planned_rows.c.import_id == import_id, planned_rows.c.verdict != "insert")
