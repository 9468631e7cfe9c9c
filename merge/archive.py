"""Unpack an archive that holds one sheet. What comes out is counted; what the archive says of itself is not believed."""

import gzip
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, cast

from merge import oneroster
from merge.limits import MOST_MEMBERS, RATIO_COUNTS_FROM, UNPACKED_BYTES, UNPACKED_RATIO
from merge.problems import SheetRefused
from words import later

CHUNK = 1 << 20
# What a Mac and Windows put into an archive beside what was meant to be in it.
LITTER = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


def unpack_gzip(source: Path, target: Path) -> None:
    """Write what the gzip file holds to `target`. Raises SheetRefused."""
    try:
        with gzip.open(source) as packed:
            _copy(cast("BinaryIO", packed), target, source.stat().st_size)
    except (OSError, EOFError, zlib.error):
        raise _damaged() from None


def unpack_zip(archive: zipfile.ZipFile, target: Path) -> None:
    """Write the only sheet of the archive to `target`, or the users of a OneRoster export. Raises SheetRefused."""
    members = {Path(member.filename).name: member for member in archive.filelist if not member.is_dir()}
    if not {oneroster.MANIFEST, oneroster.USERS} <= members.keys():
        _unpack(archive, _only_member(archive), target)
        return
    _unpack(archive, members[oneroster.USERS], target)
    if oneroster.ROLES in members and not oneroster.has_role_column(target):
        users, roles = (target.with_name(f"{target.name}.{name}") for name in (oneroster.USERS, oneroster.ROLES))
        _unpack(archive, members[oneroster.ROLES], roles)
        oneroster.with_roles(target.replace(users), roles, target)
        users.unlink()
        roles.unlink()


def open_zip(source: Path) -> zipfile.ZipFile:
    """Open a zip archive whose table of contents can be read. Raises SheetRefused."""
    try:
        archive = zipfile.ZipFile(source)
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        raise _damaged() from None
    if len(archive.filelist) > MOST_MEMBERS:
        raise SheetRefused(
            later(
                "The archive contains %(found)s files. Unpack it and upload one sheet.",
                found=len(archive.filelist),
            )
        )
    return archive


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    if member.flag_bits & 1:
        raise SheetRefused(later("The archive is protected with a password. Unpack it and upload the sheet."))
    try:
        with archive.open(member) as packed:
            _copy(cast("BinaryIO", packed), target, Path(str(archive.filename)).stat().st_size)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        raise _damaged() from None


def _only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [m for m in archive.filelist if not m.is_dir() and not any(litter in m.filename for litter in LITTER)]
    if len(members) != 1:
        if not members:
            raise SheetRefused(later("The archive contains no files. Upload the sheet itself."))
        raise SheetRefused(
            later(
                "The archive contains %(found)s files instead of one sheet. Unpack it and upload one sheet.",
                found=len(members),
            )
        )
    return members[0]


def _copy(packed: BinaryIO, target: Path, packed_bytes: int) -> None:
    written = 0
    with open(target, "wb") as file:
        while chunk := packed.read(CHUNK):
            written += len(chunk)
            suspicious = written > RATIO_COUNTS_FROM and written > packed_bytes * UNPACKED_RATIO
            if suspicious or written > UNPACKED_BYTES:
                raise SheetRefused(
                    later("The archive unpacks to far more than a sheet can be. Unpack it and upload the sheet itself.")
                )
            file.write(chunk)


def _damaged() -> SheetRefused:
    return SheetRefused(later("The file is damaged or incomplete. Save or pack it again, then upload it again."))
