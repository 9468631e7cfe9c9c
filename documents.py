"""What is kept as JSON, in the database or in a file: each document says its version, and is read from any earlier one.

A release that changes what a kind of document holds adds a step, which makes the new version of the one before. A field that
only comes with a default, or goes, needs none: what a document lacks is as its class says, and what nobody knows any more is
left out. Documents from before versions were written have version 0.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from sqlalchemy import JSON, Dialect, TypeDecorator

VERSION, CONTENT = "_version", "_content"

Made = TypeVar("Made")


def same(content: Any) -> Any:
    """Make version 1 of what had no version: only the version is new."""
    return content


@dataclass(frozen=True)
class Kind:
    """A kind of document, with the steps from each version to the next."""

    name: str
    steps: tuple[Callable[[Any], Any], ...] = (same,)

    @property
    def version(self) -> int:
        return len(self.steps)

    def write(self, content: Any) -> dict[str, Any]:
        return {VERSION: self.version, CONTENT: content}

    def read(self, kept: Any) -> Any:
        """Give the content as this release has it; what a later one wrote, as it is."""
        has_version = isinstance(kept, dict) and kept.keys() == {VERSION, CONTENT}
        version, content = (kept[VERSION], kept[CONTENT]) if has_version else (0, kept)
        for step in self.steps[version:]:
            content = step(content)
        return content


class Document(TypeDecorator[Any]):
    """A column of one kind of document. None is NULL."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, _dialect: Dialect) -> Any:
        return None if value is None else self.kind.write(value)

    def process_result_value(self, value: Any, _dialect: Dialect) -> Any:
        return None if value is None else self.kind.read(value)


def known(made: type[Made], content: Mapping[str, Any]) -> Made:
    """Make a dataclass of those fields that it has today."""
    names = {field.name for field in fields(made)}  # type: ignore[arg-type]
    return made(**{name: value for name, value in content.items() if name in names})


def _with_all_fields(sheet: dict[str, Any]) -> dict[str, Any]:
    """Fill in what the first releases did not know of a sheet."""
    return {"first_line": 2, "left_out": [], "tabs": [], "tab": None, "mended": {}, **sheet}


def _with_ways_of_reading(sheet: dict[str, Any]) -> dict[str, Any]:
    """Fill in what version 1 did not know of how a file was read."""
    return {"header": "", "wrapped": False, "beside": [], **sheet}


def _by_days_of_utc(figures: dict[str, Any]) -> dict[str, Any]:
    """Say in which time zone the first releases counted the changes of each day."""
    return {"zone": "UTC", **figures}


SHEET = Kind("sheet", (_with_all_fields, _with_ways_of_reading))
OPTIONS = Kind("options")
QUESTIONS = Kind("questions")
FINDINGS = Kind("findings")
LIMITS = Kind("limits")
COLUMNS = Kind("columns")
SEEN = Kind("seen")
SELECTION = Kind("selection")
FIGURES = Kind("figures", (same, _by_days_of_utc))
RECOVERY_CODES = Kind("recovery codes")
TRANSPORTS = Kind("transports")
SCOPES = Kind("scopes")
HEADERS = Kind("headers")
DETAILS = Kind("details")
KEPT_INPUT = Kind("kept input")
UNWRITTEN = Kind("unwritten entry")
KINDS = {
    kind.name: kind
    for kind in (
        *(SHEET, OPTIONS, QUESTIONS, FINDINGS, LIMITS, COLUMNS, SEEN, SELECTION),
        *(FIGURES, RECOVERY_CODES, TRANSPORTS, SCOPES, HEADERS, DETAILS, KEPT_INPUT, UNWRITTEN),
    )
}
