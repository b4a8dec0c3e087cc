"""What other processes cost (Linux)."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(process: int) -> float:
    """The processor time that it has used."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_mib(process: int, line: str = "VmRSS:") -> float:
    """The memory that it holds; with `VmHWM:`, the most that it ever held."""
    for each in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
        if each.startswith(line):
            return int(each.split()[1]) / 1_024
    raise OSError(f"/proc/{process}/status has no {line}")
