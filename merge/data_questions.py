"""Ask what only the comparison of a sheet with the students shows: IDs that are other people's, values that are far off."""

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Join, RowMapping, and_, case, func, or_, select
from sqlalchemy.orm import Session

from merge.column_samples import MOSTLY, Samples
from merge.columns import KEY, NAME, VALUES, StudentColumn, places
from merge.compare import Counts
from merge.fold import fold_name, name_key
from merge.headings import fold
from merge.identity import same_person
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
# What is known of a column's values in rows that change a student: how many, their averages, and the highest.
FIGURES = ("number", "average", "stored", "highest")


def ask_after_comparing(
    session: Session,
    import_id: int,
    sheet: Sheet,
    samples: Samples,
    options: Options,
    counts: Counts,
    already: Sequence[Question],
) -> list[Question]:
    """Give the questions that nobody has answered about the staged and planned rows, beside those that are asked already."""
    chosen = places(sheet.columns)
    asked: list[Question] = []
    bounded = [column for column in VALUES if column.bounded and column.name in chosen]
    figures = _figures(session, import_id, bounded)
    if options.match == KEY.name and KEY.name in chosen:
        (place,) = chosen[KEY.name]
        doubtful = fold(sheet.headings[place]) in KEY.doubtful
        if NAME.name not in chosen:
            asked += _without_names(sheet, samples, place, doubtful=doubtful or _counts_rows(session, import_id))
        else:
            differing = _differing(session, import_id, figures["differing"])
            asked += _other_names(session, import_id, sheet, place, counts, differing, doubtful=doubtful)
    elif counts.inserts:
        asked += _ignored_ids(sheet, samples)
    about = {place for question in already for place in question.places} | places_of(options.answers, "maximum")
    found = counts.updates + counts.reviews + counts.unchanged
    for column in bounded:
        (place,) = chosen[column.name]
        if column.name not in {*options.factors, *options.maxima} and place not in about:
            asked += _far_off(column, place, sheet, found, figures)
    return unanswered(asked, options)


def _counts_rows(session: Session, import_id: int) -> bool:
    """Tell whether the IDs are exactly 1, 2, 3 and so on, in any order."""
    ids = staged_rows.c.student_id
    figures = select(func.count(ids), func.min(ids), func.max(ids)).where(staged_rows.c.import_id == import_id)
    number, lowest, highest = session.execute(figures).one()
    return bool(number > 1 and lowest == 1 and highest <= number)


def _other_names(
    session: Session, import_id: int, sheet: Sheet, place: int, counts: Counts, differing: int, *, doubtful: bool
) -> Iterator[Question]:
    """Ask where IDs point to students with other names, or to nobody while the names are stored under other IDs."""
    elsewhere = _elsewhere(session, import_id)
    suspicious = differing + elsewhere
    compared = counts.updates + counts.unchanged + _in_review(session, import_id) + elsewhere
    if not suspicious:
        return
    # Where names are stored under other IDs, two are enough: hardly anybody is new under the name of somebody else.
    few = 1 if doubtful else 2 if elsewhere > 1 else FEW
    share = DOUBTFUL_SHARE if doubtful or _counts_rows(session, import_id) else SHARE
    if suspicious < few or suspicious < share * compared:
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
        "Only %(heading)s identifies the students, and no column is read as the %(name)s. Is it the %(key)s?",
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
            "%(heading)s looks like IDs but is ignored, so new students would get new IDs. Is it the %(key)s?",
            heading=named(sheet, place),
            key=later(KEY.heading),
        )
        new = Answer("new", later("No, give new students new IDs"))
        yield Question("ignored-ids", (place,), sentence, (is_column(sheet, place, KEY, match=KEY.name), new))


def _far_off(column: StudentColumn, place: int, sheet: Sheet, found: int, figures: RowMapping) -> Iterator[Question]:
    """Ask where nearly all values are a fraction of those that are stored, as marks out of ten are under a score out of 100."""
    number, average, stored, highest = (figures[f"{column.name} {name}"] for name in FIGURES)
    if number < max(2, MOSTLY * found) or column.maximum is None or column.minimum != 0 or highest <= 0:
        return
    most = nearest_scale(float(highest))
    if most is None or most > column.maximum / TIMES_SMALLER or float(stored) < TIMES_SMALLER * float(average):
        return
    reason = later("No value of %(heading)s is above %(most)s, far below what is stored.", heading=named(sheet, place), most=most)
    yield ask_factor("scale", column, place, most, reason)


def _figures(session: Session, import_id: int, columns: Sequence[StudentColumn]) -> RowMapping:
    """Compare the planned rows with their students in one pass: names that differ, and each column's values in sum."""
    figures = [func.coalesce(func.sum(case((_is_renamed(), 1), else_=0)), 0).label("differing")]
    for column in columns:
        new, old = planned_rows.c[column.name], students.c[column.name]
        both = and_(new.is_not(None), old.is_not(None))
        values = (
            func.count(case((both, 1))),
            func.avg(case((both, new))),
            func.avg(case((both, old))),
            func.max(case((both, new))),
        )
        figures += [value.label(f"{column.name} {name}") for value, name in zip(values, FIGURES, strict=True)]
    return session.execute(select(*figures).select_from(_with_students()).where(_planned(import_id))).mappings().one()


def _differing(session: Session, import_id: int, number: int) -> int:
    """Give how many of so many renamed rows are about somebody else; of many, from a share that is judged."""
    if not number:
        return 0
    renamed = select(planned_rows.c.name, students.c.name).select_from(_with_students())
    pairs = session.execute(renamed.where(_planned(import_id), _is_renamed()).limit(JUDGED)).all()
    return round(number * sum(not same_person(old, new, by_id=True) for new, old in pairs) / len(pairs))


def _is_renamed() -> ColumnElement[bool]:
    return planned_rows.c.name != students.c.name


def _in_review(session: Session, import_id: int) -> int:
    """Count the rows that need review and are about a student who is there."""
    held = and_(planned_rows.c.import_id == import_id, planned_rows.c.verdict == "review", planned_rows.c.action == "update")
    return session.scalar(select(func.count()).select_from(planned_rows).where(held)) or 0


def _elsewhere(session: Session, import_id: int) -> int:
    """Count the new rows whose name is stored under another ID; of many, from the first."""
    review = and_(planned_rows.c.verdict == "review", planned_rows.c.action == "insert")
    new = and_(planned_rows.c.import_id == import_id, or_(planned_rows.c.verdict == "insert", review))
    number = session.scalar(select(func.count()).select_from(planned_rows).where(new)) or 0
    names = session.scalars(select(planned_rows.c.name).where(new).order_by(planned_rows.c.line).limit(JUDGED))
    keys = [name_key(fold_name(name)) for name in names]
    known = set(session.scalars(select(students.c.name_key).where(students.c.name_key.in_(keys)))) if keys else set()
    return round(number * sum(key in known for key in keys) / len(keys)) if keys else 0


def _with_students() -> Join:
    return planned_rows.join(students, students.c.id == planned_rows.c.student_id)


def _planned(import_id: int) -> ColumnElement[bool]:
    return and_(planned_rows.c.import_id == import_id, planned_rows.c.verdict != "insert")
