"""Pages speak the language that their reader chose, or that the browser asks for."""

from urllib.parse import urlencode

import pytest

import words
from tests.conftest import PASSWORD
from tests.visitor import Visitor


def test_a_page_is_in_the_language_that_the_browser_asks_for(client):
    page = client.open("/login", headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}).text
    assert 'lang="de"' in page
    assert "Zum Inhalt springen" in page


@pytest.mark.parametrize("asked", ["", "tlh", "en-US"])
def test_a_page_is_in_english_for_everybody_else(client, asked):
    assert 'lang="en"' in client.open("/login", headers={"Accept-Language": asked}).text


def test_a_language_is_chosen_on_any_page_and_leads_back_to_it(client):
    chosen = client.send("/language?next=/login%3Fnext%3D/students", {"language": "es"}, page="/login")
    assert chosen.location == "/login?next=/students"
    assert 'lang="es"' in client.visit("/login").html


@pytest.mark.parametrize("address", ["//evil.example", "/\\evil.example", "https://evil.example", "/\nevil", ""])
def test_a_choice_never_leads_out_of_the_site(client, address):
    assert client.send(f"/language?{urlencode({'next': address})}", {"language": "es"}, page="/login").location == "/"


def test_a_language_that_nobody_translated_is_refused(client):
    client.send("/language", {"language": "tlh"}, page="/login", status=400)


def test_what_a_user_chose_holds_in_another_browser_too(app, editor):
    editor.send("/language", {"language": "de"}, page="/profile")
    other = Visitor(app)
    other.send("/login", {"email": "editor@school.example", "password": PASSWORD}, status=302)
    assert 'lang="de"' in other.visit("/students").html


def test_a_language_that_is_read_from_right_to_left_turns_the_page(client, monkeypatch):
    monkeypatch.setitem(words.LANGUAGES, "ar", "العربية")
    assert '<html lang="ar" dir="rtl">' in client.open("/login", headers={"Accept-Language": "ar"}).text


def test_numbers_stand_in_the_language_of_their_reader(app, editor, add, students):
    add(1, "Ada", age=12, score=85.5)
    editor.send("/language", {"language": "de"}, page="/profile")
    assert editor.visit("/students/1").values["score"] == "85,5"
    assert "85,5" in editor.visit("/students").text
    version = editor.visit("/students/1").values["version"]
    sent = {"name": "Ada", "age": "12", "score": "90,25", "version": version}
    editor.send("/students/1", sent)
    assert students() == [(1, "Ada", 12, 90.25)]


@pytest.mark.parametrize(("language", "typed"), [("de", "1.234"), ("de", "85.5"), ("en", "1,234"), ("en", "85,5")])
def test_a_number_with_the_other_sign_is_refused_rather_than_misread(editor, add, students, language, typed):
    add(1, "Ada", score=10)
    editor.send("/language", {"language": language}, page="/profile")
    version = editor.visit("/students/1").values["version"]
    refused = editor.send("/students/1", {"name": "Ada", "score": typed, "version": version}, status=422)
    assert refused.values["score"] == typed
    assert students() == [(1, "Ada", None, 10.0)]


@pytest.mark.parametrize("typed", ["85.5", "85,5"])
def test_a_filter_reads_either_sign_so_that_a_link_may_be_sent_on(editor, add, typed):
    add(1, "Ada", score=85.5)
    add(2, "Bo", score=85)
    editor.send("/language", {"language": "de"}, page="/profile")
    page = editor.visit(f"/students?min_score={typed}")
    assert "Punktzahl mindestens 85,5" in page.text
    assert "Bo" not in page.text


def test_a_value_for_many_is_read_as_it_is_typed(editor, add, work, students):
    add(1, "Ada", score=10)
    editor.send("/language", {"language": "de"}, page="/profile")
    form = editor.send("/students/bulk", {"id": "1"}, page="/students", status=200)
    token = form.values["csrf_token"]
    prepared = editor.post("/students/bulk/set", {"csrf_token": token, "ids": "1", "column": "score", "value": "85,5"}, 303)
    work()
    editor.send(prepared.location + "/apply", page=prepared.location)
    work()
    assert students() == [(1, "Ada", None, 85.5)]


def test_why_a_sheet_failed_is_read_in_the_language_of_each_reader(editor, upload):
    page = upload("colour,size\nred,12\n")
    assert "No heading says which column is the Student ID or the Name" in page.text
    editor.send("/language", {"language": "de"}, page="/profile")
    assert "Keine Überschrift sagt, welche Spalte „Schüler-ID“ oder „Name“ enthält" in editor.visit("/imports/1/columns").text


def test_what_is_wrong_with_a_row_is_read_in_the_language_of_each_reader(editor, upload):
    upload("id,name,score\n1,Ada,12\n2,Bo,101\n")
    editor.send("/language", {"language": "es"}, page="/profile")
    page = editor.visit("/imports/1?verdict=rejected").text
    assert "Puntuación debe estar entre 0 y 100, no ser 101." in page
