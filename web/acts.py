"""What each act needs, said once: it holds on every way to the act, be it a page, a file, a bulk change or the API.

Every view names its act, those of libraries in web/access.py, or the app does not start; pages offer an act to those who
may do it.
"""

from dataclasses import dataclass, replace

from audit import Act

ANYBODY, USER = "anybody", "user"
"""Beside the roles: everybody, who then has a secret of a link, and who is signed in, whatever their role still asks of them."""


@dataclass(frozen=True)
class Needs:
    """The lowest role, and what else somebody has to bring who wants to act; and what is noted of it."""

    role: str
    scopes: tuple[str, ...] = ()
    """Of a token, one of these; none where only a person may act so, who can prove who they are."""
    fresh: bool = False
    """Whether they have to have proven lately who they are, which no token does."""
    audit: Act | None = None
    """What the audit log says of it; None where the history of the records says who did it, or nobody has to account for it."""
    of_others: "Needs | None" = None
    """What it takes where somebody else has done what this is about; None where that makes no difference."""


SEE_DASHBOARD = Needs("viewer")
READ_STUDENTS = Needs("viewer", ("read",))
READ_HISTORY = Needs("viewer", audit=Act.HISTORY_VIEWED)
READ_CHANGES = Needs("viewer")
MANAGE_VIEWS = Needs("viewer")
EXPORT_STUDENTS = Needs("viewer", audit=Act.STUDENTS_EXPORTED)

WRITE_STUDENT = Needs("editor", ("write",))
DELETE_STUDENT = Needs("editor")
COMPARE_VERSIONS = Needs("editor", audit=Act.HISTORY_VIEWED)
REVERT_STUDENT = Needs("editor")
UNDO_FOR_OTHERS = Needs("admin", fresh=True)
"""To take back what somebody else has done, an import or a change."""
UNDO_CHANGE = Needs("editor", of_others=UNDO_FOR_OTHERS)
FIND_DUPLICATES = Needs("editor")
COMPARE_STUDENTS = Needs("editor", audit=Act.HISTORY_VIEWED)
TELL_APART = Needs("editor", audit=Act.STUDENTS_DISTINCT)
MERGE_STUDENTS = Needs("admin", fresh=True, audit=Act.STUDENTS_MERGED)
SELECT_STUDENTS = Needs("editor")
CHANGE_STUDENTS = Needs("editor", audit=Act.BULK_PREPARED)
DELETE_STUDENTS = Needs("admin", fresh=True, audit=Act.BULK_PREPARED)
"""Many at once: prepared in the list, and applied as an import."""

READ_IMPORTS = Needs("viewer", ("import", "read"))
EXPORT_REJECTS = Needs("viewer", audit=Act.REJECTS_EXPORTED)
UPLOAD_SHEET = Needs("editor", ("import",), audit=Act.SHEET_UPLOADED)
READ_TEMPLATE = Needs("editor")
CHOOSE_COLUMNS = Needs("editor")
CORRECT_ROWS = Needs("editor")
ANSWER_QUESTION = Needs("editor", ("import",), audit=Act.QUESTION_ANSWERED)
CONFIRM_ROWS = Needs("editor", ("import",), audit=Act.ROWS_CONFIRMED)
CHOOSE_STUDENT = Needs("editor", ("import",), audit=Act.ROWS_CONFIRMED)
GO_ON_WITH_REST = Needs("editor", ("import",), audit=Act.SHEET_UPLOADED)
APPLY_IMPORT = Needs("editor", ("import",), audit=Act.IMPORT_APPLIED)
CANCEL_IMPORT = Needs("editor", audit=Act.IMPORT_CANCELLED)
UNDO_IMPORT = Needs("editor", ("import",), audit=Act.IMPORT_UNDONE, of_others=UNDO_FOR_OTHERS)

READ_PERSONAL_DATA = Needs("admin", fresh=True, audit=Act.HISTORY_VIEWED)
"""All that is held on one student, on a page or as a file."""
EXPORT_PERSONAL_DATA = replace(READ_PERSONAL_DATA, audit=Act.STUDENTS_EXPORTED)
ERASE_STUDENT = Needs("admin", fresh=True, audit=Act.STUDENT_ERASED)

READ_AUDIT_LOG = Needs("admin")
EXPORT_AUDIT_LOG = replace(READ_AUDIT_LOG, audit=Act.AUDIT_EXPORTED)
MANAGE_USERS = Needs("admin", fresh=True)
INVITE_USER = replace(MANAGE_USERS, audit=Act.USER_INVITED)
MAKE_LINK = replace(MANAGE_USERS, audit=Act.LINK_MADE)
RENAME_USER = replace(MANAGE_USERS, audit=Act.USER_RENAMED)
CHANGE_ROLE = replace(MANAGE_USERS, audit=Act.ROLE_CHANGED)
DEACTIVATE_USER = replace(MANAGE_USERS, audit=Act.USER_SHUT_OUT)
ACTIVATE_USER = replace(MANAGE_USERS, audit=Act.USER_LET_IN)
RESET_SECOND_FACTOR = replace(MANAGE_USERS, audit=Act.SECOND_FACTOR_RESET)
ASK_SECOND_FACTOR = replace(MANAGE_USERS, audit=Act.SECOND_FACTOR_ASKED)
CHOOSE_TIME_ZONE = replace(MANAGE_USERS, audit=Act.TIME_ZONE_CHOSEN)
REVOKE_TOKENS = replace(MANAGE_USERS, audit=Act.TOKEN_REVOKED)

SEE_OWN_ACCOUNT = Needs(USER)
CHANGE_OWN_NAME = Needs("viewer", audit=Act.USER_RENAMED)
CHANGE_OWN_PASSWORD = Needs(USER, audit=Act.PASSWORD_CHANGED)
END_OWN_SESSIONS = Needs(USER, audit=Act.SESSIONS_ENDED)
MANAGE_OWN_TOKENS = Needs("viewer", fresh=True)
MAKE_TOKEN = replace(MANAGE_OWN_TOKENS, audit=Act.TOKEN_MADE)
REVOKE_OWN_TOKEN = Needs("viewer", audit=Act.TOKEN_REVOKED)

SET_UP_APP = Needs(USER, fresh=True, audit=Act.APP_SET_UP)
BEGIN_OR_TURN_OFF_APP = replace(SET_UP_APP, audit=Act.APP_TURNED_OFF)
"""The page that begins to set the app up, which is noted once it is done, also turns it off."""
MAKE_RECOVERY_CODES = Needs(USER, fresh=True, audit=Act.RECOVERY_CODES_MADE)
ADD_PASSKEY = Needs(USER, fresh=True, audit=Act.PASSKEY_ADDED)
REMOVE_PASSKEY = Needs(USER, fresh=True, audit=Act.PASSKEY_REMOVED)
CONFIRM_IDENTITY = Needs(USER)
"""What fails is noted as it is where somebody signs in."""

SIGN_IN = Needs(ANYBODY, audit=Act.SIGNED_IN)
SIGN_OUT = Needs(ANYBODY, audit=Act.SIGNED_OUT)
SET_UP = Needs(ANYBODY, audit=Act.USER_ADDED)
CHOOSE_PASSWORD = Needs(ANYBODY, audit=Act.PASSWORD_CHANGED)
