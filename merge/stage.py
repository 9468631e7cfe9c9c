"""Put a sheet's rows into the database, each cell read and checked; no student changes by that."""

import gc
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from operator import lt
from pathlib import Path
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from merge import confined
from merge.amounts import converted
from merge.cells import Notation
from merge.columns import BY_NAME, KEY, NAME, VALUES, StudentColumn, places
from merge.fold import fold_name, name_key
from merge.formulas import unescape
from merge.limits import cpu_seconds_for
from merge.matching import is_by_name
from merge.options import Options
from merge.problems import Problem, dump_problems
from merge.sheet import Row, Sheet
from models import staged_rows

# Keeps a row's cells apart in `staged_rows.cells`.
SEPARATOR = "\x1f"
ID_PLACE = list(staged_rows.columns).index(staged_rows.c.student_id)
STAGED = ", ".join(column.name for column in staged_rows.columns)
# In characters; and in rows, since a statement has at most 32,766 values (sqlite.org/limits.html).
COPIED_AT_ONCE = 1 << 20
INSERTED_AT_ONCE = 32_766 // len(staged_rows.columns)
LINES_OF_EXCEL = 16
COPY_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})

Advance = Callable[[int, float], None]
"""Told, within each block's transaction, how many rows and what share of the file are staged so far."""
Problems = dict[int, dict[str, Problem]]
"""By the row's place in its block and the column's name ("" for the row itself)."""


def stage(session: Session, import_id: int, sheet: Sheet, advance: Advance, options: Options) -> bool:
    """Stage the sheet, a transaction a block. Raises SheetRefused.

    Tell whether each id was larger than all before it, as in an export: then none can stand twice.
    """
    discard_staged(session, import_id)
    session.commit()
    staged, highest, ascending = 0, 0, True
    with _undisturbed():
        # One block is read while the one before it is written: that is done in a process of its own.
        for columns, share in _read_confined(import_id, sheet, options):
            ids = [student_id for student_id in columns[ID_PLACE] if student_id is not None]
            ascending = ascending and all(map(lt, [highest, *ids], ids))
            highest = ids[-1] if ids else highest
            write_staged(session, columns)
            staged += len(columns[1])
            advance(staged, share)
            session.commit()
    return ascending


def _read_confined(import_id: int, sheet: Sheet, options: Options) -> Iterator[tuple[list[Sequence[Any]], float]]:
    """Have the sheet read and checked in a process of its own; give its blocks, and name its totals as left out."""
    seconds = cpu_seconds_for(Path(sheet.path).stat().st_size)
    for columns, share, ended in confined.stream(_read, import_id, sheet.to_json(), options.to_json(), cpu_seconds=seconds):
        if columns is not None:
            yield columns, share
        if ended:
            sheet.left_out[:], sheet.beside[:] = ended


def _read(
    import_id: int, kept: dict[str, Any], chosen: dict[str, Any]
) -> Iterator[tuple[list[Sequence[Any]] | None, float, tuple[list[list[Any]], list[int]] | None]]:
    """Do it, in the process of its own: blocks and their shares of the file, and at the end which rows are not students'."""
    sheet, options = Sheet.from_json(kept), Options.from_json(chosen)
    for block, share in sheet.blocks(options.decimal):
        yield _read_columns(block, import_id, sheet, options), share, None
    yield None, 1.0, (sheet.left_out, sheet.beside)


def discard_staged(session: Session, import_id: int) -> None:
    session.execute(delete(staged_rows).where(staged_rows.c.import_id == import_id))


def read_block(block: list[Row], import_id: int, sheet: Sheet, options: Options) -> Iterator[tuple[Any, ...]]:
    """Read and check a block, and give its rows in the order of `staged_rows`' columns."""
    return zip(*_read_columns(block, import_id, sheet, options), strict=True)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the cyclic garbage collector away: blocks make many objects and no cycles, and to search them doubles the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _read_columns(block: list[Row], import_id: int, sheet: Sheet, options: Options) -> list[Sequence[Any]]:
    problems: Problems = {}
    rows = [row for _, row in block]
    texts = list(zip(*_fitted(block, sheet, options, problems), strict=True))
    values = {
        name: _read_column(BY_NAME[name], _meant(BY_NAME[name], texts, at, options), options.notation, problems)
        for name, at in places(sheet.columns).items()
    }
    blank = [None] * len(block)
    return [
        [import_id] * len(block),
        [line for line, _ in block],
        _joined(rows),
        [dump_problems(problems[place]) if place in problems else None for place in range(len(block))] if problems else blank,
        *(values.get(column.name, blank) for column in (KEY, *VALUES)),
        [*map(_name_key, values[NAME.name])] if is_by_name(options.match) and NAME.name in values else blank,
    ]


def _name_key(name: str | None) -> str | None:
    return name and name_key(fold_name(name))


def _fitted(block: list[Row], sheet: Sheet, options: Options, problems: Problems) -> list[list[str]]:
    """Make all rows as wide as the heading, so that they can be read a column at a time."""
    width, rows = len(sheet.headings), [row for _, row in block]
    if set(map(len, rows)) == {width}:
        return rows
    cut = _cut_by_excel(block, _group(sheet.first_line - 1))
    needed = _needed(sheet, options)
    for place, (line, row) in enumerate(block):
        if len(row) < (needed if cut.get(_group(line)) else width):
            problems.setdefault(place, {})[""] = Problem("few", found=len(row), expected=width)
        elif any(map(str.strip, row[width:])):
            problems.setdefault(place, {})[""] = Problem("many", found=len(row), expected=width)
    return [(row + [""] * width)[:width] for row in rows]


