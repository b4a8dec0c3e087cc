"""Installs the programs that the tests run for real and that no Python package brings: a browser, and Node for the script.

    python tools/system_packages.py

What is on the path already is taken as it is. Elsewhere Debian's packages are installed, for which it must be root, or `sudo`
must not ask. Where that fails it says what is missing and ends with an error: a test never passes for want of its component.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

PROGRAMS = (("chromium", "chromium"), ("node", "nodejs"))
"""The program on the path, and Debian's package that brings it."""


def main() -> int:
    """Install what is missing; the exit code says whether all is there now."""
    missing = [(program, package) for program, package in PROGRAMS if shutil.which(program) is None]
    if not missing:
        return 0
    packages = [package for _, package in missing]
    sys.stdout.write(f"installing {', '.join(packages)} from Debian's packages\n")
    apt = [*([] if os.geteuid() == 0 else ["sudo", "-n"]), "apt-get", "-q", "-y"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "--no-install-recommends", *packages]):
        try:
            done = subprocess.run([*apt, *arguments], env=environment, stdout=subprocess.DEVNULL, check=False)
        except FileNotFoundError:
            break
        if done.returncode != 0:
            break
    still = [program for program, _ in missing if shutil.which(program) is None]
    if still:
        sys.stderr.write(
            f"The tests need {' and '.join(still)}, and {' '.join(apt)} could not install them: install them by hand.\n"
        )
    return 1 if still else 0


if __name__ == "__main__":
    raise SystemExit(main())
