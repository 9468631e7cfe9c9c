"""The school's time zone: every page says times in it, every filter means its days, and administrators choose it."""

import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from accounts import setup_token
from models import AuditEntry, Change, SchoolSetting, db
from tests.conftest import PASSWORD, SECRET
from tests.machine import machine_of

NEW_YORK, KOLKATA = ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")
LINK = f"/setup?token={setup_token(SECRET)}"
FIRST = {"email": "head@school.example", "password": PASSWORD, "again": PASSWORD}
PAGES = (
    *("/", "/students?q=cy", "/students/1/history", "/students/1/privacy", "/students?as_of=2026-11-30T20:15", "/changes"),
    *("/imports", "/imports/1", "/users", "/users/1", "/profile", "/profile/tokens", "/audit", "/students/1/merge/2"),
)
# Of these, none says when something was.
TIMELESS = ("/students?as_of=2026-11-30T20:15", "/students/1/privacy")
ISO_DATE = re.compile(r"\b\d{4}-\d\d-\d\d|:\d\d UTC\b")
# In New York on 30 November, in Kolkata on 1 December.
EVENING = datetime(2020, 12, 1, 1, 15, tzinfo=UTC)

pytestmark = pytest.mark.parametrize("backend", ["sqlite"])


@pytest.fixture(params=[NEW_YORK, KOLKATA], ids=str)
def zone(app, request):
    """Have the school be in each of two time zones."""
    app.config["SERVER_TIME_ZONE"] = request.param
    return request.param


@pytest.fixture
def long_ago(app, add):
    """Store Ada, and have that be the change of an evening in New York."""
    add(1, "Ada")
    with app.app_context():
        db.session.execute(update(Change).values(at=EVENING))
        db.session.commit()


@pytest.mark.usefixtures("long_ago")
def test_every_page_says_times_in_the_schools_zone(admin, zone, add, change, upload):
    for student_id, name in ((2, "Bo"), (3, "Cy")):
        add(student_id, name)
    admin.send("/students/3/delete", page="/students/3/delete")
    change(2, name="Bo L.")
    upload("id,name\n1,Ada King\n")
    admin.send("/profile/tokens", {"name": "Timetable", "scopes": ["read"], "days": "90"}, status=200)
    for path in PAGES:
        page = admin.visit(path)  # which holds each text against its own datetime
        times = [datetime.fromisoformat(time.get("datetime")) for time in page.all("time")]
        assert times or path in TIMELESS, path
        assert all(at.utcoffset() == at.astimezone(zone).utcoffset() for at in times), path
        assert not ISO_DATE.search(page.text), path


@pytest.mark.usefixtures("long_ago")
def test_what_is_dated_a_day_is_found_by_that_day(admin, zone):
    local = EVENING.astimezone(zone)
    for days in (-1, 0, 1):
        day = local.date() + timedelta(days)
        shown = [time.text for time in admin.visit(f"/changes?from={day}&to={day}").all("time")]
        assert shown == ([f"{local:%-d %B %Y, %H:%M}"] if days == 0 else [])
    today = datetime.now(zone).date()
    assert admin.visit(f"/audit?from={today}&to={today}").all("time")
    assert not admin.visit(f"/audit?to={today - timedelta(1)}").all("time")


@pytest.mark.usefixtures("long_ago")
def test_a_time_that_is_typed_is_the_schools_and_its_links_say_so(viewer, zone):
    moment = EVENING.astimezone(zone)
    typed = f"{moment:%Y-%m-%dT%H:%M}"
    page = viewer.visit(f"/students?as_of={typed}")
    assert page.heading == f"Students as of {moment:%-d %B %Y, %H:%M}"
    assert page.values["as_of"] == f"{typed}:00"
    (exported,) = (link for link in page.links if link.startswith("/students.xlsx"))
    assert parse_qs(urlsplit(exported).query)["as_of"] == [moment.isoformat()]
    assert f"students as of {moment:%Y-%m-%d %H.%M}.xlsx" in viewer.open(exported).headers["Content-Disposition"]
    for since, names in ((moment, ["Ada"]), (moment + timedelta(minutes=1), [])):
        page = viewer.visit(f"/students?since={since:%Y-%m-%dT%H:%M}")
        assert [row[1] for row in page.rows] == names
        assert f"Changed since {since:%-d %B %Y, %H:%M}" in page.text


