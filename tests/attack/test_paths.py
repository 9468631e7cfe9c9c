"""No name and no address leads to a file that it should not lead to."""

import io
import re
import stat
import zipfile

from tests.server import ROOT
from web.export_slots import AT_ONCE

UP = ["../", "..\\", "..%2f", "..%5c", "%2e%2e/", "%2e%2e%2f", "....//", "..;/", "..%252f", "..%c0%af", "./../", "..%00/"]
OURS = ["app.py", "instance/secret_key", "etc/passwd", "proc/self/environ"]
PATHS = ["../../evil.csv", "..\\..\\evil.csv", "/etc/passwd", "C:\\evil.csv", "\\\\host\\share\\evil.csv", "....//evil.csv"]
NAMES = [*PATHS, "evil.csv%00.jpg", "evil\x00.csv", "..", " ", "$(id).csv", "-rf", "evil\u202ecsv.exe"]
LETTERS = ["Zażółć.csv", "三年级.csv", "😀.csv", 'a"b.csv', "a'b;c=d.csv", "a" * 3000 + ".csv"]
SHEET = b"id,name\n9801,Somebody\n"


def files(school):
    """Give every file in the server's own folder and in the tree, but for what databases and Python write."""
    folder = school.server.log.parent
    found = {path for place in (ROOT / "static", ROOT / "templates", folder) for path in place.rglob("*") if path.is_file()}
    return {path for path in found if not path.name.startswith(("rollbook.db", "secret_key"))}


def assert_only_uploads(school, before):
    """See that nothing lies anywhere but among the uploads, and under a name of our own, but for the places of exports."""
    uploads = school.server.log.parent / "instance" / "uploads"
    made = {path for path in files(school) - before if not is_export_place(school, path)}
    assert all(path.parent == uploads and len(path.name.partition(".")[0]) == 32 for path in made), made


def is_export_place(school, path):
    """Tell whether it is what a download locks: an empty file that is named by a user's number and a place of theirs."""
    user, _, place = path.name.partition(".")
    ours = re.fullmatch("[0-9]+", user) and place in map(str, range(AT_ONCE))
    return bool(ours) and path.parent == school.server.log.parent / "instance" / "exports" and path.stat().st_size == 0


def cancel(editor, answer):
    assert answer.status in (303, 422), answer.status
    if answer.status == 303:
        editor.send(f"{answer.location.removesuffix('/columns')}/cancel")


def test_no_address_leads_to_a_file_of_ours(viewer):
    for path in [f"{start}{up * 6}{name}" for up in UP for name in OURS for start in ("/static/", "/static/vendor/", "/")]:
        answer = viewer.open(path.replace("\\", "%5c"))
        assert answer.status in (301, 302, 308, 400, 404), (path, answer.status)
        assert b"def create_app" not in answer.body
        assert b"root:" not in answer.body
    for path in ("/static//etc/passwd", "/static/file:///etc/passwd", "/static/", "/static/.", "/static/%00", "/.git/config"):
        assert viewer.open(path).status in (308, 400, 404), path


def test_a_path_that_is_no_address_leads_to_no_file(stranger):
    for target in ("/static/../app.py", "/static/..\\app.py", "/../../etc/passwd", "file:///etc/passwd", "../app.py"):
        answer = stranger.raw(f"GET {target} HTTP/1.1\r\nHost: {stranger.netloc}\r\nConnection: close\r\n\r\n".encode())
        assert not answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 500")), (target, answer[:200])


def test_no_name_of_a_file_leads_out_of_the_uploads_and_a_download_has_it_in_any_letters(school, editor):
    before = files(school)
    for name in [*NAMES, *LETTERS]:
        answer = editor.upload(SHEET, name.replace('"', "%22").encode())
        if answer.status == 303:
            download = editor.open(f"{answer.location}/rejected.csv")
            assert download.status == 200, name
            _, _, named = download.headers["Content-Disposition"].partition("filename")
            assert not set("/\x00") & set(named), named
        cancel(editor, answer)
    assert_only_uploads(school, before)


def archive(*members, link=None):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name in members:
            file.writestr(name, SHEET)
        if link:
            info = zipfile.ZipInfo("sheet.csv")
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            file.writestr(info, link)
    return packed.getvalue()


def test_no_entry_of_an_archive_leads_out_of_the_uploads(school, editor):
    before = files(school)
    for name in [*PATHS[:4], "..", "evil.csv/../../evil.csv"]:
        cancel(editor, editor.upload(archive(name), "sheet.zip"))
    assert_only_uploads(school, before)


def test_a_link_in_an_archive_is_not_followed(editor):
    for link in ("/etc/passwd", "../../secret_key", f"{ROOT}/app.py"):
        answer = editor.upload(archive(link=link), "sheet.zip")
        shown = editor.open(answer.location) if answer.status == 303 else answer
        assert "root:" not in shown.content
        assert "create_app" not in shown.content
        cancel(editor, answer)


def test_no_page_tells_where_uploads_lie(school, editor):
    answer = editor.upload(b"id,name\n9802,\n", "../../x.csv")
    page = editor.open(answer.location)
    for hint in ("uploads", str(ROOT), str(school.server.log.parent)):
        assert hint not in page.content
    cancel(editor, answer)
