"""From a list to a record, its history, a deletion and back: the search, the filters, the sort and the page are kept."""

from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest

LIST = {"q": "a", "min_age": "10", "sort": "-age", "per_page": "2"}


@pytest.fixture
def place(editor, add):
    """The address of the second page of a filtered list, and the address by which one of its rows leads to the record."""
    for student_id in range(1, 7):
        add(student_id, f"Ada {student_id}", 10 + student_id)
    second = next(link for link in editor.visit(f"/students?{urlencode(LIST)}").links if "after=" in link)
    row = next(
        link for link in editor.visit(second).links if link.startswith("/students/") and "within=" in link and "new" not in link
    )
    return query_of(second), row


def query_of(address):
    return parse_qs(urlsplit(address).query)


def lists_linked(page):
    """Give what each link of the page's own part back to the list asks for."""
    (main,) = page.all("main")
    return [query_of(link.get("href")) for link in main.all("a") if urlsplit(link.get("href")).path == "/students"]


def test_the_way_back_from_a_record_its_history_and_a_restored_version_is_the_same_page(editor, place, change):
    listed, row = place
    page = editor.visit(row)
    assert lists_linked(page) == [listed, listed]
    change(3, name="Ada Three")
    change(4, name="Ada Four")
    for step in ("/history?", "/revert/1?"):
        link = next(link for link in page.links if step in link)
        page = editor.visit(link)
        assert query_of(link)["within"] == [urlencode(listed, doseq=True)]
    form = next(form for form in page.all("form") if "/revert/" in form.get("action"))
    fields = {field.get("name"): field.get("value") for field in form.all("input")}
    restored = editor.post(form.get("action"), fields, 303)
    assert lists_linked(editor.visit(restored.location)) == [listed, listed]


def test_a_save_and_a_merge_page_keep_the_list(editor, place, change):
    listed, row = place
    page = editor.visit(row)
    path = urlsplit(row).path
    saved = editor.post(path, page.values | {"name": "Ada A", "version": "1"}, 303)
    assert lists_linked(editor.visit(saved.location)) == [listed, listed]
    refused = editor.post(path, page.values | {"name": "", "version": "2"}, 422)
    assert lists_linked(refused) == [listed, listed]
    change(int(path.rsplit("/", 1)[1]), name="Ada B")
    merging = editor.post(path, page.values | {"name": "Ada C", "version": "2"}, 409)
    assert lists_linked(merging) == [listed]
    kept = next(link for link in merging.links if link.startswith(path))
    assert lists_linked(editor.visit(kept)) == [listed, listed]


def test_a_deletion_asks_once_and_leads_back_to_the_same_page(editor, place, students):
    listed, row = place
    page = editor.visit(row)
    (form,) = [form for form in page.all("form") if "/delete" in form.get("action")]
    asked = urlencode({field.get("name"): field.get("value") for field in form.all("input")})
    question = editor.visit(f"{form.get('action').partition('?')[0]}?{asked}")
    assert question.heading.startswith("Delete Ada")
    form = next(form for form in question.all("form") if "/delete" in form.get("action"))
    fields = {field.get("name"): field.get("value") for field in form.all("input")}
    kept = next(link for link in question.links if urlsplit(link).path == urlsplit(row).path)
    assert lists_linked(editor.visit(kept)) == [listed, listed]
    before = students()
    gone = editor.post(form.get("action"), fields, 303)
    assert (urlsplit(gone.location).path, query_of(gone.location)) == ("/students", listed)
    answer = editor.visit(gone.location)
    undo = next(form for form in answer.all("form") if form.get("action").endswith("/undo"))
    back = editor.post(undo.get("action"), {field.get("name"): field.get("value") for field in undo.all("input")}, 303)
    assert query_of(back.location) == listed
    assert students() == before


def test_a_new_student_is_added_within_the_list_that_led_there(editor, place):
    listed, _row = place
    page = editor.visit(
        next(
            link for link in editor.visit(f"/students?{urlencode(listed, doseq=True)}").links if link.startswith("/students/new")
        )
    )
    assert lists_linked(page)[-1] == listed
    added = editor.post("/students/new", page.values | {"name": "Bo"}, 303)
    assert lists_linked(editor.visit(added.location)) == [listed, listed]


@pytest.mark.parametrize(
    "within", ["//evil.example", "https://evil.example/?sort=name", "next=//evil", "x" * 9000, "q=%00", "q=" + "é" * 900]
)
def test_a_list_that_was_made_up_leads_nowhere_else(editor, add, within):
    add(7, "Ada")
    address = f"/students/7?within={quote(within)}"
    if len(address) < 4_000:
        page = editor.visit(address)
        assert not any("evil" in link for link in page.links)


def test_a_list_too_long_to_be_kept_leads_to_records_all_the_same(editor, add):
    add(7, "名" * 60)
    add(8, "名" * 61)
    page = editor.visit("/students?" + urlencode({"q": "名" * 60, "per_page": 1}))
    for link in page.links:
        if link.startswith("/students/7"):
            editor.visit(link)
    second = editor.visit(next(link for link in page.links if "after=" in link))
    for link in second.links:
        if link.startswith("/students/8"):
            editor.visit(link)


def test_a_search_for_a_deleted_student_says_so_and_leads_to_the_history(editor, add):
    add(7, "Ada Chen")
    add(8, "Bo Chen")
    editor.send("/students/7/delete", {"version": "1"}, page="/students/7")
    for q in ("ada", "7", "chen", "Ada Chen"):
        page = editor.visit(f"/students?q={quote(q)}")
        assert "Ada Chen, student 7, was deleted" in page.text
        assert "/students/7/history" in page.links
    assert "was deleted" not in editor.visit("/students?q=bo").text
    assert "was deleted" not in editor.visit("/students").text
