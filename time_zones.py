"""Time zones by their IANA names, and which moments belong to a day in them."""

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

UTC_NAME = "UTC"
REGIONS = ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
MAX_NAME_LENGTH = 64
LOCALTIME = Path("/etc/localtime")
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def find_zone(name: str) -> ZoneInfo | None:
    """Find the time zone with this name, such as Europe/Berlin."""
    if not name.isascii() or not name.isprintable() or len(name) > MAX_NAME_LENGTH:
        return None
    # What is no name may be a folder, a file of another kind, or a path that leads elsewhere.
    with suppress(ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(name)
    return None


@cache
def zone_names() -> tuple[str, ...]:
    """Name the zones that are called by a place, and UTC; other names are older ones for these."""
    return (*sorted(name for name in available_timezones() if name.partition("/")[0] in REGIONS), UTC_NAME)


def zone_of_server(environ: Mapping[str, str] = os.environ, localtime: Path = LOCALTIME) -> ZoneInfo:
    """Find the zone that this machine is set to: by TZ, else by /etc/localtime, else UTC."""
    named = [environ.get("TZ", "").removeprefix(":")]
    with suppress(OSError, RuntimeError):
        # A link to /usr/share/zoneinfo/Europe/Berlin, or to a link there.
        named.append(str(localtime.readlink()).rpartition("/zoneinfo/")[2])
        named.append(str(localtime.resolve()).rpartition("/zoneinfo/")[2])
    zones = filter(None, map(find_zone, filter(None, named)))
    found = next(zones, None)
    return ZoneInfo(UTC_NAME) if found is None or found.key == f"Etc/{UTC_NAME}" else found


def day_begins(day: date, zone: tzinfo) -> datetime:
    """Give the first moment that is dated this day or later, in UTC."""
    return min(_midnights(day, zone))


def day_ends(day: date, zone: tzinfo) -> datetime:
    """Give the moment after the last that is dated this day or earlier, in UTC.

    It is when the next day begins, except where clocks that were set back shortly after midnight showed this day again.
    """
    return LAST if day == date.max else max(_midnights(day + timedelta(days=1), zone))


def day_of(at: datetime, zone: tzinfo) -> date:
    """Give the day in the zone."""
    return at.astimezone(zone).date()


def as_instant(local: datetime, zone: tzinfo) -> datetime:
    """Take a time that names no offset as one of the zone's clocks. Raises OverflowError outside the years 1 to 9999.

    Where clocks are set back, the time that comes twice is meant as the first. Where they are set forward, a time that they
    leave out counts on from before: half an hour past the change, if it is half an hour into the gap.
    """
    aware = local.replace(tzinfo=zone) if local.tzinfo is None else local
    return aware.astimezone(UTC)


def _midnights(day: date, zone: tzinfo) -> tuple[datetime, ...]:
    """Give the moments at which clocks go over to the day: one, or two where they are set back over midnight."""
    midnight = datetime.combine(day, time.min, zone)
    try:
        first, second = (midnight.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    except OverflowError:
        return (FIRST if day.year == date.min.year else LAST,)
    # Only where no clock shows midnight does the second come before the first.
    return (first, second) if first <= second else (_change_between(second, first, zone),)


def _change_between(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """Find to the second when clocks are set forward between two moments."""
    old = before.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while low < high:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == old:
            low = middle + 1
        else:
            high = middle
    return before + timedelta(seconds=high)
