"""Merge two edits of one record, field by field, by what both of them started from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from merge.columns import VALUES


@dataclass(frozen=True)
class Merged:
    """What two edits come to: the values, and the fields by whose they are. A field that clashes has mine for the time being."""

    values: dict[str, Any]
    mine: list[str]
    theirs: list[str]
    clashing: list[str]


def merge_fields(base: Mapping[str, Any] | None, theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> Merged:
    """Give each field the value of the side that changed it. Without a base, whatever differs clashes."""
    merged = Merged({}, [], [], [])
    for name in (column.name for column in VALUES):
        ours, others = mine[name], theirs[name]
        merged.values[name] = ours
        if ours == others:
            continue
        if base is not None and base[name] == ours:
            merged.values[name] = others
            merged.theirs.append(name)
        elif base is not None and base[name] == others:
            merged.mine.append(name)
        else:
            merged.clashing.append(name)
    return merged