def _cut_by_excel(block: list[Row], headings: int) -> dict[int, bool]:
    """Tell for each 16 lines whether their rows are all of one width: Excel writes no blank cells at the end of such rows.

    Beside the headings it writes them all, and a single row may as well have lost a delimiter (support.microsoft.com,
    "Column delimiters missing in an Excel spreadsheet").
    """
    widths: dict[int, list[int]] = {}
    for line, row in block:
        widths.setdefault(_group(line), []).append(len(row))
    return {group: group > headings and len(found) > 1 and len(set(found)) == 1 for group, found in widths.items()}


def _group(line: int) -> int:
    return (line - 1) // LINES_OF_EXCEL


def _needed(sheet: Sheet, options: Options) -> int:
    """Give the number of cells that every row has to have: a blank one that clears a value, or says who is meant, is written."""
    at = places(sheet.columns)
    needed = at if options.blank_clears else {KEY.name, NAME.name} & at.keys()
    return max((place + 1 for name in needed for place in at[name]), default=0)


def _meant(column: StudentColumn, texts: Sequence[Sequence[str]], at: Sequence[int], options: Options) -> Sequence[str]:
    """Give a student's column as the options have the sheet's cells meant: joined, turned round, or converted."""
    joined = _joined_parts([_unescaped(column, texts[place]) for place in at])
    if column is NAME and options.turned and len(at) == 1:
        return [*map(_turned, joined)]
    if column.name in options.factors or column.name in options.maxima:
        maxima = texts[options.maxima[column.name]] if column.name in options.maxima else None
        return converted(column, joined, options.notation, options.factors.get(column.name, 1.0), maxima)
    return joined


def _turned(name: str) -> str:
    """Read "Lovelace, Ada" as Ada Lovelace; a name with more commas stays as it is."""
    last, comma, first = name.partition(",")
    return f"{first.strip()} {last.strip()}" if comma and first.strip() and last.strip() and "," not in first else name


def _unescaped(column: StudentColumn, texts: Sequence[str]) -> Sequence[str]:
    """Take off the apostrophes that keep a spreadsheet from running a text as a formula: our own sheets have them."""
    if column.kind is not str or "'" not in "".join(texts):
        return texts
    return [unescape(text) if "'" in text else text for text in texts]


def _joined_parts(parts: list[Sequence[str]]) -> Sequence[str]:
    """Join what stands in two columns and makes one, such as first and last name; most stands in one."""
    return parts[0] if len(parts) == 1 else [*map(" ".join, zip(*parts, strict=True))]


def _read_column(column: StudentColumn, texts: Sequence[str], notation: Notation, problems: Problems) -> Sequence[Any]:
    values, wrong = column.read_all(texts, notation)
    for place, problem in wrong.items():
        problems.setdefault(place, {})[column.name] = problem
    return values


def _joined(rows: list[list[str]]) -> list[str]:
    joined = [SEPARATOR.join(row) for row in rows]
    if "".join(joined).count(SEPARATOR) == sum(map(len, rows)) - len(rows):
        return joined
    return [SEPARATOR.join(cell.replace(SEPARATOR, "\ufffd") for cell in row) for row in rows]


def write_staged(session: Session, columns: list[Sequence[Any]]) -> None:
    """Insert rows, given as columns, the fastest way that each database has.

    Either takes many rows at a time: at each step into the database this thread lets others run, and where a whole
    staff is at work, it waits milliseconds until it runs again.
    """
    connection = session.connection()
    cursor = connection.connection.cursor()
    if connection.dialect.name == "postgresql":
        cursor.copy_expert(f"COPY staged_rows ({STAGED}) FROM STDIN", io.StringIO(_copy_text(columns)), COPIED_AT_ONCE)
    else:
        for start in range(0, len(columns[0]), INSERTED_AT_ONCE):
            _insert(cursor, list(zip(*(column[start : start + INSERTED_AT_ONCE] for column in columns), strict=True)))
    cursor.close()


def _insert(cursor: Any, rows: list[tuple[Any, ...]]) -> None:
    row = f"({', '.join('?' * len(rows[0]))})"
    cursor.execute(f"INSERT INTO staged_rows ({STAGED}) VALUES {', '.join([row] * len(rows))}", list(chain.from_iterable(rows)))


def _copy_text(columns: list[Sequence[Any]]) -> str:
    """Write rows as COPY reads them (postgresql.org/docs/current/sql-copy.html, "Text Format")."""
    return "\n".join(map("\t".join, zip(*map(_copy_cells, columns), strict=True))) + "\n"


def _copy_cells(values: Sequence[Any]) -> Sequence[str]:
    if None in values:
        return [r"\N" if value is None else str(value).translate(COPY_ESCAPES) for value in values]
    if not isinstance(values[0], str):
        return list(map(str, values))
    joined = "".join(values)
    if any(character in joined for character in "\\\t\n\r"):
        return [value.translate(COPY_ESCAPES) for value in values]
    return values
