"""client.verbs.releasing: decisions, waivers, retirement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from muniment.client import moments
from muniment.client.ledger import Ledger
from muniment.client.things import Version
from muniment.core.format import dsse
from muniment.core.rules import events
from muniment.core.rules.events import ApprovalDecided, DeploymentChanged, ModelRetired, WaiverGranted
from muniment.core.rules.policy import PolicyViolation
from muniment.core.rules.records import Approval
from muniment.core.rules.records import Version as VersionState
from muniment.errors import NotFound


def entry(ledger: Ledger, index: int) -> events.Event:
    with ledger.view() as view:
        return events.decode(dsse.decode(view.entry(index)).payload)


@pytest.fixture
def versions(ledger: Ledger, model: Path) -> list[Version]:
    found = []
    for number in range(2):
        (model / "weights.bin").write_bytes(bytes([number]))
        found.append(ledger.register("credit-risk", model))
    return found


@pytest.mark.parametrize("of", [{"member": "acme", "terms": "1" * 64}, {"protocol": 2}, {"policy": "0" * 64}])
def test_decide_about_other_things(ledger: Ledger, of: dict[str, str]) -> None:
    done = ledger.decide(of, meaning="review", expires_at="2027-01-01")
    event = entry(ledger, done.index)
    assert isinstance(event, ApprovalDecided)
    assert (event.meaning, event.expires_at) == ("review", "2027-01-01T00:00:00.000000Z")
    ledger.revoke(str(done.index), reason="too early")
    state = ledger.state(f"approval/{done.event_id}", Approval)
    assert state is not None
    assert state.status == "revoked"


def test_a_rejection_stops_until_it_is_revoked(ledger: Ledger, versions: list[Version]) -> None:
    no = ledger.approve(versions[0], "production", decision="reject")
    state = ledger.state(f"version/{versions[0].digest}", VersionState)
    assert state is not None
    assert state.count_rejections("production") == 1
    ledger.revoke(no)
    state = ledger.state(f"version/{versions[0].digest}", VersionState)
    assert state is not None
    assert state.count_rejections("production") == 0
    with pytest.raises(NotFound):
        ledger.revoke("nothing")


def test_a_waiver_is_found_and_cited(ledger: Ledger, versions: list[Version]) -> None:
    ledger.hold(versions[0], severity="low")
    until = moments.write(timedelta(hours=4))
    given = ledger.waive("hold", versions[0], "production", until=timedelta(hours=4), measures="two watch it")
    event = entry(ledger, given.index)
    assert isinstance(event, WaiverGranted)
    assert event.expires_at >= until
    ledger.waive("hold", "credit-risk@1", "staging", until=datetime(2096, 1, 1, tzinfo=UTC))
    ledger.waive("hold", "credit-risk@2", "production", until="2096-01-01")
    assert ledger.open_waivers(versions[0].digest, "production") == [given.event_id]
    done = entry(ledger, ledger.deploy(versions[0], "production").index)
    assert isinstance(done, DeploymentChanged)
    assert done.waivers == (given.event_id,)
    stopped = entry(ledger, ledger.deploy(versions[0], "production", transition="stop").index)
    assert isinstance(stopped, DeploymentChanged)
    assert (stopped.waivers, stopped.approvals) == ((), ())


@pytest.mark.parametrize(("rule", "until"), [("nonsense", "2096-01-01"), ("hold", "2020-01-01")])
def test_a_waiver_that_the_rules_refuse(ledger: Ledger, versions: list[Version], rule: str, until: str) -> None:
    with pytest.raises(PolicyViolation):
        ledger.waive(rule, versions[0], "production", until=until)


def test_retire(ledger: Ledger, versions: list[Version]) -> None:
    done = entry(
        ledger,
        ledger.retire("credit-risk@1", cause="superseded", replacement=versions[1], last_served_at="2026-03-04").index,
    )
    assert isinstance(done, ModelRetired)
    assert (done.model, done.version, done.replacement) == ("credit-risk", versions[0].digest, versions[1].digest)
    with pytest.raises(PolicyViolation) as caught:
        ledger.deploy(versions[0], "production")
    assert caught.value.code == "refused-retired"
