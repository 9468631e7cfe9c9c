"""Files that are written while they are sent: what is wrong is found before the first byte, and said on a page."""

from urllib.parse import urlencode

import pytest
from psycopg2 import OperationalError as Unreached
from sqlalchemy.exc import OperationalError

from merge.query import filter_names
from tests.web.test_route_matrix import API, TABLE, token_of

IMPORT, LIST, BULK, AUDIT = "/imports/1/rejected.csv", ("/students.csv", "/students.xlsx"), "/students/bulk/export", "/audit.csv"
STREAMED = {*LIST, IMPORT, BULK, AUDIT}
OF_LIST = [*filter_names(), "q", "sort", "as_of"]
NAMES = {
    LIST[0]: [*OF_LIST, "format"],
    LIST[1]: OF_LIST,
    BULK: [*OF_LIST, "format"],
    AUDIT: ["who", "what", "about", "from", "to", "before", "format"],
    IMPORT: ["format"],
}
BAD = ["x", "-1", "9" * 400, "\x00", "1e999", "\ud800".encode("utf-8", "surrogatepass")]
# Where the first rows are read, in the module that has that name.
READS = {"/students.csv": "merge.csv_text.in_parts", BULK: "merge.csv_text.in_parts", AUDIT: "web.audit.in_parts"}


@pytest.fixture
def school(admin, upload, add):
    upload("id,name,age\n7,Ada,12\n9,,1\n")
    add(7, "Ada", 12, 85.5)
    return token_of(admin)


def asked(visitor, token, path, name, value):
    """Ask for a file with one parameter, wherever it takes it; give the status once all of it has come."""
    if path == BULK:
        within = {"within": urlencode({name: value})} if name != "format" else {name: value}
        response = visitor.open(path, "POST", data={"csrf_token": token, **within})
    else:
        response = visitor.open(f"{path}?{urlencode({name: value})}")
    with response:
        assert response.get_data() is not None
        return response.status_code


@pytest.mark.parametrize("backend", ["sqlite"])
def test_every_file_that_is_written_while_it_is_sent_is_known(admin, school):
    found = set()
    for method, path in TABLE:
        if path.startswith((API, "/static", "/logout", "/profile")):
            continue
        with admin.open(path, method, data={"csrf_token": school} if method == "POST" else None) as response:
            if response.status_code == 200 and response.mimetype != "text/html" and "Content-Length" not in response.headers:
                found.add(path)
    assert found == STREAMED


def test_no_parameter_of_a_file_is_found_wrong_once_it_is_being_sent(admin, school):
    for path in STREAMED:
        for name in NAMES[path]:
            for value in BAD:
                status = asked(admin, school, path, name, value)
                assert status in (200, 400, 422), (path, name, value, status)
                if name in ("min_score", "sort", "format", "as_of") and value == "x":
                    assert status == 400 or (path == BULK and name == "as_of"), (path, name)


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("backend", ["sqlite"])
def test_database_that_fails_at_the_first_rows_is_said_on_a_page(admin, school, path, monkeypatch):
    def fail(*_arguments):
        raise OperationalError("SELECT", {}, Unreached())
        yield

    monkeypatch.setattr(READS[path], fail)
    sent = {"method": "POST", "data": {"csrf_token": school}} if path == BULK else {}
    with admin.open(path, **sent) as response:
        assert response.status_code == 503
        assert response.mimetype == "text/html"