@pytest.mark.usefixtures("long_ago")
def test_a_selection_means_the_same_time_wherever_it_is_read(viewer, zone):
    token = viewer.visit("/students").values["csrf_token"]
    for since, names in ((EVENING, ["Ada"]), (EVENING + timedelta(minutes=1), [])):
        within = f"since={since.astimezone(zone):%Y-%m-%dT%H:%M}"
        exported = viewer.open("/students/bulk/export", "POST", data={"csrf_token": token, "within": within}).text
        assert [line.split(",")[1].strip('"') for line in exported.splitlines()[1:]] == names


def test_the_chart_of_days_ends_today_and_leads_to_each_days_changes(admin, add, zone):
    add(1, "Ada")
    day = datetime.now(zone).date()
    page = admin.visit("/")
    (bar,) = (link for link in page.all("a") if link.get("aria-label").startswith(f"{day:%-d %B %Y}"))
    assert bar.get("aria-label").endswith(" 1")
    assert bar.get("href") == f"/changes?from={day}&to={day}"
    assert len(admin.visit(bar.get("href")).rows) == 1


@pytest.mark.usefixtures("long_ago")
def test_files_for_people_say_times_in_the_schools_zone_with_their_offset(admin, zone):
    held = json.loads(admin.open("/students/1/privacy.json").data)
    assert held["versions"][0]["at"] == EVENING.astimezone(zone).isoformat()
    for line in admin.open("/audit.csv").text.splitlines()[1:]:
        assert datetime.fromisoformat(line.partition(",")[0]).utcoffset() == datetime.now(zone).utcoffset()


@pytest.mark.usefixtures("long_ago", "zone")
def test_other_systems_go_on_in_utc(app, admin):
    machine = machine_of(app, "editor")
    for since, names in (("2020-12-01T01:15", ["Ada"]), ("2020-12-01T01:16", [])):
        found = machine.ask("GET", f"/students?since={since}", 200).json["students"]
        assert [student["name"] for student in found] == names
    admin.send("/students/1/delete", page="/students/1/delete")
    refused = machine.ask("PUT", "/students/1", 409, json={"name": "Bo"}, headers={"If-None-Match": "*"}).json
    assert refused["deleted"]["at"].endswith("+00:00")
    assert " UTC" in refused["detail"]


def test_set_up_offers_the_servers_zone_and_keeps_the_one_that_is_chosen(app, client, stored):
    app.config["SERVER_TIME_ZONE"] = KOLKATA
    assert client.visit(LINK).values["time_zone"] == "Asia/Kolkata"
    client.send(LINK, FIRST | {"time_zone": "Mars/Olympus"}, status=422)
    client.send(LINK, FIRST | {"time_zone": "America/New_York"})
    assert stored(select(SchoolSetting.value)) == [("America/New_York",)]
    assert stored(select(AuditEntry.details).where(AuditEntry.act == "user-added"))[0][0]["zone"] == "America/New_York"
    assert "Time zone: America/New York." in client.visit("/audit").text


def test_an_administrator_changes_the_zone_and_all_pages_follow(admin, stored):
    assert admin.visit("/users").values["time_zone"] == "UTC"
    assert "time_zone" in admin.send("/users/time-zone", {"time_zone": "Mars/Olympus"}, page="/users", status=422).problems
    for name, offsets in {"Asia/Kolkata": {"+05:30"}, "America/New_York": {"-05:00", "-04:00"}}.items():
        admin.send("/users/time-zone", {"time_zone": name}, page="/users")
        page = admin.visit("/users")
        assert f"time zone is now {name.replace('_', ' ')}" in page.alerts
        assert page.values["time_zone"] == name
        assert {time.get("datetime")[-6:] for time in page.all("time")} <= offsets
    noted = stored(select(AuditEntry.details).where(AuditEntry.act == "time-zone-chosen").order_by(AuditEntry.id))
    assert noted == [({"zone": "Asia/Kolkata"},), ({"zone": "America/New_York"},)]


def test_what_the_server_sets_is_not_offered_to_be_chosen(app, client, stored):
    app.config["TIME_ZONE"] = NEW_YORK
    assert "time_zone" not in client.visit(LINK).values
    client.send(LINK, FIRST)
    page = client.visit("/users")
    assert "America/New York, by the setting ROLLBOOK_TIME_ZONE on the server." in page.text
    client.post("/users/time-zone", {"csrf_token": page.values["csrf_token"], "time_zone": "Asia/Kolkata"}, status=404)
    assert stored(select(SchoolSetting.value)) == []


def test_a_zone_that_this_server_does_not_know_leaves_it_its_own(app, admin):
    with app.app_context():
        db.session.add(SchoolSetting(name="time_zone", value="Mars/Olympus"))
        db.session.commit()
    assert "Time zone: UTC." in admin.visit("/audit").text
