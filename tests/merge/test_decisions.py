"""Eight people press at once: one decision is carried out, and the others are told that the import has changed."""

import threading
from dataclasses import replace

import pytest

from merge.choices import plan_reading
from merge.correct import correct
from merge.decisions import WrongState
from merge.imports import lifecycle
from merge.options import Options
from merge.sheet import Sheet
from models import Import, db
from tests.merge.conftest import assert_revisions_agree, run

PEOPLE = 8
SHEET = "id,name\n1,Ada\nx,Bo\n"


def choose(session, import_, version):
    sheet = replace(Sheet(**import_.sheet), columns=[None, "name"])
    lifecycle.read_again(session, import_.id, plan_reading(sheet, Options.from_json(import_.options)), version=version)


ACTS = {
    "apply": lambda session, import_, version: lifecycle.start_apply(session, import_.id, "head", version=version),
    "cancel": lambda session, import_, version: lifecycle.cancel(session, import_.id, version=version),
    "choose columns": choose,
    "correct a row": lambda session, import_, version: correct(session, import_.id, {3: {0: "2"}}, version=version),
    "undo": lambda session, import_, version: lifecycle.start_undo(session, import_.id, "head", version=version),
}


@pytest.mark.parametrize("act", ACTS)
def test_eight_at_once_decide_once(app, session, upload, apply, act):
    import_ = upload(SHEET)
    if act == "undo":
        apply(import_)
    version, import_id = import_.version, import_.id
    session.rollback()
    assert sorted(press_at_once(app, act, import_id, version)) == [False] * (PEOPLE - 1) + [True]
    assert session.get_one(Import, import_id, populate_existing=True).version == version + 1
    if act in ("apply", "undo"):
        run(session, import_id)
    assert_revisions_agree(session)


WAITING = [act for act in ACTS if act != "undo"]


@pytest.mark.parametrize("other", WAITING)
@pytest.mark.parametrize("act", WAITING)
def test_what_was_decided_on_before_somebody_else_decided_is_not_done(session, upload, act, other):
    import_ = upload(SHEET)
    version = import_.version
    ACTS[other](session, import_, version)
    before = import_.state, import_.version
    with pytest.raises(WrongState):
        ACTS[act](session, import_, version)
    assert (import_.state, import_.version) == before


def press_at_once(app, act, import_id, version):
    """Tell of each person whether their decision was carried out."""
    told, start = [], threading.Barrier(PEOPLE)

    def press():
        with app.app_context():
            import_ = db.session.get_one(Import, import_id)
            db.session.rollback()
            start.wait()
            try:
                ACTS[act](db.session(), import_, version)
                told.append(True)
            except WrongState:
                told.append(False)

    threads = [threading.Thread(target=press) for _ in range(PEOPLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return told
