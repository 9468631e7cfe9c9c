"""The first page after signing in."""


def test_an_empty_rollbook_says_how_to_begin(editor):
    page = editor.visit("/")
    assert page.heading == "Dashboard"
    assert "No sheet was imported yet" in page.text
    assert {"/students/new", "/imports/new"} <= set(page.links)


def test_it_counts_the_students(viewer, add):
    add(1, "Ada")
    assert "1 student is on the roll" in viewer.visit("/").text
    add(2, "Bob")
    assert "2 students are on the roll" in viewer.visit("/").text


def test_a_sheet_that_waits_to_be_applied_is_named_to_who_may_apply_it(editor, upload, sign_in):
    upload("id,name\n1,Ada\n", filename="autumn.csv")
    assert "autumn.csv waits for you" in editor.visit("/").text
    assert "waits for you" not in sign_in("viewer").visit("/").text.replace("Waits for you", "")


def test_the_latest_imports_are_listed(editor, upload):
    upload("id,name\n1,Ada\n", filename="autumn.csv")
    page = editor.visit("/")
    assert "/imports/1" in page.links
    assert "1 new" in page.text
