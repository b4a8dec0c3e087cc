"""`muniment`: the entry point, the table of commands, and the one place where errors become exit codes.

Nothing is imported before it is needed: `--version` and a mistyped command cost a bare Python and little more.
"""

from __future__ import annotations

import sys

from muniment._version import __version__


def main() -> None:
    """Run the command line and exit."""
    if sys.argv[1:] == ["--version"]:
        print(f"muniment {__version__}")
        return
    from muniment.cli.application import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
