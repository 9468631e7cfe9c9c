"""Plots of the school's figures: where each mark of a drawing stands, and the list that it counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor, log10
from typing import Any

from flask import url_for

from merge.columns import BY_NAME, StudentColumn
from merge.figures import Bar
from words import _, ngettext
from words import day as written_day
from words import number as written

WIDTH, HEIGHT = 480, 220
LEFT, RIGHT, TOP, BOTTOM = 48, 6, 12, 30
FLOOR = HEIGHT - BOTTOM
LINES = 4
GAP = 0.12
# Where the middle half is all of one value, there is still something to see, and a median on it.
THINNEST_BOX = 10.0
SCALES = (1, 2, 5, 10)


@dataclass(frozen=True)
class Mark:
    """One bar or box of a plot: its slot, what is drawn in it from top to bottom, and what it says and leads to."""

    x: float
    width: float
    top: float
    bottom: float
    middle: float | None
    tick: str
    cells: Sequence[str]
    words: str
    href: str

    @property
    def inner(self) -> tuple[float, float]:
        """Give where the drawn part begins, and how wide it is."""
        return round(self.x + self.width * GAP, 1), round(self.width * (1 - 2 * GAP), 1)


@dataclass(frozen=True)
class Plot:
    """A drawing, its words for whoever can't see it, and the table behind it."""

    name: str
    title: str
    description: str
    headings: Sequence[str]
    marks: Sequence[Mark]
    lines: Sequence[tuple[float, str]]
    """Where a horizontal line stands, and what it means."""
    width: int = WIDTH


def histogram(column: StudentColumn, bars: Sequence[Bar]) -> Plot:
    """Draw how many students have which values of a column."""
    return _columns(
        name=column.name,
        title=column.label,
        description=_histogram_words(column, bars),
        headings=(column.label, _("Students")),
        numbers=[bar.number for bar in bars],
        labels=[_between(column, bars, bar) for bar in bars],
        ticks=[column.write(bar.low) for bar in bars],
        hrefs=[list_of(_bounds(column, bars, bar)) for bar in bars],
    )


def days(looked_at: Sequence[date], numbers: Sequence[int]) -> Plot:
    """Draw how many records were changed on each day; a day leads to its changes."""
    total = sum(numbers)
    return _columns(
        name="days",
        title=_("Records changed per day"),
        description=ngettext(
            "In the last days, a record was changed %(num)s time.", "In the last days, records were changed %(num)s times.", total
        ),
        headings=(_("Day"), _("Records changed")),
        numbers=numbers,
        labels=[written_day(one) for one in looked_at],
        ticks=[f"{one.day}" for one in looked_at],
        hrefs=[_changes_of(one.isoformat()) for one in looked_at],
        width=2 * WIDTH,
    )


def quarters(column: StudentColumn, bars: Sequence[Bar]) -> Plot:
    """Draw between which values of a column the middle half of the students lies, for each bar of the one it is held against."""
    by = BY_NAME[column.by]
    filled = [bar.quarters for bar in bars if bar.number]
    lines = _scale(min(quarter[0] for quarter in filled), max(quarter[-1] for quarter in filled))
    marks = [
        _box(column, by, bars, bar, slot, lines) for bar, slot in zip(bars, _slots(len(bars), WIDTH), strict=True) if bar.number
    ]
    return Plot(
        name=f"{column.name}-by-{by.name}",
        title=_("%(what)s by %(by)s", what=column.label, by=by.label),
        description=_("Each box shows the middle half of the students; the line in it is their median."),
        headings=(by.label, _("Students"), _("Lower quarter"), _("Median"), _("Upper quarter")),
        marks=marks,
        lines=[(_height(line, lines), written(line)) for line in lines],
    )


def list_of(filters: dict[str, Any]) -> str:
    """Give the address of a list."""
    return url_for("students.list_", **filters)


def _changes_of(day: str) -> str:
    address: dict[str, Any] = {"from": day, "to": day}
    return url_for("changes.list_", **address)


