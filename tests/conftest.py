"""Fixtures that every kind of test shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_vectors() -> Path:
    """The folder of test vectors that no one here wrote; it lies beside a development checkout, not in a user's clone."""
    folder = REPOSITORY.parent / "shared" / "vectors"
    if folder.is_dir():
        return folder
    message = f"the published test vectors are not beside this checkout ({folder})"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
