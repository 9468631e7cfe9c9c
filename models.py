"""The tables. A student's columns are named here, once: lists, forms, sheets, history and exports read them from here."""

from datetime import UTC, datetime
from typing import Any, cast

from flask import current_app
from flask_security import RoleMixin, UserMixin, WebAuthnMixin, hash_password, verify_password
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    Dialect,
    Double,
    Engine,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
    update,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, object_session, relationship
from sqlalchemy.orm.attributes import set_committed_value

import documents
from database import aside, reads_from
from documents import Document
from words import Later, later

# SQLite counts only a column of type INTEGER up by itself.
BigId = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class RoutedSession(FlaskSession):
    """Asks a replica where a view has said that what it reads may be a little old; what it writes goes to the database."""

    def get_bind(self, mapper: Any = None, clause: Any = None, bind: Any = None, **kwargs: Any) -> Engine | Connection:
        if self.bind is not None and bind is None:
            return self.bind
        replica = reads_from.get()
        if replica is not None and bind is None and not (self._flushing or getattr(clause, "is_dml", False)):
            return replica
        return super().get_bind(mapper, clause, bind, **kwargs)


db = SQLAlchemy(model_class=Base, session_options={"class_": RoutedSession})


class Said(TypeDecorator[Later]):
    """A sentence that each reader reads in their own language."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Later | None, _dialect: Dialect) -> str | None:
        return None if value is None else value.dump()

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Later | None:
        return None if value is None else Later.load(value)


class Moment(TypeDecorator[datetime]):
    """A point in time, always in UTC; SQLite stores none with a time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and (value.astimezone(UTC).replace(tzinfo=None) if dialect.name == "sqlite" else value)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return value and (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))


def now() -> datetime:
    return datetime.now(UTC)


class Student(Base):
    """A student's record as it stands now. Only merge/ writes it, with a Revision beside every write."""

    __tablename__ = "students"

    id: Mapped[int] = mapped_column(
        BigId,
        Sequence("students_id_seq", data_type=BigInteger),
        primary_key=True,
        # Spreadsheets keep 15 digits of a number; an id with more comes back changed from Excel.
        info={
            "label": later("Student ID"),
            # Rows of a sheet find their students by it.
            "match": True,
            "min": 1,
            "max": 999_999_999_999_999,
            "headings": [
                *("student no", "student number", "number", "no", "id number", "id no", "pupil id", "pupil no", "pupil number"),
                *("learner id", "roll no", "roll number", "admission no", "admission number", "matriculation number"),
                *("Schülernummer", "Schüler-Nr.", "Schüler-ID", "Matrikelnummer", "Matrikel-Nr."),
                *("matricule", "numéro étudiant", "numéro d'étudiant", "numéro d'élève", "n° étudiant", "n° élève"),
                *("matrícula", "número de matrícula", "ID de alumno", "número de alumno", "ID del estudiante"),
            ],
            # Often a running number, or another system's.
            "doubtful": ["no", "number", "roll no", "roll number"],
            # A gradebook has ids of its own too; these are the school's.
            "stronger": ["sis user id", "sis id", "student sis id"],
        },
    )
    name: Mapped[str] = mapped_column(
        String(200),
        info={
            "label": later("Name"),
            "match": True,
            # Rows may also be matched by it and one of these together.
            "match_with": ["age"],
            "headings": [
                *("student name", "full name", "student full name", "student", "pupil", "pupil name", "learner", "learner name"),
                *(
                    "last first",
                    "last name first name",
                    "surname first name",
                    "name of student",
                    "name of the student",
                    "display name",
                ),
                *("vollständiger Name", "Schüler", "Schülerin", "Schülername", "Name des Schülers"),
                *("nom", "nom complet", "nom et prénom", "élève", "étudiant"),
                *("nombre", "nombre completo", "apellidos y nombre", "alumno", "alumna", "estudiante"),
            ],
            # In two columns, to be joined in this order. "A beside B" is one only where the sheet has a column B too.
            "parts": {
                "first": [
                    *("first name", "given name", "forename", "student first name", "Vorname", "prénom"),
                    *("nombre beside apellido", "nombre beside apellidos", "nombre beside apellido(s)"),
                    *("first beside last", "first beside surname", "name beside surname", "name beside last name"),
                    "name beside family name",
                ],
                "last": [
                    *("last name", "surname", "family name", "student last name", "Nachname", "Familienname", "nom de famille"),
                    *("name beside Vorname", "nom beside prénom", "apellido", "apellidos", "apellido(s)"),
                    "last beside first",
                ],
            },
        },
    )
    age: Mapped[int | None] = mapped_column(
        Integer,
        info={
            "label": later("Age"),
            "min": 0,
            "max": 150,
            "headings": ["age in years", "age years", "years", "student age", "pupil age", "Alter", "edad"],
        },
    )
    score: Mapped[float | None] = mapped_column(
        Double,
        info={
            "label": later("Score"),
            "min": 0,
            "max": 100,
            # The dashboard shows how it is spread at each age.
            "by": "age",
            "headings": [
                *("grade", "mark", "marks", "points", "result", "total score", "final score", "final mark", "test score"),
                *("exam score", "percentage", "course total", "course total (real)", "Punkte", "Punktzahl"),
                *("résultat", "puntuación", "calificación", "nota"),
            ],
            # In many countries the year that a student is in.
            "doubtful": ["grade"],
        },
    )
    version: Mapped[int] = mapped_column(default=1)
    # The name as search compares it, which takes long to make out. PostgreSQL keeps it by a trigger; for SQLite merge/ does.
    folded: Mapped[str | None] = mapped_column(Text, deferred=True)
    # Its parts in the order of their letters, so that sheets find students by name however that is written; kept likewise.
    name_key: Mapped[str | None] = mapped_column(Text, deferred=True, index=True)

    # The door in merge/ counts the version up itself, since a record that was deleted and comes back goes on where it was.
    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}  # noqa: RUF012  SQLAlchemy reads a plain dict
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012  SQLAlchemy reads a plain dict


