"""Jobs in a process of their own: what kills it ends the job in words, and nothing else."""

import os
import resource
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from merge import confined, fork_server
from merge.limits import TOO_MUCH
from merge.problems import SheetRefused
from merge.sheet import inspect
from words import later

HERE = "tests.merge.test_confined"


def count(number):
    yield from range(number)


def take_memory():
    yield len(bytearray(4 << 30))


def spin():
    while True:
        pass
    yield


def end_at_once():
    yield 1
    os._exit(1)


def be_killed():
    os.kill(os.getpid(), signal.SIGKILL)
    yield


def refuse():
    raise SheetRefused(later("No, %(name)s.", name=later("Ada")))
    yield


def go_wrong():
    yield 1 / 0


def find_no_file():
    yield Path("/nowhere").read_text()


def look_around():
    open_files = [file for file in Path("/proc/self/fd").iterdir() if int(file.name) > 2 and file.exists()]
    files = [str(file.readlink()) for file in open_files]
    yield dict(os.environ), files, resource.getrlimit(resource.RLIMIT_AS)[0], os.getpid()


def test_values_come_one_by_one_and_whole():
    assert list(confined.stream(count, 3)) == [0, 1, 2]
    assert confined.run(count, 1) == 0
    assert len(list(confined.stream(count, 100_000))) == 100_000


@pytest.mark.parametrize("job", [take_memory, spin, end_at_once, be_killed])
def test_job_that_takes_too_much_or_is_killed_is_refused_and_the_next_one_runs(job):
    with pytest.raises(SheetRefused) as refused:
        list(confined.stream(job, cpu_seconds=1))
    assert refused.value.sentence == TOO_MUCH
    assert confined.run(count, 1) == 0


def test_refusal_comes_with_its_sentence():
    with pytest.raises(SheetRefused) as refused:
        confined.run(refuse)
    assert str(refused.value.sentence) == "No, Ada."


def test_fault_comes_as_what_it_was():
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        confined.run(go_wrong)
    with pytest.raises(FileNotFoundError):
        confined.run(find_no_file)


def test_job_knows_no_setting_and_no_open_file(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "hush")
    environ, files, memory, process = confined.run(look_around)
    assert not {"SECRET_KEY", "DATABASE_URL", "HOME"} & environ.keys()
    assert not [file for file in files if not file.startswith("socket:")]
    assert memory == 1 << 30
    assert process != os.getpid()


def test_job_that_nobody_waits_for_ends():
    jobs = confined.stream(look_around)
    (_, _, _, process) = next(jobs)
    jobs.close()
    until = time.monotonic() + 30
    while Path(f"/proc/{process}").exists():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_many_at_once_each_get_their_own_answer():
    with ThreadPoolExecutor(8) as threads:
        lengths = list(threads.map(lambda number: len(list(confined.stream(count, number))), range(64)))
    assert lengths == list(range(64))


def test_fork_server_that_was_killed_is_started_again(tmp_path):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("id,name\n1,Ada\n")
    fork_server._control.close()
    assert inspect(sheet).headings == ["id", "name"]
