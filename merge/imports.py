"""The life of an import: received, read, compared, applied or cancelled. Each step is a transaction or can be repeated."""

import hashlib
import logging
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import ColumnElement, CursorResult, and_, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

import audit
from audit import Act
from database import analyze, aside
from merge.apply import apply
from merge.choices import RE_READABLE, ReadingPlan, as_asked, headings_key, plan_reading, recall
from merge.column_samples import Samples
from merge.columns import KEY, places
from merge.compare import OMITTED, Counts, Reading, compare, count_planned, count_verdicts, discard_plan, plan_deletions
from merge.data_questions import ask_after_comparing
from merge.decisions import WrongState as WrongState
from merge.decisions import as_shown
from merge.door import enter_alone, open_change
from merge.faults import Fault, fault_of
from merge.heading_questions import ask_before_reading
from merge.lease import LEASE, CalledOff, LeaseLost, call_off, kept_lease
from merge.matching import MATCHES
from merge.options import AS_SUGGESTED, Options, UploadOptions
from merge.problems import SheetRefused
from merge.questions import dump_questions
from merge.recheck import recheck
from merge.sanity import dump_findings, find_remarkable
from merge.scale_questions import SCALE
from merge.selection import Selection, stage_selected
from merge.sheet import Sheet, discard_files, inspect
from merge.stage import discard_staged, stage
from merge.unattended import Limits
from merge.undo import undo
from merge.uploads import discard_after_commit, keep, sync
from models import Change, Import, now, staged_rows
from words import Later, later

log = logging.getLogger(__name__)

BUSY = ("uploaded", "reading", "applying", "undoing")
# One that was read already is read again where its rows are lost.
UNREAD = ("uploaded", "reading", "ready")
CANCELLABLE = ("uploaded", "reading", "ready", "applying")
# What has killed so many workers would kill the next one, too.
MAX_CRASHES = 3
MOST_DROPPED = 100
# A worker that begins to read changes nothing that anybody could have decided on.
SAME_TO_PEOPLE = ("reading",)
# Who has cancelled what nobody has decided on for long.
RETENTION = "retention"
# Of an import that was read once, as it was uploaded.
FIRST_PREVIEW = 2


def receive(
    session: Session,
    uploads: Path,
    filename: str,
    stream: BinaryIO,
    actor: str,
    asked: UploadOptions = AS_SUGGESTED,
    *,
    limits: Limits | None = None,
    delivery: str | None = None,
) -> Import:
    """Keep the uploaded file and queue it for a worker. Raises SheetRefused, and then nothing is kept.

    A sheet whose rows mean nothing before a question is answered waits for that at once. One that comes with limits and
    stays within them is applied with nobody looking on. A delivery is received once: for another with the same mark,
    IntegrityError is raised.
    """
    return queue(session, look_at(session, uploads, filename, stream, asked), actor, limits=limits, delivery=delivery)


@dataclass(frozen=True)
class Upload:
    """A file that is kept and understood, and queued by nobody yet."""

    path: Path
    filename: str
    sha256: str
    plan: ReadingPlan

    def discard(self) -> None:
        discard_files(self.path)


def look_at(session: Session, uploads: Path, filename: str, stream: BinaryIO, asked: UploadOptions) -> Upload:
    """Keep an uploaded file and find out how to read it, while others write. Raises SheetRefused, and then nothing is kept."""
    path = uploads / uuid.uuid4().hex
    with aside(session):
        try:
            sha256 = keep(stream, path)
            plan = plan_reading(*as_asked(*recall(session, inspect(path)), asked))
            sync(path)
        except BaseException:
            discard_files(path)
            raise
    return Upload(path, filename, sha256, plan)


def queue(session: Session, upload: Upload, actor: str, *, limits: Limits | None = None, delivery: str | None = None) -> Import:
    """Queue an upload for a worker, and commit; where it can't be, its file goes."""
    sheet, options = upload.plan.sheet, upload.plan.options
    try:
        received = Import(
            actor=actor,
            filename=_shown_name(upload.filename),
            path=str(upload.path),
            size=upload.path.stat().st_size,
            sha256=upload.sha256,
            options=options.to_json(),
            sheet=sheet.to_json(),
            headings_key=headings_key(sheet.headings),
            limits=limits and limits.to_json(),
            delivery=delivery,
            **_opening(upload.plan),
        )
        session.add(received)
        session.flush()
        audit.add(session, Act.SHEET_UPLOADED, f"import {received.id}", actor=actor, bytes=received.size)
        session.expunge(received)  # or its id would have to be asked for again, behind whoever writes by then
    except BaseException:
        upload.discard()
        raise
    session.commit()  # where that breaks off, nobody knows whether it is queued, so its file stays
    return received


