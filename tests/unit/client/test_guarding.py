"""client.verbs.guarding: data withdrawn, holds, notes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from muniment.client.ledger import Ledger
from muniment.client.things import Version
from muniment.core.format import dsse
from muniment.core.rules import events
from muniment.core.rules.events import IncidentRecorded, NoteAdded
from muniment.core.rules.policy import PolicyViolation
from muniment.core.rules.records import Data, Incident
from muniment.core.rules.records import Version as VersionState
from muniment.errors import InvalidInput, NotFound
from muniment.vault import Vault


def entry(ledger: Ledger, index: int) -> events.Event:
    with ledger.view() as view:
        return events.decode(dsse.decode(view.entry(index)).payload)


@pytest.fixture
def version(ledger: Ledger, model: Path) -> Version:
    return ledger.register("credit-risk", model)


def holds(ledger: Ledger, version: Version) -> int:
    state = ledger.state(f"version/{version.digest}", VersionState)
    assert state is not None
    return state.holds


def test_withdraw(ledger: Ledger, loans: Path, model: Path) -> None:
    data = ledger.dataset("loans", loans)
    version = ledger.register("credit-risk", model, data=[data])
    done = ledger.withdraw("loans", cause="consent", remedy="train again", reason="asked to")
    state = ledger.state(f"data/{data.digest}", Data)
    assert state is not None
    assert state.withdrawn == done.index
    with pytest.raises(PolicyViolation) as caught:
        ledger.deploy(version, "production")
    assert caught.value.code == "refused-withdrawn"


def test_hold_and_release(ledger: Ledger, version: Version) -> None:
    done = ledger.hold(version, severity="high", impact="much", aware_at="2026-03-04", occurred_at=datetime(2026, 3, 1, tzinfo=UTC))
    event = entry(ledger, done.index)
    assert isinstance(event, IncidentRecorded)
    assert (event.hold, event.aware_at, event.occurred_at) == (True, "2026-03-04T00:00:00.000000Z", "2026-03-01T00:00:00.000000Z")
    assert [row.index for row in ledger.open_holds(version.digest)] == [done.index]
    with pytest.raises(PolicyViolation) as caught:
        ledger.deploy(version, "production")
    assert caught.value.code == "refused-hold"
    assert ledger.find_incident("credit-risk@1") == (done.event_id, version.digest)
    ledger.release(version, outcome="corrected")
    assert holds(ledger, version) == 0
    state = ledger.state(f"incident/{done.event_id}", Incident)
    assert state is not None
    assert state.status == "closed"
    with pytest.raises(NotFound) as none:
        ledger.release(version)
    assert none.value.code == "no-hold"


def test_one_of_several_holds(ledger: Ledger, version: Version) -> None:
    first, second = ledger.hold(version, severity="low"), ledger.hold("credit-risk", severity="high")
    with pytest.raises(InvalidInput) as caught:
        ledger.release("credit-risk@1")
    assert caught.value.code == "ambiguous"
    assert f"{first.index}, {second.index}" in caught.value.hint
    ledger.release(first)
    ledger.release(str(second.index))
    assert holds(ledger, version) == 0


def test_what_is_no_incident(ledger: Ledger, version: Version) -> None:
    for text in (str(version.recorded.index), version.recorded.event_id, "nothing"):
        with pytest.raises(NotFound):
            ledger.release(text)


def test_note(ledger: Ledger, version: Version, loans: Path) -> None:
    data = ledger.dataset("loans", loans)
    ledger.deploy(version, "production")
    wanted = {
        "credit-risk": "model/credit-risk",
        "credit-risk@1": f"version/{version.digest}",
        "loans": "dataset/loans",
        "loans@1": f"data/{data.digest}",
        "production/credit-risk": "deployment/production/credit-risk",
        "alice": "actor/alice",
        version.digest[:8]: f"version/{version.digest}",
    }
    for thing, stream in wanted.items():
        event = entry(ledger, ledger.note(thing, "read").index)
        assert isinstance(event, NoteAdded)
        assert event.about == (stream,)
        assert Vault(ledger.home / "vault.jsonl").disclose(event.text) == "read"
    assert ledger.stream_of(data) == f"data/{data.digest}"
    assert ledger.stream_of(version) == f"version/{version.digest}"
    with pytest.raises(InvalidInput):
        ledger.note("0", "the genesis")
    with pytest.raises(NotFound):
        ledger.note("nothing", "read")
