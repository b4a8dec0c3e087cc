"""client.ledger: one verb for each thing that happens to a model."""

from __future__ import annotations

from pathlib import Path

import pytest

import muniment
from muniment.client import checking, opening
from muniment.client.home import Home
from muniment.client.identity import request
from muniment.client.ledger import Ledger
from muniment.client.things import Version
from muniment.core.format import digest as digests
from muniment.core.format import dsse, manifest
from muniment.core.rules import events
from muniment.core.rules.events import DatasetRegistered, DeploymentChanged, EvaluationCompleted, ModelRegistered
from muniment.core.rules.policy import PolicyViolation
from muniment.core.rules.records import Approval, Evaluation
from muniment.errors import CaptureError, Conflict, InvalidInput, NotFound, Unavailable


def entry(ledger: Ledger, index: int) -> events.Event:
    with ledger.view() as view:
        return events.decode(dsse.decode(view.entry(index)).payload)


@pytest.fixture
def versions(ledger: Ledger, model: Path) -> list[Version]:
    found = []
    for number in range(3):
        (model / "weights.bin").write_bytes(bytes([number]))
        found.append(ledger.register("credit-risk", model))
    return found


def test_a_data_set(ledger: Ledger, loans: Path) -> None:
    data = ledger.dataset("loans", loans, licence="CC-BY-4.0", purposes=["credit-scoring"], personal_data="no", origin="the bank")
    assert str(data) == f"loans@1 · {digests.short(data.digest)}"
    assert (data.title, data.files, data.bytes) == ("loans@1", 1, loans.stat().st_size)
    event = entry(ledger, data.recorded.index)
    assert isinstance(event, DatasetRegistered)
    assert (event.format, event.licence, event.personal_data) == ("csv", "CC-BY-4.0", "no")
    kept = manifest.decode(ledger._writer.manifests.load(data.digest))
    assert [line.path for line in kept.lines] == ["loans.csv"]
    assert "entry 1" in data._repr_html_()


def test_the_same_files_again_are_the_same_thing(ledger: Ledger, loans: Path, model: Path) -> None:
    first, again = ledger.dataset("loans", loans), ledger.dataset("loans", loans)
    assert (again.number, again.recorded.again, again.recorded.index) == (1, True, first.recorded.index)
    with pytest.raises(Conflict, match="These bytes are loans@1") as caught:
        ledger.dataset("mortgages", loans)
    assert caught.value.hint == "Use loans@1."
    assert ledger.register("m", model).recorded.index == ledger.register("m", model).recorded.index
    with pytest.raises(Conflict):
        ledger.register("n", model)


def test_the_same_bytes_as_a_data_set_and_as_a_model(ledger: Ledger, loans: Path) -> None:
    """A data set and a version may have one digest; each verb takes its own."""
    data, version = ledger.dataset("loans", loans), ledger.register("loans", loans)
    assert data.digest == version.digest
    assert (data.number, version.number) == (1, 1)
    assert ledger.digest_of("loans", "data") == data.digest
    ledger.deploy("loans", "production")


def test_a_changed_file_is_a_new_version(versions: list[Version]) -> None:
    assert [version.title for version in versions] == ["credit-risk@1", "credit-risk@2", "credit-risk@3"]


def test_a_version_without_a_run_is_imported(ledger: Ledger, loans: Path, model: Path) -> None:
    data = ledger.dataset("loans", loans)
    version = ledger.register("m", model, data=[data], derivation="distilled", architecture="gbm", parameter_count=12)
    event = entry(ledger, version.recorded.index)
    assert isinstance(event, ModelRegistered)
    assert (event.derivation, event.grade, event.data) == ("distilled", "declared", (data.digest,))
    assert (event.architecture, event.parameter_count) == ("gbm", 12)
    assert isinstance(event.oms_digest, str)
    (model / "config.json").write_text("{ }")
    plain = entry(ledger, ledger.register("m", model).recorded.index)
    assert isinstance(plain, ModelRegistered)
    assert plain.derivation == "imported"


def test_files_that_are_not_there(ledger: Ledger) -> None:
    with pytest.raises(CaptureError):
        ledger.dataset("loans", "nowhere")
    assert not (ledger.home / "manifests").exists()


def test_a_folder_that_holds_the_ledger(ledger: Ledger, loans: Path) -> None:
    for path in (".", "..", ".muniment"):
        with pytest.raises(CaptureError) as caught:
            ledger.dataset("all", path)
        assert caught.value.code == "ledger-inside"


