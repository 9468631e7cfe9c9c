"""Memory that an import has freed is the system's again."""

import os
from pathlib import Path

import memory


def test_what_was_freed_is_handed_back():
    memory.hand_back()
    before = _resident()
    blocks = [b"a" * 10_000 for _ in range(10_000)]
    full = _resident()
    # The last one stays, and so, by itself, does the heap below it.
    del blocks[:-1]
    kept = _resident()
    memory.hand_back()
    assert full - before > 90 << 20
    assert kept - before > 90 << 20
    assert _resident() - before < 10 << 20


def _resident() -> int:
    """Give in bytes what this process takes of the machine's memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
