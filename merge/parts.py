"""Read many rows a part at a time, in flat memory."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Row, Select
from sqlalchemy.orm import Session

ROWS = 5_000


def in_parts(session: Session, rows: Select[Any]) -> Iterator[Sequence[Row[Any]]]:
    yield from session.execute(rows, execution_options={"yield_per": ROWS}).partitions()