def test_a_plan_is_met_by_arithmetic(ledger: Ledger, versions: list[Version], loans: Path) -> None:
    data = ledger.dataset("loans", loans)
    plan = ledger.plan("credit-risk", "auc", "ge", "0.90", dataset=data)
    good = ledger.evaluate(versions[0], {"auc": 0.9, "loss": 0.1}, dataset="loans", role="test", plan=plan)
    bad = ledger.evaluate("credit-risk@2", {"auc": "0.8999"}, dataset="loans", plan=plan.id)
    passed = [ledger.state(f"evaluation/{done.event_id}", Evaluation) for done in (good, bad)]
    assert [state.passed for state in passed if state] == [True, False]
    event = entry(ledger, good.index)
    assert isinstance(event, EvaluationCompleted)
    assert {result.metric: result.value for result in event.results} == {"auc": "0.9", "loss": "0.1"}
    assert ledger.plan_for(versions[0].digest, ["auc"]) == plan.id
    assert ledger.plan_for(versions[0].digest, ["f1"]) is None
    for text in (plan.id, f"plan/{plan.id}", str(plan.recorded.index)):
        assert ledger.event_of(text, "plan") == plan.id
    with pytest.raises(NotFound):
        ledger.event_of(str(good.index), "plan")


def test_a_deployment_cites_what_there_is(ledger: Ledger, versions: list[Version]) -> None:
    first, second, _ = versions
    yes = ledger.approve(first, "production", reason="fine")
    ledger.approve(first, "staging")
    ledger.approve(first, "production", decision="conditional", conditions="monitor it", expires_at="2027-01-01T00:00:00.000000Z")
    measured = ledger.evaluate(first, {"auc": 0.9})
    plan = ledger.plan("credit-risk", "auc", "gt", 1.0)
    failed = ledger.evaluate(first, {"auc": 0.9}, plan=plan)
    done = entry(ledger, ledger.deploy(first, "production", region="eu-west", traffic_share=0.5).index)
    assert isinstance(done, DeploymentChanged)
    assert (done.approvals, done.evaluations) == ((yes.event_id,), (measured.event_id, failed.event_id))
    assert (done.name, done.transition, done.traffic_share, done.region) == ("credit-risk", "start", "0.5", "eu-west")
    running = ledger.running("production", "credit-risk")
    assert running is not None
    assert running.version == first.digest
    promoted = entry(ledger, ledger.deploy(second, "production").index)
    assert isinstance(promoted, DeploymentChanged)
    assert (promoted.transition, promoted.replaces) == ("promote", first.digest)
    canary = entry(ledger, ledger.deploy(first, "production", name="canary").index)
    assert isinstance(canary, DeploymentChanged)
    assert not isinstance(canary.replaces, str)
    ledger.deploy(first, "production", name="canary", transition="stop")
    assert ledger.running("production", "canary") is None


def test_a_revoked_approval_is_not_cited(ledger: Ledger, versions: list[Version]) -> None:
    yes = ledger.approve(versions[0], "production")
    of = {"version": versions[0].digest, "environment": "production"}
    ledger.record("approval.decided", {"of": of, "decision": "revoke", "revokes": yes.event_id, "meaning": "approval"})
    state = ledger.state(f"approval/{yes.event_id}", Approval)
    assert state is not None
    assert state.status == "revoked"
    assert ledger.open_approvals(versions[0].digest, "production") == []


def test_what_was_never_registered_is_not_deployed(ledger: Ledger) -> None:
    with pytest.raises(PolicyViolation) as caught:
        ledger.deploy("0" * 64, "production", name="credit-risk")
    assert caught.value.code == "refused-unknown"
    assert ledger.rehearse(lambda it: it.deploy("0" * 64, "production", name="x")).decision == "refused"


def test_rollback_goes_to_what_was_replaced(ledger: Ledger, versions: list[Version]) -> None:
    def running() -> str | None:
        state = ledger.running("production", "credit-risk")
        return state and state.version

    place = "production/credit-risk"
    with pytest.raises(NotFound):
        ledger.rollback(place)
    ledger.deploy(versions[0], "production")
    with pytest.raises(NotFound, match="ran nothing else before"):
        ledger.rollback(place)
    ledger.deploy(versions[1], "production")
    ledger.deploy(versions[1], "production", transition="scale")
    ledger.deploy(versions[2], "production")
    ledger.rollback(place, reason="drift")
    assert running() == versions[1].digest
    # Once more: further back, and not to what was just left.
    ledger.rollback(place)
    assert running() == versions[0].digest
    with pytest.raises(NotFound):
        ledger.rollback(place)
    ledger.rollback(place, to="credit-risk@3")
    assert running() == versions[2].digest
    with pytest.raises(InvalidInput):
        ledger.rollback("credit-risk")


