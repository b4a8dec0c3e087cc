"""client.questions, client.answers and client.proving: every answer is verified before it is handed out."""

from __future__ import annotations

import json
from pathlib import Path

import apsw
import msgspec
import pytest

import credit
from muniment.client.ledger import Ledger
from muniment.core.proof import answer as answers
from muniment.core.proof import receipt as receipts
from muniment.core.proof.verify import verify_answer
from muniment.core.rules.records import Approval
from muniment.errors import Conflict, InvalidInput, LedgerError, NotFound


@pytest.fixture
def lived(ledger: Ledger) -> credit.Lived:
    return credit.live(ledger, Path())


def time_of(ledger: Ledger, index: int) -> str:
    with ledger.view() as view:
        return view.header(view.sealed_by(index)).time


def test_a_proof_of_a_thing_is_of_its_registration_and_lists_its_files(ledger: Ledger, lived: credit.Lived) -> None:
    proved = ledger.prove("credit-risk@1")
    verified = proved.verified
    assert verified.question.index == lived.first.recorded.index
    assert verified.subject.thing.name == "credit-risk@1"
    assert verified.subject.held == "in-this-file"
    assert verified.ground.tier == "solo"
    assert verified.ground.basis == "asserted"
    assert verified.ground.pin == "same"
    assert "alice registered credit-risk@1" in proved.sentences[0]
    assert verify_answer(proved.raw, ledger._writer.trust).result == verified.result


@pytest.mark.parametrize("thing", ["3", "entry/3", "credit-risk@1"])
def test_names_of_one_entry(ledger: Ledger, lived: credit.Lived, thing: str) -> None:
    assert ledger.prove(thing).verified.question.index == lived.first.recorded.index == 3


def test_what_the_genesis_made_is_proved_by_the_state(ledger: Ledger) -> None:
    verified = ledger.prove("alice").verified
    assert verified.question.streams == ("actor/alice",)
    assert verified.result.statuses == ("present",)


def test_openings_are_chosen(ledger: Ledger, lived: credit.Lived) -> None:
    entry = str(lived.approved.index)

    def opened(disclose: bool | list[str]) -> list[object]:
        return [each.value for each in answers.decode(ledger.prove(entry, disclose=disclose).raw).disclosures]

    assert opened(False) == []
    assert opened(True) == [credit.REASON]
    assert opened(["reason"]) == [credit.REASON]
    assert opened(["conditions"]) == []


def test_all_events_of_a_thing(ledger: Ledger, lived: credit.Lived) -> None:
    verified = ledger.history(credit.PLACE).verified
    assert verified.result.statuses == ("complete",)
    assert [each.indices for each in verified.streams] == [(lived.started.index, lived.promoted.index)]
    assert ledger.history("deployment/production/fraud").verified.result.statuses == ("absent",)
    with pytest.raises(NotFound, match="has no history"):
        ledger.history("2")


def test_absence(ledger: Ledger, lived: credit.Lived) -> None:
    assert ledger.prove_absent("deployment/production/fraud").verified.result.statuses == ("absent",)
    with pytest.raises(Conflict) as caught:
        ledger.prove_absent("model/fraud", f"deployment/{credit.PLACE}")
    assert caught.value.code == "not-absent"
    with pytest.raises(InvalidInput) as bad:
        ledger.prove_absent("hello")
    assert bad.value.code == "bad-stream"


def test_what_ran_at_a_time(ledger: Ledger, lived: credit.Lived) -> None:
    now = ledger.at(credit.PLACE).verified
    assert (now.result.statuses, now.subject.thing.name) == (("unchanged",), "credit-risk@2")
    then = ledger.at(credit.PLACE, time_of(ledger, lived.started.index)).verified
    assert (then.result.statuses, then.subject.thing.name) == (("earlier",), "credit-risk@1")
    approvals = [said.actor for said in then.said if said.event == "approval.decided"]
    assert approvals == ["alice"]
    before = ledger.at(credit.PLACE, time_of(ledger, lived.first.recorded.index)).verified
    assert before.result.statuses == ("absent",)
    with pytest.raises(NotFound) as caught:
        ledger.at(credit.PLACE, "2001-01-01")
    assert caught.value.code == "before-genesis"


def test_since_when_it_ran_is_proved_too(ledger: Ledger, lived: credit.Lived) -> None:
    for moment, index in ((time_of(ledger, lived.started.index), lived.started.index), ("now", lived.promoted.index)):
        verified = ledger.at(credit.PLACE, moment).verified
        (change,) = [said for said in verified.said if said.event == "deployment.changed"]
        assert change.index == index
        assert change.block.time == time_of(ledger, index)


def test_how_another_thing_stood(ledger: Ledger, lived: credit.Lived) -> None:
    verified = ledger.at("credit-risk@1", time_of(ledger, lived.approved.index)).verified
    assert verified.result.statuses == ("earlier",)
    assert ledger.at("model/credit-risk", "now").verified.result.statuses == ("unchanged",)