def receive_selection(session: Session, uploads: Path, selection: Selection, title: Later, actor: str) -> int:
    """Queue a change of many students for a worker, and give its id. It waits for a person once its plan is made."""
    path, kind = uploads / uuid.uuid4().hex, "set" if selection.column else "delete"
    with aside(session):
        selection.write(path)
        sync(path)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    received = Import(
        actor=actor,
        filename=kind,
        path=str(path),
        size=path.stat().st_size,
        sha256=sha256,
        options={"title": title.dump()},
        sheet=selection.as_sheet(path).to_json(),
        kind=kind,
    )
    session.add(received)
    session.flush()
    import_id = received.id
    audit.add(session, Act.BULK_PREPARED, f"import {import_id}", actor=actor, kind=received.kind)
    session.commit()
    return import_id


def claim(session: Session, holder: str, only: int | None = None) -> int | None:
    """Take the lease of the oldest import that waits for a worker, or of `only`; None if there is none.

    One whose step broke off under the same holder is taken up again at once.
    """
    mine = and_(needs_worker(), Import.lease_holder == holder)
    waiting = select(Import.id).where(or_(waits(), mine)).order_by(Import.id).limit(1)
    if only is not None:
        waiting = waiting.where(Import.id == only)
    # A step that runs holds its row's lock; who looks for work passes it by.
    import_id = session.scalar(waiting.with_for_update(skip_locked=True))
    if import_id is not None:
        # Who has ended a step has also let go of its lease.
        died = and_(Import.lease_holder.is_not(None), Import.lease_holder != holder)
        crashes = case((died, Import.crashes + 1), else_=Import.crashes)
        taken = {"lease_holder": holder, "lease_until": now() + LEASE, "crashes": crashes}
        session.execute(update(Import).where(Import.id == import_id).values(taken))
    session.commit()
    return import_id


def needs_worker() -> ColumnElement[bool]:
    """An import that is on its way, or that waits for a person with rows that a crash of the database has emptied."""
    return and_(Import.state.in_((*BUSY, "ready")), or_(Import.state != "ready", is_emptied()))


def waits() -> ColumnElement[bool]:
    """An import that a worker has something to do for, and none works at."""
    return and_(needs_worker(), _lease_is_free())


def is_emptied() -> ColumnElement[bool]:
    return and_(Import.state == "ready", Import.rows > 0, ~exists().where(staged_rows.c.import_id == Import.id))


def run_step(session: Session, import_id: int, holder: str) -> None:
    """Run the claimed import's next step to its end. Raises LeaseLost, and what the database says while it is away."""
    state, crashes = session.execute(select(Import.state, Import.crashes).where(Import.id == import_id)).one()
    if crashes >= MAX_CRASHES:
        fail(session, import_id, holder, CRASHED)
        return
    try:
        STEPS[state](session, import_id, holder)
    except SheetRefused as refused:
        session.rollback()
        fail(session, import_id, holder, refused.sentence)
    except CalledOff:
        session.rollback()
        # Whoever cancels may get their turn only after the next claim, which would begin anew.
        _end_cancelled(session, _held(import_id, holder, "applying"), LeaseLost, import_id)
        session.commit()
    except LeaseLost:
        session.rollback()
        raise
    except Exception as error:
        session.rollback()
        fault = fault_of(error)
        if fault not in (None, Fault.FULL, Fault.SLOW):
            raise  # the step changed nothing, and whoever claims the import begins it anew
        if not session.scalar(select(Import.id).where(_held(import_id, holder, *BUSY))):
            raise LeaseLost from None  # the statement was ended because the import was cancelled
        if fault is Fault.SLOW:
            raise
        log.exception("import %s failed while %s", import_id, state)
        fail(session, import_id, holder, NO_ROOM if fault is Fault.FULL else OUR_FAULT)


