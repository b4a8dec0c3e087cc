"""The question that all of it is for, its answer with a proof, and every other proof that the ledger owes."""

from __future__ import annotations

import msgspec

from muniment.cli import output
from muniment.cli.demo.aftermath import IMPACT
from muniment.cli.demo.place import BEN, Place
from muniment.cli.demo.release import DEPLOYMENT
from muniment.cli.demo.story import Life
from muniment.cli.demo.text import Narrator
from muniment.client.ledger import Ledger
from muniment.client.proving import Proved
from muniment.core.format import digest, time
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify import Said, Verified, verify_answer, verify_receipt
from muniment.core.proof.verify.verified import UNSET
from muniment.errors import InvariantError
from muniment.ledger.audit import Audited, audit


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, each answer in the bytes of its file, and what the whole ledger came to when it was run again."""

    moment: str
    ran: str
    approved_by: tuple[str, ...]
    reason: str
    then: Proved
    history: Proved
    unregistered: Proved
    disputed: Proved
    hold: Proved
    released: Proved
    audited: Audited
    receipts: int


def ask(place: Place, life: Life, narrator: Narrator) -> Answers:
    """Ask as Ben, who did not write the deployment, and check every answer with the trust file alone."""
    with place.open(BEN) as ben:
        trust = place.home.load_trust()
        moment = _moment_between(ben, life)
        then = ben.at(DEPLOYMENT, moment, disclose=True)
        then.save(place.proofs / "then.json")
        ran, approved_by, reason = _tell_answer(then.verified, moment, narrator)
        _tell_weight(then.verified, narrator)
        narrator.chapter("Every proof is checked")
        narrator.say(
            "A proof is checked as an outsider would: from its own bytes and the trust file, without access to the ledger. "
            "Only the last check here reads the whole ledger."
        )
        narrator.gap()
        receipts = _check_receipts(ben, life, trust)
        narrator.holds(f"{receipts} receipts: each entry above is in the ledger, at its place, signed by whom it names.")
        verify_answer((place.proofs / "then.json").read_bytes(), trust)
        narrator.holds("The answer about that moment, read back from its file.")
        history = ben.history(DEPLOYMENT)
        verify_answer(history.raw, trust)
        count = len(history.verified.streams[0].indices)
        narrator.holds(f"The history of {DEPLOYMENT} is complete: {count} changes, and there were no others.")
        unregistered = ben.prove_absent(f"version/{life.unregistered}")
        verify_answer(unregistered.raw, trust)
        narrator.holds("Of the edited copy nothing is recorded: no registration, no test, no approval. Absence has a proof too.")
        verify_answer((place.proofs / IMPACT).read_bytes(), trust)
        narrator.holds(
            f"What learned from {life.traced.data.title} (proofs/{IMPACT}): {len(life.traced.learned)} versions, and there are no "
            "others."
        )
        disputed = _check_disputed(ben, life, trust)
        narrator.holds(
            f"The approval of that night (entry {life.forged.index}): its receipt holds, for nothing is ever taken out. But its "
            "proof says that it is disputed."
        )
        audited = audit(ben.view, trust.log_keys[0])
        narrator.holds(
            f"The whole ledger, {audited.size} entries: every signature and seal, and all rules run again from the first entry "
            "on give the same state."
        )
        return Answers(
            moment=moment,
            ran=ran,
            approved_by=approved_by,
            reason=reason,
            then=then,
            history=history,
            unregistered=unregistered,
            disputed=disputed,
            hold=ben.prove_state(f"version/{life.second.version.digest}"),
            released=ben.prove(str(life.first.version.recorded.index)),
            audited=audited,
            receipts=receipts,
        )


def _moment_between(ledger: Ledger, life: Life) -> str:
    """A moment after version 2 went live and before it was rolled back, by the ledger's own clock."""
    with ledger.view() as view:
        began = time.parse(view.header(life.second.deployment.height).time)
        ended = time.parse(view.header(life.rollback.height).time)
    return time.format((began + ended) // 2)


def _tell_answer(verified: Verified, moment: str, narrator: Narrator) -> tuple[str, tuple[str, ...], str]:
    """Everything that is printed here comes out of the verified answer."""
    (deployed,), approvals = _find(verified, "deployment.changed"), _find(verified, "approval.decided")
    if verified.subject is UNSET or not approvals:
        raise InvariantError("the answer does not say what ran, or who approved it")
    ran = verified.subject.thing
    reason = next((str(field.value) for field in approvals[0].sealed if field.path == "reason"), "")
    narrator.chapter("The question")
    narrator.say(f"What did {DEPLOYMENT} run at {output.when(moment)}, between the launch and the rollback, and who approved it?")
    narrator.gap()
    narrator.happened("ran", f"{ran.name} · {digest.short(ran.digest)}")
    narrator.happened("deployed", f"by {deployed.actor} (entry {deployed.index})")
    for approved in approvals:
        roles = "" if approved.signer is UNSET else ", ".join(approved.signer.roles)
        narrator.happened("approved", f"by {approved.actor}, {roles} (entry {approved.index})")
    narrator.happened("because", f'"{reason}" ({approvals[0].actor}; sealed in the ledger, opened here)')
    return ran.name, tuple(approved.actor for approved in approvals), reason


def _tell_weight(verified: Verified, narrator: Narrator) -> None:
    ground = verified.ground
    narrator.happened("tier", f"{ground.tier}: one operator keeps this ledger, and no outsider has countersigned it.")
    narrator.happened(
        "basis", f"{ground.basis}: that this was the state of things is the operator's word, until somebody replays the ledger."
    )
    narrator.say(
        "The answer is one file, proofs/then.json. It carries its own proof: whoever has the trust file, which names the "
        "ledger and its key, can check it on another machine, years later, without asking anybody."
    )


def _check_receipts(ledger: Ledger, life: Life, trust: Trust) -> int:
    with ledger.view() as view:
        for recorded in life.recorded:
            found = verify_receipt(recorded.receipt, trust, entry=view.entry(recorded.index))
            if found.said is UNSET or found.said.event_id != recorded.event_id:
                raise InvariantError(f"the receipt of entry {recorded.index} is about something else")
    return len(life.recorded)


def _check_disputed(ledger: Ledger, life: Life, trust: Trust) -> Proved:
    """The approval that was signed with a stolen key: what was admitted stays proved, and the proof says what became of the key."""
    proved = ledger.prove(str(life.forged.index))
    (said,) = _find(verify_answer(proved.raw, trust), "approval.decided")
    if said.signer is UNSET or said.signer.standing != "disputed":
        raise InvariantError("a proof does not say that its signer's key is disputed")
    return proved


def _find(verified: Verified, event: str) -> list[Said]:
    return [said for said in verified.said if said.event == event]
