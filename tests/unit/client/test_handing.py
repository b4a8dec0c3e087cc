"""client.verbs.handing and client.handover: a model offered, accepted, and the package that goes with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.client import key_request, opening
from muniment.client.capturing import read
from muniment.client.home import Home
from muniment.client.identity import request
from muniment.client.ledger import Ledger
from muniment.client.things import Version
from muniment.core.format import dsse
from muniment.core.proof.verify import verify_bundle
from muniment.core.rules import events
from muniment.core.rules.events import OwnershipOffered
from muniment.core.rules.records import Model
from muniment.errors import InvalidInput, LedgerError, NotFound, VerificationError


@pytest.fixture
def version(ledger: Ledger, loans: Path, model: Path) -> Version:
    data = ledger.dataset("loans", loans, licence="CC-BY-4.0")
    with ledger.training("credit-risk", inputs={"training": data}, parameters={"depth": 6}, seed=7, reason="<first> try") as run:
        version = run.register("credit-risk", model)
    assert version is not None
    return version


@pytest.fixture
def bob(ledger: Ledger) -> Iterator[Ledger]:
    asked = request(Home(ledger.home), ledger.origin, "bob", "person")
    ledger.keys.admit(key_request.format(asked), roles=["owner"])
    with opening.open(ledger.home, actor="bob") as opened:
        yield opened


def owner(ledger: Ledger) -> object:
    state = ledger.state("model/credit-risk", Model)
    assert state is not None
    return state.owner


def test_offer_and_accept(ledger: Ledger, bob: Ledger, version: Version, tmp_path: Path) -> None:
    package = ledger.hand_off("credit-risk", tmp_path / "package")
    done = ledger.offer("credit-risk", to="bob", package=package.folder, reason="a new team")
    with ledger.view() as view:
        event = events.decode(dsse.decode(view.entry(done.index)).payload)
    assert isinstance(event, OwnershipOffered)
    assert (event.from_, event.to, event.package_digest) == ("alice", "bob", package.digest)
    assert owner(ledger) == "alice"
    page = package.folder / "hand-off.html"
    page.write_text(page.read_text() + " ")
    with pytest.raises(VerificationError) as caught:
        bob.accept("credit-risk", package=package.folder)
    assert caught.value.code == "other-package"
    page.write_text(page.read_text()[:-1])
    assert bob.accept("credit-risk", package=package.folder).sealed
    assert owner(ledger) == "bob"


def test_what_cannot_be_accepted(ledger: Ledger, bob: Ledger, version: Version, loans: Path) -> None:
    with pytest.raises(NotFound) as caught:
        bob.accept("credit-risk")
    assert caught.value.code == "no-offer"
    with pytest.raises(NotFound, match="credit-rsk"):
        bob.accept("credit-rsk")
    ledger.offer("credit-risk", to="bob")
    with pytest.raises(InvalidInput) as unnamed:
        bob.accept("credit-risk", package=loans)
    assert unnamed.value.code == "no-package"


def test_the_package(ledger: Ledger, version: Version, tmp_path: Path) -> None:
    ledger.deploy(version, "production")
    package = ledger.hand_off("credit-risk", tmp_path / "package")
    assert package.digest == read(package.folder).digest
    assert package.files == tuple(sorted(path.name for path in package.folder.iterdir()))
    assert {"bundle.json", "hand-off.html"} < set(package.files)
    page = (package.folder / "hand-off.html").read_text()
    for said in (
        "<h1>credit-risk</h1>",
        "production/credit-risk",
        version.digest,
        "depth = 6",
        "--param depth=6",
        "--input training=loans@1",
        "--seed 7",
        "CC-BY-4.0",
        "<b>alice</b> owns it",
    ):
        assert said in page, said
    # Sealed texts stay sealed, and nothing is fetched or run.
    assert "first" not in page
    assert not re.search(r"<script|<link|<img|https?://", page)
    trust = Home(ledger.home).load_trust()
    verified = verify_bundle((package.folder / "bundle.json").read_bytes(), trust)
    assert verified.answers
    assert [name for name in package.files if name.startswith("environment-")]


def test_what_is_disclosed_is_told(ledger: Ledger, version: Version, tmp_path: Path) -> None:
    ledger.hand_off("credit-risk", tmp_path / "all", disclose=True)
    page = (tmp_path / "all" / "hand-off.html").read_text()
    assert "&lt;first&gt; try (alice, training.started)" in page
    ledger.hand_off("credit-risk", tmp_path / "some", disclose=["impact"])
    assert "&lt;first&gt;" not in (tmp_path / "some" / "hand-off.html").read_text()


def test_what_is_open(ledger: Ledger, bob: Ledger, version: Version, tmp_path: Path) -> None:
    assert ledger.hand_off("credit-risk", tmp_path / "nothing").open == ()
    assert "Nothing: no hold" in (tmp_path / "nothing" / "hand-off.html").read_text()
    ledger.offer("credit-risk", to="bob")
    ledger.hold(version, severity="high")
    ledger.record(
        "incident.recorded",
        {"version": version.digest, "severity": "low", "hold": False, "awareAt": "2026-03-04T00:00:00.000000Z"},
    )
    ledger.approve(version, "production", decision="reject")
    ledger.waive("hold", version, "staging", until="2096-01-01")
    plan = ledger.plan("credit-risk", "auc", "ge", 0.9)
    ledger.evaluate(version, {"auc": 0.8}, plan=plan)
    ledger.plan("credit-risk", "f1", "ge", 0.9)
    ledger.withdraw("loans", cause="consent")
    found = ledger.hand_off("credit-risk", tmp_path / "open").open
    assert {each.kind for each in found} == {"hold", "incident", "offer", "plan", "rejection", "waiver", "withdrawal"}
    said = {each.kind: each.sentence for each in found}
    assert said["withdrawal"].endswith("credit-risk@1 ← loans@1.")
    assert [each.sentence.rpartition(", ")[2] for each in found if each.kind == "plan"] == ["was not met.", "was not measured."]
    page = (tmp_path / "open" / "hand-off.html").read_text()
    assert "WITHDRAWN" in page


def test_what_the_policy_still_asks(ledger: Ledger, version: Version, tmp_path: Path) -> None:
    roles = [{"name": "owner", "may": ["*"]}]
    asked = {"name": "production", "approvals": [{"role": "owner", "count": 2}]}
    ledger.record("policy.amended", {"policy": {"roles": roles, "environments": [asked]}})
    ledger.approve(version, "production")
    (found,) = ledger.hand_off("credit-risk", tmp_path / "package").open
    assert (found.kind, found.about) == ("requirement", "credit-risk@1")
    assert "2 approvals by owner" in found.sentence


def test_a_version_without_a_run_and_a_model_without_versions(ledger: Ledger, model: Path, tmp_path: Path) -> None:
    ledger.register("bought", model)
    ledger.hand_off("bought", tmp_path / "bought")
    assert "registered without one" in (tmp_path / "bought" / "hand-off.html").read_text()
    ledger.plan("planned", "auc", "ge", 0.9)
    ledger.hand_off("planned", tmp_path / "planned")
    assert "0 versions" in (tmp_path / "planned" / "hand-off.html").read_text()


def test_a_package_is_written_whole_or_not_at_all(ledger: Ledger, version: Version, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").write_text("")
    with pytest.raises(InvalidInput) as caught:
        ledger.hand_off("credit-risk", tmp_path / "full")
    assert caught.value.code == "not-empty"
    (tmp_path / "file").write_text("")
    with pytest.raises((InvalidInput, LedgerError)):
        ledger.hand_off("credit-risk", tmp_path / "file" / "below")
    assert sorted(path.name for path in tmp_path.iterdir() if "unfinished" in path.name) == []
    with pytest.raises(NotFound):
        ledger.hand_off("nothing", tmp_path / "nothing")