def start_apply(session: Session, import_id: int, actor: str, *, version: int | None) -> None:
    """Let a worker apply what was previewed at that version. Raises WrongState, also while a question is open."""
    settled = as_shown(import_id, version, "ready") & Import.questions.is_(None)
    _move(session, settled, WrongState, state="applying", applied_by=actor, failure=None, **_waiting())
    session.commit()


def start_undo(
    session: Session, import_id: int, actor: str, *, version: int | None, states: tuple[str, ...] = ("applied", "undone")
) -> None:
    """Let a worker take an import back that was shown as applied, or apply again one that was undone. Raises WrongState."""
    undoable = as_shown(import_id, version, *states) & Import.change_id.is_not(None)
    _move(session, undoable, WrongState, state="undoing", applied_by=actor, **_waiting())
    session.commit()


def read_again(session: Session, import_id: int, plan: ReadingPlan, *, version: int | None) -> None:
    """Let a worker read the sheet anew, with other columns or options. Raises WrongState."""
    sheet, options = plan.sheet, plan.options
    # Whoever has chosen looks on, and decides when it is compared.
    changed = {
        "sheet": sheet.to_json(),
        "headings_key": headings_key(sheet.headings),
        "findings": None,
        "options": options.to_json(),
        "limits": None,
        "failure": None,
        "ended_at": None,
    }
    changed |= dict.fromkeys(vars(NOTHING), 0) | {"rows": 0, **_opening(plan)}
    _move(session, as_shown(import_id, version, *RE_READABLE), WrongState, **changed, **_waiting())
    _discard_rows(session, import_id)
    session.commit()


def announce_cancel(session: Session, import_id: int, *, version: int | None) -> bool:
    """Let a worker that writes, and on SQLite has everybody else wait, hear of a cancel beforehand. Only reads.

    Tell whether there is such a worker, which may then have ended the import by the time at which we can.
    """
    sheet = session.scalar(select(Import.path).where(as_shown(import_id, version, "applying")))
    session.rollback()
    if not sheet or session.get_bind().dialect.name != "sqlite":
        return False
    call_off(sheet)
    return True


def cancel(session: Session, import_id: int, *, version: int | None, announced: bool = False) -> None:
    """End an import that was not applied, and drop what was staged. Raises WrongState."""
    ended = _in_state(import_id, "cancelled") & (Import.version - 1 == version)
    if not (announced and session.scalar(select(Import.id).where(ended))):
        _end_cancelled(session, as_shown(import_id, version, *CANCELLABLE), WrongState, import_id)
    audit.add(session, Act.IMPORT_CANCELLED, f"import {import_id}")
    session.commit()


def was_revised(session: Session, import_: Import) -> bool:
    """Tell whether somebody has decided otherwise since: what waits is not what the upload made, or it was undone before."""
    if import_.state == "applied":
        return _count_changes(session, import_.id) > 1
    return import_.state == "ready" and import_.version > FIRST_PREVIEW


def fail(session: Session, import_id: int, holder: str, sentence: Later) -> None:
    """End the import with a sentence; one that could not be undone or applied stays what it was, for somebody to try again."""
    mine = _held(import_id, holder, *BUSY, "ready")
    done = _done_state(session, import_id)
    failed = session.get_one(Import, import_id, populate_existing=True)
    if not done and failed.state == "applying":
        held = failed.limits and replace(Limits.from_json(failed.limits), held=True).to_json()
        _move(session, mine, LeaseLost, state="ready", failure=sentence, limits=held, share=1.0, **RELEASED)
    else:
        _move(session, mine, LeaseLost, state=done or "failed", failure=sentence, ended_at=now(), **RELEASED)
        if not done:
            _discard_rows(session, import_id)
    session.commit()


def drop_old(session: Session, ended_before: datetime) -> int:
    """Drop files and staged rows of imports that ended before then, and count those imports. Counts and revisions stay."""
    old = (
        select(Import.id).where(Import.ended_at < ended_before, Import.path != "", Import.state.not_in(BUSY)).limit(MOST_DROPPED)
    )
    dropped = list(session.scalars(old))
    for import_id in dropped:
        discard(session, import_id)
        session.commit()
    return len(dropped)


def waiting_since(import_: Import) -> datetime:
    """Tell since when an import waits for somebody to decide: since it was compared last."""
    return import_.step_at or import_.at


