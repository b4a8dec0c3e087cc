"""muniment backup"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from muniment import exits

Call = Callable[..., Any]


def test_a_folder(call: Call, version: str) -> None:
    answer = call("backup", "copy")
    assert (answer.code, answer.err) == (0, "")
    assert "Keys are not in it" in answer.out
    assert answer.out.endswith("Next: muniment verify copy\n")
    assert not (Path("copy") / "keys").exists()
    assert call("verify", "copy").code == 0
    assert call("log", "--home", "copy", "--json").json() == call("log", "--json").json()


def test_one_file(call: Call, version: str) -> None:
    assert "are not in it: back up to a folder" in call("backup", "copy.db").out
    assert call("verify", "copy.db").code == 0
    assert call("backup", "again.db", "--json").json()["whole"] is False


def test_nothing_is_overwritten(call: Call, home: Path) -> None:
    Path("copy").mkdir()
    answer = call("backup", "copy", "--json")
    assert (answer.code, answer.json()["error"]["code"]) == (exits.FAILURE, "backup-exists")
    assert list(Path("copy").iterdir()) == []