@pytest.mark.parametrize("name", ["credit-rsk", "credit-risk@9", "loans", "deadbeef"])
def test_names_that_mean_nothing(ledger: Ledger, versions: list[Version], loans: Path, name: str) -> None:
    ledger.dataset("loans", loans)
    with pytest.raises(NotFound) as caught:
        ledger.approve(name, "production")
    assert caught.value.hint


def test_a_plan_alone_makes_no_version(ledger: Ledger) -> None:
    ledger.plan("fraud", "auc", "ge", 0.9)
    with pytest.raises(NotFound):
        ledger.approve("fraud", "production")


def test_names_digests_and_their_beginnings(ledger: Ledger, versions: list[Version]) -> None:
    digest = versions[2].digest
    for text in ("credit-risk", "credit-risk@3", digest, digest[:8]):
        assert ledger.digest_of(text, "version") == digest
    assert ledger.describe(digest) == str(versions[2])
    assert ledger.describe("0" * 64) == "0000…0000"


def test_the_policy_in_force(ledger: Ledger) -> None:
    policy = ledger.policy()
    assert [role.name for role in policy.roles] == ["approver", "deployer", "node", "owner", "trainer"]
    ledger.record("policy.amended", {"policy": {"roles": [{"name": "owner", "may": ["*"]}]}})
    assert [role.name for role in ledger.policy().roles] == ["owner"]


def test_log(ledger: Ledger, versions: list[Version], loans: Path) -> None:
    ledger.dataset("loans", loans)
    assert [row.name for row in ledger.log(limit=2)] == ["dataset.registered", "model.registered"]
    assert [row.index for row in ledger.log("credit-risk@1")] == [versions[0].recorded.index]
    assert len(ledger.log(names=["model.registered"])) == 3


def test_the_promised_api(tmp_path: Path, loans: Path, model: Path) -> None:
    with muniment.init(tmp_path / "project", origin="example.com/x", actor="alice") as made:
        made.dataset("loans", loans)
    with muniment.open(tmp_path / "project") as opened:
        assert opened.origin == "example.com/x"
        assert opened.contact.relation == "same"
        assert isinstance(opened, muniment.Ledger)


def test_opening(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.close()
    below = Path("deep/er")
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    with opening.open() as found:
        assert found.home == ledger.home
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFound, match="no ledger"):
        opening.open()
    monkeypatch.setenv("MUNIMENT_HOME", str(ledger.home))
    with opening.open() as found:
        assert found.id == ledger.id
    monkeypatch.delenv("MUNIMENT_HOME")
    # Nothing listens there, and nothing is known yet of what does.
    monkeypatch.setenv("MUNIMENT_URL", "http://127.0.0.1:9")
    with pytest.raises(Unavailable) as caught:
        opening.open()
    assert caught.value.code == "unreachable"


def test_another_trust_file(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.close()
    moved = tmp_path / "trust.toml"
    (ledger.home / "trust.toml").rename(moved)
    with pytest.raises(NotFound):
        opening.open()
    monkeypatch.setenv("MUNIMENT_TRUST", str(moved))
    with opening.open() as found:
        assert found.id == ledger.id


def test_a_ledger_is_opened_for_somebody_else(ledger: Ledger) -> None:
    asked = request(Home(ledger.home), ledger.origin, "bob", "person")
    ledger.keys.admit(asked, roles=["approver"])
    with opening.open(ledger.home, actor="alice", on_behalf_of=["bob"]) as opened:
        done = opened.note("alice", "for bob")
        own = opened.record("note.added", {"about": ["actor/alice"], "text": "for nobody", "onBehalfOf": []})
    assert entry(ledger, done.index).on_behalf_of == ("bob",)
    assert entry(ledger, own.index).on_behalf_of == ()


def test_notebooks(ledger: Ledger, versions: list[Version], tmp_path: Path) -> None:
    plan = ledger.plan("credit-risk", "auc", "ge", 0.9)
    proved = ledger.prove("credit-risk@1")
    found: list[object] = [
        ledger,
        versions[0],
        versions[0].recorded,
        plan,
        proved,
        ledger.bundle("credit-risk@1"),
        ledger.show("alice"),
    ]
    found.append(checking.verify(proved.save(tmp_path / "proof.json"), home=ledger.home))
    for each in found:
        told = each._repr_html_()  # type: ignore[attr-defined]
        assert "<" in told
        assert "\n" not in told