students = cast("Table", Student.__table__)
# The list is sorted by any column, then by id. What searches, ranges and other orders look at on the way stands in the index,
# too: to look it up in the table for each row would take up to ten times as long.
for column in students.c:
    if "label" in column.info and not column.primary_key:
        looked_at = [students.c.name, *(other for other in students.c if "min" in other.info and not other.primary_key)]
        others = [other for other in looked_at if other is not column]
        Index(f"ix_students_{column.name}", column, students.c.id, *others, students.c.folded)


def _student_values() -> list[Column[Any]]:
    """Copy the student's columns, but for its id, for a table that keeps a student's row as it was or will be."""
    own = [column for column in students.columns if "label" in column.info and not column.primary_key]
    return [Column(column.name, column.type, nullable=True) for column in own]


class Change(Base):
    """One act of writing by one actor, such as a save or an applied import. Every revision belongs to one."""

    __tablename__ = "changes"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment, default=now)
    actor: Mapped[str] = mapped_column(String(255))
    reason: Mapped[str] = mapped_column(String(20))
    import_id: Mapped[int | None] = mapped_column(ForeignKey("imports.id"), index=True)

    __table_args__ = (
        Index("ix_changes_actor", "actor", "id"),
        Index("ix_changes_at", "at", "id"),
        {"sqlite_autoincrement": True},
    )


class FormToken(Base):
    """A form that was sent and what it made, so that a second click on its button makes nothing more."""

    __tablename__ = "form_tokens"

    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    student_id: Mapped[int] = mapped_column(BigId)
    at: Mapped[datetime] = mapped_column(Moment, default=now, index=True)


# The three tables below are written a million rows at a time, in the transaction that also holds the row they belong to;
# a foreign key would be checked a row at a time, and take longer than all the rest.

