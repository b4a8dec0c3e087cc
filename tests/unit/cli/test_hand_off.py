"""`muniment hand-off`"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from muniment import exits

Call = Callable[..., Any]


def admit_bob(call: Call) -> None:
    line = call("keys", "request", "--actor", "bob").out.strip()
    assert call("keys", "admit", line, "--role", "owner", "--actor", "alice").code == 0


def test_a_model_is_handed_over(call: Call, version: str) -> None:
    admit_bob(call)
    package = call("hand-off", "credit-risk", "--actor", "alice")
    assert package.code == 0
    assert package.out.splitlines()[:3] == [
        "The package of credit-risk is in credit-risk-hand-off",
        "  bundle.json",
        "  hand-off.html",
    ]
    assert "  nothing is open\n" in package.out
    offered = call("hand-off", "offer", "credit-risk", "--to", "bob", "--package", "credit-risk-hand-off", "--actor", "alice")
    assert offered.out.startswith("credit-risk is offered to bob\n")
    open_ = call("hand-off", "credit-risk", "--out", "again", "--actor", "alice", "--json").json()["open"]
    assert [each["kind"] for each in open_] == ["offer"]
    assert call("hand-off", "accept", "credit-risk", "--package", "again", "--actor", "bob").code == exits.NOT_VERIFIED
    assert call("hand-off", "accept", "credit-risk", "--actor", "alice").code == exits.REFUSED
    accepted = call("hand-off", "accept", "credit-risk", "--package", "credit-risk-hand-off", "--actor", "bob")
    assert accepted.out.startswith("credit-risk belongs to bob from now on\n")
    assert call("hand-off", "offer", "credit-risk", "--to", "node", "--actor", "alice").code == exits.REFUSED
    assert call("hand-off", "offer", "credit-risk", "--to", "bob", "--actor", "bob").code == exits.USAGE


def test_the_package_verifies(call: Call, version: str, home: Path, tmp_path: Path) -> None:
    call("hand-off", "package", "credit-risk", "--out", "package")
    trust = home / "trust.toml"
    answer = call("verify", "package/bundle.json", "--trust", trust, "--home", tmp_path / "elsewhere")
    assert answer.code == 0
    assert "This bundle holds." in answer.out


def test_what_cannot_be_handed_over(call: Call, version: str) -> None:
    unknown = call("hand-off", "credit-rsk")
    assert (unknown.code, "credit-risk" in unknown.err) == (exits.NOT_FOUND, True)
    Path("credit-risk-hand-off").mkdir()
    Path("credit-risk-hand-off/x").write_text("")
    full = call("hand-off", "credit-risk")
    assert (full.code, "not-empty" in full.err) == (exits.USAGE, True)
    assert call("hand-off", "offer", "credit-risk").code == exits.USAGE
    none = call("hand-off", "accept", "credit-risk")
    assert (none.code, "no-offer" in none.err) == (exits.NOT_FOUND, True)
    assert call("hand-off", "offer", "credit-risk", "--to", "node", "--package", "nowhere").code == exits.NOT_FOUND
