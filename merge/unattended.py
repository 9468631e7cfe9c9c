"""How much a sheet may do with nobody looking on: beyond that, it waits for a person."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from documents import known
from merge.compare import Counts
from merge.sanity import load_findings
from models import Import
from words import ngettext, number


@dataclass(frozen=True)
class Limits:
    """How many students a sheet may add and change, and how many of its rows may be rejected, to be applied by itself."""

    inserts: int = 50
    updates: int = 50
    rejected: int = 0
    held: bool = False
    """Whether a sheet went beyond them once: from then on a person decides, even if it is compared anew."""

    def exceeded_by(self, counts: Counts | Import) -> list[str]:
        """Say which limits a sheet goes beyond; none where it may be applied."""
        over = []
        if counts.inserts > self.inserts:
            over.append(
                ngettext(
                    "It would add %(num)s student; the limit is %(most)s.",
                    "It would add %(num)s students; the limit is %(most)s.",
                    counts.inserts,
                    most=number(self.inserts),
                )
            )
        if counts.updates > self.updates:
            over.append(
                ngettext(
                    "It would change %(num)s student; the limit is %(most)s.",
                    "It would change %(num)s students; the limit is %(most)s.",
                    counts.updates,
                    most=number(self.updates),
                )
            )
        if counts.rejected > self.rejected:
            over.append(
                ngettext(
                    "It has %(num)s rejected row; the limit is %(most)s.",
                    "It has %(num)s rejected rows; the limit is %(most)s.",
                    counts.rejected,
                    most=number(self.rejected),
                )
            )
        if counts.reviews:
            over.append(ngettext("%(num)s row needs review.", "%(num)s rows need review.", counts.reviews))
        return over

    @property
    def numbers(self) -> dict[str, int]:
        return {"inserts": self.inserts, "updates": self.updates, "rejected": self.rejected}

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Limits":
        return known(cls, kept)


def held_back(import_: Import) -> list[str]:
    """Say why an import waits for a person although it came with limits; nothing for any other."""
    if not import_.limits or import_.state != "ready":
        return []
    open_ = len(import_.questions or ())
    asks = [ngettext("It has %(num)s open question.", "It has %(num)s open questions.", open_)] if open_ else []
    remarkable = [f"{finding.sentence}." for finding in load_findings(import_.findings) if finding.stops]
    return asks + remarkable + Limits.from_json(import_.limits).exceeded_by(import_)
