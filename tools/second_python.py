"""Makes an environment with a Python of another minor version, for the tests that replay a ledger under two of them.

    python tools/second_python.py .venv/second

Takes the newest other interpreter on the path or among pyenv's. Where there is none it says so and makes nothing; the tests
that need it are then skipped, with the same words.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LOCK = Path(__file__).resolve().parent.parent / "requirements" / "runtime.lock"
MINORS = range(15, 10, -1)


def main(folder: Path) -> None:
    """Make the environment anew."""
    shutil.rmtree(folder, ignore_errors=True)
    python = next(find(), None)
    if python is None:
        sys.stdout.write("no other Python than this one: what replays under two of them is skipped\n")
        return
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-q", "install"]
    subprocess.run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(LOCK)], check=True)


def find() -> Iterator[str]:
    """Interpreters of another minor version that can run the core, the newest first."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in MINORS:
        if (3, minor) == sys.version_info[:2]:
            continue
        found = [shutil.which(f"python3.{minor}") or "", *map(str, sorted(pyenv.glob(f"3.{minor}.*/bin/python")))]
        # A shim of pyenv may be on the path and run nothing.
        yield from (
            each for each in found if each and subprocess.run([each, "-V"], capture_output=True, check=False).returncode == 0
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
