"""muniment export"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from muniment import exits

Call = Callable[..., Any]


def test_tiles(call: Call, home: Path) -> None:
    answer = call("export", "tiles", "public")
    assert (answer.code, answer.err) == (0, "")
    assert "3 files written to public, 0 were there already" in answer.out
    assert answer.out.endswith("Next: muniment verify public\n")
    assert (Path("public") / "tile" / "entries" / "000.p" / "1").is_file()
    assert call("export", "tiles", "public", "--json").json()["size"] == 1
    assert call("verify", "public").code == 0


def test_a_folder_that_is_not_ours(call: Call, home: Path) -> None:
    Path("public").mkdir()
    Path("public/checkpoint").write_text("example.com/other\n0\n")
    answer = call("export", "tiles", "public", "--json")
    assert (answer.code, answer.json()["error"]["code"]) == (exits.FAILURE, "other-tiles")
    Path("file").write_text("")
    assert call("export", "tiles", "file").code == exits.USAGE


def test_the_group(call: Call, home: Path) -> None:
    assert "Did you mean 'tiles'?" in call("export", "tile", "x").err
    assert call("export", "--help").code == 0
