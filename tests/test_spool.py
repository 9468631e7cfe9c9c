"""Large bodies on their way in are files that all processes count, and that are gone with whoever had them."""

import subprocess
import sys
from contextlib import ExitStack

import pytest

from spool import Bounds, NoSpace, Spool
from tests.server import ROOT

BOUNDS = Bounds(in_all=6, of_address=4, of_user=2)
OTHER = """
import pathlib, sys
from spool import Bounds, Spool
spool = Spool(pathlib.Path(sys.argv[1]), Bounds(6, 4, 2), 1000)
held = [spool.open(1, "far", "other") for _ in range(2)]
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "incoming"


@pytest.fixture
def spool(folder):
    with ExitStack() as opened:
        made = Spool(folder, BOUNDS, 1000)
        give = made.open
        made.open = lambda *whose: opened.enter_context(give(*whose))
        yield made


@pytest.mark.parametrize(
    ("before", "refused"),
    [
        ([(1, "near", "me")] * 2, (1, "far", "me")),
        ([(1, "near", user) for user in "aabb"], (1, "near", "c")),
        ([(1, address, user) for address, user in zip("xxxyyy", "abcdef", strict=True)], (1, "z", "g")),
        ([(600, "near", "me")], (401, "far", "other")),
    ],
)
def test_body_beyond_a_bound_gets_no_place_until_another_is_gone(spool, before, refused):
    bodies = [spool.open(*whose) for whose in before]
    with pytest.raises(NoSpace):
        spool.open(*refused)
    bodies[0].close()
    spool.open(*refused)


def test_one_body_alone_may_be_larger_than_all_together(spool):
    spool.open(5000, "near", "me")


def test_body_is_read_as_it_was_written_and_leaves_nothing_behind(spool, folder):
    body = spool.open(10, "near", "me")
    body.write(b"01234")
    body.write(bytearray(b"56789"))
    body.seek(0)
    assert body.read() == b"0123456789"
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "near" not in file.name
    body.close()
    body.close()
    assert not list(folder.iterdir())


def test_bounds_hold_over_processes_and_who_is_killed_frees_their_places(spool, folder):
    command = [sys.executable, "-c", OTHER, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(NoSpace):
            spool.open(1, "near", "other")
        other.kill()
        other.wait()
        assert len(list(folder.iterdir())) == 2
        spool.open(1, "near", "other")
    assert len(list(folder.iterdir())) == 1, "what was left behind is gone"
