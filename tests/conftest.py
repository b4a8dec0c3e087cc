"""Fixtures that every kind of test shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The full form of a campaign runs under `--long` (`make test-long`); without it a short form of the same test does.
LONG = "--long"
REPOSITORY = Path(__file__).resolve().parent.parent

# How long an example takes is up to the machine and its other work: no test fails for that.
settings.register_profile("muniment", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("muniment")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The one option of this suite."""
    parser.addoption(LONG, action="store_true", help="run every campaign in its full form")


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether campaigns run in their full form."""
    return bool(request.config.getoption(LONG))


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
