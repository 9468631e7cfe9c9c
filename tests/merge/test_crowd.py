"""Two imports at once, and people who edit meanwhile: nobody waits for ever, no edit is lost, no version is missing."""

import io
import random
import threading

from sqlalchemy import select

from merge import record
from merge.imports import claims, lifecycle, receiving, steps
from models import Import, Student, db, revisions
from tests.merge.conftest import assert_revisions_agree, version_of

ROWS, PEOPLE, SAVES = 3_000, 4, 25


def test_two_imports_and_four_people_get_along(app):
    with app.app_context():
        _import(app, "id,name,age\n" + "".join(f"{n},Student {n},12\n" for n in range(1, ROWS)))
        ready = [_read(app, _sheet(offset)) for offset in (0, ROWS // 2)]
        db.session.remove()
    accepted: list[tuple[int, int]] = []
    failures: list[BaseException] = []
    acts = [lambda i=i: _apply(i) for i in ready] + [lambda seed=seed: _edit(seed, accepted) for seed in range(PEOPLE)]
    threads = [threading.Thread(target=_in_app, args=(app, act, failures)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []
    with app.app_context():
        assert {db.session.get_one(Import, import_id).state for import_id in ready} == {"applied"}
        assert_revisions_agree(db.session())
        kept = set(db.session.execute(select(revisions.c.student_id, revisions.c.version)).all())
        assert set(accepted) <= {tuple(row) for row in kept}
        applied = [db.session.get_one(Import, import_id) for import_id in ready]
        assert all(a.updates + a.conflicts == len(_sheet(0).splitlines()) - 1 for a in applied)


def _sheet(offset):
    """Backwards from one end and from the other, so that the two take the same students in opposite orders."""
    numbers = range(1, ROWS) if offset else range(ROWS - 1, 0, -1)
    return "id,name,score\n" + "".join(f"{n},Student {n},{(n + offset) % 100}\n" for n in numbers)


def _read(app, sheet):
    import_id = receiving.receive(db.session(), app.config["UPLOADS"], "sheet.csv", io.BytesIO(sheet.encode()), "test").id
    _step(import_id)
    return import_id


def _import(app, sheet):
    import_id = _read(app, sheet)
    _apply(import_id)


def _apply(import_id):
    lifecycle.start_apply(db.session(), import_id, "test", version=version_of(db.session(), import_id))
    _step(import_id)


def _step(import_id):
    assert claims.claim(db.session(), "test", only=import_id) == import_id
    steps.run_step(db.session(), import_id, "test")


def _edit(seed, accepted):
    """Save students as they are seen; who comes second is told so, and that is no failure."""
    chance = random.Random(seed)
    for _ in range(SAVES):
        student = db.session.get_one(Student, chance.randrange(1, ROWS))
        values = {"id": student.id, "name": f"{student.name}!", "age": student.age, "score": student.score}
        version = student.version
        db.session.rollback()
        try:
            saved = record.save(db.session(), values, version=version, actor="test", reason="form")
            accepted.append((saved.id, version + 1))
        except record.Conflict:
            pass
        db.session.remove()


def _in_app(app, act, failures):
    with app.app_context():
        try:
            act()
        except BaseException as error:
            failures.append(error)