def _box(
    column: StudentColumn, by: StudentColumn, bars: Sequence[Bar], bar: Bar, slot: tuple[float, float], lines: Sequence[float]
) -> Mark:
    low, middle, high = (column.write(quarter) for quarter in bar.quarters)
    label = _between(by, bars, bar)
    bottom, median, top = (_height(quarter, lines) for quarter in bar.quarters)
    room = max(0.0, THINNEST_BOX - (bottom - top)) / 2
    return Mark(
        *slot,
        top=top - room,
        bottom=bottom + room,
        middle=median,
        tick=by.write(bar.low),
        cells=(label, written(bar.number), low, middle, high),
        words=_(
            "%(by)s %(label)s: median %(middle)s, half from %(low)s to %(high)s",
            by=by.label,
            label=label,
            middle=middle,
            low=low,
            high=high,
        ),
        href=list_of(_bounds(by, bars, bar) | {f"blank_{column.name}": "no", "sort": column.name}),
    )


def _columns(
    *,
    name: str,
    title: str,
    description: str,
    headings: Sequence[str],
    numbers: Sequence[int],
    labels: Sequence[str],
    ticks: Sequence[str],
    hrefs: Sequence[str],
    width: int = WIDTH,
) -> Plot:
    lines = _scale(0, max([*numbers, LINES]))
    marks = [
        Mark(
            *slot,
            top=_height(number, lines),
            bottom=FLOOR,
            middle=None,
            tick=tick,
            cells=(label, written(number)),
            words=f"{label}: {written(number)}",
            href=href,
        )
        for slot, number, label, tick, href in zip(_slots(len(numbers), width), numbers, labels, ticks, hrefs, strict=True)
    ]
    return Plot(name, title, description, headings, marks, [(_height(line, lines), written(line)) for line in lines], width)


def _slots(number: int, width: int) -> list[tuple[float, float]]:
    slot = (width - LEFT - RIGHT) / number
    return [(round(LEFT + slot * place, 1), round(slot, 1)) for place in range(number)]


def _scale(least: float, most: float) -> list[float]:
    """Give round numbers from the least or a little less to the most or a little more, for a few lines across the plot."""
    span = ((most - least) or 1) / LINES
    power = 10.0 ** floor(log10(span))
    step = next(power * scale for scale in SCALES if power * scale >= span)
    first, last = floor(least / step), ceil(most / step)
    return [round(step * line, 9) for line in range(first, max(last, first + 1) + 1)]


def _height(value: float, lines: Sequence[float]) -> float:
    low, high = lines[0], lines[-1]
    return round(FLOOR - (FLOOR - TOP) * (value - low) / (high - low), 1)


def _histogram_words(column: StudentColumn, bars: Sequence[Bar]) -> str:
    most = max(bars, key=lambda bar: bar.number)
    return _(
        "%(all)s students have a value. The largest group, %(most)s, is here: %(label)s.",
        all=written(sum(bar.number for bar in bars)),
        most=written(most.number),
        label=_between(column, bars, most),
    )


def _between(column: StudentColumn, bars: Sequence[Bar], bar: Bar) -> str:
    """Name the values of a bar."""
    if column.kind is int:
        return (
            column.write(bar.low)
            if bar.high - bar.low == 1
            else _("%(low)s to %(high)s", low=column.write(bar.low), high=column.write(bar.high - 1))
        )
    if bar is bars[-1]:
        return _("%(low)s to %(high)s", low=column.write(bar.low), high=column.write(bar.high))
    return _("%(low)s to under %(high)s", low=column.write(bar.low), high=column.write(bar.high))


def _bounds(column: StudentColumn, bars: Sequence[Bar], bar: Bar) -> dict[str, Any]:
    """Ask the list for exactly the students of a bar."""
    low = {f"min_{column.name}": column.write(bar.low)}
    assert column.maximum is not None
    if column.kind is int:
        return low | {f"max_{column.name}": column.write(min(bar.high - 1, column.maximum))}
    return low | {f"{'max' if bar is bars[-1] else 'below'}_{column.name}": column.write(bar.high)}
