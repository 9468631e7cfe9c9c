"""Copy everything from one database to another, of either kind, and prove that nothing is missing.

The target gets all of it in one transaction, which ends only once each table has the same checksum as in the source. The
source is read as it was at one moment, and never written to.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Table, func, insert, select, text
from sqlalchemy.orm import Session

from database import only_reading
from merge import search
from merge.ids import go_on_from, last_assigned
from models import LARGE, Base

ROWS_AT_ONCE = 5_000
# What the migrations put into a new database.
GIVEN = ("roles", "audit_retention")
COPY_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})

Advance = Callable[[int], None]
"""Told how many more rows are copied or checked."""


class NotMoved(RuntimeError):
    """Nothing was moved; the message says why, as a sentence."""


@dataclass(frozen=True)
class Moved:
    """A table that was copied: how many rows, and their checksum on both sides."""

    table: str
    rows: int
    checksum: str


def count_rows(source: Engine) -> int:
    """Count the rows that there are to move."""
    with only_reading(), source.connect() as connection:
        return sum(connection.scalar(select(func.count()).select_from(table)) or 0 for table in Base.metadata.sorted_tables)


def move(source: Engine, target: Engine, advance: Advance) -> list[Moved]:
    """Copy all tables to a target that has been migrated and holds no records, and check each. Raises NotMoved."""
    with _as_of_now(source) as old, target.connect() as new, new.begin():
        _refuse_records(new)
        for name in GIVEN:
            new.execute(Base.metadata.tables[name].delete())
        moved = [_copy(table, old, new, advance) for table in Base.metadata.sorted_tables]
        _set_sequences(old, new)
        search.index_anew(Session(bind=new))
        for done in moved:
            if (found := _summed(Base.metadata.tables[done.table], new, lambda batch: advance(len(batch)))) != done:
                raise NotMoved(f"The table {done.table} is not the same in the target ({found}, not {done}). Nothing was moved.")
    return moved


@contextmanager
def _as_of_now(source: Engine) -> Iterator[Connection]:
    """Read everything as it was at one moment."""
    with only_reading(), source.connect() as connection:
        if source.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def _refuse_records(new: Connection) -> None:
    for table in Base.metadata.sorted_tables:
        if table.name not in GIVEN and new.scalar(select(select(table).exists())):
            raise NotMoved(f"The target holds records already, in the table {table.name}. Move to an empty database.")


def _copy(table: Table, old: Connection, new: Connection, advance: Advance) -> Moved:
    # To build an index takes a tenth of the time that it takes to grow row by row.
    indexes = table.indexes if table.name in LARGE else ()
    for index in indexes:
        index.drop(new)
    write = _write_postgresql if new.dialect.name == "postgresql" else _write_sqlite

    def keep(batch: list[tuple[Any, ...]]) -> None:
        write(table, new, batch)
        advance(len(batch))

    copied = _summed(table, old, keep)
    for index in indexes:
        index.create(new)
    return copied


def _summed(table: Table, connection: Connection, keep: Callable[[list[tuple[Any, ...]]], None]) -> Moved:
    """Read a table to its end, handing each batch of rows on, and give its checksum."""
    total, rows = 0, 0
    found = connection.execute(select(*table.columns).execution_options(yield_per=ROWS_AT_ONCE))
    for part in found.partitions():
        batch = list(map(tuple, part))
        keep(batch)
        total = (total + sum(map(_digest, batch))) % 2**64
        rows += len(batch)
    return Moved(table.name, rows, f"{total:016x}")


def _digest(row: tuple[Any, ...]) -> int:
    """Sum a row up, so that a table's sum is the same in whichever order its rows are read."""
    written = json.dumps(row, sort_keys=True, ensure_ascii=False, default=_plain).encode()
    return int.from_bytes(hashlib.blake2b(written, digest_size=8).digest())


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)


def _write_postgresql(table: Table, new: Connection, batch: list[tuple[Any, ...]]) -> None:
    """Write rows as COPY reads them (postgresql.org/docs/current/sql-copy.html, "Text Format")."""
    cells = [map(_copy_cell, values) for values in _bound(table, new, batch)]
    lines = map("\t".join, zip(*cells, strict=True))
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    cursor = new.connection.cursor()
    cursor.copy_expert(f"COPY {table.name} ({names}) FROM STDIN", _Lines(lines))
    cursor.close()


def _write_sqlite(table: Table, new: Connection, batch: list[tuple[Any, ...]]) -> None:
    new.execute(insert(table), [dict(zip(table.columns.keys(), row, strict=True)) for row in batch])


def _bound(table: Table, new: Connection, batch: list[tuple[Any, ...]]) -> Iterator[list[Any]]:
    """Give the columns' values as the driver takes them."""
    for column, values in zip(table.columns, zip(*batch, strict=True), strict=True):
        bind = column.type.dialect_impl(new.dialect).bind_processor(new.dialect)
        yield [bind(value) for value in values] if bind else list(values)


def _copy_cell(value: Any) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, bytes | memoryview):
        return rf"\\x{bytes(value).hex()}"
    return str(value).translate(COPY_ESCAPES)


class _Lines:
    """Lets COPY read lines as a file."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._text = "".join(f"{line}\n" for line in lines).encode()
        self._at = 0

    def read(self, size: int) -> bytes:
        self._at += size
        return self._text[self._at - size : self._at]


def _set_sequences(old: Connection, new: Connection) -> None:
    """Have the target number what is new as the source would have: no number is given out twice."""
    go_on_from(Session(bind=new), last_assigned(Session(bind=old)))
    for table in Base.metadata.sorted_tables:
        key = table.autoincrement_column
        if key is None or table.name == "students":
            continue
        highest = max(new.scalar(select(func.max(key))) or 0, _last_number(table, key.name, old))
        if highest and new.dialect.name == "postgresql":
            new.execute(text(f"SELECT setval(pg_get_serial_sequence('{table.name}', '{key.name}'), :last)"), {"last": highest})
        elif highest and table.dialect_options["sqlite"]["autoincrement"]:
            new.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table.name})
            new.execute(
                text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"), {"name": table.name, "last": highest}
            )


def _last_number(table: Table, key: str, connection: Connection) -> int:
    """Give the last number that the source has given out; 0 where it keeps none."""
    if connection.dialect.name == "sqlite":
        return connection.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table.name}) or 0
    sequence = connection.scalar(text("SELECT pg_get_serial_sequence(:table, :key)"), {"table": table.name, "key": key})
    return connection.scalar(text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}")) or 0  # noqa: S608  a name of ours