# A student's row as it stood at one version. The primary key is the arbiter between writers: whoever
# first writes (student, version) has that version, and any other finds out before it touches the student.
revisions = Table(
    "revisions",
    Base.metadata,
    Column("student_id", BigId, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("change_id", BigId, nullable=False),
    Column("deleted", Boolean, nullable=False, server_default=text("false")),
    *_student_values(),
    # With the student's id, so that a change of a million rows can be worked on in slices.
    Index("ix_revisions_change_id", "change_id", "student_id"),
    Index("ix_revisions_deleted", "student_id", "version", postgresql_where=text("deleted"), sqlite_where=text("deleted")),
    sqlite_with_rowid=False,
)


class Revision(Base):
    __table__ = revisions


# Ids of records that were merged into another student's, each by one change: they lead to that student.
merged_ids = Table(
    "merged_ids",
    Base.metadata,
    Column("change_id", BigId, primary_key=True, autoincrement=False),
    Column("student_id", BigId, nullable=False),
    # The student that the record was merged into, and the one that it leads to by now: that one may have been merged since.
    Column("into_id", BigId, nullable=False),
    Column("survivor_id", BigId, nullable=False),
    # The change that undid the merge; the id leads nowhere from then on.
    Column("split_by", BigId),
    Index(
        "ix_merged_ids_student_id",
        "student_id",
        unique=True,
        postgresql_where=text("split_by IS NULL"),
        sqlite_where=text("split_by IS NULL"),
    ),
    Index("ix_merged_ids_survivor_id", "survivor_id"),
    Index("ix_merged_ids_split_by", "split_by"),
)

# Two students of one name of whom somebody has said that they are two people, the lower id first.
distinct_students = Table(
    "distinct_students",
    Base.metadata,
    Column("first_id", BigId, primary_key=True, autoincrement=False),
    Column("second_id", BigId, primary_key=True, autoincrement=False),
    Column("actor", String(255), nullable=False),
    Column("at", Moment, nullable=False, default=now),
    Index("ix_distinct_students_second_id", "second_id"),
)


class Import(Base):
    """One uploaded sheet and what became of it. The row is also the worker's job: its state, its progress, its lease."""

    __tablename__ = "imports"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    actor: Mapped[str] = mapped_column(String(255))
    applied_by: Mapped[str | None] = mapped_column(String(255))
    at: Mapped[datetime] = mapped_column(Moment, default=now)
    filename: Mapped[str] = mapped_column(String(255))
    path: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(10), default="sheet")
    """A sheet that somebody uploaded; or students who were selected to have a column set or to be deleted."""
    state: Mapped[str] = mapped_column(String(10), default="uploaded")
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    """Raised by whatever changes what a decision on it would do: a new state, and a new plan of its rows."""
    failure: Mapped[Later | None] = mapped_column(Said)
    options: Mapped[dict[str, Any]] = mapped_column(Document(documents.OPTIONS), default=dict)
    sheet: Mapped[dict[str, Any]] = mapped_column(Document(documents.SHEET), default=dict)
    """What was found out about the file: encoding, delimiter, headings, and the student's column for each of them."""
    questions: Mapped[list[dict[str, Any]] | None] = mapped_column(Document(documents.QUESTIONS))
    """What somebody has to answer before it may be applied."""
    findings: Mapped[list[dict[str, Any]] | None] = mapped_column(Document(documents.FINDINGS))
    """What is remarkable about the sheet as a whole, as merge.sanity counted it."""
    headings_key: Mapped[str | None] = mapped_column(String(64), index=True)
    """What sheets with the same headings have in common."""

    @property
    def title(self) -> Later | str:
        """What people call it: the sheet's name, or what is done to students who were selected."""
        return title_of(self.filename, self.options)

    rows: Mapped[int] = mapped_column(default=0)
    inserts: Mapped[int] = mapped_column(default=0)
    updates: Mapped[int] = mapped_column(default=0)
    deletes: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    conflicts: Mapped[int] = mapped_column(default=0)
    reviews: Mapped[int] = mapped_column(default=0)
    """Rows that are not applied until somebody has confirmed which student they mean."""

    sha256: Mapped[str] = mapped_column(String(64), index=True)
    limits: Mapped[dict[str, Any] | None] = mapped_column(Document(documents.LIMITS))
    """How much it may do to be applied with nobody looking on; None where a person decides."""
    delivery: Mapped[str | None] = mapped_column(String(64), index=True, unique=True)
    """What tells one delivery to a watched folder from all others, so that each is imported once."""
    change_id: Mapped[int | None] = mapped_column(BigId)
    """The change that applied the sheet, or the one that undid it: what an undo would take back."""
    omitted: Mapped[int] = mapped_column(default=0, server_default="0")
    """Rows that would add or change a student, where the other was asked for only."""
    led: Mapped[int] = mapped_column(default=0, server_default="0")
    """Rows that have the ID of a record that was merged, and so are about the student whom it leads to."""
    rest_of: Mapped[int | None] = mapped_column(BigId, index=True)
    """The import whose rows that nobody had confirmed this one goes on with."""
    skipped: Mapped[int] = mapped_column(default=0)
    """Students that an undo left as they were, since somebody had edited them after the import."""

    share: Mapped[float] = mapped_column(Double, default=0.0)
    """How much of the present step is done, from 0 to 1."""
    step: Mapped[str | None] = mapped_column(String(10))
    step_rows: Mapped[int] = mapped_column(default=0)
    step_at: Mapped[datetime | None] = mapped_column(Moment)
    lease_holder: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None] = mapped_column(Moment)
    crashes: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many workers have died at the present step."""
    ended_at: Mapped[datetime | None] = mapped_column(Moment)

    __table_args__ = (
        Index("ix_imports_state", "state", "id"),
        {"sqlite_autoincrement": True},
    )


def title_of(filename: str, options: dict[str, Any]) -> Later | str:
    return Later.load(options["title"]) if "title" in options else filename


class HeadingChoice(Base):
    """What somebody chose for a sheet with these headings, for the next one that has the same."""

    __tablename__ = "heading_choices"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    columns: Mapped[list[Any]] = mapped_column(Document(documents.COLUMNS))
    options: Mapped[dict[str, Any]] = mapped_column(Document(documents.OPTIONS))
    chosen_by: Mapped[str | None] = mapped_column(String(255))
    chosen_at: Mapped[datetime | None] = mapped_column(Moment)
    seen: Mapped[dict[str, str] | None] = mapped_column(Document(documents.SEEN))
    """Which names stood beside which IDs when it was chosen, each as a checksum."""


# The sheet's rows as they were read: the cells as typed, each student column's value, and what is wrong with them.
# Not write-ahead logged on PostgreSQL: should a crash empty the table, the sheet is read again from its file.
staged_rows = Table(
    "staged_rows",
    Base.metadata,
    Column("import_id", BigId, primary_key=True, autoincrement=False),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("cells", Text, nullable=False),
    Column("problems", Text),
    Column("student_id", BigId),
    *_student_values(),
    # As students have it; where rows are matched by name.
    Column("name_key", Text),
    Index(
        "ix_staged_rows_problems",
        "import_id",
        "line",
        postgresql_where=text("problems IS NOT NULL"),
        sqlite_where=text("problems IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

# What applying would do: a row for each student that is inserted or updated, as it will stand afterwards.
planned_rows = Table(
    "planned_rows",
    Base.metadata,
    Column("import_id", BigId, primary_key=True, autoincrement=False),
    # Compared byte by byte: no language orders verdicts, and its rules would take half the time of planning.
    Column("verdict", String(8).with_variant(String(8, collation="C"), "postgresql"), primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("student_id", BigId, nullable=False),
    Column("base_version", Integer, nullable=False),
    *_student_values(),
    # Why somebody has to confirm the row, or had to: a merge.review.ReviewReason.
    Column("reason", String(20)),
    # The verdict that a row of verdict "review" gets once it is confirmed.
    Column("action", String(8)),
    # The other student's id, or the other line, that the reason names.
    Column("related", BigId),
    # How many students the row could mean by then, if there were any: where there are more when it is applied, somebody is asked.
    Column("namesakes", Integer),
    sqlite_with_rowid=False,
)


class Role(Base, RoleMixin):
    """What a user may do: viewer, editor or admin."""

    __tablename__ = "roles"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20), unique=True)
    needs_second_factor: Mapped[bool] = mapped_column(default=False)


class User(Base, UserMixin):
    """A member of staff who may sign in. Many columns are named as Flask-Security asks for, and may be empty."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(255), unique=True)
    password: Mapped[str] = mapped_column(String(255))
    name: Mapped[str | None] = mapped_column(String(100))
    """What pages call the user; None where it is the address."""
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    last_login_at: Mapped[datetime | None] = mapped_column(DateTime)  # type: ignore[assignment]
    current_login_at: Mapped[datetime | None] = mapped_column(DateTime)  # type: ignore[assignment]
    last_login_ip: Mapped[str | None] = mapped_column(String(64))
    current_login_ip: Mapped[str | None] = mapped_column(String(64))
    login_count: Mapped[int | None] = mapped_column()  # type: ignore[assignment]

    link_hash: Mapped[str | None] = mapped_column(String(64), index=True, unique=True)
    """Of the one-time link with which the user chooses a password."""
    link_until: Mapped[datetime | None] = mapped_column(Moment)
    invited: Mapped[bool] = mapped_column(default=False)
    """True until the user has chosen a password."""

    tf_primary_method: Mapped[str | None] = mapped_column(String(64))
    tf_totp_secret: Mapped[str | None] = mapped_column(String(255))
    totp_counter: Mapped[int | None] = mapped_column(BigInteger)
    """Of the last code that was taken from the authenticator app: it and earlier ones are spent."""
    mf_recovery_codes: Mapped[list[str] | None] = mapped_column(Document(documents.RECOVERY_CODES))
    """The hashes of those that are left."""
    language: Mapped[str | None] = mapped_column(String(10))
    """In which the user reads pages; None where nobody has chosen it."""
    fs_webauthn_user_handle: Mapped[str | None] = mapped_column(String(64), index=True, unique=True)  # type: ignore[assignment]

    roles: Mapped[list[Role]] = relationship(secondary="users_roles", lazy="joined")  # type: ignore[assignment]
    webauthn: Mapped[list["Passkey"]] = relationship(back_populates="user", cascade="all, delete")  # type: ignore[assignment]

    @property
    def role(self) -> str:
        return self.roles[0].name

    @property
    def needs_second_factor(self) -> bool:
        return any(role.needs_second_factor for role in self.roles)

    @property
    def has_second_factor(self) -> bool:
        """Whether a password alone does not sign the user in."""
        return self.tf_primary_method is not None or any(passkey.usage == "secondary" for passkey in self.webauthn)

    def check_tf_required_setup(self) -> bool:
        return self.needs_second_factor

    def verify_and_update_password(self, password: str) -> bool:
        """Tell whether it is the user's password, and make a hash of an old kind anew; others write while that takes its time.

        A password that was changed while the new hash was made is not put back.
        """
        stored, session = self.password, cast("Any", object_session(self))
        session.expunge(self)  # or it would be read anew, which takes longer than it does for nobody
        try:
            with aside(session):
                is_right = bool(verify_password(password, stored))
                is_old = is_right and current_app.extensions["security"].pwd_context.needs_update(stored)
                renewed = hash_password(password) if is_old else stored
        finally:
            session.add(self)
        if renewed == stored:
            return is_right
        unchanged = update(User).where(User.id == self.id, User.password == stored).values(password=renewed)
        if not session.execute(unchanged, execution_options={"synchronize_session": False}).rowcount:
            return False
        set_committed_value(self, "password", renewed)
        return is_right


