"""The promise, against a plain model of it: whatever many people do, nothing accepted is lost, and the past can be read."""

from datetime import datetime

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete, select

from merge import as_of, history, reconcile, record, verify
from merge.columns import VALUES
from merge.imports import lifecycle
from merge.review import confirm
from merge.three_way import merge_fields
from models import Import, now, revisions
from tests.examples import examples
from tests.merge.conftest import kept_as_read, run, table, version_of
from tests.merge.test_agreement import _csv as csv_of
from tests.merge.test_agreement import _empty as empty

pytestmark = pytest.mark.usefixtures("small_slices")
EXAMPLES = examples(4)
STEPS = 25

ALL = range(1, 6)

ids = st.sampled_from(ALL)
values = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["Ada", "Bo", "Cy"]),
        "age": st.none() | st.integers(10, 13),
        "score": st.sampled_from([None, 1.5, 90.0]),
    }
)
actors = st.sampled_from(["ada@school.test", "bo@school.test"])
sheets = st.dictionaries(ids, values, min_size=1, max_size=5)


class School(RuleBasedStateMachine):
    """The model: each student's versions as (deleted, values), and the table after each act."""

    session = upload = None

    @initialize()
    def begin(self):
        empty(self.session)
        self.session.execute(delete(Import))
        self.session.commit()
        self.versions: dict[int, list[tuple[bool, dict]]] = {}
        self.past: list[tuple[datetime, list]] = []
        self.seen: dict[int, int] = {}
        self.applied: list[int] = []

    def now(self, student_id):
        deleted, stands = self.versions.get(student_id, [(True, None)])[-1]
        return None if deleted else stands

    def write(self, student_id, stands):
        if self.now(student_id) != stands:
            kept = self.versions.setdefault(student_id, [])
            kept.append((stands is None, stands or kept[-1][1]))

    @rule(student_id=ids)
    def open_the_record(self, student_id):
        """What is opened now may be saved much later, when it is stale."""
        if self.now(student_id):
            self.seen[student_id] = len(self.versions[student_id])

    @rule(student_id=ids, typed=values, actor=actors)
    def create(self, student_id, typed, actor):
        """Who gives an id to somebody finds out whose it was, and then says that it is the same person."""
        was = len(self.versions.get(student_id, [])) or None
        try:
            record.save(self.session, {"id": student_id, **typed}, version=None, actor=actor, reason="form")
        except record.Reused:
            assert self.now(student_id) is None
            assert was
            record.save(self.session, {"id": student_id, **typed}, version=was, actor=actor, reason="form")
            self.write(student_id, typed)
        except record.Conflict:
            assert self.now(student_id) is not None
        else:
            assert not was
            assert self.now(student_id) is None
            self.write(student_id, typed)

    @rule(student_id=ids, typed=values, actor=actors)
    def save(self, student_id, typed, actor):
        version = self.seen.get(student_id)
        if version is None:
            return
        deleted, base = self.versions[student_id][version - 1]
        stands = self.now(student_id)
        merged = stands and merge_fields(None if deleted else base, stands, typed)
        try:
            reconcile.save(self.session, {"id": student_id, **typed}, version=version, actor=actor, reason="form")
        except record.Conflict:
            assert stands is None
        except reconcile.Clash:
            assert merged.clashing
        else:
            assert not merged.clashing
            self.write(student_id, merged.values)

    @rule(student_id=ids, actor=actors)
    def delete(self, student_id, actor):
        version = self.seen.get(student_id)
        if version is None:
            return
        try:
            record.remove(self.session, student_id, version=version, actor=actor, reason="form")
        except record.Conflict:
            assert self.now(student_id) is None or version < len(self.versions[student_id])
        else:
            self.write(student_id, None)

    @rule(student_id=ids, back=st.integers(1, 4), actor=actors)
    def revert(self, student_id, back, actor):
        kept = self.versions.get(student_id, [])
        to = history.at_version(self.session, student_id, len(kept) - back) if len(kept) > back else None
        if to is None or to.deleted:
            return
        history.revert(self.session, student_id, to, version=len(kept), actor=actor)
        self.write(student_id, to.values)

    @rule(sheet=sheets, meanwhile=st.none() | st.tuples(ids, values))
    def import_a_sheet(self, sheet, meanwhile):
        """Somebody may save a student between the preview and the apply: no row changes them, nor adds a namesake."""
        before = {student_id: self.now(student_id) for student_id in ALL}
        previewed = self.upload(csv_of({i: _cells(v) for i, v in sheet.items()}), blank_clears=True)
        previewed = kept_as_read(self.session, previewed)
        confirm(self.session, previewed.id, None, "sec@school.test", version=previewed.version)
        if meanwhile and self.now(meanwhile[0]):
            student_id, typed = meanwhile
            self.seen[student_id] = len(self.versions[student_id])
            self.save(student_id, typed, "meanwhile@school.test")
        renamed = {self.now(i)["name"] for i in ALL if _name(self.now(i)) != _name(before[i])}
        if previewed.inserts + previewed.updates == 0:
            return
        lifecycle.start_apply(self.session, previewed.id, "sec@school.test", version=previewed.version)
        assert run(self.session, previewed.id).state == "applied"
        for student_id, stands in sheet.items():
            new = before[student_id] is None
            if self.now(student_id) == before[student_id] and not (new and stands["name"] in renamed):
                self.write(student_id, stands)
        self.applied.append(previewed.id)

    @rule()
    def undo_the_last_import(self):
        if not self.applied:
            return
        import_id = self.applied.pop()
        change_id = self.session.get_one(Import, import_id).change_id
        rows = select(revisions.c.student_id, revisions.c.version).where(revisions.c.change_id == change_id)
        touched = self.session.execute(rows).all()
        lifecycle.start_undo(self.session, import_id, "head@school.test", version=version_of(self.session, import_id))
        assert run(self.session, import_id).state == "undone"
        for student_id, version in touched:
            if len(self.versions[student_id]) == version:
                deleted, stood = self.versions[student_id][version - 2] if version > 1 else (True, None)
                self.write(student_id, None if deleted else stood)

    @invariant()
    def the_table_is_what_the_model_says(self):
        if self.session is None or not hasattr(self, "versions"):
            return
        stands = [(i, *_cells(self.now(i))) for i in sorted(self.versions) if self.now(i)]
        assert table(self.session) == stands
        self.past.append((now(), stands))

    @invariant()
    def every_version_is_kept_without_a_gap(self):
        kept = self.session.execute(select(revisions).order_by(revisions.c.student_id, revisions.c.version)).all()
        told = [(r.student_id, r.version, r.deleted, r.name, r.age, r.score) for r in kept]
        assert told == [
            (i, version, deleted, *_cells(stands))
            for i in sorted(self.versions)
            for version, (deleted, stands) in enumerate(self.versions[i], 1)
        ]

    def teardown(self):
        for moment, stood in getattr(self, "past", []):
            page = as_of.page(self.session, as_of.parse_query({"as_of": moment.isoformat()}))
            assert [tuple(student.values()) for student in page.students] == stood
        assert [finding for finding in verify.verify(self.session) if finding.broken] == []


def _name(stands):
    return stands and stands["name"]


def _cells(stands):
    return tuple(stands[column.name] for column in VALUES)


def test_whatever_people_do_the_promise_is_kept(session, upload):
    School.session, School.upload = session, staticmethod(upload)
    run_state_machine_as_test(
        School,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
