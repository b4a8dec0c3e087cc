"""What the supervisor writes down about the processes of its node, for `muniment node status`: `HOME/node/processes.json`.

It is written whenever something changes, and says nothing about whether the supervisor itself still runs: the lock does (`lock`).
The last one says whether it was told to stop.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

NAME = "processes.json"


def write(folder: Path, record: Mapping[str, object]) -> None:
    """Replace the record. A disk that is full must not stop the node, so what cannot be written is left."""
    fresh = folder / f"{NAME}.new"
    with suppress(OSError):
        fresh.write_text(json.dumps(record) + "\n", encoding="utf-8")
        os.replace(fresh, folder / NAME)


def forget(folder: Path) -> None:
    """Take away what the last supervisor wrote: it says nothing about the one that is about to begin."""
    with suppress(OSError):
        (folder / NAME).unlink(missing_ok=True)


def read(folder: Path) -> dict[str, Any]:
    """The newest record; empty where there is none that can be read."""
    try:
        found = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def now() -> str:
    """The time in UTC, to the second, as RFC 3339 writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
