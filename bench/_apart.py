"""Run one measured piece of work in a process of its own, and see how much memory it and its children took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROC = Path("/proc")


class Gauge:
    """Watches a process and all that it starts: the sum of their peaks, an upper bound for them together."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.peaks: dict[int, int] = {}
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self) -> None:
        while not self.stopped.wait(0.03):
            self.look()

    def look(self) -> None:
        """Note the peak of every process of the tree that is there now."""
        for pid in _tree(self.pid):
            peak = _peak(pid)
            if peak:
                self.peaks[pid] = max(peak, self.peaks.get(pid, 0))

    def stop(self) -> float:
        self.stopped.set()
        self.thread.join()
        return sum(self.peaks.values()) / 2**20


def _tree(pid: int) -> list[int]:
    """A process and its descendants, where the system tells."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        for listed in PROC.glob(f"{one}/task/*/children"):
            try:
                waiting += [int(child) for child in listed.read_text().split()]
            except OSError:
                continue
    return found


def _peak(pid: int) -> int:
    """KiB of the largest resident size of a process so far; 0 when it is gone."""
    try:
        for line in (PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def apart(script: str, *words: str, python: str = sys.executable) -> dict[str, Any]:
    """Run ``python script words…``; gives the JSON object on its last line with ``rss_gib`` added.

    Raises:
        RuntimeError: the process failed; the end of what it said.
    """
    process = subprocess.Popen(
        [python, script, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    gauge = Gauge(process.pid)
    out, err = process.communicate()
    rss = gauge.stop()
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)}\n{err[-3000:]}")
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return {**found, "rss_gib": max(rss, float(found.get("rss_gib", 0)))}


class Clock:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self.begin = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.begin


def printed(rows: Sequence[Sequence[object]], *, head: Sequence[str]) -> None:
    """Print a table as Markdown; numbers to the right."""
    print("| " + " | ".join(head) + " |")
    print("| --- |" + " ---: |" * (len(head) - 1))
    for row in rows:
        print("| " + " | ".join(str(one) for one in row) + " |", flush=True)
