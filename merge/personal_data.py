"""Every place in the database that may hold what somebody wrote about a student, and how an erasure and retention reach it.

Each column that can hold a text is named here once: a test fails where the model has one that is not.
"""

from enum import StrEnum

from models import Base


class Reach(StrEnum):
    """How what a column holds of an erased student goes."""

    BLANKED = "the student's own rows are blanked, by the student's id"
    DELETED = "the student's own rows are deleted, by the student's id"
    SEARCHED = "each row is searched for the student's names"
    DROPPED = "it goes with the uploaded sheet, when that is discarded, and with an erasure where it is the student's"
    NONE = "it never holds what somebody wrote about a student"


PLACES: dict[str, dict[str, Reach]] = {
    "students": dict.fromkeys(("name", "folded", "name_key"), Reach.DELETED),
    "revisions": {"name": Reach.BLANKED},
    "staged_rows": dict.fromkeys(("cells", "problems", "name", "name_key"), Reach.BLANKED),
    "planned_rows": {**dict.fromkeys(("verdict", "action", "reason"), Reach.NONE), "name": Reach.BLANKED},
    "imports": {
        "sheet": Reach.DROPPED,
        # A question may quote a heading or a cell.
        "questions": Reach.DROPPED,
        "filename": Reach.SEARCHED,
        "failure": Reach.SEARCHED,
        "options": Reach.SEARCHED,
        **dict.fromkeys(
            ("actor", "applied_by", "path", "kind", "state", "sha256", "limits", "delivery", "step", "findings", "headings_key"),
            Reach.NONE,
        ),
        "lease_holder": Reach.NONE,
    },
    "kept_answers": {
        # An answer about one student goes by their id; any other is searched for their names.
        "body": Reach.SEARCHED,
        **dict.fromkeys(("key", "fingerprint", "headers"), Reach.NONE),
    },
    "views": {"name": Reach.SEARCHED, "address": Reach.SEARCHED},
    "changes": {"actor": Reach.NONE, "reason": Reach.NONE},
    # Ids only.
    "merged_ids": {},
    "distinct_students": {"actor": Reach.NONE},
    "form_tokens": {"token": Reach.NONE},
    # Digests of headings, the names of columns, and checksums of names, which an erasure forgets as well.
    "heading_choices": dict.fromkeys(("key", "columns", "options", "chosen_by", "seen"), Reach.NONE),
    # Numbers only.
    "figures": {"figures": Reach.NONE},
    # Who did what, without cells: nobody can change or delete an entry before its time.
    "audit": dict.fromkeys(("actor", "act", "about", "details", "address", "request_id"), Reach.NONE),
}
OF_STAFF = {"roles", "users", "users_roles", "passkeys", "sessions", "tokens", "throttles", "challenges", "school_settings"}
"""Tables that say something of users or of the school, and nothing of students."""


def rewritten_tables() -> list[str]:
    """Name the tables whose files may still hold what was deleted from them or blanked in them."""
    return [
        table.name
        for table in Base.metadata.sorted_tables
        if any(reach is not Reach.NONE for reach in PLACES.get(table.name, {}).values())
    ]
