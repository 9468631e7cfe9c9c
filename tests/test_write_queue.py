"""SQLite's writers get their turns in the order in which they came, in whichever process, and nobody waits for the dead."""

import multiprocessing
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import pytest

from tests.cluster import wait_until
from tests.server import ROOT
from write_queue import WriteQueue

# Says so once it waits and once it has its turn, and gives it back when told to.
OTHER = """
import pathlib, sys
from write_queue import WriteQueue
queue = WriteQueue(pathlib.Path(sys.argv[1]))
print("comes", flush=True)
print(queue.take(60), flush=True)
sys.stdin.readline()
queue.give()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "queue"


@pytest.fixture
def other(path):
    """Start a process that wants a turn: it is in the queue when this returns."""
    with ExitStack() as started:

        def start():
            before = _locks(path)
            command = [sys.executable, "-c", OTHER, str(path)]
            process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            started.enter_context(process)
            started.callback(process.kill)
            assert process.stdout.readline() == "comes\n"
            assert wait_until(lambda: _locks(path) > before)
            return process

        yield start


def _locks(path):
    """Count the places in the queue as the kernel knows them (proc_locks(5))."""
    if not path.exists():
        return 0
    mark = f":{path.stat().st_ino} "
    with open("/proc/locks") as locks:
        return sum(mark in line for line in locks)


def test_queue_of_threads_serves_them_in_order_of_arrival(path):
    queue, order, threads = WriteQueue(path), [], []

    def work(number):
        assert queue.take(60)
        order.append(number)
        queue.give()

    assert queue.take(0)
    for number in range(20):
        threads.append(threading.Thread(target=work, args=[number]))
        threads[-1].start()
        assert wait_until(lambda number=number: len(queue) == number + 2)
    queue.give()
    for thread in threads:
        thread.join()
    assert order == list(range(20))
    assert queue.take(0)


def test_queue_of_processes_serves_them_in_order_of_arrival_between_threads_of_another(path, other):
    queue, order = WriteQueue(path), []

    def work(name):
        assert queue.take(60)
        order.append(name)
        queue.give()

    assert queue.take(0)
    first = other()
    between = threading.Thread(target=work, args=["between"])
    between.start()
    assert wait_until(lambda: len(queue) == 2)
    last = other()
    queue.give()
    assert first.stdout.readline() == "True\n"
    assert not order
    first.communicate("done\n")
    between.join()
    assert last.stdout.readline() == "True\n"
    assert not queue.take(0)


def test_killed_waiter_and_killed_writer_free_their_places(path, other):
    queue = WriteQueue(path)
    writer, waiter, last = other(), other(), other()
    assert writer.stdout.readline() == "True\n"
    for process in (waiter, writer):
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert last.stdout.readline() == "True\n"
    last.communicate("done\n")
    assert queue.take(60)


def test_waiter_who_gives_up_leaves_no_place_behind(path, other):
    queue = WriteQueue(path)
    writer = other()
    assert not queue.take(0.01)
    assert len(queue) == 0
    assert _locks(path) == 1
    writer.communicate("done\n")
    assert queue.take(0)
    queue.give()
    assert _locks(path) == 0


def test_turn_ends_though_a_forked_process_lives_on(path):
    queue = WriteQueue(path)
    assert queue.take(0)
    heir = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    heir.start()
    queue.give()
    assert queue.take(0)
    heir.kill()
    heir.join()
