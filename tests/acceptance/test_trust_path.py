"""The promise of moving trust: what was proved before the members changed verifies after it, and the other way round."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import consortium
from muniment import config
from muniment.client import checking, standpoint
from muniment.client.checking import Wanted
from muniment.client.following import MembersWarning
from muniment.client.opening import connect
from muniment.config import Config
from muniment.core.proof import consortium as councils
from muniment.core.proof import trust as trusts
from muniment.core.proof.trust import Trust
from muniment.core.rules import events
from muniment.core.rules.events.control import MemberChanged
from muniment.ledger.ids import new_event_id
from muniment.ledger.signers import SeedSigner

NOON = "2026-11-23T12:00:00.000000Z"


def change(them: consortium.Consortium, **fields: str) -> None:
    """Three members approve a change of the members, and one makes it."""
    common = {"ledger": them.trust.ledger, "eventId": new_event_id(), "occurredAt": NOON, "actor": "nobody"}
    event = events.build("member.changed", {**common, **fields})
    assert isinstance(event, MemberChanged)
    of = {"member": fields["member"], "terms": event.terms()}
    said = [
        them.sign(each, "approval.decided", of=of, decision="approve", meaning="approval") for each in ("bank", "lab", "source")
    ]
    ids = sorted(verdict["eventId"] for raw in said for verdict in them.bank.submit(raw))
    (verdict,) = them.bank.submit(them.sign("bank", "member.changed", approvals=ids, **fields))
    assert verdict["decision"] == "admitted", verdict


def prove(settings: Config) -> tuple[bytes, bytes]:
    """An answer and a bundle about the first event."""
    with connect(settings) as ledger:
        return ledger.prove("entry/1").raw, ledger.bundle("system/one").raw


def verify(raw: bytes, settings: Config, trust: Trust) -> str:
    """What is said of a file, in one text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MembersWarning)
        return " ".join(checking.check(raw, standpoint.take(settings, trust), Wanted()).sentences)


def test_proofs_hold_across_a_change_of_the_members(tmp_path: Path) -> None:
    with consortium.running(tmp_path) as them:
        them.bank.submit(them.system("bank", "one"))
        environment = {"HOME": str(tmp_path), "MUNIMENT_URL": them.bank.url, "MUNIMENT_TOKEN": them.bank.token}
        settings = config.resolve(environment | {"XDG_STATE_HOME": str(tmp_path / "client")}, tmp_path, {})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            before = prove(settings)
        old = trusts.parse((settings.home / "trust.toml").read_text())

        change(them, member="watch", change="remove")
        # The new publisher's key is nowhere: its silence stops nobody.
        change(them, member="lab", change="publish", publisherKey=SeedSigner(b"p" * 32).public_key.hex())
        them.bank.submit(them.system("bank", "two"))
        with pytest.warns(MembersWarning, match="watch is no member any more"):
            after = prove(settings)

        new = trusts.parse((settings.home / "trust.toml").read_text())
        assert new.organisations == ("bank", "lab", "source")
        assert [councils.agree(trusts.parse(each.read_text()), old) for each in settings.home.glob("trust-until-*.toml")] == [True]
        for raw in before:
            assert "3 of 4 organisations voted" in verify(raw, settings, old) or "4 of 4" in verify(raw, settings, old)
            assert "These were the members of that time" in verify(raw, settings, new)
        for raw in after:
            assert "The members have changed since your trust file was written" in verify(raw, settings, old)
            assert "3 of 3 organisations voted" in verify(raw, settings, new)