def drop_forgotten(session: Session, waiting_before: datetime) -> int:
    """Cancel imports that wait for somebody to decide since before then, drop their sheets and rows, and count them."""
    since = func.coalesce(Import.step_at, Import.at)
    forgotten = list(
        session.scalars(select(Import.id).where(Import.state == "ready", since < waiting_before).limit(MOST_DROPPED))
    )
    for import_id in forgotten:
        try:
            _end_cancelled(session, _in_state(import_id, "ready") & (since < waiting_before), WrongState, import_id)
        except WrongState:
            continue  # somebody has decided at this very moment
        audit.add(session, Act.IMPORT_CANCELLED, f"import {import_id}", actor=RETENTION)
        session.commit()
    return len(forgotten)


def drop_strays(session: Session, uploads: Path, older_than: datetime) -> int:
    """Drop files that belong to no import and count them: whoever took one in was killed before the import was stored."""
    old = [path for path in uploads.iterdir() if path.stat().st_mtime < older_than.timestamp()]
    named = select(Import.path).where(Import.path != "")
    # What was made of an upload lies beside it under its name, and something more.
    kept = {Path(path).name for path in session.scalars(named)} if old else set()
    session.rollback()
    strays = [path for path in old if path.name.partition(".")[0] not in kept]
    for path in strays:
        path.unlink(missing_ok=True)
    return len(strays)


def discard(session: Session, import_id: int) -> None:
    """Drop an import's file, its staged rows and what else is kept of its cells. Does not commit: only then the file goes."""
    _discard_rows(session, import_id)
    path, sheet = session.execute(select(Import.path, Import.sheet).where(Import.id == import_id)).one()
    if path:
        discard_after_commit(session, Path(path))
    # A sheet without a header row has a student's cells for its headings, and a question may quote a cell.
    without_cells = {**sheet, "headings": [], "columns": [], "mended": {}}
    session.execute(update(Import).where(Import.id == import_id).values(path="", sheet=without_cells, questions=None))


NO_ROOM = later("The disk of the server is full or does not work. No student was changed. Once there is room, try again.")
OUR_FAULT = later("Something went wrong on our side. No student was changed; the log says more.")
NOTHING = Counts(0, 0, 0, 0, 0)
CRASHED = later(
    "Working on this import broke off %(times)s times, so it is not tried again. No student was changed, and the file is kept. "
    "Tell the person who runs Rollbook here.",
    times=MAX_CRASHES,
)
RELEASED: dict[str, Any] = {"lease_holder": None, "lease_until": None, "crashes": 0}


def _opening(plan: ReadingPlan) -> dict[str, Any]:
    """Let a worker read the sheet, unless its rows mean nothing before somebody has answered a question."""
    questions = [question for question in plan.questions if question.blocks]
    return {"state": "ready" if questions else "uploaded", "questions": dump_questions(questions)}


def _read(session: Session, import_id: int, holder: str) -> None:
    mine = _held(import_id, holder, "reading")
    # All of the file is read, also of one that went on with a few of its rows.
    _move(session, _held(import_id, holder, *UNREAD), LeaseLost, state="reading", rest_of=None, **_starting("reading"))
    read = session.get_one(Import, import_id, populate_existing=True)
    sheet, options = Sheet.from_json(read.sheet), Options.from_json(read.options)
    limits, actor = read.limits, read.actor
    session.commit()

    def advance(rows: int, share: float) -> None:
        _move(session, mine, LeaseLost, rows=rows, step_rows=rows, share=share, lease_until=now() + LEASE)

    ascending = stage(session, import_id, sheet, advance, options)
    # The file is not looked into while others wait to write.
    asked, samples = ask_before_reading(sheet, options), Samples.of(sheet)
    # A row of totals at the end is known only now.
    _move(session, mine, LeaseLost, sheet=sheet.to_json(), lease_until=now() + LEASE, **_starting("comparing"))
    session.commit()
    analyze(session, "staged_rows", "students")
    session.commit()  # an ANALYZE keeps others from theirs until then
    columns = set(places(sheet.columns))
    with kept_lease(session, mine, read.path) as report:

        def compared(share: float) -> None:
            report(share)
            if session.get_bind().dialect.name == "sqlite":
                _move(session, mine, LeaseLost, share=share, lease_until=now() + LEASE)
                session.commit()

        reading = replace(Reading.of(session.get_one(Import, import_id)), columns=frozenset(columns))
        counts = compare(session, reading, may_repeat=not ascending, advance=compared)
    analyze(session, "planned_rows")
    # Numbers that are stored so already, as in our own export, are meant so.
    questions = [question for question in asked if question.code != SCALE or not counts.change_nothing]
    questions += ask_after_comparing(session, import_id, sheet, samples, options, counts, questions)
    findings = find_remarkable(session, session.get_one(Import, import_id), columns, vars(counts))
    stopped = bool(questions) or any(finding.stops for finding in findings)
    found = {"questions": dump_questions(questions), "findings": dump_findings(findings)}
    _move(session, mine, LeaseLost, **vars(counts), **found, **_decided(counts, limits, actor, stopped=stopped))
    session.commit()


