"""Promise: a client names the nodes of a consortium, and no single one of them can stop it, or make it believe anything."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import pytest

import consortium
import engines
import patient
from muniment import config
from muniment.client.home import Home
from muniment.client.opening import connect
from muniment.client.remote.first_contact import FirstContactWarning
from muniment.config import Config
from muniment.core.proof.verify import verify_answer
from muniment.net.ways import NodeWarning


def settle(folder: Path, them: consortium.Consortium) -> Config:
    """A client of all nodes, each with its own token; the bank's first person works there."""
    settings = config.resolve(
        {
            "HOME": str(folder),
            "MUNIMENT_URL": ",".join(each.url for each in them),
            "MUNIMENT_TOKEN": " ".join(each.token for each in them),
            "MUNIMENT_ACTOR": them.bank.person,
        },
        folder,
        {},
    )
    key = Home(settings.home).actor_key(them.bank.person)
    key.parent.mkdir(parents=True, mode=0o700)
    shutil.copy(Home(them.bank.home.home).actor_key(them.bank.person), key)
    return settings


def test_a_client_goes_on_at_another_node_and_is_shown_the_quorum(tmp_path: Path) -> None:
    engines.find_engine()
    # A slow node is one that a client leaves, and says so.
    waits = patient.environment(tmp_path, answer=12.0, quorum=7.0)
    with consortium.running(tmp_path / "nodes", environment=waits) as them:
        folder = tmp_path / "client"
        folder.mkdir()
        settings = settle(folder, them)
        with pytest.warns(FirstContactWarning, match="which all say the same"):
            ledger = connect(settings)
        assert ledger._writer.trust.quorum == 3
        recorded = ledger._writer.record("system.registered", {"name": "scoring", "operatorRole": "provider"})
        assert recorded.index is not None
        # The power of the node that it talked to is cut off.
        them.bank.kill()
        with pytest.warns(NodeWarning, match=f"{them.bank.url} is left out"):
            second = ledger._writer.record("system.registered", {"name": "pricing", "operatorRole": "provider"})
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            third = ledger._writer.record("system.registered", {"name": "fraud", "operatorRole": "provider"})
            answer = ledger.prove_state("system/pricing")
        assert recorded.index < second.index < third.index
        verified = verify_answer(answer.raw, ledger._writer.trust, tier="consortium")
        assert (verified.ground.tier, verified.ground.basis) == ("consortium", "voted")
        ledger.close()
        # Two of four cannot go on, and nothing that is recorded meanwhile is lost.
        them.lab.kill()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NodeWarning)
            ledger = connect(settings)
            kept = ledger._writer.record_or_keep("system.registered", {"name": "kept", "operatorRole": "provider"})
            assert kept.obstacle
            them.bank.start().wait()
            them.lab.start().wait()
            them.agree()
            ledger.deliver()
        assert ledger.pending() == []
        ledger.close()
        assert them.agree()