Table(
    "users_roles",
    Base.metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("role_id", ForeignKey("roles.id"), primary_key=True),
)


class Passkey(Base, WebAuthnMixin):
    """A passkey that a user signs in with: instead of a password ("first"), or after it ("secondary")."""

    __tablename__ = "passkeys"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(64))
    usage: Mapped[str] = mapped_column(String(64))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1024), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger, default=0)
    transports: Mapped[list[str] | None] = mapped_column(Document(documents.TRANSPORTS))
    extensions: Mapped[str | None] = mapped_column(Text)
    device_type: Mapped[str] = mapped_column(String(64))
    backup_state: Mapped[bool] = mapped_column()
    lastuse_datetime: Mapped[datetime] = mapped_column(DateTime)
    user: Mapped[User] = relationship(back_populates="webauthn")


class Challenge(Base):
    """What a passkey was asked to sign and has not signed yet. Its row goes with the first answer."""

    __tablename__ = "challenges"

    challenge_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Moment, index=True)


class UserSession(Base):
    """A browser in which a user is signed in. Without its row, the cookie there is worth nothing."""

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    at: Mapped[datetime] = mapped_column(Moment, default=now)
    used_at: Mapped[datetime] = mapped_column(Moment, default=now)
    device: Mapped[str] = mapped_column(String(300))
    two_factors: Mapped[bool] = mapped_column(default=False)
    """Whether more than a password signed the user in."""