def _decided(counts: Counts, limits: dict[str, Any] | None, actor: str, *, stopped: bool) -> dict[str, Any]:
    """Wait for a person to decide, unless limits that were set beforehand do."""
    given = Limits.from_json(limits) if limits else None
    if given is None or given.held or stopped or given.exceeded_by(counts):
        return {"state": "ready", "limits": given and replace(given, held=True).to_json(), "share": 1.0, **RELEASED}
    if not (counts.inserts or counts.updates):
        return {"state": "applied", "applied_by": actor, "share": 1.0, "ended_at": now(), **RELEASED}
    return {"state": "applying", "applied_by": actor, **_waiting()}


def _apply(session: Session, import_id: int, holder: str) -> None:
    mine = _held(import_id, holder, "applying")
    _move(session, mine, LeaseLost, lease_until=now() + LEASE, **_starting("applying"))
    session.commit()
    applying = session.get_one(Import, import_id)
    counted = count_planned(session, import_id)
    reviews, omitted = counted.pop("review", 0), counted.pop(OMITTED, 0)
    planned = sum(counted.values())
    shown = (applying.inserts + applying.updates + applying.deletes, applying.reviews, applying.omitted)
    if (planned, reviews, omitted) != shown:
        # The database crashed and its unlogged tables are empty: read the sheet again, and show it again before it is applied.
        _move(session, mine, LeaseLost, state="uploaded", **RELEASED)
        session.commit()
        return
    change_id = open_change(session, applying.applied_by or applying.actor, "import", import_id)
    with kept_lease(session, mine, applying.path) as report:
        planned, rest = _checked_again(session, applying, planned)
        applied = rest | vars(apply(session, import_id, change_id, planned, report))
    _move(session, mine, LeaseLost, state="applied", change_id=change_id, share=1.0, ended_at=now(), **applied, **RELEASED)
    _note(session, Act.IMPORT_APPLIED, applying, **applied)
    session.commit()


def _checked_again(session: Session, import_: Import, planned: int) -> tuple[int, dict[str, int]]:
    """Hold rows whose match has become doubtful since the preview; give how many are written, and what else is counted anew."""
    enter_alone(session)
    if import_.kind != "sheet" or not recheck(session, Reading.of(import_)):
        return planned, {}
    counts = count_verdicts(session, import_.id)
    rest = {name: getattr(counts, name) for name in ("unchanged", "rejected", "reviews", "omitted")}
    return counts.inserts + counts.updates + counts.deletes, rest


def _undo(session: Session, import_id: int, holder: str) -> None:
    mine = _held(import_id, holder, "undoing")
    _move(session, mine, LeaseLost, lease_until=now() + LEASE, **_starting("undoing"))
    session.commit()
    undoing = session.get_one(Import, import_id)
    assert undoing.change_id is not None
    by_change_id = open_change(session, undoing.applied_by or undoing.actor, "undo", import_id)
    with kept_lease(session, mine, undoing.path) as report:
        written, skipped = undo(session, undoing.change_id, by_change_id, report)
    ended = {"change_id": by_change_id, "skipped": skipped, "failure": None, "share": 1.0, "ended_at": now()}
    state = _done_state(session, import_id)
    _move(session, mine, LeaseLost, state=state, **ended, **RELEASED)
    act = Act.IMPORT_UNDONE if state == "undone" else Act.IMPORT_APPLIED
    _note(session, act, undoing, **vars(written), skipped=skipped)
    session.commit()


