"""A node that lies to a client that is about to sign: what is found for a name is what was named, and as new as what was seen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import credit
import hosts
import lying
import muniment
import serving
from lying import Liar, Said
from muniment.client.gating import asking, entrance
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.errors import VerificationError


class Visit(NamedTuple):
    """A node that may lie, the ledger behind it, what it was told, and a client that reached it over HTTP."""

    liar: Liar
    behind: Ledger
    lived: credit.Lived
    client: Ledger


@pytest.fixture
def visit(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    lived = credit.live(ledger, tmp_path / "work")
    (tmp_path / "work" / "other.txt").write_text("another model")
    ledger.register("fraud", tmp_path / "work" / "other.txt", derivation="trained", data=[lived.data])
    liars: list[Liar] = []

    def wrap(app: object) -> Liar:
        liars.append(Liar(app))
        return liars[0]

    host = hosts.house(ledger.home, wrap)
    monkeypatch.setenv("MUNIMENT_TOKEN", serving.TOKEN)
    monkeypatch.setenv("MUNIMENT_HOME", str(tmp_path / "away"))
    monkeypatch.setenv("MUNIMENT_STATE", str(tmp_path / "away-state"))
    try:
        with pytest.warns(UserWarning, match="First contact"), muniment.open(host.url, actor="alice") as client:
            yield Visit(liars[0], ledger, lived, client)
    finally:
        host.close()


@pytest.mark.parametrize("text", ["credit-risk@2", "credit-risk", "model/credit-risk", "digest"])
@pytest.mark.parametrize("other", ["credit-risk@1", "fraud@1"])
def test_a_genuine_version_that_was_not_asked_for_is_refused(visit: Visit, text: str, other: str) -> None:
    """Each is called in the ledger as the node says; but nobody is to sign about another one than he named."""
    asked = visit.lived.second.digest[:12] if text == "digest" else text
    instead = visit.client.index.resolve(other, ("version",))
    visit.liar.lie = lying.change("/v1/search", lambda said: instead)
    with pytest.raises((VerificationError, muniment.errors.Unavailable)):
        visit.client.digest_of(asked, "version")


def test_a_thing_of_another_kind_stands_for_no_version(visit: Visit) -> None:
    for kind in ("model", "event", "key"):
        visit.liar.lie = lying.change("/v1/search", lambda said, kind=kind: said | {"kind": kind, "digest": "ab" * 32})
        with pytest.raises((VerificationError, muniment.errors.Unavailable)):
            visit.client.digest_of("credit-risk@2", "version")
        visit.liar.lie = lying.honest


def test_a_deployment_that_was_not_asked_for_is_refused(visit: Visit) -> None:
    visit.behind.deploy(visit.lived.first, "staging")
    instead = visit.client.index.resolve("staging/credit-risk", ("deployment",))
    visit.liar.lie = lying.change("/v1/search", lambda said: instead)
    with pytest.raises((VerificationError, muniment.errors.Unavailable)):
        visit.client.resolve(credit.PLACE, ("deployment",))


def test_honest_names_are_found(visit: Visit) -> None:
    second = visit.lived.second.digest
    for text in (
        "credit-risk@2",
        "credit-risk",
        "model/credit-risk",
        second[:8],
        second[:12].upper(),
        f"version/{second}",
        "model/credit-risk@2",
    ):
        assert visit.client.digest_of(text, "version") == second
    assert visit.client.digest_of("loans", "data") == visit.client.digest_of("dataset/loans@1", "data") == visit.lived.data.digest
    assert visit.client.resolve(credit.PLACE, ("deployment",)).digest == second
    assert visit.client.resolve(str(visit.lived.second.recorded.index)).digest == second


def test_an_older_answer_does_not_open_the_gate(visit: Visit) -> None:
    """The version is held now; the node shows the genuine answer from before, and the newest checkpoint beside it."""
    question = entrance.ask_for(credit.PLACE, visit.lived.second.digest)
    kept: list[bytes] = []

    def keep(path: str, said: Said) -> Said:
        if path.startswith("/v1/answers"):
            kept.append(said.body)
        return said

    visit.liar.lie = keep
    assert asking.ask(visit.client._writer, question).findings.allowed
    visit.behind.incident(visit.lived.second, severity="critical", hold=True, reason="it leaks")
    visit.liar.lie = lying.honest
    assert not asking.ask(visit.client._writer, question).findings.allowed
    visit.liar.lie = lying.replace("/v1/answers", kept[0])
    with pytest.raises((VerificationError, muniment.errors.Unavailable)):
        asking.ask(visit.client._writer, question)


def test_another_decision_is_not_revoked(visit: Visit) -> None:
    """The entry that was named says itself which approval it is."""
    other = visit.behind.approve(visit.lived.second, "production", reason="another")
    rows = {each.event_id: each for each in visit.client.index.approvals(visit.lived.second.digest)}
    assert other.event_id in rows
    index = visit.lived.approved.index
    visit.liar.lie = lying.change("/v1/events/", lambda said: said | {"eventId": other.event_id})
    assert visit.client.event_of(str(index), "approval") == visit.lived.approved.event_id
    assert visit.client.event_of(visit.lived.approved.event_id, "approval") == visit.lived.approved.event_id
    instead = visit.client.index.resolve(other.event_id)
    visit.liar.lie = lying.change("/v1/search", lambda said: instead)
    for text in (str(index), visit.lived.approved.event_id, visit.lived.approved.event_id.upper()):
        with pytest.raises((VerificationError, muniment.errors.Unavailable)):
            visit.client.event_of(text, "approval")


def test_the_changes_of_another_deployment_choose_no_rollback(visit: Visit) -> None:
    visit.behind.deploy(visit.lived.first, "staging")
    assert visit.client.version_before("production", "credit-risk") == visit.lived.first.digest
    rows = visit.client.index.events(stream="deployment/staging/credit-risk")
    visit.liar.lie = lying.change("/v1/events?", lambda said: said | {"items": [*rows, *said["items"]]})
    with pytest.raises(VerificationError):
        visit.client.version_before("production", "credit-risk")


def test_a_run_whose_token_ends_loses_nothing(visit: Visit) -> None:
    """Tokens expire in the middle of a night's training: what was signed waits here, and goes with the next token."""
    said = {"type": "urn:muniment:error:token-expired", "title": "Who is asking?", "status": 401, "code": "token-expired"}
    problem = json.dumps({**said, "detail": "this token is expired"}).encode()
    visit.liar.lie = lying.replace("/", problem, status=401, type="application/problem+json")
    writer = visit.client._writer
    there, here = Home(visit.behind.home).actor_key("alice"), writer.home.actor_key("alice")
    here.parent.mkdir(mode=0o700, parents=True)
    shutil.copy(there, here)
    kept = writer.record_or_keep("system.registered", {"name": "scoring", "operatorRole": "provider"})
    assert "token is expired" in str(kept.obstacle)
    assert len(writer.spool.pending()) == 1
    visit.liar.lie = lying.honest
    drained = writer.drain()
    assert drained is not None
    assert [each.event_id for each in drained.admitted] == [kept.event_id]
