"""One family for all questions; nothing here is written to after it was made."""

from __future__ import annotations

from pathlib import Path

import pytest

from family import Family


@pytest.fixture(scope="session")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    return Family(Path(tmp_path_factory.mktemp("family")) / "ledger.db")
