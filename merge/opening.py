"""Make a plain text file of whatever was uploaded, beside it: unpacked, or the tab of a workbook written as CSV."""

import glob
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from merge.kinds import kind_of
from merge.problems import SheetRefused
from words import later

# What is made of an upload lies beside it and is called as it is, with this and more behind.
MADE = ".made-"
TABS_LOOKED_INTO = 12


@dataclass(frozen=True)
class Plain:
    """A text file to read rows from, and the tabs of the workbook that it was made of."""

    path: Path
    tabs: list[str] = field(default_factory=list)
    tab: str | None = None


def open_plain(upload: Path, tab: str | None, is_known: Callable[[Path], bool]) -> Plain:
    """Open the upload; of a workbook the given tab, or else the first whose headings are known. Raises SheetRefused."""
    if kind_of(upload) == "text":
        return Plain(upload)
    plain = _open(upload, upload, tab, is_known)
    if plain.tabs or kind_of(plain.path) == "text":
        return plain
    inner = _open(upload, plain.path, tab, is_known)
    if not inner.tabs:
        raise SheetRefused(later("The archive contains another archive. Unpack it and upload the sheet."))
    return inner


def files_made_of(upload: Path) -> set[Path]:
    return set(upload.parent.glob(f"{glob.escape(upload.name)}{MADE}*"))


def discard_files(upload: Path) -> None:
    """Remove an upload and all that lies beside it under its name."""
    for path in (upload, *upload.parent.glob(f"{glob.escape(upload.name)}.*")):
        path.unlink(missing_ok=True)


def _open(upload: Path, source: Path, tab: str | None, is_known: Callable[[Path], bool]) -> Plain:
    first = _make(upload, source, 0 if tab is None else tab)
    if tab is not None or not first.tabs or is_known(first.path):
        return first
    others = (_make(upload, source, place) for place in range(1, min(len(first.tabs), TABS_LOOKED_INTO)))
    return next((other for other in others if is_known(other.path)), first)


def _make(upload: Path, source: Path, tab: str | int) -> Plain:
    """Write it to a file of its own and then rename that: a worker may be reading one of that name."""
    part = upload.with_name(f"{upload.name}{MADE}{uuid.uuid4().hex}")
    try:
        tabs, chosen = _convert(source, part, tab)
        name = "unpacked" if chosen is None else f"tab-{tabs.index(chosen)}"
        return Plain(part.replace(upload.with_name(f"{upload.name}{MADE}{name}")), tabs, chosen)
    finally:
        part.unlink(missing_ok=True)


def _convert(source: Path, target: Path, tab: str | int) -> tuple[list[str], str | None]:
    """Write a workbook's tab, or an archive's only file, to the target; give the names of all tabs, none for an archive."""
    # Imported only here, in the process of its own: the app's never loads the reader.
    from merge import archive, workbook

    kind = kind_of(source)
    if kind == "gzip":
        archive.unpack_gzip(source, target)
    elif kind == "packed":
        with archive.open_zip(source) as packed:
            if workbook.extension_of(packed):
                return workbook.write_tab(source, target, tab, packed)
            archive.unpack_zip(packed, target)
    else:
        return workbook.write_tab(source, target, tab, None)
    return [], None