class Token(Base):
    """Lets another system in as a user, for no more than its scopes name. Its secret is shown once and kept nowhere."""

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(Document(documents.SCOPES))
    at: Mapped[datetime] = mapped_column(Moment, default=now)
    until: Mapped[datetime] = mapped_column(Moment)
    used_at: Mapped[datetime | None] = mapped_column(Moment)
    window_at: Mapped[datetime | None] = mapped_column(Moment)
    """When the minute began in which its requests are counted."""
    spent: Mapped[int] = mapped_column(default=0)
    """How many requests were granted in that minute."""


class KeptAnswer(Base):
    """What a request that named a key was answered, so that the same one, sent again, does nothing more."""

    __tablename__ = "kept_answers"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    """Of all that the request asked for."""
    status: Mapped[int] = mapped_column()
    headers: Mapped[dict[str, str]] = mapped_column(Document(documents.HEADERS))
    body: Mapped[str] = mapped_column(Text)
    student_id: Mapped[int | None] = mapped_column(BigId, index=True)
    """Whose record it holds, so that an erasure finds it."""
    at: Mapped[datetime] = mapped_column(Moment, default=now, index=True)


class Throttle(Base):
    """How often somebody has lately tried a secret in vain, by account or by address, and until when they have to wait."""

    __tablename__ = "throttles"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    at: Mapped[datetime] = mapped_column(Moment, default=now, index=True)
    until: Mapped[datetime] = mapped_column(Moment, default=now)