def _select(session: Session, import_id: int, holder: str) -> None:
    """Stage the students who were selected, and plan what is to become of them: the counterpart of reading a sheet."""
    mine = _held(import_id, holder, "reading")
    _move(session, _held(import_id, holder, *UNREAD), LeaseLost, state="reading", **_starting("selecting"))
    selected = session.get_one(Import, import_id, populate_existing=True)
    sheet, kind = Sheet.from_json(selected.sheet), selected.kind
    session.commit()
    with kept_lease(session, mine, sheet.path) as report:
        number = stage_selected(session, import_id, Selection.read(Path(sheet.path)))
        analyze(session, "staged_rows", "students")
        if kind == "delete":
            counts = plan_deletions(session, import_id)
        else:
            reading = Reading(import_id, frozenset(places(sheet.columns)), MATCHES[KEY.name], blank_clears=True, named=False)
            counts = compare(session, reading, may_repeat=False, advance=report)
    analyze(session, "planned_rows")
    _move(session, mine, LeaseLost, state="ready", rows=number, share=1.0, **vars(counts), **RELEASED)
    session.commit()


def _prepare(session: Session, import_id: int, holder: str) -> None:
    kind = session.execute(select(Import.kind).where(Import.id == import_id)).scalar_one()
    (_read if kind == "sheet" else _select)(session, import_id, holder)


STEPS = {**dict.fromkeys(UNREAD, _prepare), "applying": _apply, "undoing": _undo}


def _held(import_id: int, holder: str, *states: str) -> ColumnElement[bool]:
    """The import, if this worker still has it and nobody has cancelled it."""
    return and_(Import.id == import_id, Import.lease_holder == holder, Import.state.in_(states))


def _in_state(import_id: int, *states: str) -> ColumnElement[bool]:
    return and_(Import.id == import_id, Import.state.in_(states))


def _starting(step: str) -> dict[str, Any]:
    """Say that a step begins, for whoever watches its progress."""
    return {"step": step, "step_rows": 0, "share": 0.0, "step_at": now()}


def _note(session: Session, act: Act, import_: Import, **counts: int) -> None:
    """Note what a worker did for whoever asked for it."""
    audit.add(session, act, f"import {import_.id}", actor=import_.applied_by or import_.actor, kind=import_.kind, **counts)


def _end_cancelled(session: Session, which: ColumnElement[bool], otherwise: type[Exception], import_id: int) -> None:
    _move(session, which, otherwise, state="cancelled", ended_at=now(), **RELEASED)
    discard(session, import_id)


def _done_state(session: Session, import_id: int) -> str | None:
    """Applied, undone, applied again: each change of an import takes the one before back."""
    changes = _count_changes(session, import_id)
    return None if changes == 0 else "applied" if changes % 2 else "undone"


def _count_changes(session: Session, import_id: int) -> int:
    return session.scalar(select(func.count()).select_from(Change).where(Change.import_id == import_id)) or 0


def _move(session: Session, which: ColumnElement[bool], otherwise: type[Exception], **values: Any) -> None:
    """Change the import if it is still as it was thought to be; the check and the change are one statement."""
    if values.get("state", "reading") not in SAME_TO_PEOPLE:
        values["version"] = Import.version + 1
    statement = update(Import).where(which).values(**values)
    result = session.execute(statement, execution_options={"synchronize_session": False})
    assert isinstance(result, CursorResult)
    if result.rowcount == 0:
        session.rollback()
        raise otherwise


def _waiting() -> dict[str, Any]:
    """Say that it waits for a worker from now on."""
    return {**RELEASED, "step": None, "share": 0.0, "step_at": now()}


def _lease_is_free() -> ColumnElement[bool]:
    # No lease is that long: who took it had a wrong clock.
    return or_(Import.lease_until.is_(None), Import.lease_until < now(), Import.lease_until > now() + 2 * LEASE)


def _discard_rows(session: Session, import_id: int) -> None:
    discard_plan(session, import_id)
    discard_staged(session, import_id)


def _shown_name(filename: str) -> str:
    """Keep the file's own name for people to recognise; no path is ever made from it."""
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(character for character in name if character.isprintable())
    return printable[-200:] or "sheet.csv"
