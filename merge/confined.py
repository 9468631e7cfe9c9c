"""Open workbooks and archives in a process of its own, which dies in our place where a file is made to hurt.

A valid workbook of 1.4 KB, whose two cells are the sheet's far corners, makes the reader ask for half a terabyte and abort.
"""

import gc
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from merge.limits import TOO_MUCH, WALL_SECONDS, confine_this_process
from merge.problems import SheetRefused
from words import Later

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Opened:
    """What the other process wrote: the rows of one of a workbook's tabs as CSV, or an archive's only file."""

    tabs: list[str]
    """Empty for an archive."""
    tab: str | None


def open_confined(source: Path, target: Path, tab: str | int, seconds: float = WALL_SECONDS) -> Opened:
    """Write the tab, named or counted from 0, or the archive's file, to `target`. Raises SheetRefused."""
    command = [sys.executable, "-m", "merge.confined", str(source.absolute()), str(target.absolute()), json.dumps(tab)]
    try:
        # No environment: the database's address and the secret key are none of a spreadsheet's business.
        done = subprocess.run(  # noqa: S603  the command is ours, and the file's name in it was made by us
            command, cwd=ROOT, env={"PYTHONUTF8": "1"}, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise SheetRefused(TOO_MUCH) from None
    if done.returncode:
        raise SheetRefused(TOO_MUCH)
    answer = json.loads(done.stdout)
    if "refused" in answer:
        raise SheetRefused(Later.load(answer["refused"]))
    return Opened(**answer)


def main(source: str, target: str, tab: str) -> None:
    """Be the other process: answer in a line of JSON."""
    confine_this_process()
    gc.disable()  # millions of cells and no cycles
    try:
        answer = _open(Path(source), Path(target), json.loads(tab))
    except SheetRefused as refused:
        answer = {"refused": refused.sentence.dump()}
    except MemoryError:
        answer = {"refused": TOO_MUCH.dump()}
    sys.stdout.write(json.dumps(answer))


def _open(source: Path, target: Path, tab: str | int) -> dict[str, object]:
    # Imported only here, and late: the limits have to stand first, and the app's own process never loads the reader.
    from merge import archive, workbook
    from merge.kinds import kind_of

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
    return {"tabs": [], "tab": None}


if __name__ == "__main__":
    main(*sys.argv[1:])
