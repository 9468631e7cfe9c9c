"""What each act needs, said once: it holds on every way to the act, be it a page, a file, a bulk change or the API."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Needs:
    """The lowest role, and what else somebody has to bring who wants to act."""

    role: str
    scope: str | None = None
    """Of a token; None where only a person may act so, who can prove who they are."""
    fresh: bool = False
    """Whether they have to have proven lately who they are, which no token does."""


APPLY_IMPORT = Needs("editor", scope="import")
DELETE_STUDENTS = Needs("admin", fresh=True)
"""Many at once: prepared in the list, and applied as an import."""
MERGE_STUDENTS = Needs("admin", fresh=True)
READ_PERSONAL_DATA = Needs("admin", fresh=True)
"""All that is held on one student, on a page or as a file."""
ERASE_STUDENT = Needs("admin", fresh=True)
UNDO_FOR_OTHERS = Needs("admin", fresh=True)
"""To take back what somebody else has done, an import or a change."""
MANAGE_USERS = Needs("admin", fresh=True)
READ_AUDIT_LOG = Needs("admin")
MANAGE_OWN_TOKENS = Needs("viewer", fresh=True)
