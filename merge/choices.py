"""What was chosen for a sheet's columns and options, kept for the next sheet with the same headings."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any
from zlib import crc32

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from merge.column_samples import Samples
from merge.columns import BY_NAME, COLUMNS, KEY, NAME, clashes, places
from merge.decisions import WrongState
from merge.fold import fold_name
from merge.guesses import guess_reading
from merge.heading_questions import ask_before_reading
from merge.headings import fold
from merge.matching import MATCHES
from merge.options import Options, UploadOptions
from merge.problems import SheetRefused
from merge.questions import ASKED_EACH_TIME, ASKED_OF_NAMES, Question, places_of, without
from merge.sheet import Sheet, first_rows
from models import HeadingChoice, Import, now
from words import later

# While a worker reads the sheet it is too early to read it otherwise, and once it is applied, too late.
RE_READABLE = ("uploaded", "ready", "failed")
CELLS_SHOWN = 3
INSERTS: dict[str, Callable[..., Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}
NAMES_KEPT = 200
# So many of the IDs that were seen may have another name by now; more are other people.
OTHER_NAMES = 0.2


def may_choose(import_: Import) -> bool:
    """Tell whether the import's columns may be chosen now, and the sheet be read again."""
    return (
        import_.kind == "sheet" and import_.state in RE_READABLE and bool(import_.path) and Path(import_.sheet["path"]).exists()
    )


def first_cells(sheet: Sheet) -> list[list[str]]:
    """Give each heading's first three cells, from the rows that are students."""
    shown = first_rows(sheet, CELLS_SHOWN)
    return [[row[place] for row in shown if place < len(row)] for place in range(len(sheet.headings))]


@dataclass(frozen=True)
class ReadingPlan:
    """How a sheet is to be read, and what its file says to that: so nobody has to look into it while others wait to write."""

    sheet: Sheet
    options: Options
    questions: list[Question]
    """What its headings and first rows leave open."""
    names: dict[str, str]
    """Checksums of the first names, by the IDs beside them."""


def plan_reading(sheet: Sheet, options: Options) -> ReadingPlan:
    """Look into the file for what is asked and kept of a sheet that is to be read like this.

    Raises WrongState where the file is gone, since the import was cancelled meanwhile.
    """
    try:
        return ReadingPlan(sheet, options, ask_before_reading(sheet, options), _names_by_id(sheet))
    except FileNotFoundError:
        raise WrongState from None


def remember(session: Session, plan: ReadingPlan, actor: str) -> None:
    """Keep the choice in place of an earlier one. Does not commit. Sheets without headings are not known again."""
    sheet, options = plan.sheet, plan.options
    if not any(sheet.headings):
        return
    chosen = {"columns": list(sheet.columns), "options": options.to_json(), "chosen_by": actor, "chosen_at": now()}
    chosen["seen"] = plan.names or None
    insert = INSERTS[session.get_bind().dialect.name](HeadingChoice).values(key=headings_key(sheet.headings), **chosen)
    # Two people may choose for the same headings at once: the later choice counts, and neither fails.
    session.execute(insert.on_conflict_do_update(index_elements=[HeadingChoice.key], set_=chosen))


def recall(session: Session, sheet: Sheet) -> tuple[Sheet, Options]:
    """Give the sheet and options as they were chosen for its headings, or else as they are guessed.

    An answer about who the rows are holds no longer where other names are beside the same IDs.
    """
    kept = chosen_before(session, sheet.headings)
    if kept is None or not _fits(kept.columns, sheet):
        return guess_reading(session, sheet)
    sheet, options = replace(sheet, columns=kept.columns), Options.from_json(kept.options)
    void = (*ASKED_EACH_TIME, *ASKED_OF_NAMES) if _are_others(kept.seen, _names_by_id(sheet)) else ASKED_EACH_TIME
    return sheet, _as_it_fits(sheet, replace(options, answers=without(options.answers, void)))


