"""How much of a machine a sheet may take before it is refused, however it is made."""

import resource

from words import Later, later

MOST_COLUMNS = 1_000
# Python's csv module gives up at a cell that is longer; Excel's own limit is a quarter of it.
LONGEST_CELL = 131_072
LONGEST_LINE = 4 << 20
# Rows can go on over many lines inside quotation marks: what a hundred of them may take together, in bytes.
LONGEST_HUNDRED_ROWS = 16 << 20

UNPACKED_BYTES = 2 << 30
# A sheet of names shrinks to a fifth, one of zeros to a hundredth; an archive that is a weapon to a thousandth.
UNPACKED_RATIO = 200
RATIO_COUNTS_FROM = 64 << 20
MOST_MEMBERS = 1_000
MOST_TABS = 200

MEMORY_BYTES = 1 << 30
CPU_SECONDS = 60
BYTES_A_CPU_SECOND = 200_000
WALL_SECONDS = 90
TOO_MUCH = later(
    "The file takes more time or memory to open than a sheet should. Often there is a cell far below or far to the right "
    "of the others: delete the empty rows and columns, or choose “Save as” and “CSV UTF-8”, and upload that."
)


def too_wide(columns: int) -> Later:
    return later("The sheet has %(columns)s columns; at most %(most)s can be read.", columns=columns, most=MOST_COLUMNS)


def cpu_seconds_for(size: int) -> int:
    """Give how long reading a file of so many bytes may take: a hundred times what an honest one does."""
    return CPU_SECONDS + size // BYTES_A_CPU_SECOND


def confine_this_process(cpu_seconds: int = CPU_SECONDS) -> None:
    """Have the kernel end this process, and no other, where a file makes it take too much."""
    limits = {
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: UNPACKED_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    for what, most in limits.items():
        resource.setrlimit(what, (most, most))
