"""Cold starts of the command, against an interpreter that does nothing."""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
from pathlib import Path

from bench.measure import Result, Turns
from bench.sample import Scale
from muniment import __file__ as package

OF = "python -c pass"


def measure(scale: Scale, folder: Path) -> list[Result]:
    """`cli.version` and `cli.log` in milliseconds; `cli.bare` is their limit. The ratio says how many times as long they take."""
    muniment = Path(sys.executable).with_name("muniment")
    environment = {
        **os.environ,
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }

    def run(*command: str | Path) -> None:
        subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True)

    # As an installed package is: a checkout whose sources changed would pay for the compiler at each start.
    compileall.compile_dir(Path(package).parent, quiet=2)
    run(muniment, "init")
    turns = Turns()
    for _ in range(scale.cli_runs):
        turns.round(
            {
                "cli.bare": lambda: run(sys.executable, "-c", "pass"),
                "cli.version": lambda: run(muniment, "--version"),
                "cli.log": lambda: run(muniment, "log"),
            }
        )
    return [_result(turns, name) for name in ("cli.version", "cli.log", "cli.bare")]


def _result(turns: Turns, name: str) -> Result:
    milliseconds = turns.median(name, "wall") * 1_000
    return Result(name, milliseconds, "ms", 1 / turns.ratio("cli.bare", name, "wall"), OF, turns.spread(name, "wall"))
