"""Which moments belong to a day, in every zone, also on days of 23 or 25 hours and on those that were left out."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import words
from merge.query import parse_day, parse_moment
from tests.server import ROOT
from time_zones import as_instant, day_begins, day_ends, day_of, find_zone, zone_names, zone_of_server

ZONES = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
TIMES = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.just(UTC))  # noqa: DTZ001  they get a zone
NEW_YORK, APIA, ST_JOHNS = ZoneInfo("America/New_York"), ZoneInfo("Pacific/Apia"), ZoneInfo("America/St_Johns")


@given(ZONES, TIMES)
@example(NEW_YORK, datetime(2026, 11, 1, 5, 30, tzinfo=UTC))
@example(NEW_YORK, datetime(2026, 12, 1, 4, 59, 59, 999_999, tzinfo=UTC))
@example(APIA, datetime(2011, 12, 30, 10, tzinfo=UTC))
@example(ST_JOHNS, datetime(2010, 11, 7, 2, 30, 30, tzinfo=UTC))
@example(ST_JOHNS, datetime(2010, 11, 7, 2, 45, tzinfo=UTC))
@example(ZoneInfo("America/Toronto"), datetime(1919, 3, 31, 4, 30, tzinfo=UTC))
def test_what_is_dated_a_day_is_between_its_ends_and_what_is_outside_them_is_not(zone, at):
    day = day_of(at, zone)
    assert day_begins(day, zone) <= at < day_ends(day, zone)
    assert day_of(day_begins(day, zone) - timedelta(microseconds=1), zone) < day
    assert day_of(day_ends(day, zone), zone) > day


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 11, 30), 24)])
def test_a_day_is_as_long_as_its_clocks_say(day, hours):
    assert day_ends(day, NEW_YORK) - day_begins(day, NEW_YORK) == timedelta(hours=hours)


def test_a_day_that_was_left_out_has_no_moment():
    assert day_begins(date(2011, 12, 30), APIA) == day_ends(date(2011, 12, 30), APIA)


@pytest.mark.parametrize("zone", [NEW_YORK, ZoneInfo("Asia/Kolkata"), UTC], ids=str)
def test_the_first_and_the_last_day_of_all_can_be_asked_for(zone):
    assert day_begins(date.min, zone) <= day_ends(date.min, zone)
    assert day_begins(date.max, zone) <= day_ends(date.max, zone)


@given(ZONES, TIMES)
def test_a_time_that_is_shown_is_understood_as_it_was_meant(zone, at):
    local = at.astimezone(zone)
    understood = as_instant(local.replace(tzinfo=None), zone)
    again = understood.astimezone(zone)
    assert understood == at or (local.fold == 1 and understood < at and again.replace(tzinfo=None) == local.replace(tzinfo=None))
    if not (local.utcoffset() or timedelta()) % timedelta(minutes=1):  # an address writes no seconds of an offset
        assert parse_moment(local.isoformat(), zone) == at


@pytest.mark.parametrize(
    ("typed", "moment"),
    [
        ("2026-11-30", "2026-11-30T05:00"),
        ("2026-11-30T20:15", "2026-12-01T01:15"),
        ("2026-11-30T20:15Z", "2026-11-30T20:15"),
        ("2026-03-08T02:30", "2026-03-08T07:30"),  # left out as clocks go from 02:00 to 03:00: 03:30 by the new time
        ("2026-11-01T01:30", "2026-11-01T05:30"),  # comes twice: the first
        ("2026-11-01T01:30-05:00", "2026-11-01T06:30"),
        ("30 November 2026", "2026-11-30T05:00"),
        ("1 Sept 2026, 08:30", "2026-09-01T12:30"),
        ("1. März 2026 08:30", "2026-03-01T13:30"),
        ("1 de marzo de 2026, 08:30", "2026-03-01T13:30"),
    ],
)
def test_a_time_that_is_typed_is_the_zones_unless_it_names_an_offset(typed, moment):
    assert parse_moment(typed, NEW_YORK) == datetime.fromisoformat(moment).replace(tzinfo=UTC)


@given(ZONES, TIMES.filter(lambda at: at.year > 1000), st.sampled_from(sorted(words.LANGUAGES)))
def test_a_date_and_time_can_be_typed_as_they_are_shown(zone, at, language):
    asked, read = words.zone.set(lambda: zone), words.reader.set(lambda: language)
    shown = words.in_zone(at)
    minute = shown.time().replace(second=0, microsecond=0, fold=0)
    assert words.read_date_and_time(words.moment(at)) == (shown.date(), minute)
    assert parse_day({"from": words.day(shown)}, "from") == shown.date()
    words.zone.reset(asked)
    words.reader.reset(read)


@pytest.mark.parametrize(
    "name", ["", "Nowhere/Else", "../UTC", "/etc/localtime", "Europe", "Europe/Berlín", "UTC\n", "a" * 300, "\0"]
)
def test_what_names_no_zone_is_none(name):
    assert find_zone(name) is None


def test_every_name_that_is_offered_is_a_zone():
    assert {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"} <= set(zone_names())
    assert all(map(find_zone, zone_names()))


@pytest.mark.parametrize(
    ("variable", "link", "zone"),
    [
        ("Asia/Kolkata", "Europe/Berlin", "Asia/Kolkata"),
        (":Asia/Kolkata", None, "Asia/Kolkata"),
        ("", "Europe/Berlin", "Europe/Berlin"),
        ("<+03>-3", "America/Argentina/Ushuaia", "America/Argentina/Ushuaia"),
        ("", None, "UTC"),
    ],
)
def test_the_servers_zone_is_what_its_clock_is_set_to(tmp_path, variable, link, zone):
    localtime = tmp_path / "localtime"
    if link:
        localtime.symlink_to(f"/usr/share/zoneinfo/{link}")
    assert str(zone_of_server({"TZ": variable}, localtime)) == zone


@pytest.mark.parametrize(
    ("ago", "english", "german"),
    [
        (timedelta(seconds=59), "just now", "gerade eben"),
        (timedelta(minutes=59), "59 minutes ago", "vor 59 Minuten"),
        (timedelta(hours=1), "today, 08:30", "heute, 08:30"),
        (timedelta(hours=10), "yesterday, 23:30", "gestern, 23:30"),
        (timedelta(days=1, hours=10), "29 November 2026, 23:30", "29. November 2026, 23:30"),
        (-timedelta(minutes=1), "1 December 2026, 09:31", "1. Dezember 2026, 09:31"),
    ],
)
def test_what_is_recent_is_said_by_its_age_in_the_readers_language(ago, english, german):
    present = datetime(2026, 12, 1, 14, 30, tzinfo=UTC)
    words_zone = words.zone.set(lambda: NEW_YORK)
    for language, told in (("en", english), ("de", german)):
        reader = words.reader.set(lambda language=language: language)
        assert words.recent(present - ago, present) == told
        words.reader.reset(reader)
    words.zone.reset(words_zone)


def test_two_times_that_clocks_show_alike_are_told_apart():
    zone = words.zone.set(lambda: NEW_YORK)
    first, second = (words.exact(datetime(2026, 11, 1, hour, 30, tzinfo=UTC)) for hour in (5, 6))
    words.zone.reset(zone)
    assert (first, second) == ("1 November 2026, 01:30:00 GMT-04:00", "1 November 2026, 01:30:00 GMT-05:00")


def test_without_a_school_times_are_said_in_utc():
    assert words.moment(datetime(2026, 3, 27, 14, 5)) == "27 March 2026, 14:05 UTC"  # noqa: DTZ001  as SQLite would give it


def test_templates_write_times_in_one_way():
    own = re.compile(r"<time\b|strftime|isoformat")
    assert [path.name for path in ROOT.glob("templates/**/*.*") if own.search(path.read_text())] == ["tables.html"]