def test_a_receipt(ledger: Ledger, lived: credit.Lived) -> None:
    found = receipts.parse(ledger.receipt(str(lived.approved.index)))
    assert found.index == lived.approved.index


@pytest.mark.parametrize("thing", ["nobody", "credit-risk@9", "production/fraud", "99"])
def test_what_is_not_there(ledger: Ledger, lived: credit.Lived, thing: str) -> None:
    for ask in (ledger.prove, ledger.history, ledger.at, ledger.show, ledger.receipt, ledger.bundle):
        with pytest.raises(NotFound):
            ask(thing)


def test_saving_is_whole_or_not_at_all(ledger: Ledger) -> None:
    proved = ledger.prove("0")
    path = Path("proof.json")
    path.write_text("old")
    assert proved.save(path).read_bytes() == proved.raw
    assert not list(Path().glob(".*unfinished"))
    with pytest.raises(LedgerError) as caught:
        proved.save("nowhere/proof.json")
    assert caught.value.code == "not-written"
    proved.save("/dev/null")


def test_show_a_version(ledger: Ledger, lived: credit.Lived) -> None:
    shown = ledger.show("credit-risk@1")
    assert shown.title == "credit-risk@1"
    assert (shown.held.files, shown.events) == (3, 6)
    assert shown.made.event.index == lived.first.recorded.index
    assert shown.names[lived.data.digest] == "loans@1"
    assert [each.results for each in shown.evaluations] == [{"auc": "0.907"}]
    assert [(each.environment, each.decision) for each in shown.approvals] == [("production", "approve")]
    assert shown.deployments == ()
    assert next(row.index for row in shown.history) == lived.promoted.index


def test_show_other_things(ledger: Ledger, lived: credit.Lived) -> None:
    assert ledger.show(str(lived.approved.index)).made.opened == {"reason": credit.REASON}
    assert ledger.show(credit.PLACE).state["status"] == "running"
    assert [row.ordinal for row in ledger.show("model/credit-risk").versions] == [1, 2]
    assert [row.ordinal for row in ledger.show("dataset/loans").data] == [1]
    assert ledger.show("alice").keys[0].actor == "alice"
    assert ledger.show("2").header["height"] == 1
    assert ledger.show("credit-risk@2").deployments[0].status == "running"


def test_show_a_version_with_its_run(ledger: Ledger) -> None:
    _, model = credit.write_files(Path())
    with ledger.training("credit-risk", parameters={"max_depth": 6}) as run:
        run.register("credit-risk", model)
    shown = ledger.show("credit-risk@1")
    assert shown.run_status == "finished"
    assert shown.ran.fields["parameters"] == [{"key": "max_depth", "value": 6}]


def test_a_damaged_vault_shows_the_rest(ledger: Ledger, lived: credit.Lived) -> None:
    vault = Path(".muniment/vault.jsonl")
    vault.write_text(vault.read_text().replace(credit.REASON, credit.REASON.upper()))
    assert ledger.show(str(lived.approved.index)).made.opened == {}


def test_a_damaged_list_of_files_is_one_that_is_not_held(ledger: Ledger, lived: credit.Lived) -> None:
    path = Path(".muniment/manifests") / lived.first.digest
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-10])
    assert ledger.show("credit-risk@1").held is None
    assert ledger.prove("credit-risk@1").verified.subject.held == "not-in-this-file"


def test_what_is_shown_is_json(ledger: Ledger, lived: credit.Lived) -> None:
    assert json.loads(msgspec.json.encode(ledger.show("credit-risk@1")))["title"] == "credit-risk@1"


def change_index(ledger: Ledger, sql: str) -> None:
    """A row of the read model is wrong, in a file that is whole."""
    ledger.close_index()
    changed = apsw.Connection(str(ledger.home / "index.db"))
    changed.execute(sql)
    assert changed.changes() > 0
    changed.close()


@pytest.mark.parametrize("thing", ["credit-risk@1", "credit-risk", "model/credit-risk", "credit-risk@2"])
def test_a_wrong_index_names_no_other_version(ledger: Ledger, lived: credit.Lived, thing: str) -> None:
    right = ledger.resolve(thing, ["version"])
    change_index(ledger, "UPDATE version SET ordinal = 3 - ordinal WHERE kind = 'version'")
    assert ledger.resolve(thing, ["version"]) == right
    change_index(ledger, "UPDATE version SET ordinal = 3 - ordinal WHERE kind = 'version'")
    approved = ledger.approve(thing, "staging")
    decided = ledger.state(f"approval/{approved.event_id}", Approval)
    assert decided is not None
    assert decided.of == right.stream


def test_a_wrong_index_names_neither_other_data_nor_another_deployment(ledger: Ledger, lived: credit.Lived) -> None:
    data, place = ledger.resolve("loans@1"), ledger.resolve(credit.PLACE)
    change_index(ledger, "UPDATE version SET ordinal = 7 WHERE kind = 'data'")
    assert ledger.resolve("loans") == data
    change_index(ledger, f"UPDATE deployment SET version = x'{lived.first.digest}'")
    assert ledger.resolve(credit.PLACE) == place
