"""Whether there is room, as quotas and limits have it."""

import resource
from contextlib import contextmanager

from disk_room import room_problem


@contextmanager
def no_room():
    now, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (now, most))


def test_a_folder_with_room_has_no_problem_and_stays_empty(tmp_path):
    assert room_problem([tmp_path, tmp_path]) is None
    assert not list(tmp_path.iterdir())


def test_a_folder_without_room_and_one_that_is_gone_are_named(tmp_path):
    with no_room():
        assert room_problem([tmp_path]) == f"Nothing can be stored in {tmp_path}: File too large. Make room there."
    gone = tmp_path / "gone"
    assert room_problem([tmp_path, gone]) == f"Nothing can be stored in {gone}: No such file or directory. Make room there."