class AuditEntry(Base):
    """What somebody did that has to be accounted for. Only audit.py writes it, and the database keeps it as it is."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment, default=now)
    actor: Mapped[str | None] = mapped_column(String(255))
    """None where nobody was signed in."""
    act: Mapped[str] = mapped_column(String(32))
    about: Mapped[str | None] = mapped_column(String(255))
    """A user's address, or such as "student 12" and "import 3"."""
    details: Mapped[dict[str, str | int]] = mapped_column(Document(documents.DETAILS), default=dict)
    address: Mapped[str | None] = mapped_column(String(64))
    """From where on the network."""
    request_id: Mapped[str | None] = mapped_column(String(32))

    __table_args__ = (
        *(Index(f"ix_audit_{name}", name, "id") for name in ("at", "actor", "act", "about")),
        {"sqlite_autoincrement": True},
    )


# One row, which lets entries from before a moment go while retention runs; triggers look there.
audit_retention = Table("audit_retention", Base.metadata, Column("until", Moment))


class View(Base):
    """A list of students that a user keeps under a name: for themselves, or for everybody."""

    __tablename__ = "views"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    address: Mapped[str] = mapped_column(Text)
    """What follows the question mark in the list's address."""
    shared: Mapped[bool] = mapped_column(default=False)


class SchoolSetting(Base):
    """A choice for the whole school, such as its time zone, by name."""

    __tablename__ = "school_settings"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(255))


class KeptFigures(Base):
    """The school in figures as they were counted last: one row."""

    __tablename__ = "figures"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Moment)
    figures: Mapped[dict[str, Any]] = mapped_column(Document(documents.FIGURES))


# One row: when somebody was erased last, since when the files wait to be rewritten, and when that was last begun and done.
file_rewrites = Table(
    "file_rewrites",
    Base.metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("erased_at", Moment),
    Column("pending_since", Moment),
    Column("rewritten_at", Moment),
)


# One row: when the clock was looked at last and trusted, and since when it is not.
clock_checks = Table(
    "clock_checks",
    Base.metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("checked_at", Moment),
    Column("held_since", Moment),
)


LARGE = {"students", "revisions", "changes", "staged_rows", "planned_rows"}
"""Tables that may have millions of rows: a migration must not keep people out of them for long."""
