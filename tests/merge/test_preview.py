"""What an import's page shows: rows by verdict or all of them, found by words, in pages that cost the same however deep."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from merge import pages, preview
from merge.imports import discarding, lifecycle
from merge.missing import count_missing, missing_page, missing_students
from merge.pages import BEYOND, Query, page_of_lines, parse_query
from merge.query import BadQuery, parse_place
from models import Import, now
from tests.merge.conftest import run

STORED = [(1, "Ada", 12, 90.0), (2, "Bo", 13, None), (3, "Cy", None, 70.5)]
SHEET = "id,name,age,House\n9,Di,14,Blue\n2,Bo,13,Red\nx,Éric,12,Red\n1,ADA,12,Blue\n1_0,Zoë,old,Red\n3,100%_\\,,Grey\n"


@pytest.fixture
def stored(add):
    for row in STORED:
        add(*row)


@pytest.mark.usefixtures("stored")
def test_all_rows_stand_in_the_sheets_order_each_with_what_becomes_of_it(session, upload):
    rows = preview.rows(session, upload(SHEET), "all")
    assert [(row.line, row.verdict) for row in rows] == [
        (2, "insert"),
        (3, "unchanged"),
        (4, "rejected"),
        (5, "update"),
        (6, "rejected"),
        (7, "review"),
    ]
    assert [(cell.before, cell.after) for cell in rows[3].cells] == [(None, "1"), ("Ada", "ADA"), (None, "12"), (None, "90")]
    assert [(cell.after, bool(cell.problem)) for cell in rows[4].cells] == [
        ("1_0", True),
        ("Zoë", False),
        ("old", True),
        ("", False),
    ]


@pytest.mark.usefixtures("stored")
def test_a_row_that_was_unchanged_shows_what_the_sheet_said_whatever_became_of_the_student(session, upload, apply, save):
    applied = apply(upload(SHEET))
    save({"id": 2, "name": "Bob", "age": 99, "score": 1.0}, version=1)
    (row,) = preview.rows(session, applied, "unchanged")
    assert [cell.after for cell in row.cells][:3] == ["2", "Bo", "13"]


FOUND = [
    ("words in any order and case", "all", "blue ADA", [5]),
    ("a part of a word", "all", "d", [2, 3, 4, 5, 6]),
    ("a column that is ignored", "insert", "blue", [2]),
    ("other rows of the same verdict only", "update", "blue", [5]),
    ("among the unchanged", "unchanged", "red", [3]),
    ("among the rejected", "rejected", "red", [4, 6]),
    ("capital letters with accents", "all", "éric", [4]),
    ("or written small", "all", "ZOË", [6]),
    ("a line number or a cell", "all", "2", [2, 3, 4, 5]),
    ("signs that mean something in SQL", "all", "100%_\\", [7]),
    ("which mean nothing here", "all", "1_00%", []),
    ("no word", "all", "", [2, 3, 4, 5, 6, 7]),
]


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("verdict", "q", "lines"), [case[1:] for case in FOUND], ids=[case[0] for case in FOUND])
def test_rows_are_found_by_the_words_in_their_cells(session, upload, verdict, q, lines):
    page = preview.page(session, upload(SHEET), parse_query({"q": q}, verdict))
    assert [row.line for row in page.rows] == lines


@pytest.fixture
def long_sheet(upload):
    """A sheet of 250 new students, every fifth of them with a bad age."""
    return upload("id,name,age\n" + "".join(f"{n},Student {n},{'x' if n % 5 == 0 else 12}\n" for n in range(1, 251)))


@pytest.mark.parametrize(("verdict", "sizes"), [("all", [100, 100, 50]), ("insert", [100, 100]), ("rejected", [50])])
def test_pages_follow_each_other_forwards_and_backwards(session, long_sheet, verdict, sizes):
    forwards = [preview.page(session, long_sheet, Query(verdict))]
    while forwards[-1].after:
        forwards.append(preview.page(session, long_sheet, Query(verdict, after=forwards[-1].after)))
    assert [len(page.rows) for page in forwards] == sizes
    backwards = [forwards[-1]]
    while backwards[-1].before:
        backwards.append(preview.page(session, long_sheet, Query(verdict, before=backwards[-1].before)))
    assert [page.rows for page in reversed(backwards)] == [page.rows for page in forwards]
    assert forwards[0].before is None


def test_a_few_unchanged_rows_are_found_wherever_they_stand(session, upload, apply, monkeypatch):
    apply(upload("id,name\n" + "".join(f"{n},Student {n}\n" for n in range(1, 400))))
    monkeypatch.setattr(pages, "STRETCH", 3)
    import_ = upload("id,name\n" + "".join(f"{n},{'Student' if n % 3 == 0 else 'New'} {n}\n" for n in range(1, 400)))
    lines = [n + 1 for n in range(3, 400, 3)]
    assert [row.line for row in preview.rows(session, import_, "unchanged")] == lines[:100]
    last = preview.page(session, import_, Query("unchanged", before=BEYOND))
    assert [row.line for row in last.rows] == lines[-100:]
    assert (last.before, last.after) == (lines[-100], None)
    middle = preview.page(session, import_, Query("unchanged", after=lines[9], q="student 3"))
    assert [row.line for row in middle.rows] == [line for line in lines[10:] if "3" in str(line - 1)]


def test_the_last_page_is_there_at_once(session, long_sheet):
    last = preview.page(session, long_sheet, Query("all", before=BEYOND))
    assert [last.rows[0].line, last.rows[-1].line] == [152, 251]
    assert (last.before, last.after) == (152, None)


PLANS = {
    ("all", "sqlite"): "SEARCH staged_rows USING PRIMARY KEY (import_id=? AND line",
    ("insert", "sqlite"): "SEARCH planned_rows USING PRIMARY KEY (import_id=? AND verdict=? AND line",
    ("update", "sqlite"): "SEARCH planned_rows USING PRIMARY KEY (import_id=? AND verdict=? AND line",
    ("rejected", "sqlite"): "SEARCH staged_rows USING INDEX ix_staged_rows_problems (import_id=? AND line",
    ("all", "postgresql"): "using pk_staged_rows",
    ("insert", "postgresql"): "using pk_planned_rows",
    ("update", "postgresql"): "using pk_planned_rows",
    ("rejected", "postgresql"): "using ix_staged_rows_problems",
}
ROWS = 3_000


@pytest.fixture
def large(session, upload, apply):
    """An import whose table has seen others, with a third of its rows of each kind, and statistics of it."""
    apply(upload("id,name\n" + "".join(f"{n},Student {n}\n" for n in range(1, ROWS))))
    kinds = "Student {n},12", "New {n},13", "Student {n},x"
    other = "".join(f"{n + ROWS // 3},{kinds[n % 3].format(n=n)}\n" for n in range(1, ROWS))
    compared = upload(f"id,name,age\n{other}")
    session.execute(text("ANALYZE"))
    session.commit()
    return compared


def test_a_page_deep_in_the_sheet_is_read_by_its_key_and_nothing_is_scanned_or_sorted(session, backend, large):
    for verdict in ("insert", "update", "rejected", "all"):
        for place in ({}, {"after": ROWS // 2}, {"before": ROWS // 2}, {"before": BEYOND}):
            plan = explain(session, page_of_lines(large.id, Query(verdict, **place)))
            assert PLANS[verdict, backend] in plan, (verdict, place, plan)
            assert not any(word in plan for word in ("Seq Scan", "SCAN", "Sort", "TEMP B-TREE", "Hash")), (verdict, place, plan)


def test_the_rows_of_a_page_are_read_by_their_keys(session, backend, large):
    lines = [row.line for row in preview.rows(session, large, "all")]
    if backend == "postgresql":  # tables as small as here are as quickly read whole
        for way in ("hashjoin", "mergejoin", "seqscan"):
            session.execute(text(f"SET LOCAL enable_{way} = off"))
    plan = explain(session, preview.rows_on_lines(large.id, lines))
    assert not any(word in plan for word in ("Seq Scan", "SCAN ")), plan


def test_unchanged_rows_are_read_by_their_keys_a_stretch_of_lines_at_a_time(session, backend, large):
    plan = explain(session, pages.unchanged_between(large.id, "", ROWS // 2, ROWS // 2 + 500))
    searched = {"sqlite": "USING PRIMARY KEY (import_id=? AND {}line>? AND line<?)", "postgresql": "pk_{}_rows"}[backend]
    for name in ("", "verdict=? AND ") if backend == "sqlite" else ("staged", "planned"):
        assert searched.format(name) in plan, plan
    assert "Seq Scan" not in plan


def test_who_is_missing_from_the_sheet_is_found_by_one_difference_of_sets(session, large):
    plan = explain(session, missing_students(large, after=ROWS // 2))
    assert "except" in plan.lower(), plan
    assert "SCAN staged_rows" not in plan


def explain(session, statement) -> str:
    dialect = session.get_bind().dialect
    sql = statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    words = "EXPLAIN QUERY PLAN" if dialect.name == "sqlite" else "EXPLAIN (COSTS OFF)"
    plan = session.connection().exec_driver_sql(f"{words} {sql}".replace("%", "%%"))
    return "\n".join(str(row[-1]) for row in plan)


OPENS = [
    ("on what needs review", "id,name\n1,ADA\n2,Bea\n9,Di\nx,Y\n", "review"),
    ("or else on updates", "id,name\n1,ADA\n9,Di\nx,Y\n", "update"),
    ("or else on inserts", "id,name\n9,Di\nx,Y\n2,Bo\n", "insert"),
    ("or else on what is rejected", "id,name\n2,Bo\nx,Y\n", "rejected"),
    ("or else on what is unchanged", "id,name\n2,Bo\n", "unchanged"),
]


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("sheet", "verdict"), [case[1:] for case in OPENS], ids=[case[0] for case in OPENS])
def test_a_preview_opens_on_what_matters_most(upload, sheet, verdict):
    assert preview.opening_verdict(upload(sheet)) == verdict


@pytest.mark.usefixtures("stored")
def test_an_applied_import_opens_on_what_was_held_back(upload, apply, save):
    previewed = upload("id,name,age\n1,Ada,13\n9,Di,\n")
    save({"id": 1, "name": "Ada", "age": 99, "score": 90.0}, version=1)
    assert preview.opening_verdict(apply(previewed)) == "conflict"


@pytest.mark.parametrize(
    "arguments", [{"verdict": "x"}, {"after": "x"}, {"before": "-1"}, {"after": "9" * 10}, {"after": "²"}, {"q": "a\0"}]
)
def test_an_address_that_no_link_gave_out_is_refused(arguments):
    with pytest.raises(BadQuery):
        parse_query(arguments, "all")
    with pytest.raises(BadQuery):
        parse_place({"after": "9" * 19}, "after")


MISSING = [
    ("none are named", "id,name\n9,Di\n", [1, 2, 3]),
    ("changed and unchanged ones are named", "id,name\n1,Ada L\n2,Bo\n", [3]),
    ("rejected ones are named too", "id,name,age\n1,Ada,old\n1,Ada,12\n9,Di,x\n7,Ed,9\n8,Flo,9\n", [2, 3]),
    ("all are named", "id,name\n1,Ada\n2,Bob\n3,Cy\n", []),
]


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("sheet", "missing"), [case[1:] for case in MISSING], ids=[case[0] for case in MISSING])
def test_students_whom_the_sheet_does_not_name_are_counted_and_listed(session, upload, apply, sheet, missing):
    previewed = upload(sheet)
    for import_ in (previewed, apply(previewed)):
        counted = count_missing(session, import_)
        assert (counted.number, counted.certain) == (len(missing), True)
        assert [student.id for student in missing_page(session, import_).students] == missing


@pytest.mark.usefixtures("stored")
def test_their_number_is_no_longer_certain_once_somebody_edits_students(session, upload, add):
    previewed = upload("id,name\n1,Ada\n")
    add(7, "Eve")
    assert count_missing(session, previewed).certain is False


@pytest.mark.usefixtures("stored")
def test_where_rows_are_matched_by_name_so_are_those_who_are_missing(session, upload):
    previewed = upload("name,age\nAda,13\nBo,old\n")
    assert previewed.options["match"] == "name"
    assert [student.id for student in missing_page(session, previewed).students] == [3]
    assert count_missing(session, previewed).number == 1


def test_the_list_of_them_has_pages(session, upload, apply):
    apply(upload("id,name\n" + "".join(f"{n},Student {n}\n" for n in range(1, 252))))
    import_ = upload("id,name\n17,X\n")
    first = missing_page(session, import_)
    second = missing_page(session, import_, after=first.after)
    assert [len(page.students) for page in (first, second)] == [100, 100]
    assert missing_page(session, import_, before=second.before).students == first.students
    assert missing_page(session, import_, after=250).after is None
    assert (first.before, missing_page(session, import_, before=second.before).before) == (None, None)


@pytest.mark.usefixtures("stored")
def test_a_file_that_was_applied_before_is_known_again_also_if_it_was_undone(session, upload, apply):
    first = apply(upload(SHEET))
    assert preview.applied_before(session, first) is None
    assert preview.applied_before(session, upload(SHEET)).id == first.id
    lifecycle.start_undo(session, first.id, "sec@school.test", version=first.version)
    run(session, first.id)
    assert preview.applied_before(session, upload(SHEET)).state == "undone"
    assert preview.applied_before(session, upload(SHEET + "\n77,Other,1,Red\n")) is None


@pytest.mark.usefixtures("stored")
def test_after_some_days_the_rows_are_dropped_and_the_counts_stay(session, upload, apply):
    applied = apply(upload(SHEET))
    assert preview.are_rows_kept(applied)
    discarding.drop_old(session, now() + timedelta(days=1))
    dropped = session.get_one(Import, applied.id, populate_existing=True)
    assert not preview.are_rows_kept(dropped)
    assert preview.counts(dropped)["insert"] == 1


SPEEDS = [
    ("reading", 0.25, 100, 50, "Reading the sheet: 100 of about 400 rows, 2 rows a second, about 2 minutes left."),
    ("comparing", 0.5, 400, 4, "Comparing it with the students: 200 of 400 rows, 50 rows a second, about 4 seconds left."),
    ("applying", 0.5, 400, 1, "Writing the changes: 200 of 400 rows, 200 rows a second, about 1 second left."),
    ("undoing", 0.0, 400, 9, "Undoing the changes."),
    (None, 0.0, 0, 0, "Waiting in the queue."),
]


@pytest.mark.parametrize(("step", "share", "rows", "seconds", "sentence"), SPEEDS)
def test_progress_says_how_far_it_is_how_fast_it_goes_and_how_long_it_takes(step, share, rows, seconds, sentence):
    import_ = Import(state="reading", step=step, share=share, rows=rows, step_at=now() - timedelta(seconds=seconds))
    import_.inserts = import_.updates = import_.unchanged = import_.rejected = import_.conflicts = 0
    assert preview.progress(import_)["sentence"] == sentence
