"""The first page after signing in: the school in figures, each of which leads to the list that it counts."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

import database
import worker
from merge import figures
from models import KeptFigures, Role, db, now


def test_an_empty_rollbook_says_how_to_begin(editor):
    page = editor.visit("/")
    assert page.heading == "Dashboard"
    assert "No imports yet" in page.text
    assert {"/students/new", "/imports/new"} <= set(page.links)


def test_it_counts_the_students(viewer, add):
    add(1, "Ada")
    assert "1 student" in viewer.visit("/").text
    add(2, "Bob")
    assert "2 students" in viewer.visit("/").text


def test_a_sheet_that_waits_to_be_applied_is_named_to_who_may_apply_it(editor, upload, sign_in):
    upload("id,name\n1,Ada\n", filename="autumn.csv")
    assert "autumn.csv is ready to review" in editor.visit("/").text
    assert "is ready to review" not in sign_in("viewer").visit("/").text


def test_the_latest_imports_are_listed(editor, upload):
    upload("id,name\n1,Ada\n", filename="autumn.csv")
    page = editor.visit("/")
    assert "/imports/1" in page.links
    assert "1 new" in page.text


@pytest.fixture
def school(add):
    add(1, "Ada Berg", 11, 90.0)
    add(2, "Ada Berg", 11, 61.0)
    add(3, "Bo Lund", 12, None)
    add(4, "Cy Ng", 14, 62.5)


@pytest.mark.usefixtures("school")
def test_each_figure_leads_to_a_list_of_as_many_students(viewer):
    page = viewer.visit("/")
    marks = {link.get("href"): link.get("aria-label") for plot in page.all("svg") for link in plot.all("a")}
    bars = {href: int(words.split(": ")[1]) for href, words in marks.items() if "/students?min_" in href and "sort=" not in href}
    assert sum(number for href, number in bars.items() if "score" in href) == 3
    assert sum(number for href, number in bars.items() if "age" in href) == 4
    worries = {link.get("href"): int(link.all("b")[0].text) for link in page.all("a") if link.all("b")}
    assert worries == {"/students?same_name=yes": 2, "/students?blank_score=yes": 1}
    for href, number in (bars | worries).items():
        listed = viewer.visit(href).all("tbody")
        assert sum(len(body.all("tr")) for body in listed) == number, href


@pytest.mark.usefixtures("school")
def test_each_plot_has_a_title_a_description_and_a_table_behind_it(viewer):
    page = viewer.visit("/")
    plots = [drawn for drawn in page.all("svg") if drawn.get("aria-label")]
    assert [plot.get("aria-label") for plot in plots] == ["Score", "Age", "Score by Age", "Records changed per day"]
    for plot in plots:
        assert plot.all("title")[0].text == plot.get("aria-label")
        assert page.ids[plot.get("aria-describedby")].text
    assert "Age 11: median 61, half from 61 to 90" in page.html
    day = f"{now():%Y-%m-%d}"
    assert f"/changes?from={day}&amp;to={day}" in page.html


def test_box_whose_students_all_have_one_score_is_still_seen(viewer, add):
    for student_id in range(1, 6):
        add(student_id, f"Student {student_id}", 12, 61)
    plots = {drawn.get("aria-label"): drawn for drawn in viewer.visit("/").all("svg")}
    (box,) = [mark for mark in plots["Score by Age"].all("rect") if mark.get("class") == "plot-mark"]
    assert float(box.get("height")) == 10


def test_what_was_counted_is_kept_though_somebody_writes_at_that_moment(app, add, stored, monkeypatch):
    add(1, "Ada")
    writing, written = threading.Event(), threading.Event()

    def write():
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(update(Role).values(needs_second_factor=False))
            writing.set()
            assert written.wait(30)

    def keep(*arguments):
        threading.Timer(0.2, written.set).start()
        return database.write_if_free(*arguments)

    monkeypatch.setattr(worker, "write_if_free", keep)
    with ThreadPoolExecutor(1) as somebody:
        done = somebody.submit(write)
        assert writing.wait(30)
        with app.app_context():
            worker.count_school()
        done.result()
    assert len(stored(select(KeptFigures))) == 1


def test_it_says_how_old_the_figures_are(viewer, add, monkeypatch):
    add(1, "Ada")
    assert "Counted just now" in viewer.visit("/").text
    monkeypatch.setattr(figures, "now", lambda: now() - timedelta(minutes=2))
    assert "Counted 2 minutes ago" in viewer.visit("/").text


def test_a_large_school_is_shown_as_it_was_counted_last(app, viewer, add, monkeypatch):
    monkeypatch.setattr(figures, "FEW", 0)
    add(1, "Ada")
    with app.app_context():
        worker.count_school()
    add(2, "Bob")
    assert "1 student" in viewer.visit("/").text
    with app.app_context():
        worker.count_school()
    assert "2 students" in viewer.visit("/").text
