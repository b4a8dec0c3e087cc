"""The page of the policy in a consortium: how many members the amendment rule asks for now."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

import founders
from muniment.client import opening
from muniment.core.rules.policy import Agreement
from muniment.server.explorer.policies import read_policy


def test_it_says_how_many_members_must_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    founders.found(tmp_path / "all")
    founders.meet(monkeypatch, tmp_path / "all")
    with opening.open(tmp_path / "all" / "bank", actor="bank-ada") as ledger:
        source = cast(Any, SimpleNamespace(hosted=SimpleNamespace(reader=ledger), base=""))
        page = read_policy(source)
        assert any("more than two thirds of the members (now 3 of 4) as member" in each for each in page.sentences)
        assert 'amendment = { member = "quorum" }' in page.text
        assert not any("quorum" in each for each in page.doubts)

        fixed = msgspec.structs.replace(page.enacted.policy, amendment=(Agreement(role="member", count=2),))
        enacted = msgspec.structs.replace(page.enacted, policy=fixed)
        monkeypatch.setattr(type(ledger.policies), "history", lambda _: [page.enacted, enacted])
        page = read_policy(source)
        assert any("once 2 members as member have" in each for each in page.sentences)
        assert any("while it takes 3 of 4 members to make a proof" in each for each in page.doubts)
        assert "not those of more than two thirds of the members" in page.history[0].changes[0].sentence
