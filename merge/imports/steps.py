"""The steps of an import that a worker runs: read, compared, applied, undone. Each is a transaction or can be repeated."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

import audit
from audit import Act
from database import analyze
from merge.apply import apply
from merge.column_samples import Samples
from merge.columns import KEY, places
from merge.compare import OMITTED, Counts, Reading, compare, count_planned, count_verdicts, plan_deletions
from merge.data_questions import ask_after_comparing
from merge.door import enter_alone, open_change
from merge.faults import Fault, fault_of
from merge.heading_questions import ask_before_reading
from merge.imports.discarding import discard_rows, end_cancelled
from merge.imports.states import BUSY, RELEASED, UNREAD, done_state, move, waiting
from merge.lease import LEASE, CalledOff, LeaseLost, kept_lease
from merge.matching import MATCHES
from merge.options import Options
from merge.problems import SheetRefused
from merge.questions import dump_questions
from merge.recheck import recheck
from merge.sanity import dump_findings, find_remarkable
from merge.scale_questions import SCALE
from merge.selection import Selection, stage_selected
from merge.sheet import Sheet
from merge.stage import stage
from merge.unattended import Limits
from merge.undo import undo
from models import Import, now
from words import Later, later

log = logging.getLogger(__package__)
# What has killed so many workers would kill the next one, too.
MAX_CRASHES = 3
NO_ROOM = later("The server’s disk is full or broken. No student was changed. Try again once there is room.")
OUR_FAULT = later("Something went wrong on our side. No student was changed; the log says more.")
CRASHED = later(
    "This import failed %(times)s times, so it is not tried again. No student was changed, and the file is kept. Tell an "
    "administrator.",
    times=MAX_CRASHES,
)


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
        # The request that cancels may get its turn only after the next claim, which would begin anew.
        end_cancelled(session, _held(import_id, holder, "applying"), LeaseLost, import_id)
        session.commit()
    except LeaseLost:
        session.rollback()
        raise
    except Exception as error:
        session.rollback()
        fault = fault_of(error)
        if fault not in (None, Fault.FULL, Fault.SLOW):
            raise  # the step changed nothing, and the next claim begins it anew
        if not session.scalar(select(Import.id).where(_held(import_id, holder, *BUSY))):
            raise LeaseLost from None  # the statement was ended because the import was cancelled
        if fault is Fault.SLOW:
            raise
        log.exception("import %s failed while %s", import_id, state)
        fail(session, import_id, holder, NO_ROOM if fault is Fault.FULL else OUR_FAULT)


def fail(session: Session, import_id: int, holder: str, sentence: Later) -> None:
    """End the import with a sentence; one that could not be undone or applied stays what it was, for somebody to try again."""
    mine = _held(import_id, holder, *BUSY, "ready")
    done = done_state(session, import_id)
    failed = session.get_one(Import, import_id, populate_existing=True)
    if not done and failed.state == "applying":
        held = failed.limits and replace(Limits.from_json(failed.limits), held=True).to_json()
        move(session, mine, LeaseLost, state="ready", failure=sentence, limits=held, share=1.0, **RELEASED)
    else:
        move(session, mine, LeaseLost, state=done or "failed", failure=sentence, ended_at=now(), **RELEASED)
        if not done:
            discard_rows(session, import_id)
    session.commit()


def _read(session: Session, import_id: int, holder: str) -> None:
    mine = _held(import_id, holder, "reading")
    # All of the file is read, also of one that went on with a few of its rows.
    move(session, _held(import_id, holder, *UNREAD), LeaseLost, state="reading", rest_of=None, **_starting("reading"))
    read = session.get_one(Import, import_id, populate_existing=True)
    sheet, options = Sheet.from_json(read.sheet), Options.from_json(read.options)
    limits, actor = read.limits, read.actor
    session.commit()

    def advance(rows: int, share: float) -> None:
        move(session, mine, LeaseLost, rows=rows, step_rows=rows, share=share, lease_until=now() + LEASE)

    ascending = stage(session, import_id, sheet, advance, options)
    # The file is not looked into while others wait to write.
    asked, samples = ask_before_reading(sheet, options), Samples.of(sheet)
    # A row of totals at the end is known only now.
    move(session, mine, LeaseLost, sheet=sheet.to_json(), lease_until=now() + LEASE, **_starting("comparing"))
    session.commit()
    analyze(session, "staged_rows", "students")
    session.commit()  # an ANALYZE keeps others from theirs until then
    columns = set(places(sheet.columns))
    with kept_lease(session, mine, read.path) as report:

        def compared(share: float) -> None:
            report(share)
            if session.get_bind().dialect.name == "sqlite":
                move(session, mine, LeaseLost, share=share, lease_until=now() + LEASE)
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
    move(session, mine, LeaseLost, **vars(counts), **found, **_decided(counts, limits, actor, stopped=stopped))
    session.commit()


def _decided(counts: Counts, limits: dict[str, Any] | None, actor: str, *, stopped: bool) -> dict[str, Any]:
    """Wait for a person to decide, unless limits that were set beforehand do."""
    given = Limits.from_json(limits) if limits else None
    if given is None or given.held or stopped or given.exceeded_by(counts):
        return {"state": "ready", "limits": given and replace(given, held=True).to_json(), "share": 1.0, **RELEASED}
    if not (counts.inserts or counts.updates):
        return {"state": "applied", "applied_by": actor, "share": 1.0, "ended_at": now(), **RELEASED}
    return {"state": "applying", "applied_by": actor, **waiting()}


def _apply(session: Session, import_id: int, holder: str) -> None:
    mine = _held(import_id, holder, "applying")
    move(session, mine, LeaseLost, lease_until=now() + LEASE, **_starting("applying"))
    session.commit()
    applying = session.get_one(Import, import_id)
    counted = count_planned(session, import_id)
    reviews, omitted = counted.pop("review", 0), counted.pop(OMITTED, 0)
    planned = sum(counted.values())
    shown = (applying.inserts + applying.updates + applying.deletes, applying.reviews, applying.omitted)
    if (planned, reviews, omitted) != shown:
        # The database crashed and its unlogged tables are empty: read the sheet again, and show it again before it is applied.
        move(session, mine, LeaseLost, state="uploaded", **RELEASED)
        session.commit()
        return
    change_id = open_change(session, applying.applied_by or applying.actor, "import", import_id)
    with kept_lease(session, mine, applying.path) as report:
        planned, rest = _checked_again(session, applying, planned)
        applied = rest | vars(apply(session, import_id, change_id, planned, report))
    move(session, mine, LeaseLost, state="applied", change_id=change_id, share=1.0, ended_at=now(), **applied, **RELEASED)
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
    move(session, mine, LeaseLost, lease_until=now() + LEASE, **_starting("undoing"))
    session.commit()
    undoing = session.get_one(Import, import_id)
    assert undoing.change_id is not None
    by_change_id = open_change(session, undoing.applied_by or undoing.actor, "undo", import_id)
    with kept_lease(session, mine, undoing.path) as report:
        written, skipped = undo(session, undoing.change_id, by_change_id, report)
    ended = {"change_id": by_change_id, "skipped": skipped, "failure": None, "share": 1.0, "ended_at": now()}
    state = done_state(session, import_id)
    move(session, mine, LeaseLost, state=state, **ended, **RELEASED)
    act = Act.IMPORT_UNDONE if state == "undone" else Act.IMPORT_APPLIED
    _note(session, act, undoing, **vars(written), skipped=skipped)
    session.commit()


def _select(session: Session, import_id: int, holder: str) -> None:
    """Stage the students who were selected, and plan what is to become of them: the counterpart of reading a sheet."""
    mine = _held(import_id, holder, "reading")
    move(session, _held(import_id, holder, *UNREAD), LeaseLost, state="reading", **_starting("selecting"))
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
    move(session, mine, LeaseLost, state="ready", rows=number, share=1.0, **vars(counts), **RELEASED)
    session.commit()


def _prepare(session: Session, import_id: int, holder: str) -> None:
    kind = session.execute(select(Import.kind).where(Import.id == import_id)).scalar_one()
    (_read if kind == "sheet" else _select)(session, import_id, holder)


STEPS = {**dict.fromkeys(UNREAD, _prepare), "applying": _apply, "undoing": _undo}


def _held(import_id: int, holder: str, *states: str) -> ColumnElement[bool]:
    """The import, if this worker still has it and nobody has cancelled it."""
    return and_(Import.id == import_id, Import.lease_holder == holder, Import.state.in_(states))


def _starting(step: str) -> dict[str, Any]:
    """Give the values with which a step begins."""
    return {"step": step, "step_rows": 0, "share": 0.0, "step_at": now()}


def _note(session: Session, act: Act, import_: Import, **counts: int) -> None:
    """Note in the audit log what a worker did, under the user who asked for it."""
    audit.add(session, act, f"import {import_.id}", actor=import_.applied_by or import_.actor, kind=import_.kind, **counts)