def as_asked(sheet: Sheet, options: Options, asked: UploadOptions) -> tuple[Sheet, Options]:
    """Read a sheet as its upload asks for; an ID by which rows are not to be matched is ignored. Raises SheetRefused."""
    match, options = asked.match, replace(options, only=asked.only, blank_clears=asked.blank_clears)
    if match is None or match == options.match:
        return sheet, options
    if not MATCHES[match].names <= places(sheet.columns).keys():
        sentence = later(
            "This sheet has no column to match rows by: %(match)s.",
            match=MATCHES[match].label,
        )
        raise SheetRefused(sentence)
    columns = [None if column == KEY.name != match else column for column in sheet.columns]
    return replace(sheet, columns=columns), replace(options, match=match)


def chosen_before(session: Session, headings: Sequence[str]) -> HeadingChoice | None:
    """Give what was chosen for these headings last, with who chose it and when."""
    if not any(headings):
        return None
    return session.get(HeadingChoice, headings_key(headings), populate_existing=True)


def headings_key(headings: Sequence[str]) -> str:
    """Know sheets with the same headings, however they write them."""
    return hashlib.sha256("\n".join(map(fold, headings)).encode()).hexdigest()


def carried(options: Options, before: Sequence[str | None], after: Sequence[str | None]) -> Options:
    """Keep answers and conversions where columns were chosen otherwise, but for those about a column that was changed."""
    changed = {place for place, (one, other) in enumerate(zip(before, after, strict=True)) if one != other}
    answers = {key: answer for key, answer in options.answers.items() if not changed & places_of([key])}
    read = {name: at[0] for name, at in places(after).items()}
    factors = {name: factor for name, factor in options.factors.items() if name in read and read[name] not in changed}
    maxima = {name: place for name, place in options.maxima.items() if name in read and not {read[name], place} & changed}
    return replace(options, answers=answers, factors=factors, maxima=maxima)


def _fits(columns: Sequence[str | None], sheet: Sheet) -> bool:
    """Tell whether the choice still means something: the model's columns may have changed since."""
    known = {choice for column in COLUMNS for choice in column.choices}
    return len(columns) == len(sheet.headings) and known.issuperset(filter(None, columns)) and not clashes(columns)


def _as_it_fits(sheet: Sheet, options: Options) -> Options:
    """Forget a conversion that would carry this sheet's values out of bounds: it counts otherwise than the one before."""
    samples, chosen = Samples.of(sheet), places(sheet.columns)
    unfit = [
        name
        for name, factor in options.factors.items()
        if name not in chosen or _exceeds(samples.read(BY_NAME[name], chosen[name][0], options.notation), factor, name)
    ]
    if not unfit:
        return options
    factors = {name: factor for name, factor in options.factors.items() if name not in unfit}
    return replace(options, factors=factors, answers=without(options.answers, ("scale",)))


def _exceeds(numbers: Sequence[float], factor: float, name: str) -> bool:
    maximum = BY_NAME[name].maximum
    return maximum is not None and any(number * factor > maximum for number in numbers)


def _names_by_id(sheet: Sheet) -> dict[str, str]:
    """Give checksums of the names that stand beside the first IDs, also where they are in a column that is ignored."""
    chosen = places(sheet.columns)
    if KEY.name not in chosen:
        return {}
    samples = Samples.of(sheet)
    at = chosen.get(NAME.name) or [place for place in range(len(sheet.headings)) if samples.looks_like_names(place)][:1]
    named = zip(samples.cells(chosen[KEY.name][0]), *map(samples.cells, at), strict=True) if at else ()
    return {
        row_id: f"{crc32(fold_name(' '.join(names)).encode()):08x}"
        for row_id, *names in islice(named, NAMES_KEPT)
        if row_id and any(names)
    }


def _are_others(before: Mapping[str, str] | None, after: Mapping[str, str]) -> bool:
    """Tell whether other names are beside the IDs by now; also where it is no longer known which they were."""
    both = (before or {}).keys() & after.keys()
    return before is None or sum(before[row_id] != after[row_id] for row_id in both) > OTHER_NAMES * len(both)
