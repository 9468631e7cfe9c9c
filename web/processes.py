"""What the server's processes take of the machine: each by itself, and all of them together."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

PROC = Path("/proc")


class Processes:
    """Looks at this process, its siblings and their parent; at itself alone where it is no child of a server."""

    def collect(self) -> Iterator[Metric]:
        found = _processes()
        families: dict[str, Metric] = {}
        for pid in found:
            for told in ProcessCollector(pid=partial(str, pid), registry=None).collect():
                family = families.setdefault(told.name, _labelled(told))
                for sample in told.samples:
                    family.add_sample(sample.name, {"pid": str(pid)}, sample.value)
        yield from families.values()
        together = sum(map(_memory, found))
        yield GaugeMetricFamily("rollbook_memory_bytes", "Memory of all processes; what they share counts once.", together)


def _labelled(told: Metric) -> Metric:
    kind = CounterMetricFamily if told.type == "counter" else GaugeMetricFamily
    return kind(told.name, told.documentation, labels=["pid"])


def _processes() -> list[int]:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return [os.getpid()]
    parent = os.getppid()
    try:
        children = (PROC / f"{parent}/task/{parent}/children").read_text()
    except OSError:
        return [os.getpid()]
    return [parent, *map(int, children.split())]


def _memory(pid: int) -> int:
    """Give a process's part of the memory, in bytes (proc(5), Pss); nothing of one that has just ended."""
    try:
        lines = (PROC / f"{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
