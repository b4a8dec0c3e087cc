"""The other Python that `make test` brings along (tools/second_python.py)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

MADE = Path(__file__).resolve().parent.parent / ".venv" / "second" / "bin" / "python"


def second_python() -> str:
    """An interpreter of another minor version that can run the core; skips the test where this machine has none."""
    python = os.environ.get("MUNIMENT_OTHER_PYTHON", str(MADE))
    if not Path(python).exists():
        pytest.skip("there is no Python of another minor version here; name one with the core's packages in MUNIMENT_OTHER_PYTHON")
    return python
