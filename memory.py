"""What glibc does with memory that has been freed; another C library is left as it is."""

import ctypes

_library = ctypes.CDLL(None)
# As glibc's malloc.h names and numbers it.
M_ARENA_MAX = -8
HEAPS = 2


def share_heaps() -> None:
    """Let all threads share two heaps.

    By itself glibc gives threads up to eight for each processor, and what one of them has freed the others don't use: with as
    many threads as ours, memory grows for as long as many are at work.
    """
    if hasattr(_library, "mallopt"):
        _library.mallopt(M_ARENA_MAX, HEAPS)


def hand_back() -> None:
    """Give the system what is free: glibc keeps it, and after an import that is most of what the import took."""
    if hasattr(_library, "malloc_trim"):
        _library.malloc_trim(0)
