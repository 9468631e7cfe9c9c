"""Convert the numbers of a sheet that counts otherwise: fractions, or marks out of another maximum than the column's own."""

from collections.abc import Callable, Sequence

from merge.cells import Notation, read_number
from merge.columns import StudentColumn
from merge.problems import Problem

# What is left of a number's noise once it has been multiplied.
DIGITS = 12
DECIMALS_OF_A_SHARE = 2


def converted(
    column: StudentColumn, texts: Sequence[str], notation: Notation, factor: float, maxima: Sequence[str] | None
) -> list[str]:
    """Give the cells multiplied by the factor, or as shares of the column's maximum; what is no number stays as it is."""
    if maxima is None:
        return [_changed(text, notation, lambda value: float(f"{value * factor:.{DIGITS}g}")) for text in texts]
    return [_share(text, most, notation, column.maximum or 0) for text, most in zip(texts, maxima, strict=True)]


def _share(text: str, most: str, notation: Notation, maximum: int) -> str:
    try:
        of = read_number(most, notation)
    except Problem:
        of = 0.0
    # Beside a maximum that can't be read there is nothing to divide by: the cell is then no number either.
    return (
        _changed(text, notation, lambda value: round(value / of * maximum, DECIMALS_OF_A_SHARE)) if of > 0 else f"{text}/{most}"
    )


def _changed(text: str, notation: Notation, change: Callable[[float], float]) -> str:
    try:
        return f"{change(read_number(text, notation))!r}".replace(".", notation.decimal)
    except Problem:
        return text
